"""Wrapped models that an older version saved: `import lth_keras` is enough to load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from tests.old_files import facts, jobs
from tests.support.places import ROOT

keras = jobs.keras

# One of each format, and a schedule; the other tests load all of them.
ALONE = ("dense.keras", "dense.h5", "dense", "warmed.keras")
LOAD = """\
import json, pathlib, sys
import lth_keras
import tf_keras as keras
folder = pathlib.Path(sys.argv[1])
models = {file: keras.models.load_model(folder / file) for file in sys.argv[2:]}
print(json.dumps({file: type(model).__name__ for file, model in models.items()}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The stored models; no test changes them."""
    return facts.unpacked("models", tmp_path_factory.mktemp("old"))


def quick(files: Iterable[str], *also: str) -> list[Any]:
    """All files, where the recurrent model's but those named are slow."""
    return [
        pytest.param(file, marks=pytest.mark.slow)
        if file.startswith("tokens") and file not in also
        else file
        for file in files
    ]


def inputs(file: str) -> np.ndarray:
    return facts.numbers()[f"{file.partition('.')[0]}/inputs"]


def test_all_that_were_stored_are_tested(folder):
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted(jobs.MODEL_FILES) == sorted(facts.stored()["models"])


@pytest.mark.slow
def test_a_program_that_only_imports_the_package_loads_them(folder, tmp_path):
    script = tmp_path / "load.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{LOAD}")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), *ALONE],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kinds = dict.fromkeys(ALONE, "Sequential")
    assert json.loads(done.stdout.splitlines()[-1]) == kinds


@pytest.mark.parametrize("file", quick(jobs.MODEL_FILES))
def test_a_model_is_read_bit_for_bit_and_pruned_as_it_was(file, folder):
    model = keras.models.load_model(folder / file)
    known = dict(facts.stored()["models"][file])
    next_round = known.pop("masks_of_next_round")
    assert facts.of_model(model) == known
    lth.verify(model)
    name = file.partition(".")[0]
    facts.check_trained(
        model.predict(inputs(file), verbose=0), facts.numbers()[f"{name}/outputs"]
    )
    # Rates, scope and criterion came with it, or other weights would be chosen.
    lth.prune(model)
    assert [facts.digest([mask]) for mask in facts.masks(model)] == next_round


@pytest.mark.slow
@pytest.mark.parametrize("file", jobs.MODEL_FILES)
def test_a_model_goes_on_training_on_its_masks(file, folder):
    model = keras.models.load_model(folder / file)
    known = facts.stored()["models"][file]
    jobs.train(model, inputs(file))
    lth.verify(model)
    assert [facts.digest([mask]) for mask in facts.masks(model)] == known["masks"]
    assert int(model.optimizer.iterations) == known["iterations"] + 6
    facts.check_trained(
        model.predict(inputs(file), verbose=0),
        facts.numbers()[f"{file}.after/outputs"],
    )


@pytest.mark.parametrize("file", quick([f"{name}.keras" for name in jobs.MODELS]))
def test_a_model_is_unwrapped_to_the_weights_that_were_kept(file, folder):
    model = keras.models.load_model(folder / file)
    plain = lth.unwrap(model)
    zeros = sum(int(np.sum(value == 0)) for value in plain.get_weights())
    pruned = sum(int(np.sum(mask == 0)) for mask in facts.masks(model))
    assert zeros >= pruned > 0
    assert not any(isinstance(m, lth.PruneByLevel) for m in plain.submodules)
    np.testing.assert_allclose(
        plain.predict(inputs(file), verbose=0),
        model.predict(inputs(file), verbose=0),
        rtol=1e-5,
        atol=1e-6,
    )
