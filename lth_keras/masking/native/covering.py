"""The rows of `lth.coverage` for a Keras 3 model."""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.masking import paths
from lth_keras.masking.native.choosing import why_dense
from lth_keras.masking.native.weights import owned
from lth_keras.masking.network import Network
from lth_keras.masking.table import Coverage, WeightCoverage
from lth_keras.masking.weight import Weight


def coverage(model: Any) -> Coverage:
    """The table of a built model, held on masks or not.

    Of a model that is no graph of layers each kept entry counts as on a path from input
    to output.

    Raises:
        LotteryError: the model has no weights yet.
    """
    network = Network.of(model)
    training = {id(variable) for variable in model.trainable_variables}
    on_paths = paths.shares(network)
    return Coverage(
        _row(model, weight, each.layer, weight.key in training, on_paths)
        for weight, each in zip(network.weights, owned(model), strict=True)
    )


def _row(
    model: Any, weight: Weight, layer: Any, trains: bool, on_paths: dict[int, float]
) -> WeightCoverage:
    variable = weight.variable
    reason = ""
    if weight.follows is not None:
        reason = "goes with its filter"
    elif not weight.is_pruned:
        reason = why_dense(layer, variable, trains)
    density = float(np.mean(weight.read_mask()))
    effective = on_paths.get(weight.key, density) if weight.is_pruned else 1.0
    # The path of a variable begins with the names of the models around its layer.
    within = variable.path.rpartition("/")[0]
    return WeightCoverage(
        layer=within.removeprefix(f"{model.name}/") or layer.name,
        weight=variable.name,
        shape=weight.shape,
        pruned=weight.is_pruned,
        reason=reason,
        density=density,
        effective=effective,
        frozen=0 if weight.frozen is None else int(np.count_nonzero(weight.frozen)),
    )
