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
        slots: all that masked weights have, where there are `rooted` among them.
        written: the weights, and their averages, that are put back to zero.
        pruned_there: for each of `written` the variable of what is pruned, or None.
        frozen: for each of `written` the variable of frozen values, or None.
    """

    variables: list[Any]
    pruned: list[Any]
    rooted: list[tuple[Any, Any]]
    slots: list[tuple[Any, Any]]
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
        moving = self._is_entrywise() and entries.may_move(plan.slots)
        if not moving:
            grads = steps.masked(grads, plan.pruned)
        try:
            with roots.spared(() if moving else plan.rooted):
                return original(grads, variables)
        finally:
            if moving:
                entries.put_back(plan.slots)
            steps.clean(plan.written, plan.pruned_there, plan.frozen)

    def _is_entrywise(self) -> bool:
        """Whether a step handles each entry by itself; callers may set what decides."""
        # A constraint sees the whole weight before what is pruned is put back.
        return compat.keras3_is_entrywise(self.inner) and all(
            mask.variable.constraint is None for mask in self._masks.values()
        )

    def _plan_of(self, variables: list[Any]) -> _Plan:
        """What a step does to variables; made again when masks came or went."""
        plan = self._plan
        if plan is None or not _are_same(plan.variables, variables):
            plan = self._plan = self._planned(variables)
        return plan

    def _planned(self, variables: list[Any]) -> _Plan:
        found = [self._masks.get(self._key(variable)) for variable in variables]
        pruned = [None if m is None else m.pruned_in(self.inner) for m in found]
        names = compat.keras3_rooted(self.inner)
        rooted, slots = [], []
        for variable, where in zip(variables, pruned, strict=True):
            if names and where is not None:
                own = compat.keras3_slots(self.inner, variable)
                slots += [(slot, where) for slot in own.values()]
                rooted += [(own[name], where) for name in names if name in own]
        # The backend's own variable may be given; the mask knows that of Keras.
        written = [None if m is None else m.variable for m in found]
        pruned_there = list(pruned)
        for variable, average in compat.keras3_averages(self.inner):
            mask = self._masks.get(self._key(variable))
            written.append(average)
            found.append(mask)
            pruned_there.append(None if mask is None else mask.pruned_in(self.inner))
        frozen = [None if m is None else m.frozen_in(self.inner) for m in found]
        return _Plan(variables, pruned, rooted, slots, written, pruned_there, frozen)

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
