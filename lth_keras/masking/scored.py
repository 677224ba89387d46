"""The wrapper whose layer stays as it is, and is read through scores that train."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.arguments import count
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import sites as prunable
from lth_keras.masking.counting import counted
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.scores import READINGS, Moment, Reading, read_through
from lth_keras.masking.variables import MaskedVariable
from lth_keras.masking.wrappers import PruneByLevel


class ScoredVariable(MaskedVariable):
    """Reads a weight through the scores of its wrapper.

    Args:
        variable: the weight, which does not train.
        mask: the mask that the scores are settled into.
        scores: float32 variable of the weight's shape.
        moment: f(), what the weights are multiplied by now.
    """

    def __init__(self, variable: Any, mask: Any, scores: Any, moment: Any):
        super().__init__(variable, mask)
        self._lth_scores, self._lth_moment = scores, moment

    def value(self) -> tf.Tensor:
        return self._through(tf.convert_to_tensor(self._variable))

    def read_value(self) -> tf.Tensor:
        return self._through(self._variable.read_value())

    def sparse_read(self, indices: Any, name: str | None = None) -> tf.Tensor:
        return tf.gather(self.value(), indices, name=name)

    def gather_nd(self, indices: Any, name: str | None = None) -> tf.Tensor:
        return tf.gather_nd(self.value(), indices, name=name)

    def _through(self, value: tf.Tensor) -> tf.Tensor:
        scores = tf.convert_to_tensor(self._lth_scores)
        return read_through(value, scores, *self._lth_moment())


@keras.utils.register_keras_serializable("lth_keras")
class HoldByScore(PruneByLevel):
    """A layer of weights that stay, with a score for each that trains in its place.

    In each call the scores say which weights are used; gradients go to the scores. The
    weights are not written, and `read_masks` is what the scores have come to.

    Args:
        layer: as of `PruneByLevel`.
        pruning_schedule: as of `PruneByLevel`; no round is carried out by it.
        reading: how scores become a mask: a `Reading`, or its name and arguments.
        place: number of the layer in its model, so that no two draw alike.
        **kwargs: all others of `PruneByLevel`.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        pruning_schedule: IterativePruning,
        reading: Any = None,
        place: int = 0,
        **kwargs: Any,
    ):
        # Not through setattr, by which Keras would wrap what they hold.
        self.__dict__["reading"] = _reading(reading)
        self.__dict__["_place"] = count("place", place, 0, "the number of the layer")
        self.__dict__["_moments"] = None
        self.__dict__["scores"] = []
        self.__dict__["_memories"] = []
        super().__init__(layer, pruning_schedule, **kwargs)

    def _install(self) -> None:
        for index, site in enumerate(self._sites):
            variable, mask, _ = self.pruning_vars[index]
            scores = self.add_weight(
                name="scores",
                shape=variable.shape,
                dtype=tf.float32,
                initializer="zeros",
                trainable=True,
                experimental_autocast=False,
            )
            self.scores.append(scores)
            self._memories.append(self._memory())
            proxy = ScoredVariable(variable, mask, scores, _Moment(self, index))
            for place in prunable.places(self.layer, variable) or [site]:
                place.owner.__dict__[place.attribute] = proxy
            for layer in compat.layers_within(self.layer):
                # What trains is what a regulariser acts on, as weight decay does.
                compat.rebind_losses(layer, variable, scores)

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        training = kwargs.get("training")
        training = False if training is None else training
        if isinstance(training, int):
            training = bool(training)
        # Decided once a call: a recurrent layer reads its weights at every step.
        self.__dict__["_moments"] = self._decided(training)
        try:
            return super().call(inputs, *args, **kwargs)
        finally:
            self.__dict__["_moments"] = None

    def _memory(self) -> Any:
        shape, dtype = self.reading.memory
        # Each replica keeps its own, all of which are alike.
        return self.add_weight(
            name="memory",
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            experimental_autocast=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def _decided(self, training: Any) -> list[Moment]:
        found = []
        for index, variable in enumerate(self._memories):
            moment, memory = self._at(index, training)
            found.append(moment)
            # Evaluation writes nothing.
            if training is True:
                variable.assign(memory)
            elif training is not False:
                variable.assign(tf.where(training, memory, variable.read_value()))
        return found

    def _at(self, index: int, training: Any) -> tuple[Moment, tf.Tensor]:
        scores = tf.convert_to_tensor(self.scores[index])
        memory = tf.identity(self._memories[index].read_value())
        return self.reading.now(scores, training, memory, 100 * self._place + index)

    def moment(self, index: int) -> Moment:
        """What a weight is multiplied by: in a call what was decided for it."""
        if self._moments is not None:
            return self._moments[index]
        return self._at(index, False)[0]

    def begin(self, rng: np.random.Generator) -> None:
        """Sets the scores to what they are before the first step, and the masks."""
        for scores in self.scores:
            scores.assign(self.reading.begin(tuple(scores.shape), rng))
        for memory in self._memories:
            memory.assign(tf.zeros_like(memory))
        for _, mask, _ in self.pruning_vars:
            mask.assign(np.ones(mask.shape, mask.dtype.as_numpy_dtype))

    def settled(self) -> list[tuple[np.ndarray, np.float32]]:
        """Of each weight the mask that its scores have come to, and its factor."""
        values = [keras.backend.get_value(scores) for scores in self.scores]
        return [self.reading.settled(np.asarray(value)) for value in values]

    def read_masks(self) -> list[np.ndarray]:
        """What the scores have come to, as boolean arrays."""
        return [mask for mask, _ in self.settled()]

    @property
    def learned(self) -> list[Any]:
        """Variables that are no part of the network: the scores, and memories."""
        return [*self.scores, *self._memories]

    @property
    def trainable_weights(self) -> list[Any]:
        """The scores alone."""
        return list(self.scores) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The layer's own and, where they are not being counted, masks and steps."""
        own = list(self.layer.weights)
        frozen = [] if self.trainable else list(self.scores)
        return own + frozen if counted() else [*own, *frozen, *self._beside]

    @property
    def _beside(self) -> list[Any]:
        return list(self._non_trainable_weights)

    def get_config(self) -> dict[str, Any]:
        reading = {"name": self.reading.name, **self.reading.get_config()}
        return {**super().get_config(), "reading": reading, "place": self._place}


class _Moment:
    """What a proxy asks; a closure would keep Keras from copying the layer."""

    def __init__(self, wrapper: HoldByScore, index: int):
        self._wrapper, self._index = wrapper, index

    def __call__(self) -> Moment:
        return self._wrapper.moment(self._index)


def _reading(given: Any) -> Reading:
    if isinstance(given, Reading):
        return given
    arguments = dict(given) if isinstance(given, dict) else {}
    kind = READINGS.get(arguments.pop("name", ""))
    if kind is None:
        raise LotteryError(
            f"reading={shown(given)} is not known: use one of {', '.join(READINGS)}, "
            "with its arguments."
        )
    return kind(**arguments)
