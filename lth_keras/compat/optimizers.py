"""Optimizers, new and legacy: their variables, slots and schedules."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from lth_keras.compat.graphs import is_bookkeeping
from lth_keras.errors import LotteryError


def build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    """Creates the optimizer's variables now rather than in the first step.

    One that was built for other variables, as another model's, gets those of
    `variables` besides, which Keras itself would refuse in the first step.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        inner._create_all_weights(variables)
        return
    known = inner._index_dict if getattr(inner, "_built", False) else {}
    missing = [v for v in variables if inner._var_key(v) not in known]
    if known and missing:
        _build_more(inner, missing)
    else:
        optimizer.build(variables)


def is_optimizer(value: Any) -> bool:
    """Whether it is an optimizer of tf_keras, of either generation."""
    known = keras.optimizers.Optimizer, keras.optimizers.legacy.Optimizer
    return isinstance(value, known)


def optimizers_of(model: keras.Model) -> dict[str, Any]:
    """The optimizers that a model holds, by attribute; the compiled one first, as "".

    A class of the caller's may keep further ones, in a list or dict too.
    """
    found: dict[str, Any] = {}
    main = getattr(model, "optimizer", None)
    if main is not None:
        found[""] = main
    if type(model).__module__.split(".")[0] == "tf_keras":
        return found
    for name, value in vars(model).items():
        if is_bookkeeping(name):
            continue
        items: dict[str, Any] = {name: value}
        if isinstance(value, dict):
            items = {f"{name}/{key}": item for key, item in value.items()}
        elif isinstance(value, (list, tuple)):
            items = {f"{name}/{index}": item for index, item in enumerate(value)}
        for path, item in items.items():
            known = [_inner(other) for other in found.values()]
            if is_optimizer(item) and not any(_inner(item) is k for k in known):
                found[path] = item
    return found


def _inner(optimizer: Any) -> Any:
    """The optimizer below a scaling of the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _build_more(optimizer: Any, variables: list[Any]) -> None:
    """Builds an optimizer again, for variables that it does not know, and joins both.

    Raises:
        LotteryError: it is not built in the way of Keras's own.
    """
    before, size = dict(vars(optimizer)), len(optimizer._index_dict)
    lists = {name: list(slots) for name, slots in _slot_lists(optimizer).items()}
    keys = dict(optimizer._index_dict)
    optimizer._built = False
    optimizer.build(variables)
    new = {name: vars(optimizer)[name] for name in lists}
    for name, value in before.items():
        if vars(optimizer).get(name) is not value:
            # What there is one of, such as Nadam's product, goes on as it was.
            setattr(optimizer, name, value)
    for name, slots in new.items():
        if slots is before[name] or len(slots) != len(variables):
            raise LotteryError(
                f"the optimizer ({type(optimizer).__name__}) was built for other "
                "variables and cannot take more: call optimizer.build(a.trainable_"
                "variables + b.trainable_variables) with all models before the first "
                "lth.capture."
            )
    for name, slots in lists.items():
        setattr(optimizer, name, [*slots, *new[name]])
    more = {optimizer._var_key(v): size + i for i, v in enumerate(variables)}
    optimizer._index_dict = {**keys, **more}


def _slot_lists(optimizer: Any) -> dict[str, Any]:
    """The lists of a built optimizer that have an entry for each of its weights."""
    size = len(getattr(optimizer, "_index_dict", ()))
    return {
        name: value
        for name, value in vars(optimizer).items()
        if name != "_variables"
        and isinstance(value, (list, tuple))
        and len(value) == size
        and any(isinstance(slot, tf.Variable) for slot in value)
    }


def is_legacy_optimizer(optimizer: Any) -> bool:
    """Whether it is of the generation before Keras 2.11."""
    return isinstance(optimizer, keras.optimizers.legacy.Optimizer)


def optimizer_variables(optimizer: Any, others: set[int]) -> dict[str, Any]:
    """Every variable that an optimizer holds, by the path that leads to it.

    `optimizer.variables` lacks some: the learning rate, Nadam's product of momenta,
    the loss scale.

    Args:
        optimizer: new or legacy, wrapped for loss scaling or not; built.
        others: identities of variables that are not the optimizer's (the model's).
    """
    found: dict[str, Any] = {}
    seen = set(others)

    def visit(value: Any, path: str) -> None:
        if id(value) in seen:
            return
        if isinstance(value, tf.Variable):
            seen.add(id(value))
            found[path] = value
        elif isinstance(value, dict):
            for position, key in enumerate(value):
                visit(value[key], f"{path}/{position}")
        elif isinstance(value, (list, tuple)):
            for position, item in enumerate(value):
                visit(item, f"{path}/{position}")
        elif hasattr(value, "_trackable_children"):
            seen.add(id(value))
            for name, item in vars(value).items():
                # Bookkeeping of the checkpoint machinery leads to the same objects.
                if not name.startswith(("_self_", "_coalesced", "_distribut")):
                    visit(item, f"{path}/{name}".lstrip("/"))

    visit(optimizer, "")
    return found


def optimizer_slots(optimizer: Any, variable: Any) -> dict[str, Any]:
    """The optimizer's variables that belong to one weight, by slot name."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        slots = inner._slots.get(variable._unique_id, {})
        return dict(slots)
    index = getattr(inner, "_index_dict", {}).get(variable._unique_id)
    if index is None:
        return {}
    return {
        name.lstrip("_"): slots[index]
        for name, slots in _slot_lists(inner).items()
        if isinstance(slots[index], tf.Variable)
    }


def all_optimizer_slots(optimizer: Any) -> list[Any]:
    """The optimizer's variables that belong to any one weight, of whatever model."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        return [slot for slots in inner._slots.values() for slot in slots.values()]
    return [slot for slots in _slot_lists(inner).values() for slot in slots]


def is_average_slot(name: str) -> bool:
    """Whether a slot is the moving average of the weight itself (use_ema)."""
    return name == "model_variables_moving_average"


def accumulator_start(optimizer: Any, slot: str) -> float:
    """The value that a slot's entries have before the first step."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if "accumulator" not in slot:
        return 0.0
    for name in ("initial_accumulator_value", "_initial_accumulator_value"):
        if hasattr(inner, name):
            return float(getattr(inner, name))
    return 0.0


def align_counts(optimizer: Any) -> None:
    """Sets what an optimizer counts in Python to the iterations that it is put at.

    Outside of functions Nadam knows by it whether a step has its product already.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(inner, "_u_product_counter"):
        inner._u_product_counter = int(inner.iterations) + 1


def learning_rate_schedule(optimizer: Any) -> Any:
    """The optimizer's learning-rate schedule, or None where it has a plain number."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        rate = inner._hyper.get("learning_rate")
    else:
        rate = getattr(inner, "_learning_rate", None)
    known = keras.optimizers.schedules.LearningRateSchedule
    return rate if isinstance(rate, known) else None
