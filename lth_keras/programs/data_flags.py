"""The flags of a search that say where its data are, and what training sees of them.

Nothing here imports TensorFlow; `inputs` opens what they ask for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lth_keras.papers.settings import GREY, Paper
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.job_flags import Flag
from lth_keras.programs.values import one_of, whole

MEMORY, STREAMED = "memory", "streamed"
AREA_FLIP = "area_flip"
_LARGEST_IMAGE = 10_000  # pixels
_COLOUR = "resnet and vgg on colour images (any but digits, mnist and fashion_mnist)"


def define(flag: Flag) -> None:
    """Defines them.

    Args:
        flag: defines one.
    """
    flag(
        "data",
        MEMORY,
        one_of((MEMORY, STREAMED)),
        "Where the images are while training: memory, read once; or streamed, left in "
        "their TFDS files and decoded as they are needed, in the same order and with "
        "the same bits, for sets that do not fit.",
    )
    flag(
        "image_size",
        None,
        whole(1, _LARGEST_IMAGE),
        "With --data=streamed, height and width that images of several sizes are "
        "brought to: resized to cover 8/7 of it, and cut to the middle. Default: as "
        "they are stored.",
    )
    flag(
        "augment",
        "auto",
        one_of(("auto", "none", "crop_flip", AREA_FLIP)),
        "What is done to the training images: none; crop_flip (4 pixels of padding, a "
        "random crop, a random mirror image); or, with --data=streamed, area_flip (a "
        "random 8 to 100 % of the stored image, resized, a random mirror image). auto, "
        f"as in the paper: crop_flip for {_COLOUR}, area_flip for resnet50, else none.",
    )


def check(given: Mapping[str, Any]) -> None:
    """Refuses flags that do not go with where the data are.

    Args:
        given: every flag by name.

    Raises:
        FlagError: names them.
    """
    streamed = given["data"] == STREAMED
    if streamed and given["dataset"] == "digits":
        raise FlagError(
            f"--data={STREAMED} reads files of TFDS, and digits come with "
            f"scikit-learn: use --data={MEMORY}"
        )
    if given["image_size"] is not None and not streamed:
        raise FlagError(
            f"--image_size={given['image_size']} goes with --data={STREAMED}; images "
            f"in memory stay as they are stored"
        )
    if given["augment"] == AREA_FLIP and not streamed:
        raise FlagError(
            f"--augment={AREA_FLIP} takes parts of the stored images: it goes with "
            f"--data={STREAMED}"
        )


def augmentation(given: Mapping[str, Any], paper: Paper) -> str:
    """What is done to the training images, where "auto" leaves it to the paper."""
    if given["augment"] != "auto":
        return str(given["augment"])
    # A TFDS name may hold a configuration and a version.
    colour = re.split("[/:]", given["dataset"])[0] not in GREY
    if not (paper.augments and colour):
        return "none"
    by_area = paper.by_area and given["data"] == STREAMED
    return AREA_FLIP if by_area else "crop_flip"
