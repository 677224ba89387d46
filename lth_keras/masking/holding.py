"""A copy of a model whose weights stay, and are used as their scores say.

model = hold_by_scores(model, TopShare(0.5))
"""

from __future__ import annotations

from collections.abc import Iterable

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import kinds
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.scored import HoldByScore
from lth_keras.masking.scores import Reading
from lth_keras.masking.wrapping import check_model
from lth_keras.pruning.rates import Rates

_NORMALISATION = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)
# What the schedule of a layer holds, by which no round is carried out.
_ANY_RATE = 0.5


def hold_by_scores(
    model: keras.Model,
    reading: Reading,
    exclude: str | Iterable[str] = (),
    train_normalization: bool = False,
) -> keras.Model:
    """A copy of `model` in which nothing trains but a score for each weight.

    Args:
        model: as of `wrap`; built.
        reading: how scores become a mask.
        exclude: patterns of layer names whose weights are all used.
        train_normalization: whether scales and offsets of normalisations train too.

    Returns:
        A new, uncompiled model; the scores are all zero until `HoldByScore.begin`.

    Raises:
        LotteryError: the model or an argument is not one that can be taken.
    """
    check_model(model)
    if not model.built:
        raise LotteryError(
            f"model {model.name!r} has no weights yet, and they are what stays: call "
            "model.build(input_shape) with the shape of a batch first."
        )
    rates = Rates(_ANY_RATE, None, exclude)
    made: list[HoldByScore] = []

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = copied(layer)
        if not kinds.supports(layer) or rates.of(layer, output=False) is None:
            return copy
        schedule = IterativePruning(_ANY_RATE)
        made.append(HoldByScore(copy, schedule, reading=reading, place=len(made)))
        return made[-1]

    with compat.resettable_generators():
        held = rebuilt(model, convert)
    rates.check_all_matched()
    if not made:
        raise LotteryError(
            "the model has no layer whose weights a mask can choose from: "
            "lth.coverage(model) says why for each weight."
        )
    inside = {id(part) for one in made for part in compat.layers_within(one)}
    for layer in compat.layers_within(held):
        trains = train_normalization and isinstance(layer, _NORMALISATION)
        if id(layer) not in inside and not trains:
            compat.freeze_weights(layer)
    return held
