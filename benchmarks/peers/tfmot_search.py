"""The search as it is written with stock tensorflow-model-optimization.

It has no rewinding. The loop that people write with it: wrap at the next sparsity, fit,
strip, take the zeros as the mask, set the initial weights back on it, wrap again.
"""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import tempfile

import numpy as np
import task
import tensorflow_model_optimization as tfmot
import tf_keras as keras

sparsity = tfmot.sparsity.keras


def _model() -> keras.Model:
    model = keras.Sequential(
        [
            keras.layers.Dense(300, "relu", input_shape=(784,)),
            keras.layers.Dense(100, "relu"),
            keras.layers.Dense(10),
        ]
    )
    model.set_weights([array for pair in task.theta() for array in pair])
    return model


def _wrapped(model: keras.Model, shares: list[float]) -> keras.Model:
    """Each layer at its own constant sparsity, pruned at the first step."""
    layers = iter(shares)

    def prune(layer: keras.layers.Layer) -> keras.layers.Layer:
        share = next(layers)
        # It refuses a sparsity of 0.
        schedule = sparsity.ConstantSparsity(share, 0, end_step=1, frequency=1)
        return sparsity.prune_low_magnitude(layer, pruning_schedule=schedule)

    found = (
        keras.models.clone_model(model, clone_function=prune) if any(shares) else model
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found.compile(keras.optimizers.Adam(task.LEARNING_RATE), loss)
    return found


class _Checkpoint(keras.callbacks.Callback):
    """Saves the weights after a step, as ModelCheckpoint(save_freq=...) does."""

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if batch == 50:
            self.model.save_weights(self._path)


def main() -> None:
    x, y = task.data()
    fit = dict(x=x, y=y, batch_size=task.BATCH, verbose=0)
    fit["epochs"] = task.ITERATIONS * task.BATCH // len(x)
    drawn = task.theta()
    masks = [[np.ones(kernel.shape) for kernel, _ in drawn]]
    kept = [[mask.size for mask in masks[0]]]
    shares = [0.0, 0.0, 0.0]
    start: dict[str, bool] = {}
    checkpoint, model = None, None
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "after.weights.h5")
        for level in range(task.LEVELS + 1):
            trained = _model()
            # tfmot prunes by the weights it is given: those trained before decide.
            if model is not None:
                trained.set_weights(sparsity.strip_pruning(model).get_weights())
                pruned = _wrapped(trained, shares)
                pruned.fit(x[:60], y[:60], verbose=0, callbacks=[_step()])
                last = sparsity.strip_pruning(pruned).get_weights()
                masks.append([(kernel != 0).astype(float) for kernel in last[::2]])
                kept.append(task.counted(masks[-1]))
                trained.set_weights(
                    [
                        array
                        for (kernel, bias), mask in zip(drawn, masks[-1], strict=True)
                        for array in (kernel * mask, bias)
                    ]
                )
            weights = trained.get_weights()
            start = task.starts_at_theta(weights[::2], weights[1::2], masks[-1])
            model = _wrapped(trained, shares)
            calls = [_step(), _Checkpoint(place)] if level else []
            model.fit(**fit, callbacks=calls)
            shares = [
                1 - (1 - s) * (1 - r) for s, r in zip(shares, task.RATES, strict=True)
            ]
        copy = keras.models.clone_model(model, clone_function=_same)
        copy.load_weights(place)
        kernels = [layer.layer.kernel.numpy() for layer in copy.layers]
        checkpoint = task.obeys(kernels, masks[-1])
        shipped = pathlib.Path(folder, "model.h5")
        sparsity.strip_pruning(model).save(shipped, include_optimizer=False)
        size = shipped.stat().st_size
    milliseconds = task.timed(lambda: model.fit(**fit, callbacks=[_step()]))
    found = task.Found(
        kept=kept,
        milliseconds=milliseconds,
        **start,
        optimizer=True,
        shrinks=task.shrink(masks),
        checkpoint=checkpoint,
        resumes=False,
        shipped=size,
        note="rewinding, masks and optimizer are the loop's own: a new model a level",
    )
    task.told(
        "tfmot", importlib.metadata.version("tensorflow-model-optimization"), found
    )


def _step() -> keras.callbacks.Callback:
    return sparsity.UpdatePruningStep()


def _same(layer: keras.layers.Layer) -> keras.layers.Layer:
    with sparsity.prune_scope():
        return type(layer).from_config(layer.get_config())


if __name__ == "__main__":
    main()
