"""As `statistics`, of a Keras 3 model on any backend.

    Keras3Recalibration(model, batches)()    # at the model's present weights

Batches pass through the network without writing a variable of it; the statistics that
they would leave are read from what the pass gives back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.analysis import statistics


class Keras3Recalibration:
    """f(): sets the moving statistics to the mean over some batches of training data.

    As `statistics.Recalibration`, with dropout that drops the same each time.

    Args:
        model: a built model.
        batches: inputs, as the model takes them; at least one.
    """

    def __init__(self, model: Any, batches: Sequence[Any]):
        keras = compat.keras3()
        self._model = model
        self._batches = [
            keras.tree.map_structure(
                lambda part: keras.ops.convert_to_tensor(np.asarray(part)), batch
            )
            for batch in batches
        ]
        self._layers = statistics.normalisations(model)
        self._passed = compat.keras3_traced(
            lambda weights, rest, inputs: model.stateless_call(
                weights, rest, inputs, training=True
            )[1],
            model,
        )

    def __call__(self) -> None:
        """Writes the statistics; nothing else of the model changes."""
        model, convert = self._model, compat.keras3().ops.convert_to_tensor
        compat.keras3_sync(model)
        moving = [
            v for la in self._layers for v in (la.moving_mean, la.moving_variance)
        ]
        others = model.non_trainable_variables
        place_of = {id(variable): place for place, variable in enumerate(others)}
        places = [place_of[id(variable)] for variable in moving]
        total = [np.zeros(tuple(v.shape), np.float64) for v in moving]
        weights = [convert(v) for v in model.trainable_variables]
        rest = self._started(others)
        with statistics.of_one_batch(self._layers), compat.keras3_no_gradients():
            for inputs in self._batches:
                rest = self._passed(weights, rest, inputs)
                for sums, place in zip(total, places, strict=True):
                    sums += compat.keras3().ops.convert_to_numpy(rest[place])
        for sums, variable in zip(total, moving, strict=True):
            mean = sums / len(self._batches)
            variable.assign(mean.astype(compat.keras3_dtype(variable)))

    def _started(self, variables: Sequence[Any]) -> list[Any]:
        """Values of what does not train, of generators as they are at each start."""
        states = [g.state for g in compat.keras3_seed_generators(self._model)]
        before = [compat.keras3_read(state) for state in states]
        try:
            compat.trainer_of(self._model).reset_generators(self._model, 0)
            ops = compat.keras3().ops
            return [ops.copy(ops.convert_to_tensor(v)) for v in variables]
        finally:
            for state, value in zip(states, before, strict=True):
                state.assign(value)
