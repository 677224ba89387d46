"""A search with BatchNorm and a control, by the workers of a cluster or by one process.

    python -m tests.support.cluster_jobs DIRECTORY multiworker   # with TF_CONFIG
    python -m tests.support.cluster_jobs DIRECTORY mirrored

Prints a line of what was found, and "at PLACE" where a test may end it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from typing import Any

from lth_keras.experiments import quiet

with quiet.quiet_import():
    import tensorflow as tf

    import lth_keras as lth
    from lth_keras.compat import keras
    from lth_keras.masking.network import Network
    from tests.support import small_search as small


def strategy_of(kind: str) -> Any:
    if kind == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    cpu, *_ = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, parts)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


class Tells(keras.callbacks.Callback):
    """Says where the training is: in which run, and at which step of it."""

    def __init__(self) -> None:
        super().__init__()
        self.run, self.step = -1, 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.run, self.step = self.run + 1, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.step += 1
        print(f"at {self.run}.{self.step}", flush=True)


def search(directory: str, strategy: Any) -> tuple[Any, lth.LotterySearch]:
    """Levels 0 to 2, rewound to step 2, and a control of levels 1 and 2."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = lth.wrap(small.dense_model(), 0.3)
        model.compile(
            keras.optimizers.Adam(0.01),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        made = lth.LotterySearch(model, 2, directory, rewind_to="2it", seed=1)
    x, y = small.data(48)
    made.fit(
        x, y, batch_size=12, epochs=2, verbose=0, callbacks=[Tells()],
        validation_data=small.data(31, 1), test_data=small.data(17, 2),
        evaluate_every=2,
    )  # fmt: skip
    lth.controls.run(made, "random_reinit")
    return model, made


def digest(model: Any) -> str:
    """Of every weight and mask that the model holds."""
    found = hashlib.sha256()
    for weight in Network.of(model).weights:
        found.update(weight.read().tobytes())
        found.update(weight.read_mask().tobytes())
    return found.hexdigest()


def end(directory: str, kind: str) -> None:
    """Carries out the job, says what came of it, and ends the process."""
    try:
        model, _ = search(directory, strategy_of(kind))
        print(f"digest {digest(model)}", flush=True)
        status = 0
    except lth.LotteryError as error:
        print(f"error {error}", flush=True)
        status = 1
    except BaseException:
        traceback.print_exc()
        status = 3
    sys.stdout.flush()
    # A lost worker's sums would keep TensorFlow from ending.
    os._exit(status)


if __name__ == "__main__":
    end(*sys.argv[1:])
