"""The settings of a search as plain data, compared when it goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.runs import layout
from lth_keras.runs.manifest import write_or_check
from lth_keras.search import settings as search_settings
from lth_keras.training import plan as plans
from tests.support import small_search as small

X, Y = small.data()


def settings(model, **arguments) -> dict:
    given = {
        "batch_size": 10,
        "epochs": 2,
        "monitor": "val_loss",
        "seed": 0,
        "trial": 0,
    }
    given.update(arguments)
    plan = plans.make(model, x=X, y=Y, **given)
    return search_settings.settings(
        Network.of(model),
        plan,
        levels=1,
        rewind_step=0,
        optimizer_state="captured",
        optimizer=search_settings.optimizer(model),
    )


def test_settings_are_plain_data_and_the_same_for_models_built_alike() -> None:
    """Though the names of layers differ, and numbers are NumPy's."""
    classes = {0: np.float32(1.0), 1: 2.0, 2: 1.0}
    first = settings(small.compiled(), class_weight=classes)
    second = settings(small.compiled(), class_weight=classes)
    assert first == second == json.loads(json.dumps(first))
    assert first["rates"] == [0.3, 0.3]
    assert first["architecture"][0] == "Dense [6, 8] pruned"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rates", {"rate": 0.4}),
        ("scope", {"scope": "global"}),
        ("criterion", {"criterion": "random"}),
        ("jit_compile", {"jit_compile": True}),
        ("optimizer", {"optimizer": keras.optimizers.SGD(0.1, momentum=0.8)}),
        ("optimizer", {"optimizer": keras.optimizers.legacy.SGD(0.1, momentum=0.9)}),
        ("loss", {"loss": keras.losses.SparseCategoricalCrossentropy()}),
        ("loss", {"loss": "sparse_categorical_crossentropy"}),
    ],
)
def test_what_decides_the_results_is_told_apart(name: str, change) -> None:
    first = settings(small.kept())
    second = settings(small.compiled(**change))
    assert name in {key for key in first if first[key] != second[key]}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("epochs", {"epochs": 3}),
        ("batch_size", {"batch_size": 9}),
        ("shuffle", {"shuffle": False}),
        ("data", {"sample_weight": np.ones(45)}),
        ("validation_data", {"validation_data": (X, Y)}),
        ("test_data", {"test_data": (X, Y)}),
        ("evaluate_every", {"evaluate_every": 2}),
        ("class_weight", {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0}}),
    ],
)
def test_what_decides_the_training_is_told_apart(name: str, change) -> None:
    model = small.kept()
    first, second = settings(model), settings(model, **change)
    differing = {key for key in first if first[key] != second[key]}
    # Validation data bring their monitor with them, a batch size its epoch.
    assert differing - {"monitor", "steps_per_epoch"} == {name}


def test_functions_in_the_settings_have_no_addresses() -> None:
    def schedule() -> float:
        return 0.1

    model = small.compiled(optimizer=keras.optimizers.legacy.SGD(schedule))
    text = json.dumps(search_settings.optimizer(model))
    assert "0x" not in text


def test_settings_that_differ_are_named_with_both_values(tmp_path) -> None:
    directory = layout.RunDirectory(str(tmp_path))
    write_or_check(directory, {"levels": 2, "seed": 0, "trial": 0})
    write_or_check(directory, {"levels": 2, "seed": 0, "trial": 0})
    with pytest.raises(LotteryError) as error:
        write_or_check(directory, {"levels": 3, "seed": 0, "trial": 0})
    assert "levels (stored 2, given 3)." in str(error.value)
    assert "seed" not in str(error.value)
    assert set(json.loads((tmp_path / "search.json").read_text())) == {
        "settings", "versions", "machine"
    }  # fmt: skip


def test_the_numbers_that_keras_3_gives_optimizers_are_no_setting(tmp_path) -> None:
    def named(name: str, kind: str = "AdamW") -> dict:
        inner = {"class_name": kind, "config": {"name": name, "beta_1": 0.9}}
        outer = {"class_name": "LossScaleOptimizer", "config": {"inner": inner}}
        return {"levels": 2, "seed": 0, "trial": 0, "optimizer": outer}

    directory = layout.RunDirectory(str(tmp_path))
    write_or_check(directory, named("adam_w"))
    write_or_check(directory, named("adam_w_3"))
    write_or_check(directory, named("adamw_12"))
    for other in (named("mine_3"), named("adam_w", "Adam")):
        with pytest.raises(LotteryError, match="other settings: optimizer"):
            write_or_check(directory, other)
