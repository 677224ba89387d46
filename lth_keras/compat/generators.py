"""Random generators of layers and of whole processes, made to follow a seed."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.eager import context as _context
from tf_keras.src import backend as _backend


def reset_generators(model: keras.Model, seed: int) -> None:
    """Starts the random generators of a model's layers afresh from `seed`.

    Those of dropout-like layers, and each `tf.random.Generator` that is an attribute of
    the model or of a layer.
    """
    sequence = np.random.SeedSequence(seed)
    layers = list(model._flatten_layers())
    holders = (getattr(layer, "_random_generator", None) for layer in layers)
    found = [getattr(holder, "_generator", None) for holder in holders]
    own = (value for layer in layers for value in vars(layer).values())
    found += {id(v): v for v in own if isinstance(v, tf.random.Generator)}.values()
    for generator in found:
        if generator is not None:
            (child,) = sequence.spawn(1)
            generator.reset_from_seed(int(child.generate_state(1)[0]))


def make_generators_resettable(model: keras.Model) -> None:
    """Gives dropout-like layers that are made already generators that can be reset.

    What `resettable_generators` does for those that are not.
    """
    for layer in model._flatten_layers():
        holder = vars(layer).get("_random_generator")
        if holder is not None and getattr(holder, "_generator", None) is None:
            holder._rng_type = holder.RNG_STATEFUL
            holder._built = False
            holder._maybe_init()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes random initial weights follow `seed`, then restores every generator.

    Python's, NumPy's, TensorFlow's and Keras's own generators are set as
    `keras.utils.set_random_seed` sets them, but only within the block.
    """
    states = random.getstate(), np.random.get_state(), _context.global_seed()
    generator = getattr(_backend._SEED_GENERATOR, "generator", None)
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        tf.random.set_seed(states[2])
        _backend._SEED_GENERATOR.generator = generator


@contextlib.contextmanager
def untouched_generators() -> Iterator[None]:
    """Puts the global generators back after what runs within, such as a trace.

    TensorFlow's own are not among them: a trace draws from those of its graph.
    """
    states = random.getstate(), np.random.get_state()
    generator = getattr(_backend._SEED_GENERATOR, "generator", None)
    seeds = None if generator is None else generator.getstate()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if generator is not None:
            generator.setstate(seeds)


@contextlib.contextmanager
def resettable_generators() -> Iterator[None]:
    """Layers made inside get random generators that can be reset.

    The legacy ones bake their seed into the traced train step, so that a resumed run
    would draw other dropout masks than an uninterrupted one.
    """
    experimental = keras.backend.experimental
    before = experimental.is_tf_random_generator_enabled()
    experimental.enable_tf_random_generator()
    try:
        yield
    finally:
        if not before:
            experimental.disable_tf_random_generator()
