"""CONTRIBUTING.md is enough: one of each addition, a file each, in a package apart.

The package `plug_in` is written into the test's folder, registers itself by being
imported, and is used as a user would use it. What each addition gives is compared with
NumPy.
"""

from __future__ import annotations

import ast
import importlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import controls
from lth_keras.compat import keras
from lth_keras.controls import registry as control_registry
from lth_keras.experiments import engines
from lth_keras.methods import registry as method_registry
from lth_keras.pruning import criteria, granularity
from tests.support import small_search as small
from tests.support.places import ROOT
from tools import floors

layers = keras.layers
PLUG_IN = pathlib.Path(__file__).absolute().parent / "plug_in"
# The file of each addition, and the row of the table that it goes by.
ADDITIONS = {
    "fisher": "criterion",
    "whole_filters": "granularity",
    "flipped": "control",
    "agreement": "analysis",
    "by_trial": "engine",
    "lucky": "method",
}
REGISTRIES = (
    criteria.registry.REGISTRY,
    granularity.REGISTRY,
    control_registry.REGISTRY,
    engines.registry.REGISTRY,
    method_registry.REGISTRY,
)


@pytest.fixture(scope="module")
def plug_in(tmp_path_factory) -> Iterator[Any]:
    """The package, imported from a folder of its own and forgotten again."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(PLUG_IN, folder / PLUG_IN.name)
    with pytest.MonkeyPatch.context() as patch:
        for registry in REGISTRIES:
            patch.setattr(registry, "entries", dict(registry.entries))
        patch.syspath_prepend(str(folder))
        yield importlib.import_module(PLUG_IN.name)
    for name in [n for n in sys.modules if n.split(".")[0] == PLUG_IN.name]:
        del sys.modules[name]


def row_of(addition: str) -> list[str]:
    """The cells of the table's row for an addition."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {addition}\b.*$", text, flags=re.MULTILINE)
    return [cell.strip() for cell in row.strip("|").split(" | ")]


# What the additions are written with.


@pytest.mark.parametrize("module", ADDITIONS)
def test_an_addition_is_one_file_that_stands_where_the_table_says(module):
    (room,) = {
        path.split("/")[1]
        for path in re.findall(r"`(lth_keras/[\w/.]+)`", row_of(ADDITIONS[module])[1])
        if not path.startswith("lth_keras/runs/")  # what an analysis reads
    }
    place = f"lth_keras/{room}/{module}.py"
    # It could stand there: all that it imports is in its own room or below.
    tree = ast.parse((PLUG_IN / f"{module}.py").read_text(encoding="utf-8"))
    imported = {
        f"{node.module}.{name.name}".replace(".", "/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for name in node.names
    }
    assert imported and all(path.startswith("lth_keras/") for path in imported)
    assert floors.upward({place: imported}) == []


def test_each_is_known_by_its_name_once_the_package_is_imported(plug_in):
    assert "fisher" in lth.criteria.names()
    assert lth.criteria.needs("fisher") == {"gradients"}
    assert "whole_filter" in granularity.names()
    assert "flipped" in controls.names()
    assert "by_trial" in engines.names()
    assert "lucky" in lth.methods.names()


# What they do.


def dense_search(
    directory: pathlib.Path, epochs: int = 1, **wrapped_with: Any
) -> lth.LotterySearch:
    """Two dense layers, epochs of five batches, two levels; carried out."""
    model = keras.Sequential(
        [
            layers.Dense(8, "relu", input_shape=(6,), name="hidden"),
            layers.Dense(small.CLASSES, name="head"),
        ]
    )
    search = small.search(small.compiled(model, **wrapped_with), directory)
    small.fit(search, epochs=epochs, validation_data=small.VALIDATION)
    return search


def gradients(weights: list[np.ndarray]) -> list[np.ndarray]:
    """Of the mean cross-entropy over all the data, by both kernels."""
    first, bias, second, head_bias = (w.astype(np.float64) for w in weights)
    hidden = np.maximum(small.X @ first + bias, 0)
    logits = hidden @ second + head_bias
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    error = (chances - np.eye(small.CLASSES)[small.Y]) / len(small.Y)
    back = error @ second.T * (hidden > 0)
    return [small.X.T @ back, hidden.T @ error]


@pytest.mark.slow
def test_a_criterion_of_gradients_finds_tickets(plug_in, tmp_path):
    search = dense_search(tmp_path / "run", criterion="fisher")
    for level in (1, 2):
        before = search.trained_weights(level - 1)
        kernels = [before[0], before[2]]
        scores = [(g * w) ** 2 for g, w in zip(gradients(before), kernels, strict=True)]
        present = [mask for _, mask in search.ticket(level - 1).pruned()]
        expected = [
            small.pruned_by_hand(score, mask, 0.3)
            for score, mask in zip(scores, present, strict=True)
        ]
        found = [mask for _, mask in search.ticket(level).pruned()]
        assert small.same_bits(found, expected)
    by_size = dense_search(tmp_path / "other")
    assert search.ticket(1).overlap(by_size.ticket(1))["hidden/kernel"] < 1


@pytest.mark.slow
def test_a_granularity_prunes_whole_filters(plug_in, tmp_path):
    model = keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(6, 6, 2), name="one"),
            layers.Conv2D(4, 2, activation="relu", name="two"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(small.CLASSES, name="head"),
        ]
    )
    wrapped = small.compiled(model, rate=0.25, granularity="whole_filter")
    search = small.search(wrapped, tmp_path / "run")
    x = np.random.default_rng(0).normal(size=(20, 6, 6, 2)).astype(np.float32)
    search.fit(x, small.Y[:20], batch_size=5, verbose=0)
    kept: dict[str, list[int]] = {}
    for level in range(3):
        for weight, mask in search.ticket(level).pruned():
            outputs = mask.reshape(-1, mask.shape[-1])
            assert (outputs.all(axis=0) == outputs.any(axis=0)).all()
            kept.setdefault(weight.path, []).append(outputs.any(axis=0).sum())
    # Half of 6 * 0.25 = 1.5 is rounded to the even 2.
    assert kept == {
        "one/kernel": [8, 6, 4],
        "two/kernel": [4, 3, 2],
        "head/kernel": [3, 2, 2],
    }
    sizes = {"one/kernel": 3 * 3 * 2, "two/kernel": 2 * 2 * 8, "head/kernel": 4}
    left = sum(size * kept[path][2] for path, size in sizes.items())
    assert search.ticket(2).density == left / (18 * 8 + 32 * 4 + 4 * 3)
    # The filters of least L1 norm went.
    norms = np.abs(search.trained_weights(0)[0]).sum(axis=(0, 1, 2))
    (_, mask), *_ = search.ticket(1).pruned()
    assert set(np.flatnonzero(mask.any(axis=(0, 1, 2)))) == set(np.argsort(norms)[2:])
    lth.verify(search.model)


@pytest.mark.slow
def test_a_control_is_run_and_stored(plug_in, tmp_path):
    search = dense_search(tmp_path / "run")
    rows = lth.controls.run(search, "flipped:factor=2", levels=[1, 2], replicates=2)
    assert [(r["control"], r["level"], r["parameters"]) for r in rows] == [
        ("flipped", level, {"factor": 2.0}) for level in (1, 1, 2, 2)
    ]
    place = tmp_path / "run" / "controls" / "flipped,factor=2.0" / "level02-r1"
    ticket, original = lth.Ticket.load(place / "ticket"), search.ticket(2)
    for mine, theirs in zip(ticket.weights, original.weights, strict=True):
        pruned = mine.mask is not None
        assert np.array_equal(mine.value, -2 * theirs.value if pruned else theirs.value)
    assert small.lines(tmp_path / "run")[3:] == [
        {k: v for k, v in row.items() if k != "seconds"} for row in rows
    ]
    (joined,) = lth.controls.run(search, "one_shot+flipped", levels=[2])
    assert joined["control"] == "one_shot+flipped"


def test_an_analysis_reads_a_finished_run(plug_in, tmp_path):
    search = dense_search(tmp_path / "run", epochs=8)
    lth.controls.run(search, "flipped", levels=[1])
    found = plug_in.agreement.sign_agreement(tmp_path / "run")
    assert list(found) == [0, 1, 2]
    for level, share in found.items():
        same = [
            (np.sign(weight.value) == np.sign(trained))[weight.mask]
            for weight, trained in zip(
                search.ticket(level).weights,
                search.trained_weights(level),
                strict=True,
            )
            if weight.mask is not None
        ]
        assert share == np.concatenate(same).mean()
        assert 0.5 < share < 1


def test_a_method_is_carried_out_in_a_run_directory(plug_in, tmp_path):
    name, given = lth.methods.parse("lucky:share=0.25")
    method = lth.methods.get(name)(small.dense_model(), **given)
    method.model.compile("sgd", "sparse_categorical_crossentropy")
    search = lth.methods.MethodSearch(method, str(tmp_path / "run"))
    small.fit(search, epochs=1)
    assert [row["density"] for row in search.results] == [0.25, 0.25]
    for level in (0, 1):
        (_, mask), *_ = search.ticket(level).pruned()
        chosen = np.random.default_rng(level).permutation(48) < 12
        assert np.array_equal(mask.reshape(-1), chosen)
    lth.verify(search.model)


def experiment(directory: pathlib.Path) -> lth.Experiment:
    """Two trials of a search with a criterion, a granularity and a control of ours."""

    def make_search(trial: int, directory: str) -> Any:
        wrapped = small.compiled(criterion="fisher", granularity="whole_filter")
        search = lth.LotterySearch(wrapped, 1, directory, trial=trial, seed=trial)
        return search, {
            "x": small.X,
            "y": small.Y,
            "batch_size": small.BATCH,
            "verbose": 0,
        }

    return lth.Experiment(make_search, 2, "flipped", directory)


def without_seconds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.mark.slow
def test_an_engine_carries_out_an_experiment(plug_in, tmp_path):
    rows = experiment(tmp_path / "ours").run(engine="by_trial")
    assert [(r["trial"], r["level"], r["control"]) for r in rows] == [
        (trial, *run)
        for trial in range(2)
        for run in ((0, "ticket"), (1, "ticket"), (1, "flipped"))
    ]
    order = read_json(tmp_path / "ours" / "tasks.json")
    assert order == [
        [0, "ticket", 0],
        [1, "ticket", 0],
        [1, "flipped", 1],
        [0, "flipped", 1],
    ]
    # In another order, and the same.
    local = experiment(tmp_path / "local").run()
    assert without_seconds(rows) == without_seconds(local)
    fingerprints = [small.fingerprints(tmp_path / name) for name in ("ours", "local")]
    assert fingerprints[0] == fingerprints[1] and len(fingerprints[0]) == 6


def read_json(path: pathlib.Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_worker_processes_know_them_too(plug_in, tmp_path):
    one = experiment(tmp_path / "one").run(workers=1)
    assert [row["control"] for row in one] == ["ticket", "ticket", "flipped"] * 2
    assert [row["density"] for row in one[:2]] == [1.0, one[2]["density"]]


SCRIPT = """\
import sys
sys.path[:0] = {path!r}
import numpy as np
import tf_keras as keras
import lth_keras as lth
{additions}

def make_search(trial, directory):
    model = keras.Sequential([keras.layers.Dense(8, input_shape=(6,))])
    wrapped = lth.wrap(model, 0.25, criterion="fisher", granularity="whole_filter")
    wrapped.compile("sgd", "mse")
    search = lth.LotterySearch(wrapped, 1, directory, trial=trial)
    x, y = np.eye(6, dtype="float32"), np.ones((6, 8), "float32")
    return search, dict(x=x, y=y, verbose=0)

rows = lth.Experiment(make_search, 1, "flipped", "run").run(workers=1)
print([(row["control"], row["density"]) for row in rows])
"""


@pytest.mark.slow
def test_workers_know_what_a_script_of_ones_own_registers(tmp_path):
    additions = "".join(
        (PLUG_IN / f"{module}.py").read_text(encoding="utf-8")
        for module in ("fisher", "whole_filters", "flipped")
    )
    additions = additions.replace("from __future__ import annotations\n", "")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(path=[str(ROOT)], additions=additions))
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [("ticket", 1.0), ("ticket", 0.75), ("flipped", 0.75)]
    assert done.stdout.splitlines()[-1] == str(rows)
