"""How a TFLite file stores each weight of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from lth_keras.export.tflite import flatbuffer
from lth_keras.export.tflite.sparse import DTYPES


@dataclasses.dataclass(frozen=True)
class _Constant:
    """A tensor of a file whose value the file holds.

    Attributes:
        rank: number of its axes.
        size: entries, zeros among them.
        nonzeros: the entries that are not zero, in any order.
        sparse: whether it is stored sparse.
    """

    rank: int
    size: int
    nonzeros: np.ndarray
    sparse: bool

    @property
    def exact(self) -> bool:
        """Whether it is not quantized."""
        return self.nonzeros.dtype.kind == "f"

    def holds(self, weight: np.ndarray) -> bool:
        """Whether it is the weight, but for the order of its entries."""
        kept = weight[weight != 0].astype(self.nonzeros.dtype)
        return np.array_equal(np.sort(kept), np.sort(self.nonzeros))


def stored_as(
    content: bytes,
    counts: Sequence[tuple[int, int]],
    read: Callable[[int], np.ndarray],
) -> list[str]:
    """How the file stores each weight of a model.

    The converter reshapes and transposes weights, and folds the scales of a BatchNorm
    into kernels: the count of nonzeros stays, or gets smaller by rounding to zero.

    Args:
        content: a TFLite file.
        counts: size and nonzeros of each weight.
        read: gives the value of the weight of that index.

    Returns:
        For each weight: "sparse" or "dense"; "absent" where the file holds nothing
        like it (zeros left out, a BatchNorm folded into the layer before it, what was
        split or merged); "unclear" where it holds such tensors of both kinds. "dense"
        for all if nothing is stored sparse.
    """
    constants = _constants(content)
    if not any(constant.sparse for constant in constants):
        return ["dense"] * len(counts)
    found: dict[int, str] = {}
    claimed: set[int] = set()
    for index, (size, nonzeros) in enumerate(counts):
        like = [
            constant
            for constant in constants
            if constant.exact
            and (constant.size, len(constant.nonzeros)) == (size, nonzeros)
            # A vector has no pattern of zeros to know it by.
            and (constant.rank > 1 or constant.holds(read(index)))
        ]
        if len({constant.sparse for constant in like}) > 1:
            value = read(index)
            like = [constant for constant in like if constant.holds(value)] or like
        if like:
            found[index] = _told(like)
            claimed.update(map(id, like))
    for size in {size for size, _ in counts}:
        left = [i for i, c in enumerate(counts) if c[0] == size and i not in found]
        pool = [
            constant
            for constant in constants
            if constant.size == size
            and id(constant) not in claimed
            and not (constant.exact and constant.rank < 2)
        ]
        found.update(_by_rank([(i, counts[i][1]) for i in left], pool))
    return [found[index] for index in range(len(counts))]


def _told(constants: Sequence[_Constant]) -> str:
    ways = {constant.sparse for constant in constants}
    if len(ways) != 1:
        return "unclear" if ways else "absent"
    return "sparse" if ways.pop() else "dense"


def _by_rank(
    weights: list[tuple[int, int]], constants: list[_Constant]
) -> dict[int, str]:
    """How weights of one size are stored, of which some entries rounded to zero.

    A constant has at most as many nonzeros as its weight. So where the constant of
    some rank has more than the weight of the rank before, no weight up to there can
    be a constant from there on.

    Args:
        weights: index and nonzeros of each.
        constants: those of this size.
    """
    weights = sorted(weights, key=lambda weight: weight[1])
    constants = sorted(constants, key=lambda constant: len(constant.nonzeros))
    if len(weights) != len(constants):
        few = len(constants) < len(weights)
        told = "unclear" if few and constants else _told(constants)
        return {index: told for index, _ in weights}
    found, start = {}, 0
    for end in range(1, len(weights) + 1):
        if end < len(weights) and len(constants[end].nonzeros) <= weights[end - 1][1]:
            continue
        told = _told(constants[start:end])
        found.update({index: told for index, _ in weights[start:end]})
        start = end
    return found


def _constants(content: bytes) -> list[_Constant]:
    model = flatbuffer.read(content)
    flatbuffer.gathered(model, content)
    found = []
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            dtype = {**DTYPES, schema.TensorType.INT32: np.int32}.get(tensor.type)
            if dtype is None or data is None or not len(data):
                continue
            value = np.asarray(data).view(dtype)
            size = int(np.prod(tensor.shape))
            sparse = tensor.sparsity is not None
            kept = value[value != 0]
            found.append(_Constant(len(tensor.shape), size, kept, sparse))
    return found
