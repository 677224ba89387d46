"""The nearest that PQuantML has: continuous sparsification, rewound every round.

Its masks are learned (1912.04427), so that no round keeps a number that was asked for.
"""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import tempfile
import time

import numpy as np
import task
import torch

os.environ.setdefault("KERAS_BACKEND", "torch")
import pquant  # noqa: E402  Reads the backend as it is imported.


def _model(config: object) -> torch.nn.Module:
    layers: list[torch.nn.Module] = []
    sizes = zip(task.SIZES, task.SIZES[1:], strict=False)
    for size, (kernel, bias) in zip(sizes, task.theta(), strict=True):
        layer = torch.nn.Linear(*size)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, torch.nn.ReLU()]
    plain = torch.nn.Sequential(*layers[:-1])
    return pquant.add_compression_layers(plain, config, (1, task.SIZES[0]))


class Rounds:
    """Its training loop's functions; remembers how each round begins and ends."""

    def __init__(self, model: torch.nn.Module):
        self._x, self._y = (torch.tensor(array) for array in task.data())
        self._optimizer = torch.optim.Adam(model.parameters(), task.LEARNING_RATE)
        self.starts: list[dict[str, bool]] = []
        self.masks: list[list[np.ndarray]] = []
        self.milliseconds = 0.0
        self.checkpoint: bool | None = None

    def train(self, model: torch.nn.Module, epoch: torch.Tensor) -> None:
        pruned = _pruned(model)
        whole = [np.ones(layer._weight.shape).T for layer in pruned]
        masks = self.masks[-1] if self.masks else whole
        kernels = [
            layer._weight.detach().numpy().T * mask
            for layer, mask in zip(pruned, masks, strict=True)
        ]
        biases = [layer._bias.detach().numpy().copy() for layer in pruned]
        fresh = not any(s["exp_avg"].any() for s in self._optimizer.state.values())
        start = task.starts_at_theta(kernels, biases, masks)
        self.starts.append({**start, "optimizer": fresh})
        order = np.random.default_rng(int(epoch)).permutation(len(self._x))
        began = time.perf_counter()
        for step in range(task.ITERATIONS):
            batch = order[step * task.BATCH % len(order) :][: task.BATCH]
            self._optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                model(self._x[batch]), self._y[batch]
            )
            loss = loss + sum(
                layer.pruning_layer.calculate_additional_loss() for layer in pruned
            )
            loss.backward()
            self._optimizer.step()
        self.milliseconds = (time.perf_counter() - began) * 1000 / task.ITERATIONS

    def check(self, model: torch.nn.Module, epoch: torch.Tensor) -> None:
        pruned = _pruned(model)
        self.masks.append(
            [layer.pruning_layer.get_hard_mask().numpy().T.copy() for layer in pruned]
        )
        stored = [layer._weight.detach().numpy().T for layer in pruned]
        self.checkpoint = task.obeys(stored, self.masks[-1])


def _pruned(model: torch.nn.Module) -> list[torch.nn.Module]:
    return [m for m in model.modules() if hasattr(m, "pruning_layer")]


def main() -> None:
    torch.manual_seed(0)
    config = pquant.cs_config()
    training = config.training_parameters
    training.pretraining_epochs, training.fine_tuning_epochs = 0, 0
    training.rounds, training.epochs = task.LEVELS + 1, 1
    training.save_weights_epoch, training.rewind = 0, "every-round"
    config.quantization_parameters.enable_quantization = False
    model = _model(config)
    rounds = Rounds(model)
    pquant.train_model(model, config, rounds.train, rounds.check)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.pt")
        final = pquant.apply_final_compression(model)
        torch.save(final.state_dict(), path)
        shipped = path.stat().st_size
    last = rounds.starts[-1]
    found = task.Found(
        kept=[task.counted(level) for level in rounds.masks],
        milliseconds=rounds.milliseconds,
        **last,
        shrinks=task.shrink(rounds.masks),
        checkpoint=rounds.checkpoint,
        resumes=False,
        shipped=shipped,
        note="masks are learned; one optimizer for all rounds, as its examples have it",
    )
    task.told("pquant", importlib.metadata.version("pquant-ml"), found)


if __name__ == "__main__":
    main()
