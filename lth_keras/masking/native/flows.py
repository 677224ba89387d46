"""The flow through each weight of a Keras 3 model whose weights are all positive.

R = the sum of the outputs for an input of ones, every weight at its absolute value
(2006.05467, equation 2): what `masking.flows` gives of a tf_keras model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.flow_inputs import INPUTS, logits, ones_of, require_flow
from lth_keras.masking.native import heads
from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen


class Flow:
    """f() -> dR/d|w| of each pruned weight, at the present weights' absolute values.

    Args:
        network: of a held model.

    Raises:
        LotteryError: the shape of an input is open, or the model says none.
    """

    def __init__(self, network: Network):
        self._network = network
        self._inputs = _inputs(network.model)
        self._seen = Seen(network)
        model, ops = network.model, compat.keras3().ops
        at = {id(v): i for i, v in enumerate(model.variables)}
        self._places = [at[weight.key] for weight in self._seen.weights]

        def total(chosen: Any, values: Any, inputs: Any) -> Any:
            values = list(values)
            for place, value in zip(self._places, chosen, strict=True):
                values[place] = value
            found = compat.keras3_outputs(model, values, inputs)
            flat = compat.keras3().tree.flatten(found)
            return sum(ops.sum(ops.cast(each, "float32")) for each in flat)

        self._function = compat.keras3_traced(compat.keras3_gradient(total), model)

    def __call__(self) -> list[np.ndarray]:
        """One float32 array per pruned weight, in its shape.

        Raises:
            LotteryError: it is nowhere above 0, or overflows.
        """
        keras, model = compat.keras3(), self._network.model
        self._network.sync()
        ops = keras.ops
        values = [
            ops.abs(v) if _is_float(v) else ops.convert_to_tensor(v)
            for v in model.variables
        ]
        chosen = [values[place] for place in self._places]
        with logits(heads.outputs(model), keras.layers.Softmax):
            for size in INPUTS:
                given = keras.tree.map_structure(
                    lambda each, size=size: each * size if _is_float(each) else each,
                    self._inputs,
                )
                found = [
                    keras.ops.convert_to_numpy(g).astype(np.float32)
                    for g in self._function(chosen, values, given)
                ]
                if all(np.isfinite(each).all() for each in found):
                    break
        return self._seen.spread(require_flow(found))


def _is_float(value: Any) -> bool:
    return "float" in str(compat.keras3().backend.standardize_dtype(value.dtype))


def _inputs(model: Any) -> Any:
    """One example of ones, in the structure that the model takes."""
    if not getattr(model, "inputs", None):
        raise LotteryError(
            f"model {model.name!r} does not say the shape of its inputs, and the flow "
            "is of an input of ones: build it as a Sequential or Functional model."
        )

    return ones_of(model, compat.keras3().ops.ones)
