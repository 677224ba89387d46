"""Layers as users write them: subclasses, unknown ones, ones that say what to prune."""

from __future__ import annotations

from lth_keras.compat import keras

layers = keras.layers


@keras.utils.register_keras_serializable("model_zoo")
class MyDense(layers.Dense):
    """A subclass of Dense that changes nothing."""


@keras.utils.register_keras_serializable("model_zoo")
class Scale(layers.Layer):
    """A custom layer that is not known to the library."""

    def build(self, shape):
        self.factor = self.add_weight("factor", (shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.factor


@keras.utils.register_keras_serializable("model_zoo")
class Bilinear(layers.Layer):
    """A custom layer that says what to prune; it does not support masking."""

    def build(self, shape):
        self.left = self.add_weight("left", (shape[-1], 3))
        self.right = self.add_weight("right", (shape[-1], 3))
        self.offset = self.add_weight("offset", (3,))

    def call(self, inputs):
        return (inputs @ self.left) * (inputs @ self.right) + self.offset

    def get_prunable_weights(self):
        return [self.left, self.right]


class Listed(layers.Layer):
    """Keeps one kernel as an attribute and one in a list."""

    def build(self, shape):
        self.single = self.add_weight("single", (shape[-1], 2))
        self.several = [self.add_weight("several", (shape[-1], 2))]

    def call(self, inputs):
        return inputs @ self.single + inputs @ self.several[0]

    def get_prunable_weights(self):
        return [self.single, *self.several]


class AlsoListed(layers.Dense):
    """Reads its kernel from a dict."""

    def build(self, shape):
        super().build(shape)
        self.parts = {"nested": [self.kernel]}

    def call(self, inputs):
        return inputs @ self.parts["nested"][0]


class Computed(layers.Dense):
    """Its kernel is no weight but follows from one."""

    def build(self, shape):
        self.basis = self.add_weight("basis", (shape[-1], self.units))
        self.built = True

    @property
    def kernel(self):
        return self.basis / 2.0

    @kernel.setter
    def kernel(self, value):
        pass

    def call(self, inputs):
        return inputs @ self.kernel


class Aliased(layers.Dense):
    """Reads its kernel under another name."""

    def build(self, shape):
        super().build(shape)
        self.second_name = self.kernel

    def call(self, inputs):
        return inputs @ self.second_name
