"""What the papers did with each network, as plain numbers.

Those of arXiv 1803.03635 (v5), figure 2 and appendices. Nothing here imports
TensorFlow, so that `--help` and wrong flags are answered at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Paper:
    """How the paper trained and pruned one network.

    Attributes:
        iterations: training steps per level.
        batch_size: examples per step.
        optimizer: a name in `OPTIMIZERS`.
        learning_rate: at the first step.
        levels: pruning rounds down to the sparsest networks the paper speaks of.
        conv_rate: share of a convolution's surviving weights pruned per round; 0 where
            the paper prunes none, None where the network has no such layer.
        dense_rate: the same for hidden dense layers.
        output_rate: the same for the output layer.
        scope: "layer" or "global": what is ranked together.
        lr_drops: shares of the iterations after which the learning rate falls to a
            tenth.
        weight_decay: as torch's optimizers have it.
        augments: whether colour images are cropped and flipped.
        by_area: whether a random part of a stored image is what is cropped.
    """

    iterations: int
    batch_size: int
    optimizer: str
    learning_rate: float
    levels: int
    conv_rate: float | None
    dense_rate: float | None
    output_rate: float
    scope: str = "layer"
    lr_drops: tuple[float, ...] = ()
    weight_decay: float = 0.0
    augments: bool = False
    by_area: bool = False


# The 1x1 downsampling layers are never pruned; the output layer is not either, here.
_RESNET = Paper(
    *(30_000, 128, "momentum", 0.1, 12, 0.2, None, 0.0),
    scope="global",
    lr_drops=(2 / 3, 5 / 6),
    weight_decay=1e-4,
    augments=True,
)
_VGG = dataclasses.replace(
    _RESNET, iterations=112_480, batch_size=64, levels=20, lr_drops=(1 / 2, 3 / 4)
)

# 2003.02389, on ImageNet; the 1x1 convolutions on shortcuts are pruned too.
_RESNET50 = Paper(
    *(112_140, 1024, "momentum", 0.4, 12, 0.2, None, 0.2),
    scope="global",
    lr_drops=(30 / 90, 60 / 90, 80 / 90),
    weight_decay=1e-4,
    augments=True,
    by_area=True,
)

_FILTERS = dataclasses.replace(_VGG, levels=1, conv_rate=0.5, scope="layer")

PAPER: Mapping[str, Paper] = {
    # Down to P_m = 2 %, above which the conv nets are better than dense.
    "lenet": Paper(50_000, 60, "adam", 1.2e-3, 18, None, 0.2, 0.1),
    "conv2": Paper(20_000, 60, "adam", 2e-4, 18, 0.1, 0.2, 0.1),
    "conv4": Paper(25_000, 60, "adam", 3e-4, 22, 0.1, 0.2, 0.1),
    "conv6": Paper(30_000, 60, "adam", 3e-4, 22, 0.15, 0.2, 0.1),
    "resnet18": _RESNET,
    "resnet20": _RESNET,
    # Of 1608.08710, in the training that 1810.05270 repeats it with.
    "resnet20_padded": _RESNET,
    "resnet50": _RESNET50,
    "resnet56": _FILTERS,
    "resnet110": _FILTERS,
    "vgg16": _VGG,
    "vgg16_dense": _FILTERS,
    "vgg19": _VGG,
}

# The learning rate of an optimizer that the paper did not use for the network.
OPTIMIZERS: Mapping[str, float] = {"adam": 1e-3, "sgd": 0.1, "momentum": 0.01}

# Sets of grey images, on which the paper does not crop and flip.
GREY = ("digits", "mnist", "fashion_mnist")

# The embedded digits take a fraction of the paper's iterations.
DIGITS_ITERATIONS, DIGITS_LEVELS = 2_000, 18


def of_paper(name: str) -> str:
    """The paper's value for each model that has one: "60 lenet conv2, 128 resnet18"."""
    models: dict[Any, list[str]] = {}
    for model, paper in PAPER.items():
        models.setdefault(getattr(paper, name), []).append(model)
    return listed((value, of) for value, of in models.items() if value is not None)


def listed(items: Iterable[tuple[Any, Sequence[str]]]) -> str:
    """Values, each with the names it belongs to."""
    texts = []
    for value, names in items:
        text = value if isinstance(value, str) else f"{value:,.6g}"
        texts.append(f"{text} {' '.join(names)}")
    return ", ".join(texts)
