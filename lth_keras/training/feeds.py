"""What `fit` is given as data, as one dataset per level that can begin at any step.

Arrays become epoch-shuffled batches from (seed, level, epoch); a function
f(level, seed) is asked for a Dataset; a Dataset or generator is used as it is.
"""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import batches

_BATCH_SIZE = 32  # Keras's own default


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

    Attributes:
        steps_per_epoch: iterations per epoch, or None where `fit` alone finds out.
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
    ):
        self._x, self._seed, self._shuffle = x, seed, shuffle
        self.steps_per_epoch = steps_per_epoch
        self._batch_size = batch_size or _BATCH_SIZE
        self._arrays: Any = None
        self._digest: str | None = None
        self._first: tf.data.Dataset | None = None
        if batch_size is not None and batch_size < 1:
            raise LotteryError(f"batch_size={batch_size!r}: give 1 or more examples.")
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise LotteryError(
                f"steps_per_epoch={steps_per_epoch!r}: give 1 or more iterations."
            )
        if x is None:
            raise LotteryError(
                "x=None: give arrays, a Dataset, or a function of (level, seed)."
            )
        if is_arrays(x):
            self._take_arrays(x, y, sample_weight)
            return
        if y is not None or sample_weight is not None or batch_size is not None:
            raise LotteryError(
                "y, sample_weight and batch_size go with arrays: a Dataset or a "
                "function of (level, seed) gives batches of (x, y) by itself."
            )
        if isinstance(x, tf.data.Dataset):
            self._infer(x)
        elif callable(x):
            self._first = self._made(0, seed)
            self._infer(self._first)
        elif isinstance(x, keras.utils.Sequence) and steps_per_epoch is None:
            self.steps_per_epoch = len(x)

    def _take_arrays(self, x: Any, y: Any, sample_weight: Any) -> None:
        if y is None and sample_weight is not None:
            raise LotteryError("sample_weight is given without y: give both.")
        given = tuple(value for value in (x, y, sample_weight) if value is not None)
        if not is_arrays(given):
            raise LotteryError(
                "x, y and sample_weight are NumPy arrays or tensors, or lists and "
                "dicts of them: convert them with np.asarray."
            )
        arrays = tf.nest.map_structure(np.asarray, given)
        flat = tf.nest.flatten(arrays)
        if len({len(array) for array in flat}) > 1:
            raise LotteryError(
                f"x, y and sample_weight have {[len(a) for a in flat]} examples: "
                "give the same number of each."
            )
        self._digest = describe(arrays)
        self._arrays = tf.nest.map_structure(tf.convert_to_tensor, arrays)
        if self.steps_per_epoch is None:
            self.steps_per_epoch = batches.steps_per_epoch(
                len(flat[0]), self._batch_size
            )

    def _made(self, level: int, seed: int, **start: int) -> tf.data.Dataset:
        dataset = self._x(level, seed, **start)
        if not isinstance(dataset, tf.data.Dataset):
            raise LotteryError(
                f"x(level={level}, seed={seed}) returned a {type(dataset).__name__}: "
                "return a tf.data.Dataset of (x, y) batches."
            )
        return dataset

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
        if self._arrays is not None:
            return batches.batches(
                self._arrays,
                self._batch_size,
                seed=seed,
                level=level,
                start=start,
                shuffle=self._shuffle,
            )
        if isinstance(self._x, tf.data.Dataset):
            found = self._x
        elif callable(self._x):
            if start and "start" in inspect.signature(self._x).parameters:
                found = self._made(level, seed, start=start)
                if found.cardinality() >= 0:
                    raise LotteryError(
                        f"x(level={level}, seed={seed}, start={start}) returned a "
                        "Dataset with an end: let it go on with .repeat() before it "
                        "skips to the start."
                    )
                start = 0
            else:
                found = self._made(level, seed)
        else:
            self.check_start(start)
            return self._x
        if self._first is not None:
            _check_spec(self._first, found, level)
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
        if isinstance(self._x, keras.utils.Sequence):
            size = min(count, len(self._x))
            read = (self._x[index] for index in range(size))
            return _weighted(read, class_weight)
        found = self.dataset(level, seed=seed)
        if not isinstance(found, tf.data.Dataset):
            raise LotteryError(
                f"a {type(found).__name__} cannot be read for gradients and then "
                "again for training: pass arrays, a Dataset, a Sequence, or a function "
                "of (level, seed)."
            )
        return _weighted(found.take(count), class_weight)

    def check_start(self, start: int) -> None:
        """Refuses to begin in the middle of data that cannot.

        Raises:
            LotteryError: names what kind of data can.
        """
        known = self._arrays is not None or callable(self._x)
        if start and not known and not isinstance(self._x, tf.data.Dataset):
            raise LotteryError(
                f"a {type(self._x).__name__} cannot begin at iteration {start}: to "
                "rewind to a later step pass arrays, a Dataset, or a function of "
                "(level, seed) that returns one."
            )

    def settings(self) -> dict[str, Any]:
        """What of the data a resumed search must find again."""
        if self._arrays is not None:
            return {
                "data": self._digest,
                "batch_size": self._batch_size,
                "shuffle": self._shuffle,
            }
        return {"data": describe(self._x)}

    def first_batch(self) -> Any:
        """A batch of (x, y, ...), or None where that would use up the data."""
        if self._arrays is not None:
            size = self._batch_size
            return tf.nest.map_structure(lambda t: t[:size], self._arrays)
        if isinstance(self._x, keras.utils.Sequence):
            return self._x[0]
        dataset = self._x if isinstance(self._x, tf.data.Dataset) else self._first
        return None if dataset is None else next(iter(dataset.take(1)), None)


def _weighted(found: Any, class_weight: dict[int, float] | None) -> Any:
    """The batches with `class_weight` in their sample weights, as `fit` sees them."""
    if not class_weight:
        return found
    try:
        weigh = compat.weighting_by_class(class_weight)
        if isinstance(found, tf.data.Dataset):
            return found.map(weigh)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise LotteryError(f"class_weight={class_weight!r}: {reason}") from error
    return (
        weigh(*tf.nest.map_structure(tf.convert_to_tensor, tuple(batch)))
        for batch in found
    )


def is_arrays(x: Any) -> bool:
    """Whether `x` is an array or a structure of arrays, each of some examples."""
    flat = tf.nest.flatten(x) if isinstance(x, (dict, list, tuple)) else [x]
    return bool(flat) and all(
        isinstance(a, (np.ndarray, tf.Tensor)) and len(a.shape) > 0 for a in flat
    )


def describe(data: Any) -> str | None:
    """A digest of arrays, else the name of a function or of a class.

    It is all that a resumed search can compare of its data.
    """
    if data is None:
        return None
    if not is_arrays(data):
        return getattr(data, "__qualname__", None) or type(data).__qualname__
    digest = hashlib.sha256()
    for array in map(np.asarray, tf.nest.flatten(data)):
        digest.update(f"{array.dtype}{array.shape}".encode())
        if array.dtype.hasobject:
            digest.update(repr(array.tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _check_spec(first: tf.data.Dataset, other: tf.data.Dataset, level: int) -> None:
    if first.element_spec != other.element_spec:
        raise LotteryError(
            f"x(level={level}, seed) has batches of another kind than level 0 "
            f"({other.element_spec} against {first.element_spec}): give every level "
            "the same shapes and dtypes."
        )
