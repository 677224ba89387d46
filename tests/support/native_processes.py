"""Programs on a backend of Keras 3, each in a process of its own.

Keras 3 takes its backend at its import, for good. JAX and torch are extras: their rows
are skipped, by name, where they are not installed.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from tests.support.places import ROOT

BACKENDS = ("tensorflow", "jax", "torch")


def on(backend: str) -> Any:
    """A backend as a test's parameter."""
    if backend == "tensorflow":
        return pytest.param(backend)
    missing = importlib.util.find_spec(backend) is None
    reason = f"{backend} is not installed: pip install -e '.[keras3-{backend}]'"
    marks = [pytest.mark.backends, pytest.mark.skipif(missing, reason=reason)]
    return pytest.param(backend, marks=marks)


compiling_backends = pytest.mark.parametrize("backend", [on("tensorflow"), on("jax")])
every_backend = pytest.mark.parametrize("backend", [on(name) for name in BACKENDS])


@functools.cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    """Where processes leave what JAX compiled for those that come after them."""
    return tempfile.TemporaryDirectory(prefix="lth_keras_compiled_")


def environment(backend: str) -> dict[str, str]:
    """The variables of a process on a backend."""
    # Not what lth_keras has set in this process, for which tf.keras is tf_keras.
    own = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    own |= {"KERAS_BACKEND": backend, "PYTHONPATH": path}
    if backend == "jax":
        own |= {
            "JAX_COMPILATION_CACHE_DIR": _compiled().name,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
    return own


def run_on(backend: str, *arguments: str) -> str:
    """What a program prints.

    Args:
        backend: of Keras 3.
        *arguments: of Python, such as "-m", "tests.support.native_rows".
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(backend),
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.fail(
            f"exit code {done.returncode}\n{done.stderr[-4000:]}", pytrace=False
        )
    return done.stdout


@functools.cache
def rows_on(backend: str) -> dict[str, list[str]]:
    """What went wrong in each row of a backend; one process for all of them."""
    printed = run_on(backend, "-m", "tests.support.native_rows")
    found: dict[str, list[str]] = json.loads(printed.splitlines()[-1])
    return found
