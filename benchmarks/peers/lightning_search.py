"""The search by Lightning's ModelPruning callback, a level an epoch."""

from __future__ import annotations

import copy
import logging
import pathlib
import tempfile
import time
import warnings

import lightning
import numpy as np
import task
import torch
from lightning.pytorch.callbacks import ModelPruning

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


class LeNet(lightning.LightningModule):
    """LeNet-300-100 from theta_0; remembers how each epoch begins."""

    def __init__(self) -> None:
        super().__init__()
        sizes = zip(task.SIZES, task.SIZES[1:], strict=False)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(*size) for size in sizes)
        with torch.no_grad():
            for layer, (kernel, bias) in zip(self.layers, task.theta(), strict=True):
                layer.weight.copy_(torch.tensor(kernel.T))
                layer.bias.copy_(torch.tensor(bias))
        self.starts: list[dict] = []
        self.seconds: list[float] = []
        self.saved: pathlib.Path | None = None
        self._began = time.perf_counter()  # Resuming in an epoch calls no start of it.

    def masks(self) -> list[np.ndarray]:
        return [
            layer.weight_mask.numpy().T.copy()
            if hasattr(layer, "weight_mask")
            else np.ones(layer.weight.shape).T
            for layer in self.layers
        ]

    def training_step(self, batch, index):
        x, y = batch
        x = torch.relu(self.layers[0](x))
        x = torch.relu(self.layers[1](x))
        return torch.nn.functional.cross_entropy(self.layers[2](x), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), task.LEARNING_RATE)

    def on_train_epoch_start(self) -> None:
        masks = self.masks()
        kernels = [
            getattr(layer, "weight_orig", layer.weight).detach().numpy().T * mask
            for layer, mask in zip(self.layers, masks, strict=True)
        ]
        biases = [layer.bias.detach().numpy().copy() for layer in self.layers]
        state = self.optimizers().optimizer.state
        fresh = not any(bool(s["exp_avg"].any()) for s in state.values())
        start = task.starts_at_theta(kernels, biases, masks)
        self.starts.append({**start, "optimizer": fresh, "masks": masks})
        self._began = time.perf_counter()

    def on_train_batch_end(self, outputs, batch, index) -> None:
        if self.saved and self.current_epoch == 1 and index == 50:
            self.trainer.save_checkpoint(self.saved)

    def on_train_epoch_end(self) -> None:
        self.seconds.append(time.perf_counter() - self._began)


def _train(model: LeNet, checkpoint: pathlib.Path | None = None) -> None:
    x, y = (torch.tensor(array) for array in task.data())
    data = torch.utils.data.TensorDataset(x, y)
    sampler = torch.utils.data.RandomSampler(
        data, replacement=True, num_samples=task.ITERATIONS * task.BATCH
    )
    loader = torch.utils.data.DataLoader(data, task.BATCH, sampler=sampler)
    hidden = [(layer, "weight") for layer in model.layers[:2]]
    output = [(model.layers[2], "weight")]
    callbacks = [
        ModelPruning(
            "l1_unstructured", those, use_global_unstructured=False, amount=rate
        )
        for those, rate in ((hidden, task.RATES[0]), (output, task.RATES[2]))
    ]
    trainer = lightning.Trainer(
        max_epochs=task.LEVELS + 1,
        callbacks=callbacks,
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(model, loader, ckpt_path=checkpoint, weights_only=False)


def main() -> None:
    torch.manual_seed(0)
    model = LeNet()
    with tempfile.TemporaryDirectory() as folder:
        model.saved = pathlib.Path(folder, "middle.ckpt")
        _train(model)
        saved = torch.load(model.saved, weights_only=False)["state_dict"]
        masks = [start["masks"] for start in model.starts]
        kernels = [saved[f"layers.{i}.weight"].numpy().T for i in range(3)]
        checkpoint = task.obeys(kernels, masks[1])
        shipped = pathlib.Path(folder, "model.pt")
        torch.save(copy.deepcopy(model.state_dict()), shipped)
        size = shipped.stat().st_size
        again, why = LeNet(), ""
        try:
            _train(again, model.saved)
            counts = [task.counted(start["masks"]) for start in again.starts]
            resumes = counts[-1] == task.counted(masks[-1])
            why = f"goes on with {counts[-1]} weights kept"
        except Exception as error:  # What it says is the finding.
            resumes, why = False, f"{type(error).__name__}: {error}".splitlines()[0]
    last = model.starts[-1]
    found = task.Found(
        kept=[task.counted(level) for level in masks],
        milliseconds=model.seconds[-1] * 1000 / task.ITERATIONS,
        kernels=last["kernels"],
        biases=last["biases"],
        optimizer=last["optimizer"],
        shrinks=task.shrink(masks),
        checkpoint=checkpoint,
        resumes=resumes,
        shipped=size,
        note=f"from its own checkpoint in the middle of an epoch: {why}",
    )
    task.told("lightning", lightning.__version__, found)


if __name__ == "__main__":
    main()
