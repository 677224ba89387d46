"""Strategy 2, continued training: the masks that stock tfmot's own loop finds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras, sparsity
from lth_keras.errors import LotteryError
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rewind", "how"),
    [
        ("3it", {}),
        pytest.param("5it", {"jit_compile": True, "steps_per_execution": 5}, id="xla"),
    ],
)
def test_continued_training_is_stock_tfmots_without_any_reset(tmp_path, rewind, how):
    """Against the loop written by hand: one model, never reset, masks read off it."""
    one = lth.LotterySearch(
        small.compiled(optimizer=keras.optimizers.Adam(0.02), **how),
        LEVEL,
        str(tmp_path),
        rewind_to=rewind,
    )
    one.fit(X, Y, batch_size=10, epochs=STEPS // 5 + (rewind == "5it"), verbose=0)
    plain = small.dense_model()
    for variable, weight in zip(plain.weights, _in_order(one, plain), strict=True):
        variable.assign(weight)
    steps = one.plan.iterations
    schedule = lth.IterativePruning(0.3, steps_per_level=steps)
    stock = keras.models.clone_model(
        plain,
        clone_function=lambda layer: (
            sparsity.prune_low_magnitude(
                type(layer).from_config(layer.get_config()), schedule
            )
            if isinstance(layer, keras.layers.Dense)
            else type(layer).from_config(layer.get_config())
        ),
    )
    for ours, theirs in zip(stock.layers, plain.layers, strict=True):
        ours.set_weights([*theirs.get_weights(), *ours.get_weights()[2:]]
                         if isinstance(theirs, keras.layers.Dense)
                         else theirs.get_weights())  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    stock.compile(keras.optimizers.Adam(0.02), loss, **how)
    kernels = [0, 6]  # positions of the two kernels among the weights
    by_hand = []
    for level in range(LEVEL + 1):
        stock.fit(
            one.plan.feed.dataset(level, 0, one.seed),
            steps_per_epoch=steps
            if level < LEVEL
            else how.get("steps_per_execution", 1),
            callbacks=[sparsity.UpdatePruningStep()],
            verbose=0,
        )
        if level == 0:
            continue
        layers = [layer for layer in stock.layers if hasattr(layer, "pruning_vars")]
        by_hand.append([layer.pruning_vars[0][1].numpy() != 0 for layer in layers])
    # The last level first: on the way to it the others are found and stored.
    for level in range(LEVEL, 0, -1):
        found = applied(one, "continued", level=level).ticket
        for index, mask in zip(kernels, by_hand[level - 1], strict=True):
            np.testing.assert_array_equal(found.weights[index].mask, mask)
            assert mask.sum() == round(mask.size * 0.7**level)
        assert small.same_bits(values(found), on(values(one.theta), masks(found)))
        assert found.step == int(rewind[0])


def _in_order(one: lth.LotterySearch, model: keras.Model) -> list[np.ndarray]:
    found = values(one.ticket(0))
    assert [v.shape for v in found] == [tuple(v.shape) for v in model.weights]
    return found


@pytest.mark.slow
def test_continued_training_begins_at_the_searchs_first_learning_rate(tmp_path):
    """Though callbacks left another one in the optimizer."""
    seen = []

    class Rate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rate = self.model.optimizer.learning_rate
            seen.append(round(float(rate), 6))
            rate.assign(1e-6)

    one = lth.LotterySearch(small.kept(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=10, verbose=0, callbacks=[Rate()])
    seen.clear()
    applied(one, "continued", level=1)
    assert seen[0] == 0.1


@pytest.mark.slow
def test_continued_training_that_stops_early_is_refused(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    one = lth.LotterySearch(small.kept(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=10, verbose=0, callbacks=[Stop()])
    with pytest.raises(LotteryError, match="level 0 stopped at iteration 3 of 5"):
        applied(one, "continued", level=1)


@pytest.mark.slow
def test_continued_training_goes_on_after_a_stop(tmp_path):
    whole = search(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    expected = applied(whole, "continued", level=2).ticket.fingerprint
    applied(search(tmp_path / "b"), "continued", level=1)
    again = search(tmp_path / "b")
    assert applied(again, "continued", level=2).ticket.fingerprint == expected


@pytest.mark.slow
def test_bars_of_continued_training_name_the_level(tmp_path, capsys):
    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=15, epochs=1, verbose=2)
    capsys.readouterr()
    lth.controls.run(one, "continued")
    found = [line for line in capsys.readouterr().out.splitlines() if "P_m" in line]
    assert found == [
        "level 0, P_m 100.0 %, continued: epoch 1/1",
        "level 1, P_m 70.8 %, continued: epoch 2/2",
        "level 1, P_m 70.8 %, continued: epoch 1/1",
    ]
