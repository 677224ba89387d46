"""The recipes of docs/trackers.md, run offline where their packages are."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tests.support import pages
from tests.support.block_rows import READERS

COMPILED = """
model = lth.wrap(model, rate=0.2)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
PAGE = "docs/trackers.md"


def recipe(first: str) -> str:
    """The block of the page that begins so, after what it says is the reader's own."""
    (block,) = [
        b for b in pages.blocks() if b.page == PAGE and b.first.startswith(first)
    ]
    return READERS + COMPILED + block.text


@pytest.mark.extras
@pytest.mark.slow
def test_wandb_has_a_run_with_a_step_for_each_level_and_the_ticket(
    in_own_process: Callable[..., str], tmp_path: pathlib.Path
) -> None:
    pytest.importorskip("wandb", reason="needs the package's 'trackers' extra")
    code = f"""
import os
os.chdir({str(tmp_path)!r})
os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", HOME={str(tmp_path)!r})
logged = []
import wandb
begin = wandb.init
def init(**given):
    run = begin(**given)
    log = run.log
    def keep(row, step):
        logged.append((step, row["density"]))
        log(row, step=step)
    run.log = keep
    return run
wandb.init = init
{recipe("import lth_keras as lth, wandb")}
assert [step for step, _ in logged] == [0, 1, 2], logged
assert [d for _, d in logged] == [row["density"] for row in search.results]
import glob
(stored,) = glob.glob("wandb/offline-run-*/run-*.wandb")
data = open(stored, "rb").read()
for text in (b"lenet-ticket", b"manifest.json", b"density"):
    assert text in data, text
"""
    in_own_process(code, timeout=600)


@pytest.mark.extras
@pytest.mark.slow
def test_mlflow_has_a_run_with_a_step_for_each_level_and_the_ticket(
    in_own_process: Callable[..., str], tmp_path: pathlib.Path
) -> None:
    pytest.importorskip("mlflow", reason="needs the package's 'trackers' extra")
    code = f"""
import os
os.chdir({str(tmp_path)!r})
os.environ.update(HOME={str(tmp_path)!r}, MLFLOW_ALLOW_FILE_STORE="true")
import mlflow
mlflow.set_tracking_uri("file://{tmp_path}/mlruns")
{recipe("import lth_keras as lth, mlflow")}
client = mlflow.MlflowClient()
(one,) = client.search_runs([client.get_experiment_by_name("tickets").experiment_id])
assert one.data.params == dict(rate="0.2", levels="2")
history = client.get_metric_history(one.info.run_id, "density")
found = [(m.step, m.value) for m in history]
assert found == [(row["level"], row["density"]) for row in search.results], found
files = {{f.path for f in client.list_artifacts(one.info.run_id, "ticket")}}
assert "ticket/manifest.json" in files, files
"""
    in_own_process(code, timeout=600)
