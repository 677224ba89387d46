"""What `compact` did: the size of each layer before and after, and what stayed."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class LayerSize:
    """One layer with weights; pairs are (before, after), after 0 where it is gone.

    Attributes:
        name, kind: the layer's name and the name of its class.
        inputs, units: channels into it and out of it.
        parameters: all of its weights, zeros included.
        multiply_adds: for one example; a kernel entry counts once for each place that
            it works on. 0 for other layers than dense layers and convolutions, an
            unknown size of an image counts as 1.
        why_not_smaller: what keeps units that could otherwise go, or "".
    """

    name: str
    kind: str
    inputs: tuple[int, int]
    units: tuple[int, int]
    parameters: tuple[int, int]
    multiply_adds: tuple[int, int]
    why_not_smaller: str


@dataclasses.dataclass(frozen=True)
class Compaction:
    """A smaller model and how it came about.

    Attributes:
        model: the smaller model.
        layers: the layers with weights of the original, in its order.
    """

    model: Any
    layers: tuple[LayerSize, ...]

    @property
    def multiply_adds(self) -> tuple[int, int]:
        """Of dense layers and convolutions for one example, (before, after)."""
        return _totals([layer.multiply_adds for layer in self.layers])

    @property
    def parameters(self) -> tuple[int, int]:
        """Weights of all layers, (before, after)."""
        return _totals([layer.parameters for layer in self.layers])

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [
            ("layer", "kind", "inputs", "units", "parameters", "multiply-adds", "")
        ]
        for layer in self.layers:
            pairs = (layer.inputs, layer.units, layer.parameters, layer.multiply_adds)
            row = (layer.name, layer.kind, *map(_change, pairs))
            rows.append((*row, layer.why_not_smaller))
        totals = _change(self.parameters), _change(self.multiply_adds)
        rows.append(("total", "", "", "", *totals, ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        widths[-1] = 0
        return "\n".join(
            "  ".join(
                cell.ljust(size) for cell, size in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        )


def _totals(pairs: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(before for before, _ in pairs), sum(after for _, after in pairs)


def _change(pair: tuple[int, int]) -> str:
    before, after = pair
    return f"{before:,}" if before == after else f"{before:,} -> {after:,}"
