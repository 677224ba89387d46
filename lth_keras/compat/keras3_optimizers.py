"""Optimizers of Keras 3, on any backend: their variables, slots and counts."""

from __future__ import annotations

from typing import Any

from lth_keras.compat.keras3 import is_keras3, is_keras3_own, keras3

# Lists of its own under which an optimizer keeps what other attributes hold too.
_BOOKKEEPING = ("_variables", "_trainable_variables")
_AVERAGE = "_model_variables_moving_average"
_ROOTED = tuple(
    f"keras.src.backend.torch.optimizers.torch_{name}"
    for name in ("adam", "adamw", "nadam")
)


def is_keras3_optimizer(value: Any) -> bool:
    """Whether something is an optimizer of Keras 3."""
    return is_keras3(value) and isinstance(value, keras3().optimizers.Optimizer)


def keras3_inner_optimizer(optimizer: Any) -> Any:
    """The optimizer below a scaling of the loss, which makes the steps."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def keras3_parts(optimizer: Any) -> list[Any]:
    """The optimizer that makes the steps, and those among which it shares weights."""
    inner = keras3_inner_optimizer(optimizer)
    shares = getattr(keras3().optimizers, "MultiOptimizer", None)
    if shares is None or not isinstance(inner, shares):
        return [inner]
    return [inner, *inner.optimizers]


def keras3_optimizers_of(model: Any) -> dict[str, Any]:
    """The optimizers that a model holds, by attribute; the compiled one first, as "".

    A class of the caller's may keep further ones, in a list or dict too.
    """
    found: dict[str, Any] = {}
    if getattr(model, "optimizer", None) is not None:
        found[""] = model.optimizer
    if is_keras3_own(model):
        return found
    for name, value in vars(model).items():
        items: dict[str, Any] = {name: value}
        if isinstance(value, dict):
            items = {f"{name}/{key}": item for key, item in value.items()}
        elif isinstance(value, (list, tuple)):
            items = {f"{name}/{index}": item for index, item in enumerate(value)}
        for path, item in items.items():
            if not is_keras3_optimizer(item):
                continue
            known = [keras3_inner_optimizer(other) for other in found.values()]
            if not any(keras3_inner_optimizer(item) is each for each in known):
                found[path] = item
    return found


def keras3_key(optimizer: Any, variable: Any) -> Any:
    """By what an optimizer knows a weight, as a variable of Keras or the backend."""
    return keras3_inner_optimizer(optimizer)._var_key(variable)


def keras3_updated(optimizer: Any) -> list[Any]:
    """The variables that an optimizer was built for; empty before."""
    return list(keras3_inner_optimizer(optimizer)._trainable_variables)


def keras3_optimizer_variables(optimizer: Any, others: set[int]) -> dict[str, Any]:
    """Every variable that an optimizer holds, by the path that leads to it.

    The paths are those of tf_keras where both call a slot the same.

    Args:
        optimizer: built; wrapped for loss scaling or not.
        others: identities of variables that are left out.
    """
    variable = keras3().Variable
    found: dict[str, Any] = {}
    seen = set(others)

    def visit(value: Any, path: str) -> None:
        if id(value) in seen:
            return
        if isinstance(value, variable):
            seen.add(id(value))
            found[path] = value
        elif isinstance(value, dict):
            for position, key in enumerate(value):
                visit(value[key], f"{path}/{position}")
        elif isinstance(value, (list, tuple)):
            for position, item in enumerate(value):
                visit(item, f"{path}/{position}")

    def enter(holder: Any, before: str) -> None:
        for name, value in vars(holder).items():
            if name in _BOOKKEEPING or name.startswith(("_self_", "_lth")):
                continue
            if is_keras3_optimizer(value):
                enter(value, f"{before}{name}/")
            elif isinstance(value, list) and any(map(is_keras3_optimizer, value)):
                for position, part in enumerate(value):
                    enter(part, f"{before}{name}/{position}/")
            else:
                visit(value, before + name)

    enter(optimizer, "")
    for position, value in enumerate(optimizer.variables):
        # What an optimizer of one's own holds in a way that is not looked into.
        visit(value, f"variables/{position}")
    return found


def keras3_slots(optimizer: Any, variable: Any) -> dict[str, Any]:
    """The variables of an optimizer, one of `keras3_parts`, of one weight, by name."""
    inner = keras3_inner_optimizer(optimizer)
    index = inner._trainable_variables_indices.get(keras3_key(inner, variable))
    if index is None:
        return {}
    return {
        name.lstrip("_"): slots[index]
        for name, slots in _slot_lists(inner).items()
        if isinstance(slots[index], keras3().Variable)
    }


def keras3_every_slot(optimizer: Any) -> list[Any]:
    """The optimizer's variables that belong to any one weight, of whatever model."""
    return [
        slot
        for part in keras3_parts(optimizer)
        for slots in _slot_lists(part).values()
        for slot in slots
        if slot is not None
    ]


def keras3_is_average(name: str) -> bool:
    """Whether a slot is the moving average of the weight itself (use_ema)."""
    return name == _AVERAGE.lstrip("_")


def keras3_averages(optimizer: Any) -> list[tuple[Any, Any]]:
    """Each weight with its moving average, where the optimizer keeps these."""
    return [
        (variable, average)
        for part in keras3_parts(optimizer)
        for variable, average in zip(
            part._trainable_variables, getattr(part, _AVERAGE, ()), strict=False
        )
        if average is not None
    ]


def keras3_slot_start(optimizer: Any, name: str) -> float:
    """The value that a slot's entries have before the first step."""
    inner = keras3_inner_optimizer(optimizer)
    if name not in ("accumulators", "accumulator"):
        return 0.0
    return float(getattr(inner, "initial_accumulator_value", 0.0))


def keras3_is_factored(optimizer: Any) -> bool:
    """Whether moments mix the entries of rows and columns, in slots of any shape."""
    inner = keras3_inner_optimizer(optimizer)
    return isinstance(inner, keras3().optimizers.Adafactor)


def keras3_rooted(optimizer: Any) -> tuple[str, ...]:
    """The slots of which a step of torch takes square roots, and nothing else.

    Of classes of Keras alone: of another nobody knows what else it does with them.
    """
    known = type(optimizer).__module__ in _ROOTED
    if not known or getattr(optimizer, "amsgrad", False):
        return ()  # Whose greatest velocities would keep what stood there meanwhile.
    return ("velocities",)


def keras3_is_entrywise(optimizer: Any) -> bool:
    """Whether no entry of a weight reaches another in a step of torch.

    They do where a norm is clipped. Nor is it told of optimizers that keep sums of
    gradients, averages of weights or greatest velocities besides.
    """
    more = ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps")
    alone = not any(getattr(optimizer, name) for name in more)
    return bool(keras3_rooted(optimizer)) and alone


def keras3_iterations(optimizer: Any) -> Any:
    """The variable that counts the steps; `iterations` may be computed from it."""
    return keras3_inner_optimizer(optimizer)._iterations


def keras3_untrack(optimizer: Any, variables: list[Any]) -> None:
    """Lets an optimizer forget variables that `add_variable` gave it."""
    for variable in variables:
        optimizer._untrack_variable(variable)


def _slot_lists(optimizer: Any) -> dict[str, Any]:
    """The lists of a built optimizer that have an entry for each of its weights."""
    size = len(optimizer._trainable_variables)
    return {
        name: value
        for name, value in vars(optimizer).items()
        if name not in _BOOKKEEPING
        and isinstance(value, (list, tuple))
        and len(value) == size
        and any(isinstance(slot, keras3().Variable) for slot in value)
    }
