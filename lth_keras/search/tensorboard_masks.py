"""TensorBoard's pictures of a level: where masks keep, and what kept weights are.

Histograms of the kept weights and of the density by output unit; images of masks, and
of the first convolution's filters.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lth_keras.masking.network import Network

_SIDE = 256  # pixels of a mask at most; larger ones are means of blocks
_FILTERS = 64  # shown of a convolution, side by side
_ENLARGED = 8  # pixels of a filter's entry


def write(network: Network, level: int) -> None:
    """Writes the pictures of a trained level with the present default writer.

    Args:
        network: of the model, with the weights that the level ended with.
        level: the step of the summaries.
    """
    convolution = True
    for weight in network.pruned:
        value, mask = weight.read().astype(np.float32), weight.read_mask()
        if len(kept := value[mask]):
            tf.summary.histogram(f"kept/{weight.path}", kept, step=level)
        by_unit = mask.reshape(-1, mask.shape[-1]).mean(0)
        tf.summary.histogram(f"density_by_unit/{weight.path}", by_unit, step=level)
        tf.summary.image(f"mask/{weight.path}", mask_image(mask), step=level)
        if convolution and value.ndim == 4:
            convolution = False
            picture = filters_image(value)
            tf.summary.image(f"filters/{weight.path}", picture, step=level)


def mask_image(mask: np.ndarray) -> np.ndarray:
    """A mask as a grey image: white is kept, black pruned.

    Args:
        mask: bool of any shape; its last axis is the output units.

    Returns:
        (1, height, width, 1) float32 in [0, 1]: inputs downwards, units across, each
        pixel the share that is kept of what falls on it.
    """
    table: np.ndarray = mask.reshape(-1, mask.shape[-1]).astype(np.float32)
    for axis in (0, 1):
        size = table.shape[axis]
        if size > _SIDE:
            starts = np.arange(_SIDE) * size // _SIDE
            sums = np.add.reduceat(table, starts, axis)
            counts = np.diff([*starts, size]).astype(np.float32)
            table = sums / (counts[:, None] if axis == 0 else counts)
    return table[None, :, :, None]


def filters_image(kernel: np.ndarray) -> np.ndarray:
    """The filters of a convolution side by side, each over its own range.

    Args:
        kernel: (height, width, inputs, filters) float32.

    Returns:
        (1, rows, columns, channels) float32 in [0, 1], in colour where there are three
        inputs, else the mean over them; a zero, as what is pruned, is mid-grey.
    """
    height, width, inputs, filters = kernel.shape
    if inputs != 3:
        kernel = kernel.mean(2, keepdims=True)
    shown = np.moveaxis(kernel[..., : min(filters, _FILTERS)], -1, 0)
    reach = np.abs(shown).max((1, 2, 3), keepdims=True)
    shown = 0.5 + 0.5 * shown / np.where(reach > 0, reach, 1)
    across = int(np.ceil(np.sqrt(len(shown))))
    down = -(-len(shown) // across)
    # A white line between two filters.
    tiles = np.ones((down * across, height + 1, width + 1, shown.shape[-1]), np.float32)
    tiles[: len(shown), :height, :width] = shown
    grid = tiles.reshape(down, across, height + 1, width + 1, -1)
    grid = grid.transpose(0, 2, 1, 3, 4)
    picture = grid.reshape(down * (height + 1), across * (width + 1), -1)
    return np.kron(picture, np.ones((_ENLARGED, _ENLARGED, 1), np.float32))[None]
