"""What the pruning functions of two research checkouts keep, round after round.

    python benchmarks/peers/checkout_counts.py open_lth DIR          # needs torch
    python benchmarks/peers/checkout_counts.py google_research DIR   # needs NumPy

Their training is not run: open_lth downloads MNIST itself, and google-research's
lottery-ticket-hypothesis is written for TensorFlow 1.
"""

from __future__ import annotations

import importlib
import json
import sys
import types

import numpy as np
import task

# Modules of the checkouts, not of a package that an environment has.
GOOGLE, OPEN_LTH = "foundations.pruning", "pruning"


def _weights() -> dict[str, np.ndarray]:
    return {f"layer{i}": kernel for i, (kernel, _) in enumerate(task.theta())}


def google_research() -> list[list[int]]:
    """Counts by `foundations.pruning.prune_by_percent`, a layer at its own rate."""
    prune = importlib.import_module(GOOGLE).prune_by_percent
    weights = _weights()
    rates = dict(zip(weights, task.RATES, strict=True))
    masks = {name: np.ones(w.shape) for name, w in weights.items()}
    kept = [task.counted(list(masks.values()))]
    for _ in range(task.LEVELS):
        masks = prune(rates, masks, weights)
        kept.append(task.counted([masks[name] for name in weights]))
    return kept


def open_lth() -> list[list[int]]:
    """Counts by its strategy `sparse_global`, 20 % of all three layers together."""
    import torch

    strategy = importlib.import_module(f"{OPEN_LTH}.sparse_global")
    weights = {name: torch.tensor(w) for name, w in _weights().items()}
    # All that the strategy asks of a model.
    model = types.SimpleNamespace(
        prunable_layer_names=list(weights), state_dict=lambda: weights
    )
    hparams = strategy.PruningHparams(pruning_fraction=0.2)
    mask = importlib.import_module(f"{OPEN_LTH}.mask").Mask
    masks = mask({name: torch.ones_like(w) for name, w in weights.items()})
    kept = [[w.numel() for w in weights.values()]]
    for _ in range(task.LEVELS):
        masks = strategy.Strategy.prune(hparams, model, masks)
        kept.append([int((masks[name] != 0).sum()) for name in weights])
    return kept


def main(name: str, folder: str) -> None:
    sys.path.insert(0, folder)
    kept = {"google_research": google_research, "open_lth": open_lth}[name]()
    right = task.right_counts()
    if name == "open_lth":
        totals = [sum(right[0])]
        for _ in range(task.LEVELS):
            totals.append(totals[-1] - round(0.2 * totals[-1]))
        kept, right = [[sum(level)] for level in kept], [[n] for n in totals]
    print(json.dumps({"peer": name, "kept": kept, "right": right}))


if __name__ == "__main__":
    main(*sys.argv[1:])
