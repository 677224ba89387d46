"""A cluster of Ray finds what one worker finds, whatever is lost on the way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.experiments.engines import ray_cluster, ray_task
from lth_keras.experiments.tasks import Task
from lth_keras.runs import layout
from lth_keras.storage import files
from tests.support import block_rows, pages, ray_jobs
from tests.support.places import EXAMPLES, ROOT

Run = Callable[..., str]


def _require() -> None:
    pytest.importorskip("ray", reason="needs the package's 'ray' extra")


@pytest.mark.extras
@pytest.mark.distributed
@pytest.mark.slow
@pytest.mark.parametrize("lose", ["node", "process"])
def test_what_is_lost_in_mid_job_is_begun_again_and_ends_the_same(
    in_own_process: Run, lose: str
) -> None:
    _require()
    function = {"node": "lose_a_node", "process": "lose_a_process"}[lose]
    out = in_own_process(
        f"from tests.support import ray_jobs\nray_jobs.{function}()", timeout=900
    )
    reason = {"node": "its node is gone", "process": "its process was killed"}[lose]
    lines = out.splitlines()
    lost = [line for line in lines if "it is begun again" in line]
    # The lost node may have had nothing to do at that moment; a process has.
    assert lose == "node" or lost
    assert all(reason in line for line in lost)
    # Every run is seen as it is stored, and Ray itself says nothing.
    left = [line for line in lines if line not in lost]
    runs = [line for line in left if re.match(r" *\d+ %  trial \d/2  ", line)]
    assert len(runs) == 20 and len(left) == 22


@pytest.mark.extras
@pytest.mark.distributed
@pytest.mark.slow
def test_the_program_runs_on_a_cluster_of_its_own_without_a_word_of_rays(
    tmp_path: Any,
) -> None:
    _require()
    shared = ("--levels=1", "--iterations=60", "--evaluate_every=30", "--trials=2")
    one = ("--output_dir=one", "--workers=1")
    ray = ("--output_dir=ray", "--engine=ray", "--ray_address=local")
    for given in (one, ray):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "lottery_search.py"), *shared, *given],
            cwd=tmp_path,
            env={**os.environ, **ray_jobs.QUICK, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [line for line in done.stdout.splitlines() if "(raylet)" in line] == []
    assert ray_jobs.found(tmp_path / "ray") == ray_jobs.found(tmp_path / "one")
    # Later controls are of one thread too, on whatever engine.
    flags = files.read_json(tmp_path / "ray" / "settings.json")["flags"]
    assert flags["workers"] == 1 and "engine" not in flags


@pytest.mark.extras
@pytest.mark.distributed
@pytest.mark.slow
def test_stability_on_a_cluster_is_that_of_one_worker(tmp_path: Any) -> None:
    _require()

    def run(program: str, *given: str) -> str:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / program), *given],
            cwd=tmp_path,
            env={**os.environ, **ray_jobs.QUICK, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    small = ("--levels=1", "--iterations=20", "--evaluate_every=10", "--controls=none")
    run("lottery_search.py", *small, "--workers=1", "--output_dir=one")
    shutil.copytree(tmp_path / "one", tmp_path / "ray")
    study = ("--levels=0,1", "--of=ticket,inits", "--alphas=3")
    run("stability.py", "one", *study, "--workers=1")
    out = run("stability.py", "ray", *study, "--engine=ray", "--ray_address=local")
    assert "100 %" in out and "(raylet)" not in out
    one, ray = (lth.analysis.stability(tmp_path / name) for name in ("one", "ray"))
    assert len(ray) == 4
    assert [found.lines for found in ray] == [found.lines for found in one]
    assert [f.of for f in ray] == ["inits", "inits", "ticket", "ticket"]


@pytest.mark.extras
@pytest.mark.distributed
@pytest.mark.slow
def test_the_engine_of_the_document_runs_an_experiment(in_own_process: Run) -> None:
    """docs/cluster.md, on a cluster of this machine's own."""
    _require()
    (block,) = [b for b in pages.blocks() if b.text.startswith("engine = lth.engines")]
    assert block.page == "docs/cluster.md"
    text = block.text
    for written, instead in (
        ('address="auto"', 'address="local"'),
        ("memory=4 * 2**30", "memory=2**28"),
        ("trials=5", "trials=1"),
        ("/shared/mine", "mine"),
    ):
        assert text.count(written) == 1
        text = text.replace(written, instead)
    begin = f"import os\nos.environ.update({ray_jobs.QUICK!r})\n"
    after = "\nassert [row['level'] for row in rows] == [0, 1]\n"
    code = begin + block_rows.READERS + block_rows.MAKE_SEARCH + text + after
    in_own_process(code, timeout=900)


def test_without_ray_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LotteryError, match="engine='ray' needs Ray: pip install ray"):
        ray_cluster.imported()


@pytest.mark.parametrize(
    "given",
    [
        {"address": ""},
        {"address": 3},
        {"num_gpus": -1},
        {"num_gpus": 1.5},
        {"num_gpus": "all"},
        {"memory": 0},
        {"memory": 1.5},
    ],
)
def test_what_no_cluster_could_give_is_refused(given):
    (name,) = given
    with pytest.raises(LotteryError, match=name):
        lth.engines.Ray(**given)


def given(root: str, **others: Any) -> ray_task.Given:
    about = {"key": "k", "packed": [None], "levels": 1, "variables": {}}
    about |= {"version": lth.__version__, "shares_gpu": False}
    return ray_task.Given(root=root, **{**about, **others})


def test_a_node_that_does_not_see_the_directory_says_so(tmp_path):
    told = ray_task.carry_out(given(str(tmp_path / "elsewhere")), Task(0))
    assert told.kind == "refused"
    assert "a directory that every node shares, or one in gs://" in told.text


def test_a_node_of_another_version_says_so(tmp_path):
    told = ray_task.carry_out(given(str(tmp_path), version="0.0.1"), Task(0))
    assert told.kind == "refused"
    assert "install one version on every node" in told.text


def test_a_task_knows_where_its_runs_are_stored():
    directory = layout.ExperimentDirectory("x")

    def roots(task: Task) -> list[str]:
        return [place.root for place in ray_task.places(directory, task, 1)]

    assert roots(Task(2)) == ["x/trial2/level00", "x/trial2/level01"]
    assert roots(Task(0, "noise:sigma=2", 1, 3)) == [
        "x/trial0/controls/noise,sigma=2.0/level01-r3"
    ]


class Nodes:
    """What Ray says of a cluster."""

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "Resources": {"CPU": 4, "memory": 100.0}},
            {"Alive": False, "Resources": {"CPU": 4, "GPU": 8, "memory": 100.0}},
        ]


def test_it_is_told_what_no_node_has():
    assert ray_cluster.lacking(Nodes(), 0, 100) == ""
    said = ray_cluster.lacking(Nodes(), 1, None)
    assert said == (
        "no node of the cluster has CPU 1, GPU 1: the runs wait until one joins."
    )


class Connected:
    """A Ray that the user has connected, whose threads print."""

    def is_initialized(self) -> bool:
        return True


def test_what_threads_of_ray_print_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(ray_cluster, "imported", Connected)
    with ray_cluster.connected("auto") as ray:
        assert ray.is_initialized()
        for name in ("ray_listen_error_messages", "of the user"):
            thread = threading.Thread(target=print, args=[name], name=name)
            thread.start()
            thread.join()
        print("of the job")
    assert capsys.readouterr().out == "of the user\nof the job\n"
