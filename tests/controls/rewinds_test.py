"""Controls of another rewind: where weights, schedule and optimizer go on from."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import controls
from lth_keras.compat import keras
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.runs import trained
from lth_keras.storage import paths
from tests.support import small_search as small
from tests.support.control_cases import (
    LEVEL,
    STEPS,
    X,
    Y,
    applied,
    masks,
    on,
    search,
    values,
)

layers = keras.layers


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


def test_fine_tuning_goes_on_where_the_schedule_ended(searched):
    assert applied(searched, "fine_tune").plan.after == STEPS
    assert applied(searched, "lr_rewind").plan.after == 0


@pytest.mark.slow
def test_rewinding_to_a_step_that_was_not_stored_trains_level_0_again(tmp_path):
    """Against the weights that a search rewound to that step has."""
    here = search(tmp_path / "here", small.kept(dropout=0.3))
    there = search(tmp_path / "there", small.kept(dropout=0.3), rewind_to="3it")
    leftover = tmp_path / "here" / "replays" / (paths.TEMPORARY_PREFIX + "1")
    leftover.mkdir(parents=True)
    found = applied(here, "weight_rewind:step=3it").ticket
    assert not leftover.exists()
    assert small.same_bits(
        values(found), on(values(there.theta), masks(here.ticket(LEVEL)))
    )
    assert found.step == 3
    assert found.optimizer.keys() == there.theta.optimizer.keys()
    for name, value in there.theta.optimizer.items():
        assert small.bits(found.optimizer[name]) == small.bits(value), name
    with pytest.raises(LotteryError, match="step=5it is past the end of a run of 5"):
        applied(here, "weight_rewind:step=5it")
    with pytest.raises(LotteryError, match="step='soon' is not a point"):
        applied(here, "weight_rewind:step=soon")


@pytest.mark.slow
def test_a_replay_lets_callbacks_see_what_they_saw(tmp_path):
    """One that lowers the rate by the validation loss, against a rewound search."""
    found = []
    for name, rewind in (("a", "0it"), ("b", "7it")):
        one = lth.LotterySearch(small.kept(), 1, str(tmp_path / name),
                                rewind_to=rewind)  # fmt: skip
        lower = keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=9, factor=0.01)
        one.fit(X, Y, batch_size=10, epochs=3, verbose=0, callbacks=[lower],
                validation_data=(X, Y))  # fmt: skip
        found.append(one)
    here, there = found
    replayed = applied(here, "weight_rewind:step=7it", level=1).ticket
    rewound = on(values(there.theta), masks(here.ticket(1)))
    assert small.same_bits(values(replayed), rewound)


@pytest.mark.slow
def test_with_fresh_optimizer_state_a_replay_has_none_of_its_own(tmp_path):
    one = search(tmp_path, optimizer_state="fresh", rewind_to="3it")
    found = applied(one, "weight_rewind:step=2it").ticket
    assert found.step == 2
    assert found.optimizer.keys() == one.ticket(0).optimizer.keys()
    for name, value in one.ticket(0).optimizer.items():
        assert small.bits(found.optimizer[name]) == small.bits(value), name


@pytest.mark.slow
def test_fine_tuning_trains_at_the_schedules_last_rate(tmp_path) -> None:
    """Against gradient steps by hand at that rate, on the same batches."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1, 3], [0.5, 0.2, 0.1]
    )
    plain = keras.Sequential([layers.Dense(3, input_shape=(6,))])
    model = small.compiled(plain, keras.optimizers.SGD(schedule))
    one = search(tmp_path, model, levels=1)
    traced = model.train_function
    controls.run(one, "fine_tune", levels=[1])
    assert model.train_function is traced
    place = one.directory.control("fine_tune", 1)
    (kernel, bias), mask = one.trained_weights(0), one.ticket(1).weights[0].mask
    kernel = small.masked(kernel, mask).astype(np.float64)
    bias = bias.astype(np.float64)
    seed = syntax.seed_of(0, "fine_tune", 1, 0)
    for x, y in one.plan.feed.dataset(1, 0, seed).take(5).as_numpy_iterator():
        logits = x @ kernel + bias
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        kernel -= 0.1 * (x.T @ p / len(y)) * mask
        bias -= 0.1 * p.mean(0)
    found = list(trained.read(place).values())
    np.testing.assert_allclose(found[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1], bias, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_fine_tuning_holds_the_rate_of_the_last_step(tmp_path) -> None:
    """Past its end a cosine is 0, and would not train at all."""
    schedule = keras.optimizers.schedules.CosineDecay(0.5, 5)
    plain = keras.Sequential([layers.Dense(3, input_shape=(6,))])
    one = search(
        tmp_path, small.compiled(plain, keras.optimizers.SGD(schedule)), levels=1
    )
    controls.run(one, "fine_tune", levels=[1])
    place = one.directory.control("fine_tune", 1)
    begun = lth.Ticket.load(place.ticket).weights[0].value
    ended = next(iter(trained.read(place).values()))
    rate = 0.5 * (1 + np.cos(np.pi * 4 / 5)) / 2
    assert 0 < np.abs(ended - begun).max() < 5 * rate * np.abs(X).max()


def test_callbacks_of_fine_tuning_see_the_epochs_after_the_last(tmp_path) -> None:
    epochs = []
    seen = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.append(epoch)
    )
    one = lth.LotterySearch(small.kept(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[seen])
    controls.run(one, "fine_tune")
    controls.run(one, "lr_rewind")
    assert epochs == [0, 1, 0, 1, 2, 3, 0, 1]
