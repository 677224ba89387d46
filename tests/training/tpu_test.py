"""What a TPU asks of the train step, as far as it shows without one.

The step of a wrapped and of a held model, compiled by XLA: shapes are static, and no
operation runs on the host. No TPU was there to run it.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.training import batches

BATCH = 8
# Operations that TensorFlow runs on the host, or that a device must wait for.
_ON_HOST = re.compile(
    r"PyFunc|EagerPyFunc|Print|Assert|Host|String|Where$|Unique|Outfeed|Infeed|Queue"
    r"|Iterator|ReadFile|Decode"
)


def images() -> keras.Sequential:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(3, kernel_regularizer="l2"),
        ]
    )


def compiled(in_place: bool, strategy: Any, jit: bool) -> keras.Model:
    with strategy.scope():
        model = lth.hold(images(), 0.3) if in_place else lth.wrap(images(), 0.3)
        model.compile(
            keras.optimizers.Adam(0.01, clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=jit,
        )
    return model


def operations(graph: Any) -> set[str]:
    """Kinds of operations of a graph and of all functions that it calls."""
    definition = graph.as_graph_def()
    nodes = list(definition.node)
    for function in definition.library.function:
        nodes += function.node_def
    return {node.op for node in nodes}


def data() -> tf.data.Dataset:
    x = np.zeros((20, 8, 8, 1), np.float32)
    return batches.batches((x, np.zeros(20)), BATCH, drop_remainder=True)


def check(graph: Any) -> None:
    """Asserts that nothing of a step is the host's, and that shapes are known."""
    found = operations(graph)
    assert "Conv2DBackpropFilter" in found
    assert not {name for name in found if _ON_HOST.search(name)}
    for op in graph.get_operations():
        # What a normalisation keeps for a GPU's library is of no known size anywhere.
        if op.type.startswith("FusedBatchNorm") or op.type == "ZerosLike":
            continue
        for tensor in op.outputs:
            if tensor.dtype not in (tf.resource, tf.variant):
                assert tensor.shape.is_fully_defined(), op.name


@pytest.mark.parametrize(
    "in_place",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["wrap", "hold"],
)
def test_the_whole_train_step_is_static_and_has_nothing_on_the_host(in_place):
    """With dropout, clipping, metrics and penalties."""
    model = compiled(in_place, tf.distribute.get_strategy(), jit=True)
    assert [each.shape[0] for each in data().element_spec] == [BATCH, BATCH]
    step = tf.function(model.train_step, jit_compile=True)
    check(step.get_concrete_function(data().element_spec).graph)
    hlo = step.experimental_get_compiler_ir(next(iter(data())))(stage="hlo")
    assert "f32[8,8,8,1]" in hlo
    # A dynamic dimension is written with its bound, as <=8.
    assert "<=" not in hlo
    assert not re.search(r"callback|outfeed|infeed|send|recv", hlo)


@pytest.mark.slow
def test_so_it_is_on_the_one_replica_of_a_strategy():
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    model = compiled(False, strategy, jit=True)
    model.fit(data(), steps_per_epoch=1, verbose=0)
    inner = tf.function(model.train_step, jit_compile=True)
    step = tf.function(lambda *batch: strategy.run(inner, args=(batch,)))
    check(step.get_concrete_function(*data().element_spec).graph)


def test_batches_of_several_sizes_are_refused_for_a_tpu(tmp_path, monkeypatch):
    from lth_keras.compat import strategies

    monkeypatch.setattr(strategies, "_OfTpu", tf.distribute.OneDeviceStrategy)
    model = compiled(False, tf.distribute.OneDeviceStrategy("/cpu:0"), jit=False)
    x, y = np.zeros((20, 8, 8, 1), np.float32), np.zeros(20)
    search = lth.LotterySearch(model, levels=1, directory=tmp_path / "run")
    with pytest.raises(lth.LotteryError, match="a TPU takes batches of one size"):
        search.fit(x, y, batch_size=BATCH, verbose=0)
    assert not (tmp_path / "run").exists()
