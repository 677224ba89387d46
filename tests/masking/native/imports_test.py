"""A Keras 3 user on JAX or torch waits for no TensorFlow, and what comes with it."""

from __future__ import annotations

import pytest

from tests.support.native_processes import on, run_on

PROGRAM = """
import sys
import numpy as np
import keras
import lth_keras as lth

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("adam", "mse")
lth.hold(model, rate=0.3)
callbacks = [lth.keras3.CaptureInitialWeights(), lth.keras3.PruneAndRewind()]
for _ in range(2):
    model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0, callbacks=callbacks)
lth.verify(model)
assert abs(lth.coverage(model, print_fn=None).density - 8 / 12) < 1e-9
lth.Ticket.of(model, callbacks[0].start, level=1).save(sys.argv[1])
assert lth.Ticket.load(sys.argv[1]).apply(model) == []
lth.release(model)
print([name for name in ("tensorflow", "tf_keras", "tensorflow_model_optimization")
       if name in sys.modules])
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", [on("jax"), on("torch")])
def test_none_is_imported_by_the_acts(backend: str, tmp_path: object) -> None:
    printed = run_on(backend, "-c", PROGRAM, f"{tmp_path}/ticket")
    assert printed.splitlines()[-1] == "[]"
