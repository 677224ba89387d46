"""Which flags bind a directory: those that decide what is found in it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from lth_keras.errors import LotteryError
from lth_keras.programs import options, stored_options
from lth_keras.runs import layout
from lth_keras.storage import files


def read(*arguments: str) -> options.Options:
    return options.read(["lottery_search.py", *arguments], "")


def differing(*arguments: str) -> list[str]:
    """What is said of a job with these flags on a directory of the default's."""
    stored = json.loads(json.dumps(stored_options.as_plain(read())))
    return stored_options.differences(stored, stored_options.as_plain(read(*arguments)))


@pytest.mark.parametrize(
    "flag",
    [
        "--data_dir=there",
        "--output_dir=x",
        # More of the same, or less: what is stored stays.
        "--trials=2",
        "--controls=none",
        "--replicates=2",
        "--export=on",
        # A default written out.
        "--iterations=2000",
        "--optimizer=adam",
        "--dense_rate=0.2",
        "--lr_drops=none",
        "--augment=none",
        "--levels=18",
    ],
)
def test_flags_that_cannot_change_a_run_do_not_bind(flag):
    assert differing(flag) == []


@pytest.mark.parametrize(
    "flag",
    [
        "--dataset=mnist",
        "--model=conv2",
        "--levels=3",
        "--iterations=3",
        "--batch_size=3",
        "--optimizer=sgd",
        "--learning_rate=3",
        "--rate=0.2",
        "--scope=global",
        "--criterion=random",
        "--rewind_to=1it",
        "--evaluate_every=10",
        "--seed=1",
        "--jit=on",
        "--hidden=10",
        "--dropout=0.5",
        "--augment=crop_flip",
        "--warmup=3",
        "--lr_drops=1/2",
        "--weight_decay=1",
        "--dense_rate=0.1",
        "--output_rate=0.2",
    ],
)
def test_every_other_flag_decides_the_results(flag):
    (line,) = [line for line in differing(flag) if line.startswith(flag.split("=")[0])]
    value = flag.split("=")[1]
    assert "stored" in line and "given" in line
    assert value in line or value == "1/2"


def test_one_thread_decides_but_not_how_many_processes_there_are():
    stored = stored_options.as_plain(read("--workers=1"))
    two = dataclasses.replace(read(), workers=2)
    assert stored_options.differences(stored, stored_options.as_plain(two)) == []
    (line,) = differing("--workers=2")
    assert line.startswith("--workers (stored 0, given 2")


def test_a_job_of_before_a_flag_was_there_goes_on(tmp_path):
    directory = layout.ExperimentDirectory(str(tmp_path))
    given = read(f"--output_dir={tmp_path}")
    flags = stored_options.as_plain(given)
    for name in (
        "criterion",
        "first",
        "lr_decay",
        "method",
        "monitor_metric",
        "validation_size",
    ):
        del flags[name]
    files.write_json(directory.settings, {"flags": flags})
    assert stored_options.options_of(directory) == given
    stored_options.check(directory, given)
    # What is shown may be another when a job goes on, for lines hold all of it.
    stored_options.check(directory, dataclasses.replace(given, monitor_metric="loss"))
    for change, said in (
        ({"criterion": "random"}, "stored magnitude, given random"),
        ({"validation_size": 9}, "--validation_size .stored the paper's, given 9"),
    ):
        with pytest.raises(LotteryError, match=said):
            stored_options.check(directory, dataclasses.replace(given, **change))
    stored_options.store(directory, given)
    assert stored_options.read(directory)["criterion"] == "magnitude"


def test_lists_are_told_as_they_are_given():
    assert differing("--hidden=20,10")[0] == "--hidden (stored 300,100, given 20,10)"
    assert "given 0.5" in differing("--lr_drops=1/2")[0]
    (line,) = [n for n in differing("--rate=0.2") if n.startswith("--rate")]
    assert line == "--rate (stored the paper's, given 0.2)"
