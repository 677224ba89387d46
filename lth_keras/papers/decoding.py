"""An example as TFDS stores it becomes an image of one size, and its label."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

AUGMENTATIONS = ("none", "crop_flip", "area_flip")
_COVERS = 8 / 7  # 256 pixels of which 224 are kept
# Parts of an image that training sees (1409.4842, section 6).
_AREA, _RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


@dataclasses.dataclass(frozen=True, eq=False)
class Decoder:
    """Makes (image, label) of stored bytes.

    Attributes:
        features: of TFDS, of image and label alone.
        keys: their names.
        shape: (height, width, channels) of what is made.
        resized: whether images are brought to that size.
        taken: what is subtracted from an image, float32 of its shape; None leaves
            images as uint8.
        divisor: what it is divided by then.
    """

    features: Any
    keys: tuple[str, str]
    shape: tuple[int, int, int]
    resized: bool
    taken: tf.Tensor | None = None
    divisor: tf.Tensor | None = None

    @classmethod
    def of(
        cls, features: Any, keys: tuple[str, str], size: tuple[int, int] | None
    ) -> Decoder:
        """For the features of a set.

        Args:
            features: of TFDS, of image and label alone.
            keys: their names.
            size: (height, width) to bring images to, or None.
        """
        height, width, channels = features[keys[0]].shape
        shape = (*(size or (height, width)), channels)
        return cls(features, keys, shape, resized=size is not None)

    def normalised(self, taken: np.ndarray, divisor: np.ndarray) -> Decoder:
        """The same, of floats: (image - taken) / divisor."""
        # Tensors from outside of a function, or it would multiply by the reciprocal.
        with tf.device("CPU:0"):
            tensors = tf.constant(taken), tf.constant(divisor)
        return dataclasses.replace(self, taken=tensors[0], divisor=tensors[1])

    def __call__(
        self, stored: Any, key: Any = None, draw: Any = None
    ) -> tuple[Any, Any]:
        """Image and label.

        Args:
            stored: the bytes of an example.
            key: `augmentation.key` of a level, where a part of the image is drawn.
            draw: the number of the example in the level, then.
        """
        example = self.features.deserialize_example(stored)
        image, label = (example[key] for key in self.keys)
        if key is not None:
            image = _part(image, self.shape, tf.stack([key, draw]))
        elif self.resized:
            image = _middle(image, self.shape)
        image = tf.ensure_shape(image, self.shape)
        if self.taken is not None:
            image = (tf.cast(image, tf.float32) - self.taken) / self.divisor
        return image, label


def _middle(image: Any, shape: tuple[int, int, int]) -> Any:
    """The middle of an image that was resized to cover 8/7 of a size."""
    height, width = shape[:2]
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    factor = tf.reduce_max(_COVERS * tf.constant([height, width], tf.float32) / sides)
    new = tf.maximum(tf.cast(tf.round(sides * factor), tf.int32), [height, width])
    resized = _bytes(tf.image.resize(image, new, antialias=True))
    top, left = (new[0] - height) // 2, (new[1] - width) // 2
    return resized[top : top + height, left : left + width]


def _part(image: Any, shape: tuple[int, int, int], seed: Any) -> Any:
    """A random part of an image, resized, and flipped one time in two."""
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros((1, 0, 4)),
        seed=seed,
        min_object_covered=0.0,
        aspect_ratio_range=_RATIO,
        area_range=_AREA,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    part = tf.image.resize(tf.slice(image, begin, size), shape[:2], antialias=True)
    flip = tf.random.stateless_uniform([], seed + [0, 2**62], alg="philox") < 0.5
    return _bytes(tf.cond(flip, lambda: part[:, ::-1], lambda: part))


def _bytes(image: Any) -> Any:
    """Rounded, as an image of that size would be stored."""
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
