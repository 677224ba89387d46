"""A model of a ParameterServerStrategy: workers out of step give no result twice."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.distributed, pytest.mark.slow]


def refused_in_the_scope_and_outside() -> None:
    import os
    import socket
    from collections.abc import Callable

    import tensorflow as tf

    import lth_keras as lth
    from lth_keras.compat import keras

    def place() -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{free.getsockname()[1]}"

    # A worker and a parameter server, both in this process.
    tasks = tf.train.ClusterSpec({"worker": [place()], "ps": [place()]})
    servers = [
        tf.distribute.Server(tasks, job_name=name, task_index=0, protocol="grpc")
        for name in ("worker", "ps")
    ]
    strategy = tf.distribute.ParameterServerStrategy(
        tf.distribute.cluster_resolver.SimpleClusterResolver(tasks, rpc_layer="grpc")
    )
    with strategy.scope():
        model = keras.Sequential([keras.layers.Dense(4, input_shape=(3,))])
        model.compile("sgd", "mse")

    def refused(act: Callable[[], object]) -> None:
        try:
            act()
        except lth.LotteryError as error:
            assert "ParameterServerStrategy" in str(error)
            assert "use MirroredStrategy" in str(error) and "\n" not in str(error)
        else:
            raise AssertionError("it was taken")

    def search() -> None:
        lth.LotterySearch(model, levels=1, directory="run")

    acts = [lambda: lth.wrap(model), lambda: lth.hold(model), search]
    for act in acts:
        refused(act)
    with strategy.scope():
        for act in acts:
            refused(act)
    assert servers and not os.path.exists("run")
    assert not any("mask" in variable.name for variable in model.variables)
    print("checked", flush=True)
    # Servers have no end of their own.
    os._exit(0)


def test_it_is_refused_in_one_line(in_own_process):
    assert "checked" in in_own_process(refused_in_the_scope_and_outside)
