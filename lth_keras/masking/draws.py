"""Uniform numbers that cost a few operations an entry, by seed, step and position.

TensorFlow's stateless generators take ten times as long as the train step whose masks
they would draw. What a mask needs is less: entries that do not depend on each other,
and the same ones whenever a step is done again. Each entry mixes its position with a
key of its seed and step, by multiplications and shifts that carry every bit into the
upper ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

# Odd, with bits in no pattern: 2**32 divided by the golden ratio, and primes.
_STEP, _SEED, _FIRST, _SECOND = 0x9E3779B1, 0x85EBCA77, 0x7FEB352D, 0x846CA68B


def uniform(shape: Sequence[int], seed: int, step: tf.Tensor) -> tf.Tensor:
    """Numbers in [0, 1), multiples of 2**-24.

    Args:
        shape: how many, static.
        seed: another one gives other numbers; any whole number.
        step: int64 scalar, counted from 0; another one gives other numbers.

    Returns:
        float32 tensor of that shape, the same on every machine.
    """
    size = math.prod(shape)
    key = tf.cast(step, tf.uint32) * _u32(_STEP)
    key = _mixed(key + _mixed(_u32(seed) * _u32(_SEED) + _u32(_STEP)))
    position = tf.cast(tf.range(size), tf.uint32)
    # Mixed twice: with one pass between them keys that differ by little would show.
    bits = _mixed(tf.bitwise.bitwise_xor(_mixed(position * _u32(_STEP) + key), key))
    numbers = tf.cast(tf.bitwise.right_shift(bits, _u32(8)), tf.float32)
    return tf.reshape(numbers * 2.0**-24, shape)


def _mixed(bits: tf.Tensor) -> tf.Tensor:
    for shift, factor in ((16, _FIRST), (15, _SECOND)):
        bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _u32(shift)))
        bits *= _u32(factor)
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _u32(16)))


def _u32(number: int) -> tf.Tensor:
    return tf.constant(number % 2**32, tf.uint32)
