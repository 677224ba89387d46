"""What the flags mean: the paper's settings where nothing is given, and refusals."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import settings
from command_line import FlagError
from lth_keras import models


def read(*arguments: str) -> settings.Options:
    return settings.read(["lottery_search.py", *arguments], "About.")


def test_the_default_is_the_demo():
    assert read() == settings.Options(
        dataset="digits",
        data_dir=None,
        model="lenet",
        levels=18,
        iterations=2000,
        batch_size=60,
        optimizer="adam",
        learning_rate=0.0012,
        rate=None,
        scope="layer",
        rewind_to="0it",
        trials=1,
        controls=("random_reinit",),
        evaluate_every=100,
        seed=0,
        jit="auto",
        output_dir="runs/digits_lenet",
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("lenet", (50_000, 60, "adam", 1.2e-3, "layer")),
        ("conv2", (20_000, 60, "adam", 2e-4, "layer")),
        ("conv4", (25_000, 60, "adam", 3e-4, "layer")),
        ("conv6", (30_000, 60, "adam", 3e-4, "layer")),
        ("resnet18", (30_000, 128, "momentum", 0.1, "global")),
        ("vgg19", (112_480, 64, "momentum", 0.1, "global")),
    ],
)
def test_beyond_digits_the_papers_table_holds(model, expected):
    found = read("--dataset=cifar10", f"--model={model}")
    assert (
        found.iterations,
        found.batch_size,
        found.optimizer,
        found.learning_rate,
        found.scope,
    ) == expected


def test_what_is_given_stands():
    found = read(
        "--dataset=mnist",
        "--iterations=7",
        "--batch_size=8",
        "--learning_rate=0.5",
        "--scope=global",
        "--output_dir=there",
    )
    assert (found.iterations, found.batch_size, found.learning_rate) == (7, 8, 0.5)
    assert (found.scope, found.output_dir) == ("global", "there")


def test_another_optimizer_than_the_papers_has_a_learning_rate_of_its_own():
    assert read("--optimizer=adam").learning_rate == 0.0012
    assert read("--optimizer=sgd").learning_rate == 0.1
    assert read("--optimizer=momentum").learning_rate == 0.01
    assert read("--optimizer=sgd", "--learning_rate=0.8").learning_rate == 0.8


@pytest.mark.parametrize(
    ("text", "names"),
    [("none", ()), ("a", ("a",)), ("a, b", ("a", "b")), ("b,a,b", ("b", "a"))],
)
def test_controls_are_a_list_with_commas_or_none(text, names):
    assert read(f"--controls={text}").controls == names


def test_a_data_set_with_a_configuration_names_one_directory():
    assert read("--dataset=a/b").output_dir == "runs/a_b_lenet"


@pytest.mark.parametrize(
    ("flag", "allowed"),
    [
        ("--model=alexnet", "lenet, conv2"),
        ("--optimizer=lion", "adam, sgd, momentum"),
        ("--scope=block", "layer, global"),
        ("--jit=yes", "auto, on, off"),
        ("--rate=0", "above 0 and below 1"),
        ("--rate=1", "above 0 and below 1"),
        ("--rate=nan", "above 0 and below 1"),
        ("--learning_rate=0", "above 0"),
        ("--learning_rate=inf", "above 0"),
        ("--levels=-1", "0 or more"),
        ("--levels=2.5", "whole number"),
        ("--iterations=0", "1 or more"),
        ("--batch_size=0", "1 or more"),
        ("--trials=0", "1 or more"),
        ("--evaluate_every=0", "1 or more"),
        ("--seed=-1", "0 to 2147483647"),
        ("--seed=2147483648", "0 to 2147483647"),
        ("--rewind_to=500", "500it"),
        ("--rewind_to=-1it", "500it"),
        ("--controls=a,,b", "with commas"),
        ("--dataset=", "some text"),
    ],
)
def test_a_wrong_value_is_refused_with_the_flag_and_what_is_allowed(flag, allowed):
    with pytest.raises(FlagError, match=re.escape(flag)) as caught:
        read(flag)
    assert allowed in str(caught.value)


def test_flags_that_cannot_change_a_result_do_not_bind_a_directory():
    assert (
        read("--data_dir=here", "--output_dir=x").deciding()
        == read("--data_dir=there", "--output_dir=y").deciding()
    )


def test_a_default_written_out_is_the_same_job():
    given = read("--iterations=2000", "--optimizer=adam", "--controls=random_reinit")
    assert given.deciding() == read().deciding()


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
        "--rewind_to=1it",
        "--trials=2",
        "--controls=none",
        "--evaluate_every=10",
        "--seed=1",
        "--jit=on",
    ],
)
def test_every_other_flag_decides_the_results(flag):
    name = flag.removeprefix("--").split("=")[0]
    assert read(flag).deciding()[name] != read().deciding()[name]


def test_every_network_of_the_library_has_its_settings():
    assert tuple(settings.PAPER) == models.names()


def test_every_flag_but_the_flagfile_is_an_option():
    names = set(settings.define()) - {"flagfile"}
    assert names == set(vars(read()))


def test_flags_are_read_without_tensorflow():
    code = (
        "import sys, settings; settings.read(['program'], '');"
        "sys.exit('tensorflow' in sys.modules)"
    )
    folder = settings.__file__.rpartition("/")[0]
    assert subprocess.run([sys.executable, "-c", code], cwd=folder).returncode == 0
