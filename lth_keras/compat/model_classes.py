"""What a model class of the caller's does itself: its call, its steps."""

from __future__ import annotations

import tf_keras as keras

from lth_keras.compat.graphs import has_call


def has_own_training(model: keras.Model) -> bool:
    """Whether the class has a `train_step` of its own."""
    return type(model).train_step is not keras.Model.train_step


def has_own_test(model: keras.Model) -> bool:
    """Whether the class has a `test_step` of its own."""
    return type(model).test_step is not keras.Model.test_step


def can_test(model: keras.Model) -> bool:
    """Whether `test_step` can work: Keras's own calls the model."""
    return has_call(model) or has_own_test(model)


def has_own_loss(model: keras.Model) -> bool:
    """Whether the class has a `compute_loss` of its own."""
    return type(model).compute_loss is not keras.Model.compute_loss
