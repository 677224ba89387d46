"""Every method: how it is written, round trip, resume, strategy, trace, export."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.grid import rows
from tests.support import small_search as small

every = pytest.mark.parametrize("name", rows.METHODS)


def made(name: str) -> lth.methods.Method:
    """The method of a row on two layers whose sizes its shares divide."""
    with compat.seeded(1):
        plain = keras.Sequential(
            [
                keras.layers.Dense(8, "relu", input_shape=(6,), name="hidden"),
                keras.layers.Dense(4, name="head"),
            ]
        )
    _, given = lth.methods.parse(rows.METHODS[name].text)
    method = lth.methods.get(name)(plain, **given)
    method.model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return method


def run(
    name: str, directory: pathlib.Path | str, callbacks: list | None = None
) -> lth.methods.MethodSearch:
    search = lth.methods.MethodSearch(made(name), str(directory), seed=3)
    small.fit(search, epochs=1, callbacks=callbacks)
    return search


@every
def test_it_is_written_as_it_is_read(name):
    row = rows.METHODS[name]
    found, given = lth.methods.parse(row.text)
    kind = lth.methods.get(name)
    assert found == name == kind.name and given
    assert tuple(phase.name for phase in kind.phases_of(given)) == row.phases
    method = made(name)
    assert tuple(phase.name for phase in method.plan) == row.phases
    told = method.settings()
    assert told["name"] == name and given.items() <= told.items()
    assert name in str(told) and repr(method).startswith(kind.__name__)


@every
def test_its_model_comes_back_from_a_file(name, tmp_path):
    method = made(name)
    method.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = small.X
    wanted, found = (m(x, training=False) for m in (method.model, again))
    assert np.array_equal(found, wanted)
    assert again.get_config() == method.model.get_config()


class Stop(keras.callbacks.Callback):
    """Ends a run in the last step of its first phase."""

    def on_train_end(self, logs=None):
        raise InterruptedError


@pytest.mark.slow
@every
def test_it_ends_in_a_ticket_and_stopped_ends_the_same(name, tmp_path):
    row = rows.METHODS[name]
    search = run(name, tmp_path / "whole")
    lines = [line["level"] for line in search.results]
    assert lines == list(range(len(row.phases)))
    ticket = search.ticket(len(row.phases) - 1)
    assert ticket.density == pytest.approx(row.density, abs=0.2)
    if search.method.plan[-1].learns is False:
        assert ticket.density == row.density
    for weight, mask in ticket.pruned():
        assert not weight.value[~mask].any()
    # One trace served every phase, but for a schedule's, and there is none.
    assert search.model.train_function.experimental_get_tracing_count() == 1
    with pytest.raises(InterruptedError):
        run(name, tmp_path / "cut", [Stop()])
    keras.backend.clear_session()
    run(name, tmp_path / "cut")
    assert small.lines(tmp_path / "cut") == small.lines(tmp_path / "whole")
    found, wanted = (small.fingerprints(tmp_path / n) for n in ("cut", "whole"))
    assert found == wanted


@pytest.mark.slow
@every
def test_what_it_found_is_exported_and_trained_on(name, tmp_path):
    method = made(name)
    for _ in method.phases():
        method.model.fit(small.X, small.Y, batch_size=10, verbose=0)
    ticket = method.ticket()
    ticket.save(tmp_path / "ticket")
    with compat.seeded(1):
        plain = keras.models.clone_model(lth.unwrap(method.model))
    wrapped = lth.wrap(plain)
    lth.Ticket.load(tmp_path / "ticket").apply(wrapped)
    lth.verify(wrapped)
    assert Network.of(wrapped).density == ticket.density
    report = lth.export_saved_model(wrapped, tmp_path / "served")
    assert report is not None and (tmp_path / "served").is_dir()
    small_one = lth.compact(wrapped)
    np.testing.assert_allclose(
        small_one.predict(small.X, verbose=0),
        wrapped.predict(small.X, verbose=0),
        rtol=0,
        atol=1e-5,
    )
    wrapped.compile("sgd", "mse")
    wrapped.fit(small.X, np.zeros((len(small.X), 4)), verbose=0)
    lth.verify(wrapped)


def on_two_replicas() -> None:
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name in rows.METHODS:
        with strategy.scope():
            search = run(name, f"run_{name}")
        for weight in Network.of(search.model).pruned:
            first, second = (part.numpy() for part in weight.mask.values)
            assert np.array_equal(first, second)
        assert search.ticket(search.levels).density > 0


@pytest.mark.slow
@pytest.mark.distributed
def test_it_trains_on_two_replicas(in_own_process):
    in_own_process(on_two_replicas, timeout=900)
