"""--dataset and --data: what a search trains and is evaluated on, as the flags say."""

from __future__ import annotations

from typing import Any

from lth_keras.papers import datasets, handing
from lth_keras.papers.handing import Handed
from lth_keras.papers.normalising import KNOWN
from lth_keras.programs.data_flags import STREAMED
from lth_keras.programs.options import Options


class Inputs:
    """A data set, in memory or left in its files.

    Args:
        options: the flags.
        handed: the data of another process, which are read where they are out of reach.

    Attributes:
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        held: the data in memory; None of those that are streamed.

    Raises:
        LotteryError: the data cannot be read.
    """

    def __init__(self, options: Options, handed: Handed | None = None):
        self._options, self._handed = options, handed
        given = (options.dataset, options.data_dir, options.validation_size)
        self.held: datasets.Data | None = None
        if options.data == STREAMED:
            side = options.image_size
            self._streamed = datasets.open(
                *given,
                options.seed,
                size=None if side is None else (side, side),
                # A pass over a million images takes longer than many a search.
                statistics=KNOWN.get(options.dataset),
            )
            self.input_shape = self._streamed.input_shape
            self.classes = self._streamed.classes
            return
        taken = None if handed is None else handed.taken()
        self.held = taken or datasets.load(*given, options.seed)
        self.input_shape, self.classes = self.held.input_shape, self.held.classes

    def handed(self) -> Handed | None:
        """What is in memory, for other processes of this machine."""
        if self._handed is None and self.held is not None:
            self._handed = handing.hand(self.held)
        return self._handed

    def size(self, split: str) -> int:
        """Examples of "train", "validation" or "test"."""
        if self.held is None:
            return self._streamed.size(split)
        return len(getattr(self.held, split)[0])

    def stream(self) -> Any:
        """Training batches as f(level, seed, start)."""
        options, of = self._options, self.held or self._streamed
        return of.stream(options.batch_size, options.augment)

    def evaluated(self, split: str) -> Any:
        """What "train", "validation" or "test" is evaluated on: tensors, or a pass."""
        if self.held is not None:
            return self.held.tensors(split)
        return getattr(self._streamed, split)
