"""The nearest that Torch-Pruning has: whole units go, and what is left trains on.

It removes units with their weights, so that there is no mask, no count of single
weights and no theta_0 to go back to.
"""

from __future__ import annotations

import pathlib
import tempfile
import time

import numpy as np
import task
import torch
import torch_pruning as tp


def _model() -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    sizes = zip(task.SIZES, task.SIZES[1:], strict=False)
    for size, (kernel, bias) in zip(sizes, task.theta(), strict=True):
        layer = torch.nn.Linear(*size)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _train(model: torch.nn.Module) -> float:
    """Milliseconds an iteration."""
    x, y = (torch.tensor(array) for array in task.data())
    optimizer = torch.optim.Adam(model.parameters(), task.LEARNING_RATE)
    order = np.random.default_rng(0).permutation(len(x))
    began = time.perf_counter()
    for step in range(task.ITERATIONS):
        batch = order[step * task.BATCH % len(x) :][: task.BATCH]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    return (time.perf_counter() - began) * 1000 / task.ITERATIONS


def main() -> None:
    model, example = _model(), torch.zeros(1, 784)
    kept, milliseconds = [], 0.0
    for level in range(task.LEVELS + 1):
        if level:
            importance = tp.importance.MagnitudeImportance(p=1)
            tp.pruner.MagnitudePruner(
                model, example, importance, pruning_ratio=0.2, ignored_layers=[model[4]]
            ).step()
        kept.append([model[i].weight.numel() for i in (0, 2, 4)])
        milliseconds = _train(model)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.pt")
        torch.save(model.state_dict(), path)
        shipped = path.stat().st_size
    found = task.Found(
        kept=kept,
        milliseconds=milliseconds,
        kernels=False,
        biases=False,
        optimizer=True,
        shrinks=True,
        checkpoint=True,
        resumes=False,
        shipped=shipped,
        note="units in place of weights; nothing is rewound",
    )
    task.told("torch_pruning", tp.__version__, found)


if __name__ == "__main__":
    main()
