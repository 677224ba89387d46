"""Progress bars of a search: each epoch's line names its level and P_m."""

from __future__ import annotations

import re

import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.compat.trainers import TF_KERAS, Keras3Trainer
from lth_keras.training import bars
from tests.support import small_search as small

X, Y = small.data()


def printed(capsys, tmp_path, levels=1, **arguments) -> list[str]:
    model = small.compiled()
    model.run_eagerly = True  # Nothing is traced for three batches.
    search = lth.LotterySearch(model, levels, str(tmp_path))
    search.fit(X, Y, batch_size=15, epochs=2, **arguments)
    lth.controls.run(search, "noise:sigma=0.5")
    return capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_each_epoch_is_named_by_level_and_share_of_weights(capsys, tmp_path) -> None:
    lines = printed(capsys, tmp_path, verbose=2, validation_data=(X, Y))
    named = [line for line in lines if "level" in line]
    runs = [
        "level 0, P_m 100.0 %",
        "level 1, P_m 70.8 %",
        "level 1, P_m 70.8 %, noise sigma=0.5",
    ]
    assert named == [f"{run}: epoch {n}/2" for run in runs for n in (1, 2)]
    # Keras's own metrics follow each, those of the validation data too.
    for line, after in zip(lines[::2], lines[1::2], strict=True):
        assert line in named and re.search(r"loss: .* val_accuracy: ", after)


@pytest.mark.slow
def test_silence_and_bars_of_the_users_own_are_left_alone(capsys, tmp_path) -> None:
    assert printed(capsys, tmp_path / "silent", 0, verbose=0) == []
    own = keras.callbacks.ProgbarLogger(count_mode="steps")
    for verbose in (2, "auto"):
        folder = tmp_path / str(verbose)
        lines = printed(capsys, folder, 0, verbose=verbose, callbacks=[own])
        named = [line for line in lines if line.startswith("Epoch") or "level" in line]
        assert named == ["Epoch 1/2", "Epoch 2/2"]


def test_a_bar_of_either_keras_is_the_users_own() -> None:
    for trainer in (TF_KERAS, Keras3Trainer()):
        own = trainer.keras.callbacks.ProgbarLogger()
        assert bars.has_own(trainer, [own]) and not bars.has_own(trainer, [])


@pytest.mark.slow
def test_a_whole_search_has_one_bar_and_a_log_a_line_a_level(capsys, tmp_path) -> None:
    model = small.compiled()
    model.run_eagerly = True
    search = lth.LotterySearch(model, 2, str(tmp_path))
    search.fit(X, Y, batch_size=15, epochs=2, validation_data=(X, Y))
    lines = [re.split("  +", n.strip()) for n in capsys.readouterr().out.splitlines()]
    assert [line[:3] for line in lines] == [
        ["33 %", "ticket level 0/2", "100.0 % of weights kept"],
        ["67 %", "ticket level 1/2", "70.8 % of weights kept"],
        ["100 %", "ticket level 2/2", "50.0 % of weights kept"],
    ]
    assert all(line[-1].endswith(" left") for line in lines)
    search.fit(X, Y, batch_size=15, epochs=2, validation_data=(X, Y))
    assert capsys.readouterr().out == "", "there is nothing left to train"
    # Controls have bars by epoch, as they had.
    lth.controls.run(search, "noise:sigma=0.5", levels=[1])
    assert "level 1, P_m 70.8 %, noise sigma=0.5: epoch 1/2" in capsys.readouterr().out
