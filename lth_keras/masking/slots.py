"""Optimizer state: read it, put it back, keep it on the masks.

A rewound network with the old moments is no ticket. Zeroing them is wrong for some
optimizers (Adagrad starts above zero, averages of weights start at the weights), so
the state is built before the first step, read whole, and put back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.weights import Weight

State = dict[str, np.ndarray]


def capture(network: Network) -> State:
    """Reads every variable of the optimizer, which is built if need be.

    Constant arrays, as most slots are before the first step, take no memory. A
    moving average of the weights that equals the weights is left out, and so are
    the slots of another model's weights.
    """
    variables = _own(network, _variables(network))
    same = {
        id(slot)
        for weight, name, slot in network.slots
        if compat.is_average_slot(name)
        and np.array_equal(keras.backend.get_value(slot), weight.read())
    }
    return {
        path: _compact(keras.backend.get_value(variable))
        for path, variable in variables.items()
        if id(variable) not in same
    }


def restore(network: Network, state: State) -> None:
    """Puts a captured state back; the model's weights and masks are set already.

    Entries of slots that belong to pruned weights get the value they had before the
    first step, and averages of the weights that were left out get the weights.

    Raises:
        LotteryError: the state is of another kind of optimizer.
    """
    variables = _variables(network)
    averages = {
        id(slot): weight
        for weight, name, slot in network.slots
        if compat.is_average_slot(name)
    }
    own = _own(network, variables)
    _check_same_optimizer(variables, own, set(averages), state)
    for path, variable in own.items():
        if path in state:
            variable.assign(np.broadcast_to(state[path], variable.shape))
        elif id(variable) in averages:
            variable.assign(averages[id(variable)].read())
    compat.align_counts(network.optimizer)
    project(network)


def reset_iterations(optimizer: Any, step: int) -> None:
    """Sets the step count that learning-rate schedules read."""
    optimizer.iterations.assign(step)


def has_stepped(optimizer: Any) -> bool:
    """Whether there is an optimizer and it has made a step."""
    if optimizer is None:
        return False
    return int(keras.backend.get_value(optimizer.iterations)) > 0


def project(network: Network) -> None:
    """Gives the slot entries of pruned weights the value before the first step."""
    for weight, name, slot in _pruned_slots(network):
        mask = weight.read_mask()
        value = np.asarray(keras.backend.get_value(slot))
        start = value.dtype.type(_start(network.optimizer, name))
        wrong = ~mask & (value != start)
        if wrong.any():
            slot.assign(np.where(wrong, start, value))


def violations(network: Network) -> list[str]:
    """Slots that hold anything but their first value where a weight is pruned."""
    found = []
    for weight, name, slot in _pruned_slots(network):
        value = np.asarray(keras.backend.get_value(slot))
        start = value.dtype.type(_start(network.optimizer, name))
        if np.any((value != start) & ~weight.read_mask()):
            found.append(f"slot {name} of {weight.path}")
    return found


def _check_same_optimizer(
    variables: dict[str, Any], own: dict[str, Any], averages: set[int], state: State
) -> None:
    expected = {p for p, v in own.items() if id(v) not in averages}
    wrong = (expected - set(state)) | (set(state) - set(variables))
    wrong |= {
        path
        for path, value in state.items()
        if path in variables and not _fits(np.asarray(value), variables[path])
    }
    if wrong:
        raise LotteryError(
            f"the captured optimizer state does not fit this optimizer (it differs in "
            f"{min(wrong)}): use the optimizer, and the weights, that it was captured "
            "with."
        )


def _fits(value: np.ndarray, variable: Any) -> bool:
    """Whether an array, or a scalar for a constant one, can be a variable's value."""
    found, wanted = value.dtype, np.dtype(variable.dtype.as_numpy_dtype)
    numbers = "biufc"  # NumPy's own; it knows no order among those of ml_dtypes.
    return value.shape in ((), tuple(variable.shape)) and (
        found.kind not in numbers
        or wanted.kind not in numbers
        or (found.isnative and np.can_cast(found, wanted, "same_kind"))
    )


def _start(optimizer: Any, name: str) -> float:
    if compat.is_average_slot(name):
        return 0.0
    return compat.accumulator_start(optimizer, name)


def _pruned_slots(network: Network) -> list[tuple[Weight, str, Any]]:
    # Factored moments mix the entries of rows and columns, in a slot of any shape.
    inner = getattr(network.optimizer, "inner_optimizer", network.optimizer)
    factored = isinstance(inner, keras.optimizers.Adafactor)
    return [
        (weight, name, slot)
        for weight, name, slot in network.slots
        if weight.mask is not None
        and tuple(slot.shape) == weight.shape
        and (not factored or compat.is_average_slot(name))
    ]


def _variables(network: Network) -> dict[str, Any]:
    model, optimizer = network.model, network.optimizer
    with model.distribute_strategy.scope():
        compat.build_optimizer(optimizer, model.trainable_variables)
    others = {id(v) for v in model.weights}
    others |= {id(compat.raw_variable(v)) for v in model.weights}
    return compat.optimizer_variables(optimizer, others)


def _own(network: Network, variables: dict[str, Any]) -> dict[str, Any]:
    """Those that are not of another model's weights: one optimizer may serve several.

    What belongs to no weight, such as the count of iterations, is every model's.
    """
    own = {id(slot) for _, _, slot in network.slots}
    slots = compat.all_optimizer_slots(network.optimizer)
    foreign = {id(slot) for slot in slots} - own
    return {path: v for path, v in variables.items() if id(v) not in foreign}


def _compact(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.size <= 1 or not np.all(array == array.flat[0]):
        return array
    if array.flat[0] == 0 and np.signbit(array).any():
        return array  # -0.0 among zeros equals them, but not bit for bit
    return np.broadcast_to(array.flat[0].copy(), array.shape)


def stored(state: State) -> State:
    """The state as it goes to a file: constant arrays as scalars.

    `restore` takes either form.
    """
    return {
        path: value.flat[0] if value.size > 1 and not any(value.strides) else value
        for path, value in state.items()
    }
