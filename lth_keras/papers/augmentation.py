"""Random crops and flips of image batches, the same for the same (seed, level, step).

Pixels are drawn statelessly, so that a stream that begins at step k is there what it
would have been had it run from step 0, as rewinding and resuming need:

    plain = batches.batches((x, y), 128, seed=0, level=3, start=500)
    dataset = crop_flip(plain, seed=0, level=3, start=500)
"""

from __future__ import annotations

import tensorflow as tf

# Batches made ahead of the training step, as in `batches`.
_PREFETCH = 2


def crop_flip(
    dataset: tf.data.Dataset, *, seed: int, level: int, start: int = 0, pad: int = 4
) -> tf.data.Dataset:
    """Pads, crops at random and flips images, as 1803.03635 does for Resnet and VGG.

    Each image gets `pad` pixels of zeros on every side, is cropped back to its size at
    one of the (2 pad + 1)^2 places, and is then mirrored left to right with
    probability 1/2. In standardised images zero is the mean colour.

    Args:
      dataset: batches of (images, labels); images are [batch, height, width,
        channels] of any dtype, and their shape without the batch is static.
      seed: seed of the draws, a 64-bit integer.
      level: pruning level, which has its own draws.
      start: training step of the dataset's first batch.
      pad: pixels on each side, at least 0.

    Returns:
      The batches in the same order, with the same element spec and labels.
    """
    height, width, channels = dataset.element_spec[0].shape[1:]
    places = 2 * pad + 1
    first = key(seed, level)

    def augmented(step: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple:
        images, labels = batch
        size = tf.shape(images)[0]
        draw = tf.random.stateless_uniform(
            shape=[size, 1],
            seed=tf.stack([first, step]),
            minval=0,
            maxval=2 * places**2,
            dtype=tf.int32,
            alg="philox",
        )
        flip, left, top = draw % 2, draw // 2 % places, draw // 2 // places
        rows = top + tf.range(height)
        across = tf.range(width)
        columns = left + tf.where(flip == 1, width - 1 - across, across)
        # One gather of pixels for the whole batch: cheaper than an operation per
        # image, and flipping costs nothing more.
        above = tf.range(size)[:, tf.newaxis] * (height + 2 * pad)
        lines = (above + rows) * (width + 2 * pad)
        index = lines[:, :, tf.newaxis] + columns[:, tf.newaxis, :]
        padded = tf.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        pixels = tf.gather(tf.reshape(padded, [-1, channels]), index)
        return tf.ensure_shape(pixels, images.shape), labels

    numbered = dataset.enumerate(start)
    made = numbered.map(
        augmented, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return made.prefetch(_PREFETCH)


def key(seed: int, level: int) -> tf.Tensor:
    """What the draws of a level begin with.

    The data order is drawn from seed, level and epoch themselves; hashed, the same
    numbers do not meet here.

    Args:
      seed: seed of the draws, a 64-bit integer.
      level: pruning level.

    Returns:
      int64 scalar.
    """
    # The algorithm is named because the automatic choice depends on the device.
    return tf.random.stateless_uniform(
        shape=[],
        seed=tf.constant([seed, level], tf.int64),
        minval=None,
        maxval=None,
        dtype=tf.int64,
        alg="philox",
    )
