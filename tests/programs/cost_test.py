"""What a job costs, against counts by hand."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest

from lth_keras.papers import datasets
from lth_keras.papers.sizes import SIZES
from lth_keras.programs import cost, cost_flags, costing
from lth_keras.programs.building import plain_model
from lth_keras.programs.command_line import FlagError
from tests.support.places import ROOT


def costs(*flags: str) -> dict[str, costing.Cost]:
    return costing.costs(cost_flags.read(["lth-cost", *flags], "").options)


def test_lenets_search_on_mnist_is_counted_by_hand() -> None:
    found = costs(
        *("--dataset=mnist", "--iterations=1000", "--levels=3", "--trials=2"),
        *("--controls=one_shot", "--replicates=3", "--evaluate_every=100"),
    )
    entries = 784 * 300 + 300 * 100 + 100 * 10
    # Batches of 60, three passes a step; ten looks at 5,000 and 10,000 images, and one
    # at the 55,000 of training.
    run = 2 * entries * (3 * 60 * 1000 + 10 * 15_000 + 55_000)
    weights = entries + 300 + 100 + 10
    stored = 2 * 4 * weights + -(-weights // 8)
    assert found == {
        "ticket": costing.Cost(8, 8_000, 8.0 * run, 8 * stored),
        "one_shot": costing.Cost(18, 18_000, 18.0 * run, 18 * stored),
    }


def test_what_is_rewound_is_not_trained_again_and_its_optimizer_is_stored() -> None:
    settings = ["--model=conv2", "--width=0.1", "--dataset=cifar10", "--levels=2"]
    settings += ["--iterations=500", "--trials=1", "--controls=none"]
    late, early = costs(*settings, "--rewind_to=100it"), costs(*settings)
    assert early["ticket"].iterations == 1_500
    assert late["ticket"].iterations == 500 + 400 + 400
    # Adam's two slots beside two copies of the weights.
    assert late["ticket"].size == pytest.approx(2 * early["ticket"].size, rel=0.02)


def test_a_kernel_counts_at_each_place_that_it_is_used_at() -> None:
    options = cost_flags.read(["lth-cost", "--model=conv2", "--dataset=cifar10"], "")
    model = plain_model(options.options, (32, 32, 3), 10, 0)
    convolutions = 3 * 3 * 3 * 64 * 32 * 32 + 3 * 3 * 64 * 64 * 32 * 32
    dense = 16 * 16 * 64 * 256 + 256 * 256 + 256 * 10
    assert costing.multiply_adds(model) == convolutions + dense


def test_the_phases_of_a_method_are_counted() -> None:
    found = costs("--method=dsd", "--iterations=50", "--trials=2")
    assert found["ticket"].runs == 6 and found["ticket"].iterations == 300


def test_the_digits_have_the_sizes_that_are_told() -> None:
    data = datasets.load("digits")
    known = SIZES["digits"]
    assert known.train == len(data.train[0]) + len(data.validation[0])
    assert known.test == len(data.test[0])
    assert (known.shape, known.classes) == (data.input_shape, data.classes)


def test_the_experiments_page_tells_the_hours_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    (command,) = [line for line in page.splitlines() if line.startswith("lth-cost ")]
    cost.main(command.split())
    *_, hours = capsys.readouterr().out.splitlines()
    assert f"({hours.split()[0]} here;" in page


def test_it_prints_a_table_and_the_hours_and_writes_nothing(
    capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    cost.main(["lth-cost", "--flagfile=lenet", "--trials=1", "--flops=1e11"])
    head, ticket, *_, total, time = capsys.readouterr().out.splitlines()
    assert head.split() == ["runs", "iterations", "FLOPs", "at", "most"]
    assert ticket.split()[0] == "ticket" and total.split()[0] == "all"
    hours = float(total.split()[3]) / 1e11 / 3600
    assert time.endswith(" hours at 1e+11 floating-point operations a second")
    np.testing.assert_allclose(float(time.split()[0]), hours, atol=0.06)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--flops=0", "use a number above 0"),
        ("--flops=inf", "use a number above 0"),
        ("--levels=-1", "use a whole number"),
        ("--controls=nothing", "nothing"),
        ("--rewind_to=9999999it", "past the end of a level"),
    ],
)
def test_a_wrong_flag_is_one_line(flag: str, message: str) -> None:
    with pytest.raises(FlagError, match=message) as caught:
        cost.main(["lth-cost", flag])
    assert "\n" not in str(caught.value)
