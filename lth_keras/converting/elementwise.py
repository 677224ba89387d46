"""Operations of `keras.ops` on each entry: what TensorFlow computes for each.

Keras 3 lets integers and floats meet, TensorFlow does not, so `Operands` of another
dtype are cast to that of the result first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.converting import activations

# Of two tensors or numbers, computed in the dtype of the result.
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": tf.add,
    "Divide": tf.divide,
    "DivideNoNan": tf.math.divide_no_nan,
    "FloorDivide": tf.math.floordiv,
    "Maximum": tf.maximum,
    "Minimum": tf.minimum,
    "Mod": tf.math.floormod,
    "Multiply": tf.multiply,
    "Power": tf.pow,
    "Subtract": tf.subtract,
    "TrueDivide": tf.divide,
    "Arctan2": tf.math.atan2,
}
# Of two tensors or numbers, which have a dtype in common; the result is True or False.
COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "Equal": tf.equal,
    "Greater": tf.greater,
    "GreaterEqual": tf.greater_equal,
    "Less": tf.less,
    "LessEqual": tf.less_equal,
    "NotEqual": tf.not_equal,
}
LOGICAL: dict[str, Callable[..., Any]] = {
    "LogicalAnd": tf.logical_and,
    "LogicalNot": tf.logical_not,
    "LogicalOr": tf.logical_or,
    "LogicalXor": tf.math.logical_xor,
}
# Of one tensor, computed in the dtype of the result.
UNARY: dict[str, Callable[[Any], Any]] = {
    "Abs": tf.abs,
    "Absolute": tf.abs,
    "Arccos": tf.acos,
    "Arccosh": tf.math.acosh,
    "Arcsin": tf.asin,
    "Arcsinh": tf.math.asinh,
    "Arctan": tf.atan,
    "Arctanh": tf.math.atanh,
    "Ceil": tf.math.ceil,
    "Cos": tf.cos,
    "Cosh": tf.math.cosh,
    "Erf": tf.math.erf,
    "Erfc": tf.math.erfc,
    "Exp": tf.exp,
    "Expm1": tf.math.expm1,
    "Floor": tf.floor,
    "HardSigmoid": activations.hard_sigmoid_of_keras3,
    "HardSilu": activations.hard_silu,
    "HardTanh": activations.hard_tanh,
    "Log": tf.math.log,
    "Log1p": tf.math.log1p,
    "LogSigmoid": tf.math.log_sigmoid,
    "Negative": tf.negative,
    "Reciprocal": tf.math.reciprocal,
    "Relu": tf.nn.relu,
    "Relu6": tf.nn.relu6,
    "Rsqrt": tf.math.rsqrt,
    "Selu": tf.nn.selu,
    "Sigmoid": tf.sigmoid,
    "Sign": tf.sign,
    "Silu": tf.nn.silu,
    "Sin": tf.sin,
    "Sinh": tf.math.sinh,
    "Softplus": tf.math.softplus,
    "Softsign": tf.nn.softsign,
    "SparsePlus": activations.sparse_plus,
    "SparseSigmoid": activations.sparse_sigmoid,
    "Sqrt": tf.sqrt,
    "Square": tf.square,
    "StopGradient": tf.stop_gradient,
    "Tan": tf.tan,
    "Tanh": tf.tanh,
    "TanhShrink": activations.tanh_shrink,
}
# Of one tensor; the operation itself, which holds its other arguments, is given first.
WITH_ARGUMENTS: dict[str, Callable[..., Any]] = {
    "Celu": lambda op, x: activations.celu(x, op.alpha),
    "Clip": lambda op, x: tf.clip_by_value(x, op.x_min, op.x_max),
    "Elu": lambda op, x: keras.activations.elu(x, op.alpha),
    "Gelu": lambda op, x: tf.nn.gelu(x, op.approximate),
    "LeakyRelu": lambda op, x: tf.nn.leaky_relu(x, op.negative_slope),
    "LogSoftmax": lambda op, x: tf.nn.log_softmax(x, op.axis),
    "Softmax": lambda op, x: tf.nn.softmax(x, op.axis),
    "Squareplus": lambda op, x: activations.squareplus(x, op.b),
}
