"""A Keras 3 optimizer whose steps leave pruned weights at zero.

    held = MaskedOptimizer.of(optimizer)
    held.take(masks)
    ...
    held.give_back(masks)

Replaced on the object alone are `apply`, by which every step is made, `build`, after
which the masks are variables of it, and what writes it to a file, where they are left
out: a saved model is that of the plain one.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from lth_keras import compat
from lth_keras.masking.native import entries, roots, steps
from lth_keras.masking.native.masks import Mask

_ATTRIBUTE = "_lth_masked"


class _Plan(NamedTuple):
    """What a step does to some variables.

    Attributes:
        variables: as the optimizer is given them.
        pruned: for each the variable of what is pruned, or None.
        rooted: slots of which roots are taken, each with its variable of `pruned`.
        entrywise: all slots, each with its variable of `pruned`, if no entry of any
            weight reaches another; else none.
        alone: the names of these slots when the plan was made.
        written: the weights, and their averages, that are put back to zero.
        pruned_there: for each of `written` the variable of what is pruned, or None.
        frozen: for each of `written` the variable of frozen values, or None.
    """

    variables: list[Any]
    pruned: list[Any]
    rooted: list[tuple[Any, Any]]
    entrywise: list[tuple[Any, Any]]
    alone: tuple[str, ...]
    written: list[Any]
    pruned_there: list[Any]
    frozen: list[Any]


class MaskedOptimizer:
    """An optimizer that holds masks.

    Args:
        given: the optimizer, with a scaling of the loss around it or not.
    """

    def __init__(self, given: Any):
        self.given, self.inner = given, compat.keras3_inner_optimizer(given)
        self._masks: dict[Any, Mask] = {}
        self._plan: _Plan | None = None
        self._replaced: list[tuple[Any, str]] = []
        self._replace(self.inner, "apply", self._apply)
        self._replace(self.inner, "build", self._build)
        for each in {id(o): o for o in (self.given, self.inner)}.values():
            self._replace(each, "save_own_variables", self._save)
            self._replace(each, "load_own_variables", self._load)
        # Not through setattr, by which Keras would track what it holds.
        self.inner.__dict__[_ATTRIBUTE] = self

    @classmethod
    def of(cls, given: Any) -> MaskedOptimizer:
        """The one of an optimizer, made if need be: several models may share it."""
        found = cls.known(given)
        return cls(given) if found is None else found

    @classmethod
    def known(cls, given: Any) -> MaskedOptimizer | None:
        """The one of an optimizer, or None where it holds no masks."""
        found = vars(compat.keras3_inner_optimizer(given)).get(_ATTRIBUTE)
        return found if isinstance(found, MaskedOptimizer) else None

    def take(self, masks: Iterable[Mask]) -> None:
        """Holds masks: now where the optimizer is built, else when it is."""
        self._masks.update((self._key(mask.variable), mask) for mask in masks)
        if self.inner.built:
            self._put()

    def give_back(self, masks: Iterable[Mask]) -> None:
        """Lets masks go, and the optimizer be what it was with the last of them."""
        self._plan = None
        for mask in masks:
            self._masks.pop(self._key(mask.variable), None)
            mask.take_from(self.inner)
        if not self._masks:
            for owner, name in self._replaced:
                owner.__dict__.pop(name, None)
            self._replaced.clear()
            self.inner.__dict__.pop(_ATTRIBUTE, None)

    def holds(self, masks: Iterable[Mask]) -> bool:
        """Whether all of some masks are held."""
        return all(self._masks.get(self._key(m.variable)) is m for m in masks)

    def put_frozen(self, masks: Iterable[Mask]) -> None:
        """Holds what masks of it freeze, and no more what they do not."""
        for mask in masks:
            if mask.frozen is None:
                mask.take_frozen_from(self.inner)
        if self.inner.built:
            self._put()

    @property
    def mask_variables(self) -> list[Any]:
        """The optimizer's variables that are masks, or values that are frozen."""
        masks = self._masks.values()
        found = [mask.pruned_in(self.inner) for mask in masks]
        found += [mask.frozen_in(self.inner) for mask in masks]
        return [variable for variable in found if variable is not None]

    def _replace(self, owner: Any, name: str, by: Callable[..., Any]) -> None:
        original = getattr(type(owner), name)

        @functools.wraps(original)
        def called(*args: Any, **kwargs: Any) -> Any:
            return by(functools.partial(original, owner), owner, *args, **kwargs)

        owner.__dict__[name] = called
        self._replaced.append((owner, name))

    def _put(self) -> None:
        self._plan = None
        for variable in compat.keras3_updated(self.inner):
            if (mask := self._masks.get(self._key(variable))) is not None:
                mask.put_in(self.inner)

    def _build(self, original: Callable[..., Any], _: Any, variables: Any) -> Any:
        result = original(variables)
        self._put()
        return result

    def _apply(
        self,
        original: Callable[..., Any],
        _: Any,
        grads: Any,
        trainable_variables: Any = None,
    ) -> Any:
        if trainable_variables is None:
            variables = compat.keras3_updated(self.inner)
        else:
            variables = list(trainable_variables)
            if not self.inner.built and variables:
                self.inner.build(variables)
        grads = list(grads)
        if len(grads) != len(variables):
            return original(grads, trainable_variables)  # Keras says what is wrong.
        plan = self._plan_of(variables)
        try:
            if entries.may_move(plan.entrywise):
                try:
                    return original(grads, variables)
                finally:
                    entries.put_back(plan.entrywise)
            with roots.spared(plan.rooted):
                return original(steps.masked(grads, plan.pruned), variables)
        finally:
            steps.clean(plan.written, plan.pruned_there, plan.frozen)

    def _plan_of(self, variables: list[Any]) -> _Plan:
        """What a step does to variables.

        Made again when masks came or went, or a clipping or constraint was set.
        """
        plan, alone = self._plan, self._alone()
        if (
            plan is None
            or plan.alone != alone
            or not _are_same(plan.variables, variables)
        ):
            plan = self._plan = self._planned(variables, alone)
        return plan

    def _alone(self) -> tuple[str, ...]:
        """The names of all slots, if a step handles each entry by itself."""
        # A constraint sees the whole weight before what is pruned is put back.
        if any(mask.variable.constraint is not None for mask in self._masks.values()):
            return ()
        return compat.keras3_entrywise(self.inner)

    def _planned(self, variables: list[Any], alone: tuple[str, ...]) -> _Plan:
        found = [self._masks.get(self._key(variable)) for variable in variables]
        pruned = [None if m is None else m.pruned_in(self.inner) for m in found]
        masked = [
            (v, w) for v, w in zip(variables, pruned, strict=True) if w is not None
        ]
        rooted = self._slots(masked, compat.keras3_rooted(self.inner))
        entrywise = self._slots(masked, alone)
        # The backend's own variable may be given; the mask knows that of Keras.
        written = [None if m is None else m.variable for m in found]
        pruned_there = list(pruned)
        for variable, average in compat.keras3_averages(self.inner):
            mask = self._masks.get(self._key(variable))
            written.append(average)
            found.append(mask)
            pruned_there.append(None if mask is None else mask.pruned_in(self.inner))
        frozen = [None if m is None else m.frozen_in(self.inner) for m in found]
        return _Plan(
            variables, pruned, rooted, entrywise, alone, written, pruned_there, frozen
        )

    def _slots(
        self, masked: list[tuple[Any, Any]], names: tuple[str, ...]
    ) -> list[tuple[Any, Any]]:
        """The slots of some names, each with the variable of what is pruned."""
        found = []
        for variable, where in masked if names else ():
            slots = compat.keras3_slots(self.inner, variable)
            found += [(slots[name], where) for name in names if name in slots]
        return found

    def _key(self, variable: Any) -> Any:
        return compat.keras3_key(self.inner, variable)

    def _save(self, _: Callable[..., Any], owner: Any, store: Any) -> None:
        for index, variable in enumerate(self._without_masks(owner)):
            store[str(index)] = compat.keras3_read(variable)

    def _load(self, original: Callable[..., Any], owner: Any, store: Any) -> None:
        kept = self._without_masks(owner)
        if len(store.keys()) != len(kept):
            original(store)  # Keras says that it does not fit.
            return
        for index, variable in enumerate(kept):
            variable.assign(store[str(index)])

    def _without_masks(self, owner: Any) -> list[Any]:
        masks = {id(variable) for variable in self.mask_variables}
        return [v for v in owner.variables if id(v) not in masks]


def _are_same(known: list[Any], given: list[Any]) -> bool:
    return len(known) == len(given) and all(map(operator.is_, known, given))
