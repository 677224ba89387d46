"""What several benchmarks time: steps of `fit`, and calls in TFLite."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.training import batches


def trained(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    compiled: bool,
    steps: int,
) -> Callable[[], object]:
    """A function that trains a classifier of ten classes for steps of batch 60.

    Args:
        model: of images, not compiled.
        optimizer: what trains it.
        compiled: whether by XLA.
        steps: how many.
    """
    rng = np.random.default_rng(0)
    x = rng.random((1200, *model.input_shape[1:]), np.float32)
    y = rng.integers(0, 10, 1200)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=compiled,
        steps_per_execution=10,
    )
    data = batches.batches((x, y), 60)
    return lambda: model.fit(data, steps_per_epoch=steps, verbose=0)


def in_tflite(model: keras.Model, batch: int, calls: int) -> Callable[[], object]:
    """A function that calls a model many times in TFLite, on one thread.

    Args:
        model: of one input.
        batch: examples per call.
        calls: how many.
    """
    shape = (batch, *model.input_shape[1:])
    function = tf.function(lambda images: model(images, training=False))
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(tf.TensorSpec(shape, tf.float32))], model
    )
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        content = converter.convert()
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    images = np.random.default_rng(0).random(shape, np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)

    def many() -> None:
        for _ in range(calls):
            interpreter.invoke()

    return many
