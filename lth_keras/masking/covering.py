"""coverage: what of a model is pruned, how far, and why the rest is not.

lth.coverage(model)                            # prints a table, as summary() does
rows = lth.coverage(model, print_fn=None)      # the same as data
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.arguments import function
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.masking import held, paths
from lth_keras.masking.network import Network
from lth_keras.masking.reasons import Reason, Reasons
from lth_keras.masking.weights import trainable_in
from lth_keras.masking.wrappers import PruneByLevel


@dataclasses.dataclass(frozen=True)
class WeightCoverage:
    """One weight of a model.

    Attributes:
        layer: name of the layer, with the names of the models around it.
        weight: name of the weight in its layer.
        shape: its shape.
        pruned: whether it is held on a mask.
        reason: why not, or "" where it is.
        density: share of its entries that the mask keeps; 1.0 without a mask. A bias,
            or what a batch normalisation has for it, goes with its filter.
        effective: share of its entries that lie on a path from input to output; 1.0
            without a mask.
        frozen: how many of the pruned entries are frozen at a value, not at zero.
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    pruned: bool
    reason: str
    density: float
    effective: float = 1.0
    frozen: int = 0


class Coverage(list[WeightCoverage]):
    """The weights of a model in order; `str()` of it is a table."""

    @property
    def density(self) -> float:
        """P_m over the pruned weights, 1.0 where there are none."""
        return self._mean(lambda row: row.density)

    @property
    def effective_density(self) -> float:
        """The share of the pruned weights on a path from input to output."""
        return self._mean(lambda row: row.effective)

    def _mean(self, share: Callable[[WeightCoverage], float]) -> float:
        sizes = [(int(np.prod(row.shape)), share(row)) for row in self if row.pruned]
        total = sum(size for size, _ in sizes)
        return sum(size * part for size, part in sizes) / total if total else 1.0

    def __str__(self) -> str:
        head = ("layer", "weight", "shape", "density", "pruned")
        body = [
            (
                row.layer,
                row.weight,
                " x ".join(map(str, row.shape)) or "scalar",
                f"{row.density:.4f}" if row.pruned else "",
                _said(row),
            )
            for row in self
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
            for line in (head, *body)
        ]
        if self.effective_density != self.density:
            on_path = f"{self.effective_density:.4f}"
            lines.append(f"of these on a path from input to output: {on_path}")
        lines.append(f"density of the prunable weights: {self.density:.4f}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        # Short: in a notebook the table has just been printed.
        pruned = sum(row.pruned for row in self)
        return f"<{len(self)} weights, {pruned} pruned, density {self.density:.4f}>"


def _said(row: WeightCoverage) -> str:
    if not row.pruned:
        return f"no: {row.reason}"
    return f"yes, {row.frozen:,} of the pruned frozen" if row.frozen else "yes"


def coverage(
    model: keras.Model, print_fn: Callable[[str], object] | None = print
) -> Coverage:
    """Prints what of `model` is pruned, weight by weight, and why the rest is not.

    Args:
        model: a built tf_keras model, wrapped or not.
        print_fn: takes the table; None prints nothing.

    Returns:
        One row per weight; `str()` of it is the table.

    Raises:
        LotteryError: not a tf_keras model, or `print_fn` is no function.
    """
    compat.require_tf_keras_model(model)
    if print_fn is not None:
        function("print_fn", print_fn, "f(text), or None", [""])
    found = Coverage(row for row, _ in rows(model, effective=_effective(model)))
    if print_fn is not None:
        print_fn(str(found))
    return found


def _effective(model: keras.Model) -> dict[int, float]:
    """The share of each pruned weight's entries on a path, by its identity."""
    if not compat.is_built(model) or not (network := Network.of(model)).pruned:
        return {}
    return {
        id(compat.raw_variable(weight.variable)): float(np.mean(found))
        for weight, found in zip(network.pruned, paths.effective(network), strict=True)
    }


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
            id(compat.raw_variable(variable)): (mask, False)
            for masks in held.within(layer)
            for variable, mask, _ in masks.pruning_vars
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
