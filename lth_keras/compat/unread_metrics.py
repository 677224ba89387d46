"""Metrics that replicas read once for many steps, and not after every one of them.

To read a metric is to add up what every replica has counted. Keras does it after each
step, where `fit` sees what the last step of an execution read, and nothing else: of a
small network it takes longer than a replica's gradients.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.engine import training as _training

from lth_keras.compat.whole_batches import Parts

# What a model of Keras's own does in a step, and reads of it.
_STEPS = (
    *("train_step", "test_step", "compute_metrics", "get_metrics_result"),
    "make_train_function",
)


def may_stay_unread(model: keras.Model) -> bool:
    """Whether several replicas make Keras's own steps, which return metrics alone.

    Not where XLA compiles the steps of GPUs and TPUs, on which nobody has tried it.
    """
    strategy, kind = model.distribute_strategy, type(model)
    own = vars(model).keys() & set(_STEPS)
    own |= {n for n in _STEPS if getattr(kind, n) is not getattr(keras.Model, n)}
    return not (
        own
        or strategy.num_replicas_in_sync == 1
        or isinstance(strategy, tf.distribute.TPUStrategy)
        or model.run_eagerly
        or model.jit_compile
    )


@contextlib.contextmanager
def unread(model: keras.Model) -> Iterator[None]:
    """Lets steps that are traced meanwhile count, and return no metrics.

    Replicas are traced in turns, in threads of their own: this stands around
    `strategy.run`, not within it.
    """
    found: dict[Any, tf.Tensor] = {}

    def nothing() -> dict[str, tf.Tensor]:
        # A loop of steps must return a tensor. One for all replicas is not reduced.
        graph = tf.compat.v1.get_default_graph()
        if graph not in found:
            found[graph] = tf.constant(0.0)
        return {"unread": found[graph]}

    with _replaced(model, "get_metrics_result", nothing):
        yield


def metrics_read(model: keras.Model) -> Any:
    """The metrics by name, of all replicas, as Keras's training step returns them."""
    strategy = model.distribute_strategy
    return _training.reduce_per_replica(
        strategy.run(model.get_metrics_result),
        strategy,
        reduction=model.distribute_reduction_method,
    )


@contextlib.contextmanager
def read_once_an_execution(model: keras.Model) -> Iterator[None]:
    """Lets a `fit` read metrics once an execution, where they `may_stay_unread`."""
    if not may_stay_unread(model):
        yield
        return
    make = model.make_train_function

    def made(force: bool = False) -> Any:
        if model.train_function is not None and not force:
            return model.train_function
        steps = make(force)

        def train_function(iterator: Any) -> Any:
            if isinstance(iterator, tf.data.Iterator):
                iterator = Parts(iterator, model.distribute_strategy)
            with unread(model):
                steps(iterator)
            return metrics_read(model)

        model.train_tf_function = tf.function(train_function, reduce_retracing=True)
        model.train_function = model.train_tf_function
        return model.train_function

    with _replaced(model, "make_train_function", made):
        yield


@contextlib.contextmanager
def _replaced(model: keras.Model, method: str, function: Any) -> Iterator[None]:
    # Not through setattr, by which Keras would track it.
    vars(model)[method] = function
    try:
        yield
    finally:
        del vars(model)[method]
