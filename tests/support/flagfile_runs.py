"""Short runs of the papers' flagfiles, on data of the right shape.

    KERAS_BACKEND=jax python -m tests.support.flagfile_runs FOLDER [NAME ...]

Runs flagfiles with --keras=keras3 in this process, and prints a JSON object: of each
what is wrong with the stored result lines.
"""

from __future__ import annotations

import json
import pathlib
import sys
import traceback
from typing import Any

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
# One level, evaluated at its end: eager steps of 110 layers are not cheap.
KERAS3 = ("--keras=keras3", "--evaluate_every=2")


def write_data(tfds: Any, folder: pathlib.Path) -> None:
    """MNIST, CIFAR-10 and ImageNet of 32 random images each, as TFDS stores them."""
    sizes = {"train": 24, "test": 8}
    prepare(tfds, folder, "mnist", (28, 28, 1), sizes, "3.0.1")
    prepare(tfds, folder, "cifar10", (32, 32, 3), sizes, "3.0.2")
    sizes = {"train": 24, "validation": 8}
    prepare(tfds, folder, "imagenet2012", (64, 64, 3), sizes, "5.1.0", 1000)


def last_level(name: str) -> int:
    """A second round at lenet_init's rate leaves a layer without a weight."""
    return 1 if name == "lenet_init" else 2


def run(
    name: str, data_dir: pathlib.Path, folder: pathlib.Path, levels: int, *more: str
) -> list[dict[str, Any]]:
    """The result lines of a flagfile's run; `more` are flags after its own."""
    flags = [*TINY, f"--data_dir={data_dir}", f"--output_dir={folder}"]
    if EXPECTED[name]["model"].startswith("vgg"):
        # 20 million weights would take most of the time to store.
        flags.append("--width=0.25")
    if EXPECTED[name]["image_size"]:
        flags += ["--image_size=64", "--width=0.25"]
    if EXPECTED[name]["rewind_to"] != "0it":
        flags.append("--rewind_to=1it")
    flags.append(f"--levels={levels}")
    argv = ["lottery_search.py", flagfile(name), *flags, *more]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    return files.read_jsonl(folder / "results.jsonl")


def check(name: str, found: list[dict[str, Any]], last: int) -> None:
    """Asserts that the result lines of a run are those of its levels and controls."""
    controls = [syntax.parse(n).name for n in EXPECTED[name]["controls"]]
    first = int(EXPECTED[name]["first"] == "train")
    expected = [(level, c) for c in controls for level in range(first, last + 1)]
    searched, others = found[: last + 1], found[last + 1 :]
    assert [(row["level"], row["control"]) for row in searched] == [
        (level, "ticket") for level in range(last + 1)
    ]
    assert sorted((row["level"], row["control"]) for row in others) == sorted(expected)
    assert {row["iterations"] for row in found} == {2}
    densities = [row["density"] for row in searched]
    assert densities == sorted(set(densities), reverse=True)
    if name not in ("lenet_signs", "lenet_supermask", "lenet_init", "lenet_snip"):
        assert densities[0] == 1 > densities[1]
        # Half the filters of a layer in each of two rounds, at most.
        low = 0.6 if EXPECTED[name]["granularity"] == "weight" else 0.2
        assert densities[-1] > low
    assert all(row["density"] == densities[row["level"]] for row in found)


def main(folder: pathlib.Path, names: list[str]) -> None:
    import keras

    wrong: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as monkeypatch:
        write_data(offline(monkeypatch), folder / "tfds")
        for name in names:
            try:
                found = run(name, folder / "tfds", folder / name, 1, *KERAS3)
                check(name, found, 1)
                assert {row["backend"] for row in found} == {keras.backend.backend()}
                wrong[name] = ""
            except Exception:
                wrong[name] = traceback.format_exc()
    print(json.dumps(wrong))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
