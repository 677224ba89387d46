"""What needs NumPy alone imports where TensorFlow is not, and never imports it.

Nor do the files by which Keras 3 models are on masks: with JAX or torch none needs it.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.places import ROOT

# Rooms and modules that must not wait for TensorFlow, nor ask for it.
WITHOUT_HOSTS = (
    "lth_keras",
    "lth_keras.compat.trainers",
    "lth_keras.errors",
    "lth_keras.masking.native",
    "lth_keras.pruning",
    "lth_keras.pruning.criteria",
    "lth_keras.pruning.granularity",
    "lth_keras.pruning.recipe",
    "lth_keras.storage",
    "lth_keras.version",
)
HOSTS = (
    "keras",
    "tensorflow",
    "tensorflow_model_optimization",
    "tf_keras",
)

BLOCKED = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HOSTS!r}:
            raise ImportError(f"{{name}} is not there")

sys.meta_path.insert(0, Blocked())
"""
IMPORT = """
import importlib, pkgutil, sys
names = sys.argv[1:]
for name in list(names):
    module = importlib.import_module(name)
    # The facade's rooms come by their own names; below them, every file.
    if name != "lth_keras":
        inside = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}.")
        for found in inside:
            importlib.import_module(found.name)
"""
LOADED = f"""
loaded = sorted(set(sys.modules) & set({HOSTS!r}))
assert not loaded, loaded
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_they_import_where_the_hosts_are_not_to_be_had() -> None:
    done = run(BLOCKED + IMPORT, *WITHOUT_HOSTS)
    assert done.returncode == 0, done.stderr


def test_they_import_no_host_where_there_is_one() -> None:
    done = run(IMPORT + LOADED, *WITHOUT_HOSTS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", ["lottery_search", "export_ticket"])
def test_a_wrong_flag_is_answered_without_the_hosts(program: str) -> None:
    code = f"""
from lth_keras.programs import {program}
sys.argv = ["program", "--leves=1"]
assert {program}.program() == 2
"""
    done = run(BLOCKED + code)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_keras_3_is_not_imported_before_a_model_of_it_is_met() -> None:
    done = run(
        "import sys, lth_keras as lth\nlth.wrap\nassert 'keras' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr


def test_the_block_is_one() -> None:
    done = run(BLOCKED + "import lth_keras as lth\nlth.wrap")
    assert "ImportError: " in done.stderr
    assert done.returncode == 1
