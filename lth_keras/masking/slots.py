"""The state of optimizers: read it, put it back, keep it on the masks.

A rewound network with the old moments is no ticket. Zeroing them is wrong for some
optimizers (Adagrad starts above zero, averages of weights start at the weights), so
the state is built before the first step, read whole, and put back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.slot import Slot
from lth_keras.pruning import masks

State = dict[str, np.ndarray]


def capture(network: Network) -> State:
    """Reads every variable of the optimizers, which are built if need be.

    Constant arrays, as most slots are before the first step, take no memory. A
    moving average of the weights that equals the weights is left out, and so are
    the slots of another model's weights.
    """
    variables = _own(network, network.optimizer_variables())
    same = {
        id(slot.variable) for slot in network.slots if slot.is_average and _equal(slot)
    }
    return {
        path: _compact(network.read(variable))
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
    variables = network.optimizer_variables()
    averages = {id(s.variable): s.weight for s in network.slots if s.is_average}
    own = _own(network, variables)
    _check_same_optimizer(network, variables, own, set(averages), state)
    for path, variable in own.items():
        if path in state:
            network.assign(variable, np.broadcast_to(state[path], variable.shape))
        elif id(variable) in averages:
            network.assign(variable, averages[id(variable)].read())
    network.align_counts()
    project(network)


def reset_iterations(network: Network, step: int) -> None:
    """Sets the step counts that learning-rate schedules read."""
    for variable in network.iterations:
        network.assign(variable, np.asarray(step))


def has_stepped(network: Network) -> bool:
    """Whether there is an optimizer that has made a step."""
    return any(int(network.read(variable)) > 0 for variable in network.iterations)


def project(network: Network) -> None:
    """Gives the slot entries of pruned weights the value before the first step."""
    for slot in _pruned_slots(network):
        value, mask, start = _compared(slot)
        if masks.has_strays(value, mask, start):
            # Of entries that equal it as they are: -0.0 is no stray of 0.
            slot.write(np.where(~mask & (value != start), start, value))


def violations(network: Network) -> list[str]:
    """Slots that hold anything but their first value where a weight is pruned."""
    return [
        f"slot {slot.name} of {slot.weight.path}"
        for slot in _pruned_slots(network)
        if masks.has_strays(*_compared(slot))
    ]


def _compared(slot: Slot) -> tuple[np.ndarray, np.ndarray, Any]:
    """A slot's value, the mask of its weight, and the value before the first step."""
    value = slot.view()
    return value, slot.weight.read_mask(), value.dtype.type(slot.start)


def _equal(slot: Slot) -> bool:
    return np.array_equal(slot.view(), slot.weight.view())


def _check_same_optimizer(
    network: Network,
    variables: dict[str, Any],
    own: dict[str, Any],
    averages: set[int],
    state: State,
) -> None:
    expected = {p for p, v in own.items() if id(v) not in averages}
    wrong = (expected - set(state)) | (set(state) - set(variables))
    wrong |= {
        path
        for path, value in state.items()
        if path in variables
        and not _fits(
            np.asarray(value),
            network.dtype_of(variables[path]),
            tuple(variables[path].shape),
        )
    }
    if wrong:
        raise LotteryError(
            f"the captured optimizer state does not fit this optimizer (it differs in "
            f"{min(wrong)}): use the optimizer, and the weights, that it was captured "
            "with."
        )


def _fits(value: np.ndarray, wanted: np.dtype, shape: tuple[int, ...]) -> bool:
    """Whether an array, or a scalar for a constant one, can be a variable's value."""
    found = value.dtype
    numbers = "biufc"  # NumPy's own; it knows no order among those of ml_dtypes.
    return value.shape in ((), shape) and (
        found.kind not in numbers
        or wanted.kind not in numbers
        or (found.isnative and np.can_cast(found, wanted, "same_kind"))
    )


def _pruned_slots(network: Network) -> list[Slot]:
    return [s for s in network.slots if s.weight.mask is not None and s.by_entry]


def _own(network: Network, variables: dict[str, Any]) -> dict[str, Any]:
    """Those that are not of another model's weights: one optimizer may serve several.

    What belongs to no weight, such as the count of iterations, is every model's.
    """
    own = {id(slot.variable) for slot in network.slots}
    foreign = {id(slot) for slot in network.every_slot} - own
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
