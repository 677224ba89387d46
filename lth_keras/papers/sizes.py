"""How large the papers' data sets are, known before one is read.

Images of [height, width, channels], with as many classes and examples as TFDS and
scikit-learn have of them. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    """A data set's sizes.

    Attributes:
        shape: (height, width, channels) of an image.
        classes: number of classes.
        train: training examples, those that are taken for validation among them.
        test: test examples.
    """

    shape: tuple[int, int, int]
    classes: int
    train: int
    test: int


def held_out(train: int) -> int:
    """Training examples that are taken for validation unless a number is given.

    5,000 (1803.03635), or an eighth where that is less.
    """
    return min(5_000, train // 8)


SIZES = {
    "digits": Sizes((8, 8, 1), 10, 1_438, 359),
    "mnist": Sizes((28, 28, 1), 10, 60_000, 10_000),
    "fashion_mnist": Sizes((28, 28, 1), 10, 60_000, 10_000),
    "cifar10": Sizes((32, 32, 3), 10, 50_000, 10_000),
    "cifar100": Sizes((32, 32, 3), 100, 50_000, 10_000),
    # Of several sizes, and mostly trained on at this one; TFDS's validation split.
    "imagenet2012": Sizes((224, 224, 3), 1000, 1_281_167, 50_000),
}
