"""What was compiled of a model before its layers held something else."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from lth_keras.compat.graphs import layers_within


def forget_methods(layer: keras.layers.Layer) -> None:
    """Lets every `tf.function` of a layer, and of those inside it, be traced anew.

    Methods of a class are one function for each object, which the class's keeps; what a
    layer has made of `tf.function(...)` itself is an attribute.
    """
    for part in layers_within(layer):
        for owner in type(part).__mro__:
            for value in vars(owner).values():
                if isinstance(value, tf.types.experimental.PolymorphicFunction):
                    value._descriptor_cache.pop(part, None)
        for value in vars(part).values():
            if isinstance(value, tf.types.experimental.PolymorphicFunction):
                value._created_variables = None
                value._variable_creation_config = None
                value._no_variable_creation_config = None


def forget_traces(model: keras.Model) -> None:
    """Lets all that was compiled be so anew: the layers compute something else now."""
    forget_methods(model)
    for part in layers_within(model):
        if isinstance(part, keras.Model):
            part.train_function = part.test_function = part.predict_function = None
            part.train_tf_function = None
    vars(model)["_lth_traces_forgotten"] = traces_forgotten(model) + 1


def traces_forgotten(model: keras.Model) -> int:
    """How often that was; what one has compiled oneself may be of before."""
    return int(vars(model).get("_lth_traces_forgotten", 0))
