"""What every test gets: a CPU, a home folder of its own, a fresh Keras, fixtures.

The environment is set at import, because TensorFlow and Keras read it once, at theirs.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator

import pytest

ROOT = pathlib.Path(__file__).absolute().parents[1]

# Keras, Matplotlib and TFDS write below the home folder when they are imported.
_HOME = tempfile.TemporaryDirectory(prefix="lth_keras_tests_")
os.environ["HOME"] = _HOME.name
for _name in ("KERAS_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
    os.environ.pop(_name, None)
os.environ["MPLBACKEND"] = "Agg"
# Bit-for-bit expectations hold on one kind of device.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_TWO_DEVICES = """\
import sys
sys.path[:0] = {path!r}
from lth_keras import compat
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
"""


# Files of few but long tests: begun first, so that processes end together.
_LONG = (
    "campaigns/kills_test.py",
    "search/rewind_test.py",
    "search/search_test.py",
    "programs/lottery_search_test.py",
    "experiments/experiment_test.py",
    "export/saved_model_test.py",
    "masking/sparse_training_test.py",
    "methods/learned_test.py",
    "methods/restoring_test.py",
    "grid/controls_test.py",
    "house/wheel_test.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(_LONG))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--campaign",
        action="store_true",
        help="try every case of tests/campaigns, not a sample",
    )
    parser.addoption(
        "--campaign_seed", type=int, help="the seed of the campaigns' cases"
    )


def pytest_unconfigure() -> None:
    _HOME.cleanup()


@pytest.fixture(autouse=True)
def fresh_keras() -> Iterator[None]:
    """Seeds each test, and lets names and policies begin anew after it.

    A test that never imported Keras does not wait for it.
    """
    keras = sys.modules.get("tf_keras")
    if keras:
        keras.utils.set_random_seed(0)
    yield
    keras = sys.modules.get("tf_keras")
    if keras:
        keras.mixed_precision.set_global_policy("float32")
        keras.backend.reset_uids()


@pytest.fixture(autouse=True, scope="module")
def clear_keras() -> Iterator[None]:
    """Clears what Keras keeps of models; for each test that would take a tenth longer.

    TensorFlow's compiled kernels go with it.
    """
    yield
    keras = sys.modules.get("tf_keras")
    if keras:
        keras.backend.clear_session()


@pytest.fixture(scope="session")
def shared_data_dir() -> pathlib.Path:
    """The `data_dir` of prepared TFDS data sets; skips where there is none."""
    given = os.environ.get("LTH_SHARED_TFDS")
    folder = pathlib.Path(given) if given else ROOT.parent / "shared" / "tfds"
    if not folder.is_dir():
        pytest.skip(
            f"no prepared data sets in {folder} (LTH_SHARED_TFDS names another)"
        )
    return folder


@pytest.fixture
def in_own_process(tmp_path: pathlib.Path) -> Callable[..., str]:
    """Runs Python in a process of its own, with two logical CPU devices.

    Distribution strategies need that: devices are set before TensorFlow starts, and
    several strategies in one process can disturb each other's collectives.

    The fixture is a function `run(code, timeout=300)`. `code` is the text of a
    program, or a function at the top level of a test module that takes no arguments.
    The test fails, showing what was printed, unless the exit code is 0. Returns the
    standard output. The working folder is the test's `tmp_path`.
    """

    def run(code: str | Callable[[], None], timeout: float = 300) -> str:
        path = [str(ROOT)]
        if callable(code):
            place = pathlib.Path(code.__code__.co_filename).relative_to(ROOT)
            module = ".".join(place.with_suffix("").parts)
            body = f"from {module} import {code.__name__} as run\nrun()\n"
        else:
            body = textwrap.dedent(code)
        script = tmp_path / "in_own_process.py"
        script.write_text(_TWO_DEVICES.format(path=path) + body, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            pytest.fail(
                f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}",
                pytrace=False,
            )
        return done.stdout

    return run
