"""Operations of keras.ops in a graph, against Keras 3's own results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras3
from lth_keras.converting import operations
from tests.support.keras3_models import array, close

FLOATS = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
POSITIVE = np.abs(FLOATS) + 1.1
INSIDE = np.tanh(FLOATS) * 0.9
WHOLE = np.random.default_rng(0).integers(0, 5, (3, 4, 6)).astype("int32")
TWO, ONES = np.ones((6, 2), "float32"), np.ones((2, 3, 4, 6), "float32")

# By the name of the class: f(keras.ops, input) -> result, one or several.
CALLS: dict[str, Any] = {
    "Add": lambda ops, x: (x + 1, ops.cast(x, "int32") + 0.5),
    "All": lambda ops, x: ops.all(x > 0, -1),
    "Amax": lambda ops, x: ops.amax(x, 1),
    "Amin": lambda ops, x: ops.amin(x, 1),
    "Any": lambda ops, x: ops.any(x > 0, -1, keepdims=True),
    "Argmax": lambda ops, x: (ops.argmax(x, 1), ops.argmax(x), ops.argmax(x, -1, True)),
    "Argmin": lambda ops, x: ops.argmin(x, -1),
    "BroadcastTo": lambda ops, x: ops.broadcast_to(x[0], (3, 4, 6)),
    "Cast": lambda ops, x: ops.cast(x, "int32"),
    "Celu": lambda ops, x: ops.celu(x, 0.7),
    "Clip": lambda ops, x: ops.clip(x, -0.5, 1),
    "Concatenate": lambda ops, x: ops.concatenate([x, ops.cast(x, "int32")], -1),
    "Copy": lambda ops, x: ops.copy(x),
    "Cumsum": lambda ops, x: ops.cumsum(x, 1),
    "DepthToSpace": lambda ops, x: ops.depth_to_space(ops.reshape(x, (-1, 2, 3, 4)), 2),
    "Divide": lambda ops, x: ops.divide(x, 3),
    "Dot": lambda ops, x: ops.dot(x, TWO),
    "DotProductAttention": lambda ops, x: ops.dot_product_attention(
        *[x[:, :, None]] * 3
    ),
    "Einsum": lambda ops, x: ops.einsum("abc,adc->abd", x, x),
    "Elu": lambda ops, x: ops.elu(x, 0.5),
    "Equal": lambda ops, x: ops.equal(ops.cast(x, "int32"), 1),
    "ExpandDims": lambda ops, x: ops.expand_dims(x, 1),
    "Flip": lambda ops, x: (ops.flip(x, 1), ops.flip(x, (1, 2))),
    "FloorDivide": lambda ops, x: x // 0.3,
    "Gelu": lambda ops, x: (ops.gelu(x), ops.gelu(x, False)),
    "GetItem": lambda ops, x: (x[:, 0], x[..., ::2], x[:, None, 1:-1], x[:, -1, 2]),
    "Greater": lambda ops, x: ops.cast(x, "int32") > 0.5,
    "GreaterEqual": lambda ops, x: x >= 0,
    "LeakyRelu": lambda ops, x: ops.leaky_relu(x, 0.1),
    "Less": lambda ops, x: x < 0,
    "LessEqual": lambda ops, x: x <= 0,
    "LogSoftmax": lambda ops, x: ops.log_softmax(x, 1),
    "LogicalAnd": lambda ops, x: ops.logical_and(x > 0, x < 1),
    "LogicalNot": lambda ops, x: ops.logical_not(x > 0),
    "LogicalOr": lambda ops, x: ops.logical_or(x < 0, x > 1),
    "LogicalXor": lambda ops, x: ops.logical_xor(x < 0, x > 1),
    "Logsumexp": lambda ops, x: ops.logsumexp(x, (1, 2)),
    "Matmul": lambda ops, x: (x @ TWO, ops.matmul(x, ops.transpose(x, (0, 2, 1)))),
    "Max": lambda ops, x: ops.max(x, -1),
    "Maximum": lambda ops, x: ops.maximum(x, 0.5),
    "Mean": lambda ops, x: (ops.mean(x, 1), ops.mean(ops.cast(x, "int32"), (1, 2))),
    "Min": lambda ops, x: ops.min(x, (1, 2), keepdims=True),
    "Minimum": lambda ops, x: ops.minimum(x, 0),
    "Mod": lambda ops, x: x % 0.7,
    "Moveaxis": lambda ops, x: (
        ops.moveaxis(x, 1, -1),
        ops.moveaxis(x, (1, 2), (2, 1)),
    ),
    "Multiply": lambda ops, x: 2 * x * x,
    "Norm": lambda ops, x: (
        ops.norm(x, axis=-1),
        ops.norm(x, axis=(1, 2), keepdims=True),
    ),
    "Normalize": lambda ops, x: ops.normalize(x, -1),
    "NotEqual": lambda ops, x: ops.not_equal(x, 0),
    "OneHot": lambda ops, x: ops.one_hot(ops.cast(x, "int32"), 3),
    "OnesLike": lambda ops, x: ops.ones_like(x),
    "Pad": lambda ops, x: (
        ops.pad(x, ((0, 0), (1, 1), (0, 2))),
        ops.pad(x, ((0, 0), (1, 0), (0, 0)), "constant", constant_values=2),
        ops.pad(x, ((0, 0), (1, 1), (0, 2)), "reflect"),
    ),
    "Power": lambda ops, x: x**2,
    "Prod": lambda ops, x: ops.prod(x, 1),
    "Ravel": lambda ops, x: ops.ravel(x),
    "Repeat": lambda ops, x: ops.repeat(x, 2, 1),
    "Reshape": lambda ops, x: ops.reshape(x, (-1, 24)),
    "Resize": lambda ops, x: ops.image.resize(x[..., None], (3, 5)),
    "Roll": lambda ops, x: ops.roll(x, 1, 1),
    "Selu": lambda ops, x: ops.selu(x),
    "Softmax": lambda ops, x: ops.softmax(x, 1),
    "Sort": lambda ops, x: ops.sort(x, -1),
    "SpaceToDepth": lambda ops, x: ops.space_to_depth(ops.reshape(x, (-1, 4, 6, 1)), 2),
    "Split": lambda ops, x: (*ops.split(x, 2, -1), *ops.split(x, [1, 3], 2)),
    "Squareplus": lambda ops, x: ops.squareplus(x, 3),
    "Squeeze": lambda ops, x: ops.squeeze(x[:, :1], 1),
    "Stack": lambda ops, x: ops.stack([x, x * 2], 1),
    "Std": lambda ops, x: ops.std(x, 1),
    "Subtract": lambda ops, x: (1 - x, x - ops.cast(x, "int32")),
    "Sum": lambda ops, x: (ops.sum(x, (1, 2), keepdims=True), ops.sum(x, -1)),
    "Swapaxes": lambda ops, x: ops.swapaxes(x, 1, 2),
    "Take": lambda ops, x: (
        ops.take(x, [0, 2], 1),
        ops.take(x, [0, -2]),
        ops.take(x, -1, 1),
        ops.take(x, ops.cast(x[0, 0] > 0, "int32") - 1, -1),
    ),
    "Tensordot": lambda ops, x: ops.tensordot(x, TWO, 1),
    "Tile": lambda ops, x: ops.tile(x, (1, 2, 1)),
    "TopK": lambda ops, x: ops.top_k(x, 2),
    "Transpose": lambda ops, x: ops.transpose(x, (0, 2, 1)),
    "TrueDivide": lambda ops, x: (x / 3, ops.cast(x, "int32") / 2),
    "Var": lambda ops, x: ops.var(x, (1, 2)),
    "Where": lambda ops, x: ops.where(x > 0, x, 0),
    "ZerosLike": lambda ops, x: ops.zeros_like(x),
}
# Of one tensor: the name in keras.ops, and what it is given.
UNARY = {
    "Abs": "abs",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid",
    "StopGradient": "stop_gradient",
    "TanhShrink": "tanh_shrink",
}
OF = {
    **dict.fromkeys(("Arccosh", "Log", "Log1p", "Reciprocal", "Rsqrt"), POSITIVE),
    **dict.fromkeys(("Sqrt",), POSITIVE),
    **dict.fromkeys(("Arccos", "Arcsin", "Arctanh"), INSIDE),
}
BINARY = {"Arctan2": "arctan2", "DivideNoNan": "divide_no_nan"}


def names_in(model: Any) -> set[str]:
    return {type(operation).__name__ for operation in model.operations}


@pytest.mark.slow
@pytest.mark.parametrize("name", operations.known())
def test_an_operation_gives_what_keras_3_gives(name: str) -> None:
    ops, x = keras3().ops, keras3().Input((4, 6))
    values = OF.get(name, FLOATS)
    if name in CALLS:
        outputs = CALLS[name](ops, x)
    elif name in BINARY:
        outputs = getattr(ops, BINARY[name])(x, x * 2)
    elif name in operations.UNARY:
        outputs = getattr(ops, UNARY.get(name, name.lower()))(x)
    flat = keras3().tree.flatten(outputs)
    source = keras3().Model(x, [*flat, x * 1])
    assert name in names_in(source) or name == "Abs"
    made = lth.from_keras3(source)
    for ours, theirs in zip(source(values), made(values), strict=True):
        assert array(ours).dtype == array(theirs).dtype
        np.testing.assert_allclose(
            array(ours), theirs, atol=2 * close(), rtol=2 * close()
        )


def test_whole_numbers_and_floats_meet_as_in_keras_3() -> None:
    x = keras3().Input((4, 6), dtype="int32")
    source = keras3().Model(x, [x / 2, x * 0.5, keras3().ops.mean(x, 1), x + 1, -x])
    made = lth.from_keras3(source)
    for ours, theirs in zip(source(WHOLE), made(WHOLE), strict=True):
        assert array(ours).dtype == array(theirs).dtype
        np.testing.assert_array_equal(array(ours), theirs)


def test_an_unknown_operation_is_refused_by_its_name() -> None:
    x = keras3().Input((4,))
    source = keras3().Model(x, keras3().ops.sinc(x))
    with pytest.raises(lth.LotteryError, match="keras.ops.numpy.Sinc"):
        lth.from_keras3(source)


def test_a_variable_of_no_layer_is_refused_by_its_name() -> None:
    x, scale = keras3().Input((4,)), keras3().Variable(np.ones(4), name="scale")
    with pytest.raises(lth.LotteryError, match="the variable 'scale'"):
        lth.from_keras3(keras3().Model(x, x * scale))
