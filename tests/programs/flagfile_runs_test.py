"""The flagfiles run: two levels of two iterations, on data of the right shape.

What whole runs found is in docs/methods/: signs.md, freezing.md, untrained.md,
at_initialisation.md.
"""

from __future__ import annotations

import pathlib

import pytest

from lth_keras.controls import syntax
from lth_keras.programs import command_line, lottery_search, options
from lth_keras.storage import files
from tests.support.paper_flagfiles import EXPECTED, flagfile
from tests.support.tiny_tfds import offline, prepare

# Two iterations and two levels; the rest of the paper's settings stay.
TINY = (
    "--iterations=2",
    "--levels=2",
    "--trials=1",
    "--replicates=1",
    "--evaluate_every=1",
    "--batch_size=4",
    "--jit=off",
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> pathlib.Path:
    """MNIST, CIFAR-10 and ImageNet of 32 random images each, as TFDS stores them."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as monkeypatch:
        tfds = offline(monkeypatch)
        sizes = {"train": 24, "test": 8}
        prepare(tfds, folder, "mnist", (28, 28, 1), sizes, "3.0.1")
        prepare(tfds, folder, "cifar10", (32, 32, 3), sizes, "3.0.2")
        sizes = {"train": 24, "validation": 8}
        prepare(tfds, folder, "imagenet2012", (64, 64, 3), sizes, "5.1.0", 1000)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_runs(name, data_dir, tmp_path, monkeypatch):
    offline(monkeypatch)
    flags = [*TINY, f"--data_dir={data_dir}", f"--output_dir={tmp_path / 'run'}"]
    if EXPECTED[name]["model"].startswith("vgg"):
        # 20 million weights would take most of the time to store.
        flags.append("--width=0.25")
    if EXPECTED[name]["image_size"]:
        flags += ["--image_size=64", "--width=0.25"]
    if EXPECTED[name]["rewind_to"] != "0it":
        flags.append("--rewind_to=1it")
    # A second round at its rate leaves a layer without a weight.
    last = 1 if name == "lenet_init" else 2
    flags.append(f"--levels={last}")
    argv = ["lottery_search.py", flagfile(name), *flags]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    found = files.read_jsonl(tmp_path / "run" / "results.jsonl")
    controls = [syntax.parse(n).name for n in EXPECTED[name]["controls"]]
    first = int(EXPECTED[name]["first"] == "train")
    expected = [(level, c) for c in controls for level in range(first, last + 1)]
    searched, others = found[: last + 1], found[last + 1 :]
    assert [(row["level"], row["control"]) for row in searched] == [
        (level, "ticket") for level in range(last + 1)
    ]
    others = [(row["level"], row["control"]) for row in others]
    assert sorted(others) == sorted(expected)
    assert {row["iterations"] for row in found} == {2}
    densities = [row["density"] for row in searched]
    assert densities == sorted(set(densities), reverse=True)
    if name not in ("lenet_signs", "lenet_supermask", "lenet_init", "lenet_snip"):
        assert densities[0] == 1 > densities[1]
        # Half the filters of a layer in each of two rounds, at most.
        low = 0.6 if EXPECTED[name]["granularity"] == "weight" else 0.2
        assert densities[2] > low
    assert all(row["density"] == densities[row["level"]] for row in found)
