"""The rows of `lth.coverage` for a Keras 3 model."""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.masking.native.choosing import why_dense
from lth_keras.masking.native.held import HeldModel
from lth_keras.masking.native.weights import owned, require_built
from lth_keras.masking.table import Coverage, WeightCoverage


def coverage(model: Any) -> Coverage:
    """The table of a built model, held on masks or not.

    The share of entries on a path from input to output is not looked for.

    Raises:
        LotteryError: the model has no weights yet.
    """
    require_built(model)
    held = HeldModel.of(model)
    masks = {} if held is None else held.masks
    training = {id(variable) for variable in model.trainable_variables}
    return Coverage(
        _row(model, each.variable, each.layer, masks.get(id(each.variable)), training)
        for each in owned(model)
    )


def _row(
    model: Any, variable: Any, layer: Any, mask: Any, training: set[int]
) -> WeightCoverage:
    trains = id(variable) in training
    density = 1.0 if mask is None else float(np.mean(mask.value))
    frozen = None if mask is None else mask.frozen
    # The path of a variable begins with the names of the models around its layer.
    within = variable.path.rpartition("/")[0]
    return WeightCoverage(
        layer=within.removeprefix(f"{model.name}/") or layer.name,
        weight=variable.name,
        shape=tuple(variable.shape),
        pruned=mask is not None,
        reason="" if mask is not None else why_dense(layer, variable, trains),
        density=density,
        effective=density,
        frozen=0 if frozen is None else int(np.count_nonzero(frozen)),
    )
