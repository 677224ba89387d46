"""How much sooner two workers end a job than one, and that they find the same.

A job of four LeNet searches with a control each, by `--workers=1` and `--workers=2`;
every worker has one thread. Without MNIST on the digits, where reading the data and
starting TensorFlow weigh more. With --engine=ray on a Ray cluster of two CPUs that is
begun first ("ray" extra); what else computes takes theirs.

    python benchmarks/workers_speed.py --data_dir=DIR_OF_TFDS   # MNIST
    python benchmarks/workers_speed.py                          # digits
    python benchmarks/workers_speed.py --data_dir=DIR_OF_TFDS --engine=ray
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from absl import app, flags

import paired

_DATA_DIR = flags.DEFINE_string("data_dir", None, "TFDS directory that holds mnist.")
_ENGINE = flags.DEFINE_enum("engine", "local", ["local", "ray"], "Of the workers.")
_PAIRS = flags.DEFINE_integer("pairs", 3, "Pairs of jobs.")
_ITERATIONS = flags.DEFINE_integer("iterations", 2000, "Iterations per level.")

_ROOT = pathlib.Path(__file__).resolve().parents[1]


class Job:
    """The job by some number of workers; every call is a new one."""

    def __init__(self, workers: int, engine: list[str], folder: str):
        self._workers, self._engine, self._folder = workers, engine, folder
        self._calls = 0
        self.rows: list[dict] = []

    def __call__(self) -> None:
        self._calls += 1
        output = pathlib.Path(self._folder, f"{self._workers}_{self._calls}")
        dataset = ["--dataset=mnist", f"--data_dir={_DATA_DIR.value}"]
        subprocess.run(
            [
                sys.executable,
                _ROOT / "examples" / "lottery_search.py",
                *(dataset if _DATA_DIR.value else []),
                "--trials=4",
                "--levels=2",
                f"--iterations={_ITERATIONS.value}",
                "--controls=random_reinit",
                f"--workers={self._workers}",
                *self._engine,
                f"--output_dir={output}",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
        lines = (output / "results.jsonl").read_text().splitlines()
        self.rows = [{**json.loads(line), "seconds": 0} for line in lines]


@contextlib.contextmanager
def engine() -> Iterator[list[str]]:
    """The flags of the engine, which is there meanwhile."""
    if _ENGINE.value == "local":
        yield []
        return
    path = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
    os.environ.update(RAY_worker_niceness="0", PYTHONPATH=path)
    # It reads its environment when it is imported.
    import ray

    cluster = ray.init("local", num_cpus=2, log_to_driver=False)
    yield ["--engine=ray", f"--ray_address={cluster.address_info['gcs_address']}"]
    ray.shutdown()


def main(_: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, engine() as chosen:
        one, two = Job(1, chosen, folder), Job(2, chosen, folder)
        found = paired.measure(one, two, _PAIRS.value, warm_up=0)
        paired.report("one worker / two workers", found, ">= 1.7 on two quiet cores")
        same = "equal" if one.rows == two.rows else "DIFFERENT"
        print(f"result lines of both: {same} ({len(one.rows)} runs)")


if __name__ == "__main__":
    app.run(main)
