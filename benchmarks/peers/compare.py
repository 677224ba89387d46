"""The same LeNet search by this project and by its peers, each in its environment.

    python benchmarks/peers/compare.py                         # makes the environments
    python benchmarks/peers/compare.py --peers=tfmot --python=tfmot=PATH/bin/python

An environment that is not named is made in --folder, from the package index. What
cannot be installed stands under the table with pip's reason. All run in turn, --rounds
times, and times are medians over the same of this project.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
import venv

from absl import app, flags

HERE = pathlib.Path(__file__).resolve().parent
# What pip is asked for; this project runs in the environment that runs this program.
PEERS = {
    "lth_keras": None,
    "tfmot": ["tensorflow-model-optimization", "tf_keras", "setuptools"],
    "lightning": ["lightning"],
    "torch_pruning": ["torch-pruning"],
    "pquant": ["pquant-ml[torch]"],
}
_PEERS = flags.DEFINE_list("peers", list(PEERS), "Which of them.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "How often each is run.", lower_bound=1)
_FOLDER = flags.DEFINE_string("folder", "build/peers", "Where environments are made.")
_PYTHON = flags.DEFINE_multi_string("python", [], "NAME=PATH: an environment made.")
COLUMNS = (
    ("counts", "counts are right"),
    ("kernels", "kernels start at mask x theta_0"),
    ("biases", "biases too"),
    ("optimizer", "optimizer as before the first step"),
    ("shrinks", "masks only shrink"),
    ("checkpoint", "checkpoint after a step is sparse"),
    ("resumes", "resumes when killed"),
    ("ratio", "time of an iteration / this project's"),
    ("shipped", "bytes shipped"),
)


def interpreter(name: str) -> str:
    """The interpreter of a peer's environment, which is made where it is missing.

    Raises:
        subprocess.CalledProcessError: pip could not install it.
    """
    given = dict(entry.split("=", 1) for entry in _PYTHON.value)
    wanted = PEERS[name]
    if name in given or wanted is None:
        return given.get(name, sys.executable)
    folder = pathlib.Path(_FOLDER.value) / name
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", *wanted]
        subprocess.run(pip, check=True, capture_output=True, text=True)
    return str(python)


def outcome(name: str) -> dict:
    """What a peer's program printed; or {"failed": why}."""
    try:
        command = [interpreter(name), str(HERE / f"{name}_search.py")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines()
        installs = "pip" in error.cmd
        return {
            "failed": f"{'does not install' if installs else 'fails'}: {lines[-1:]}"
        }
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(_: list[str]) -> None:
    rounds = [{n: outcome(n) for n in _PEERS.value} for _ in range(_ROUNDS.value)]
    found = rounds[0]
    names = [n for n in found if all("failed" not in each[n] for each in rounds)]
    if "lth_keras" in names:
        for name in names:
            found[name]["ratio"] = statistics.median(
                each[name]["milliseconds"] / each["lth_keras"]["milliseconds"]
                for each in rounds
            )
    print("| | " + " | ".join(f"{n} {found[n]['version']}" for n in names) + " |")
    print("|---|" + "---|" * len(names))
    for key, title in COLUMNS:
        cells = [_cell(found[name].get(key)) for name in names]
        print(f"| {title} | " + " | ".join(cells) + " |")
    for name in names:
        print(f"\n{name}: kept {found[name]['kept'][-1]}. {found[name]['note']}")
    for name in set(found) - set(names):
        reasons = [each[name].get("failed") for each in rounds]
        print(f"\n{name}: {next(filter(None, reasons))}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return f"{value:.2f}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    app.run(main)
