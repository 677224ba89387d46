"""What `fit` is given as data, as one dataset per level that can begin at any step.

Arrays become epoch-shuffled batches from (seed, level, epoch); a function
f(level, seed) is asked for a Dataset; a Dataset or generator is used as it is.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.arguments import count
from lth_keras.compat import TF_KERAS, Trainer
from lth_keras.errors import LotteryError
from lth_keras.training import (
    batches,
    callables,
    class_weights,
    composites,
    evaluation_batches,
    examples,
)
from lth_keras.training.numpy_batches import numpy_batches

_BATCH_SIZE = 32  # Keras's own default

# What `fit` draws batches from, even where it is callable for a purpose of its own.
_LOADERS = (tf.data.Dataset, tf.distribute.DistributedDataset, Iterator)


class Feed:
    """Training data by level.

    Args:
        x: arrays (nested as the model's inputs), f(level, seed) -> Dataset, a
            Dataset, or anything else that `model.fit` takes. A function that takes
            `start` too is asked for a Dataset without an end that begins at that
            step, instead of skipping to it.
        y: targets, with arrays only.
        sample_weight: weights per example, with arrays only.
        batch_size: examples per batch, with arrays only.
        steps_per_epoch: iterations per epoch; None takes one pass over the data.
        shuffle: whether arrays are reshuffled in every epoch.
        seed: seed of the data order.
        fixed: the batch size that the model was declared with, or None.
        trainer: the Keras that trains it.

    Attributes:
        steps_per_epoch: iterations per epoch, or None where `fit` alone finds out.
        arrays: (x, y, ...) as tensors, or None where the data are not in memory.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        fixed: int | None = None,
        trainer: Trainer = TF_KERAS,
    ):
        if batch_size is not None:
            count("batch_size", batch_size, 1, "the examples of a batch")
        if steps_per_epoch is not None:
            count("steps_per_epoch", steps_per_epoch, 1, "iterations")
        if x is None:
            raise LotteryError(
                "x=None: give arrays, a Dataset, or a function of (level, seed)."
            )
        x, y, sample_weight = examples.taken(x, y, sample_weight)
        self._x, self._seed, self._shuffle = x, seed, shuffle
        self._trainer = trainer
        self._sequences = trainer.keras.utils.Sequence
        self.steps_per_epoch = steps_per_epoch
        self._batch_size = batch_size or fixed or _BATCH_SIZE
        self.arrays: Any = None
        self._rows: Any = None
        self._function: Any = None
        self._digest: str | None = None
        self._first: tf.data.Dataset | None = None
        self._others: dict[int | None, Feed] = {}
        if examples.is_arrays(x):
            self._take_arrays(x, y, sample_weight)
            if fixed is not None:
                size = composites.length(tf.nest.flatten(x)[0])
                evaluation_batches.check_fixed(fixed, self._batch_size, size)
            return
        loader = isinstance(x, (*_LOADERS, self._sequences))
        if not (loader or callable(x)):
            raise LotteryError(
                f"x is {examples.kind(x)}: give arrays, a Dataset, a Sequence, a "
                "generator, or a function of (level, seed); lists and other frames "
                "become arrays by np.asarray."
            )
        if y is not None or sample_weight is not None or batch_size is not None:
            raise LotteryError(
                "y, sample_weight and batch_size go with arrays: a Dataset or a "
                "function of (level, seed) gives batches of (x, y) by itself."
            )
        if isinstance(x, tf.data.Dataset):
            self._infer(x)
        elif isinstance(x, self._sequences):
            self.steps_per_epoch = steps_per_epoch or len(x)
        elif not loader:
            callables.check_data_function(x, trainer)
            self._function = x
            first = callables.made(x, 0, seed, trainer)
            if isinstance(first, tf.data.Dataset):
                self._first = first
                self._infer(first)

    def _take_arrays(self, x: Any, y: Any, sample_weight: Any) -> None:
        if y is None and sample_weight is not None:
            raise LotteryError("sample_weight is given without y: give both.")
        named = {"x": x, "y": y, "sample_weight": sample_weight}
        named = {name: value for name, value in named.items() if value is not None}
        for name, value in named.items():
            examples.require_arrays(name, value)
        given = tuple(named.values())
        sizes = [composites.length(array) for array in tf.nest.flatten(given)]
        if len(set(sizes)) > 1:
            raise LotteryError(
                f"x, y and sample_weight have {sizes} examples: give the same number "
                "of each."
            )
        self._digest = examples.describe(given)
        # As `fit` hands them to a train_step: x alone is in no tuple.
        packed = self._trainer.keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        self.arrays = examples.tensors(packed)
        if self.steps_per_epoch is None:
            self.steps_per_epoch = batches.steps_per_epoch(sizes[0], self._batch_size)
        plain = not any(map(composites.is_composite, tf.nest.flatten(self.arrays)))
        if (
            self._trainer.backend != "tensorflow"
            and plain
            and isinstance(packed, tuple)
        ):
            self._rows = tf.nest.map_structure(np.asarray, packed)

    def _infer(self, dataset: tf.data.Dataset) -> None:
        if self.steps_per_epoch is None:
            size = int(dataset.cardinality())
            if size == 0:
                raise LotteryError("the Dataset to train on is empty.")
            if size < 0:
                raise LotteryError(
                    "the length of an epoch cannot be told from the Dataset: pass "
                    "steps_per_epoch."
                )
            self.steps_per_epoch = size

    def by_tensorflow(self) -> Feed:
        """The same data, of which TensorFlow makes the batches on every backend."""
        other = copy.copy(self)
        other._rows, other._others = None, {}
        return other

    def of_steps(self, steps_per_epoch: int | None) -> Feed:
        """The same data in epochs of another length."""
        if steps_per_epoch == self.steps_per_epoch:
            return self
        if steps_per_epoch not in self._others:
            other = copy.copy(self)
            other.steps_per_epoch = steps_per_epoch
            self._others[steps_per_epoch] = other
        return self._others[steps_per_epoch]

    def dataset(self, level: int, start: int = 0, seed: int | None = None) -> Any:
        """The batches of a level from training step `start` on, without an end.

        Args:
            level: pruning rounds so far.
            start: iterations to leave out.
            seed: another seed than the feed's own, for controls.

        Raises:
            LotteryError: the data cannot begin in the middle.
        """
        seed = self._seed if seed is None else seed
        if self._rows is not None:
            return numpy_batches(
                self._rows,
                self._batch_size,
                seed=seed,
                level=level,
                start=start,
                shuffle=self._shuffle,
            )
        if self.arrays is not None:
            return batches.batches(
                self.arrays,
                self._batch_size,
                seed=seed,
                level=level,
                start=start,
                shuffle=self._shuffle,
            )
        if isinstance(self._x, tf.data.Dataset):
            found = self._x
        elif self._function is not None:
            made = functools.partial(
                callables.made, self._x, level, seed, self._trainer
            )
            if start and "start" in inspect.signature(self._x).parameters:
                found = made(start=start)
                if isinstance(found, tf.data.Dataset) and found.cardinality() >= 0:
                    raise LotteryError(
                        f"x(level={level}, seed={seed}, start={start}) returned a "
                        "Dataset with an end: let it go on with .repeat() before it "
                        "skips to the start."
                    )
                start = 0
            else:
                found = made()
        else:
            self.check_start(start)
            return self._x
        if not isinstance(found, tf.data.Dataset):
            # Keras knows generators by their type.
            return (batch for batch in itertools.islice(found, start, None))
        if self._first is not None:
            callables.check_spec(self._first, found, level)
        return found.repeat().skip(start) if start else found.repeat()

    def sample(
        self,
        level: int,
        count: int,
        seed: int,
        class_weight: dict[int, float] | None = None,
    ) -> Any:
        """The first batches of a level, at most an epoch's; training sees them again.

        Those of a Sequence are the ones that it numbers first.

        Args:
            level: pruning rounds so far.
            count: batches at most.
            seed: as of `dataset`.
            class_weight: as in `model.fit`; becomes part of the sample weights.

        Returns:
            The batches, to be read once.

        Raises:
            LotteryError: the data cannot begin again, or `class_weight` does not fit.
        """
        count = min(count, self.steps_per_epoch or count)
        if isinstance(self._x, self._sequences):
            size = min(count, len(self._x))
            read = (self._x[index] for index in range(size))
            return class_weights.weighted(read, class_weight)
        found = self.dataset(level, seed=seed)
        if isinstance(found, tf.data.Dataset):
            found = found.take(count)
        elif self._rows is not None or self._function is not None:
            # Generators that are made anew begin again.
            found = itertools.islice(found, count)
        else:
            raise LotteryError(
                f"a {type(found).__name__} cannot be read for gradients and then "
                "again for training: pass arrays, a Dataset, a Sequence, or a function "
                "of (level, seed)."
            )
        return class_weights.weighted(found, class_weight)

    def check_start(self, start: int) -> None:
        """Refuses to begin in the middle of data that cannot.

        Raises:
            LotteryError: names what kind of data can.
        """
        known = self.arrays is not None or self._function is not None
        if start and not known and not isinstance(self._x, tf.data.Dataset):
            raise LotteryError(
                f"a {type(self._x).__name__} cannot begin at iteration {start}: to "
                "rewind to a later step pass arrays, a Dataset, or a function of "
                "(level, seed) that returns one."
            )

    def settings(self) -> dict[str, Any]:
        """What of the data a resumed search must find again."""
        if self.arrays is not None:
            return {
                "data": self._digest,
                "batch_size": self._batch_size,
                "shuffle": self._shuffle,
            }
        return {"data": examples.describe(self._x)}

    def first_batch(self) -> Any:
        """A batch of (x, y, ...), or None where that would use up the data."""
        if self.arrays is not None:
            size = self._batch_size
            return tf.nest.map_structure(
                lambda t: composites.part(t, 0, size), self.arrays
            )
        if isinstance(self._x, self._sequences):
            return self._x[0]
        dataset = self._x if isinstance(self._x, tf.data.Dataset) else self._first
        if dataset is None and self._function is not None:
            return next(callables.made(self._x, 0, self._seed, self._trainer), None)
        return None if dataset is None else next(iter(dataset.take(1)), None)
