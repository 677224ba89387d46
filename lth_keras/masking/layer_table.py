"""The rows of `lth.coverage` for a tf_keras model, layer by layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.masking import held, paths
from lth_keras.masking.network import Network
from lth_keras.masking.reasons import Reason, Reasons
from lth_keras.masking.table import Coverage, WeightCoverage
from lth_keras.masking.weights import trainable_in
from lth_keras.masking.wrappers import PruneByLevel


def coverage(model: keras.Model) -> Coverage:
    """The table of a built model, wrapped or not.

    Raises:
        LotteryError: not a tf_keras model.
    """
    compat.require_tf_keras_model(model)
    return Coverage(row for row, _ in rows(model, effective=_effective(model)))


def _effective(model: keras.Model) -> dict[int, float]:
    """The share of each pruned weight's entries on a path, by its identity."""
    if not compat.is_built(model) or not (network := Network.of(model)).pruned:
        return {}
    return paths.shares(network)


def rows(
    model: keras.Model, least: int = 0, effective: Mapping[int, float] | None = None
) -> Iterator[tuple[WeightCoverage, Reason]]:
    """The rows of the table, each with why its weight has no mask, if it has none.

    Args:
        model: a built model.
        least: how many dimensions a weight must have to be listed.
        effective: the share of entries on a path, by identity of the weight.
    """
    for row, reason, key in _rows(model, "", set(), trainable_in(model), least):
        if row.pruned and effective:
            row = dataclasses.replace(row, effective=effective.get(key, row.density))
        yield row, reason


def _rows(
    model: keras.Model, prefix: str, seen: set[int], trainable: set[int], least: int
) -> Iterator[tuple[WeightCoverage, Reason, int]]:
    for layer in _parts(model):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model) and layer is not model:
            yield from _rows(layer, f"{prefix}{layer.name}/", seen, trainable, least)
            continue
        path = prefix + layer.name if layer is not model else prefix.rstrip("/")
        masks = _masks(layer)
        inner = layer.layer if isinstance(layer, PruneLowMagnitude) else layer
        why = Reasons(layer, inner)
        variables = inner.weights if layer is not model else _own(model)
        for variable in variables:
            if not isinstance(variable, tf.Variable):
                continue  # a vocabulary, which Keras lists among the weights
            if len(variable.shape) < least:
                continue
            key = id(compat.raw_variable(variable))
            mask, follows = masks.get(key, (None, False))
            reason = Reason("")
            if follows:
                reason = Reason("goes with its filter")
            elif mask is None:
                reason = why.why_dense(variable, key in trainable)
            row = WeightCoverage(
                layer=path or model.name,
                weight=variable.name.split("/")[-1].split(":")[0],
                shape=tuple(variable.shape),
                pruned=mask is not None and not follows,
                reason=reason.text,
                density=1.0 if mask is None else float(np.mean(mask.numpy() != 0)),
                frozen=_frozen(layer, variable),
            )
            yield row, reason, key


def _parts(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, and itself, where it has weights beside them."""
    return [*model.layers, model] if _own(model) else list(model.layers)


def _own(model: keras.Model) -> list[Any]:
    """The weights that a model has beside its layers."""
    return compat.own_variables(model)


def _masks(layer: keras.layers.Layer) -> dict[int, tuple[Any, bool]]:
    """The masks by identity of the weight, and whether they are those of filters."""
    if not isinstance(layer, PruneLowMagnitude):
        return {
            id(compat.raw_variable(variable)): (mask, place in masks.followed)
            for masks in held.within(layer)
            for place, (variable, mask, _) in enumerate(masks.pruning_vars)
        }
    lead = getattr(layer, "followed", {})
    return {
        id(compat.raw_variable(variable)): (mask, place in lead)
        for place, (variable, mask, _) in enumerate(layer.pruning_vars)
    }


def _frozen(layer: keras.layers.Layer, variable: Any) -> int:
    holders: Iterable[Any] = held.within(layer)
    if isinstance(layer, PruneByLevel):
        holders = [layer]
    found = (holder.frozen_of(variable) for holder in holders)
    values = next((each for each in found if each is not None), None)
    return 0 if values is None else int(np.count_nonzero(values.numpy()))
