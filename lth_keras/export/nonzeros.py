"""How many entries of each weight are not zero? As data, and as a table to print."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

# A deep network has hundreds of weights, most of them small; who prints a report wants
# to see where its bytes are.
SHOWN = 10


@dataclasses.dataclass(frozen=True)
class LayerNonzeros:
    """One weight of the export.

    Attributes:
        weight: its path, "layer/kernel".
        shape: its shape in the model.
        nonzeros: entries that are not zero.
        stored: how the file holds it: "dense", "bitmask", "sparse", ...
    """

    weight: str
    shape: tuple[int, ...]
    nonzeros: int
    stored: str

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


def table(layers: Sequence[LayerNonzeros], shown: int = SHOWN) -> list[str]:
    """Lines with the largest weights, in the model's order, and what the others have.

    Args:
        layers: every weight.
        shown: how many of them have a line of their own.
    """
    by_size = sorted(range(len(layers)), key=lambda index: -layers[index].size)
    large = [layers[index] for index in sorted(by_size[:shown])]
    head = ("weight", "shape", "nonzeros", "density", "stored")
    body = [
        (
            layer.weight,
            " x ".join(map(str, layer.shape)) or "scalar",
            f"{layer.nonzeros:,} of {layer.size:,}",
            f"{layer.nonzeros / layer.size:.4f}" if layer.size else "",
            layer.stored,
        )
        for layer in large
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in (head, *body)
    ]
    if small := [layers[index] for index in by_size[shown:]]:
        nonzeros, entries = (
            sum(layer.nonzeros for layer in small),
            sum(layer.size for layer in small),
        )
        words = "1 smaller weight" if len(small) == 1 else f"{len(small)} smaller ones"
        lines.append(
            f"and {words}: {nonzeros:,} of {entries:,} (each in the report's layers, "
            "and by --output_format=json)"
        )
    return lines
