"""What `import lth_keras` chooses, in processes of their own: tf.keras is tf_keras."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from tests.support.places import ROOT

# TensorFlow as far as the choice goes: it takes seconds to import.
STUB = """
    import sys, types
    sys.modules["tensorflow"] = types.ModuleType("tensorflow")
    """
BY_NAME = """
    sys.modules["tf_keras"] = tf_keras = types.ModuleType("tf_keras")
    tf_keras.saving = types.SimpleNamespace(get_custom_objects=dict)
    """
WARNING = "TensorFlow was imported before lth_keras, and its tf.keras is Keras 3"


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program in a process that has not chosen a Keras."""
    inherited = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_keras_is_tf_keras_after_the_import_whatever_way_it_is_asked_for() -> None:
    done = run(
        """
        import lth_keras as lth
        from tensorflow.keras import callbacks, layers
        import tensorflow as tf
        import tf_keras

        assert tf.keras.Model is tf_keras.Model
        assert issubclass(layers.Dense, tf_keras.layers.Layer)

        class Logger(callbacks.Callback):
            "As a tracker of experiments has it: of tf.keras, whatever that is."

            def on_epoch_end(self, epoch, logs=None):
                print("epoch", epoch, sorted(logs))

        model = lth.wrap(tf.keras.Sequential([layers.Dense(2, input_shape=(3,))]))
        assert not Logger()._implements_test_batch_hooks()
        model.compile("sgd", "mse")
        model.fit([[1.0, 2.0, 3.0]], [[0.0, 1.0]], callbacks=[Logger()], verbose=0)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "epoch 0 ['loss']\n"
    assert WARNING not in done.stderr


def test_a_tensorflow_that_was_there_before_is_warned_of_in_one_line() -> None:
    done = run(STUB + "import lth_keras")
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert WARNING in line and "Import lth_keras first" in line
    assert line.startswith("<string>:")


@pytest.mark.parametrize(
    ("before", "environment"),
    [
        ("", {}),
        (STUB, {"TF_USE_LEGACY_KERAS": "1"}),
        # Whoever asks for Keras 3 knows it.
        (STUB, {"TF_USE_LEGACY_KERAS": "0"}),
        (STUB + BY_NAME, {}),
    ],
    ids=["nothing before", "chosen", "keras 3 chosen", "tf_keras by name"],
)
def test_there_is_no_warning_without_a_reason(
    before: str, environment: dict[str, str]
) -> None:
    done = run(textwrap.dedent(before) + "import lth_keras\n", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked", ["import tensorflow", "from tensorflow.keras import layers"]
)
def test_the_real_tensorflow_before_it_is_warned_of(asked: str) -> None:
    done = run(f"{asked}\nimport lth_keras\nlth_keras.wrap")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(WARNING) == 1


def test_the_choice_of_the_environment_is_left_as_it_is() -> None:
    done = run(
        "import os, lth_keras; print(os.environ['TF_USE_LEGACY_KERAS'])",
        TF_USE_LEGACY_KERAS="0",
    )
    assert done.stdout == "0\n"


@pytest.mark.slow
def test_any_file_of_the_hosts_room_may_be_the_first_to_ask_for_tf_keras() -> None:
    done = run(
        """
        import importlib, os, pathlib, sys, traceback
        import tensorflow, keras
        import lth_keras.masking  # What surrounds methods once tf_keras is there.

        assert "tf_keras" not in sys.modules
        (package,), failed = lth_keras.__path__, 0
        for path in sorted(pathlib.Path(package, "compat").rglob("*.py")):
            path = path.relative_to(pathlib.Path(package).parent)
            if (child := os.fork()) == 0:
                try:
                    importlib.import_module(".".join(path.with_suffix("").parts))
                except ImportError:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            failed += os.waitpid(child, 0)[1] != 0
        sys.exit(failed)
        """,
        TF_USE_LEGACY_KERAS="0",
        KERAS_BACKEND="tensorflow",
    )
    assert done.returncode == 0, done.stderr
