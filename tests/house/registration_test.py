"""Files of wrapped models load after `import lth_keras`, in whatever order of imports.

Nothing of the package is touched: that it was imported is all that loading asks for.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from tests.support.places import ROOT

ORDERS = (
    ("lth_keras", "tensorflow", "tf_keras"),
    ("tensorflow", "tf_keras", "lth_keras"),
    ("tf_keras", "lth_keras", "tensorflow"),
    ("tensorflow_model_optimization", "lth_keras", "tf_keras"),
    ("lth_keras", "tensorflow_model_optimization", "tf_keras"),
    ("tensorflow", "lth_keras", "tensorflow_model_optimization", "tf_keras"),
)

LOAD = """
import sys
for name in {order!r}:
    __import__(name)
import tf_keras

if {order!r}[0] == "lth_keras":
    from tensorflow.keras import callbacks, layers
    # Trackers of experiments take their callbacks from there.
    assert issubclass(layers.Dense, tf_keras.layers.Layer)
    assert hasattr(callbacks.Callback, "_implements_test_batch_hooks")
for path in {paths!r}:
    model = tf_keras.models.load_model(path)
    kinds = [type(layer).__name__ for layer in model.layers]
    rate = model.optimizer.get_config()["learning_rate"]
    print(*kinds, rate["class_name"] if isinstance(rate, dict) else "number")

# Only now is a name of it used, after which it still shows no more.
import lth_keras
lth_keras.wrap
assert dir(lth_keras) == sorted(lth_keras.__all__)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A wrapped and compiled model as `.keras`, `.h5` and SavedModel."""
    import lth_keras as lth
    from lth_keras.compat import keras
    from lth_keras.training.learning_rates import LinearWarmup

    folder = tmp_path_factory.mktemp("saved")
    layers = [keras.layers.Dense(3, input_shape=(4,)), keras.layers.Dense(2)]
    model = lth.wrap(keras.Sequential(layers))
    paths = [str(folder / name) for name in ("model.h5", "model", "model.keras")]
    warmup = LinearWarmup(0.1, 10)
    # In `.h5` files tf_keras finds no schedule but its own.
    for path, rate in zip(paths, [0.1, warmup, warmup], strict=True):
        model.compile(keras.optimizers.SGD(rate), "mse")
        model.fit([[1.0, 2.0, 3.0, 4.0]], [[0.0, 1.0]], verbose=0)
        model.save(path)
    return paths


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_wrapped_models_load(
    saved: list[str], order: tuple[str, ...], tmp_path: pathlib.Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # A user's process has not set it; where tf_keras is asked for by name, it need not.
    environment.pop("TF_USE_LEGACY_KERAS", None)
    done = subprocess.run(
        [sys.executable, "-c", LOAD.format(order=order, paths=saved)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    layers = ["PruneByLevel"] * 2
    assert [line.split() for line in done.stdout.splitlines()] == [
        [*layers, "number"],
        [*layers, "LinearWarmup"],
        [*layers, "LinearWarmup"],
    ]


def test_every_registered_class_has_a_stand_in() -> None:
    import lth_keras.public  # noqa: F401  Its import registers them all.
    from lth_keras import registration
    from lth_keras.compat import keras

    ours = {**registration._CLASSES, **registration._FUNCTIONS}
    known = [n for n in keras.saving.get_custom_objects() if n.startswith("lth_keras>")]
    assert sorted(known) == sorted(f"lth_keras>{n}" for n in ours)
    for name, module in ours.items():
        made = keras.saving.get_custom_objects()[f"lth_keras>{name}"]
        assert (made.__name__, made.__module__) == (name, module)


@pytest.mark.parametrize("order", ORDERS[:2], ids="-".join)
def test_a_class_that_is_asked_for_by_name_makes_objects(
    order: tuple[str, ...],
) -> None:
    program = "\n".join(
        (
            *(f"import {name}" for name in order),
            "made = tf_keras.saving.get_registered_object('lth_keras>LinearWarmup')",
            "print(float(made(0.1, 10)(4)))",
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) == pytest.approx(0.05)
