"""How many weights a round keeps, by the rules of public tools and by this project's.

    python benchmarks/peers/counts.py

Each rule is written here in a line of NumPy from what its tool's source does; the
tools themselves are asked in the other programs of this folder.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lth_keras.pruning import counts, ranking

Rule = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def ours(w: np.ndarray, mask: np.ndarray, rate: float) -> np.ndarray:
    keep = counts.keep_count(int(mask.sum()), rate)
    return ranking.shrink(np.abs(w), mask, keep)


def at_or_below(w: np.ndarray, mask: np.ndarray, rate: float) -> np.ndarray:
    """google-research/lottery-ticket-hypothesis: the weight at the cutoff goes too."""
    left = np.sort(np.abs(w[mask]))
    cutoff = left[min(np.round(rate * left.size).astype(int), left.size - 1)]
    return np.where(np.abs(w) <= cutoff, False, mask)


def above(w: np.ndarray, mask: np.ndarray, rate: float) -> np.ndarray:
    """open_lth, sparse_global: rounded up, and only what is above the threshold."""
    left = np.sort(np.abs(w[mask]))
    threshold = left[min(np.ceil(rate * left.size).astype(int), left.size - 1)]
    return np.where(np.abs(w) > threshold, mask, False)


def whole_tensor(w: np.ndarray, mask: np.ndarray, rate: float) -> np.ndarray:
    """tfmot: a threshold over the whole tensor, at the sparsity asked for; all ties."""
    share = 1 - mask.mean() * (1 - rate)
    keep = int(np.round(w.size * (1 - share)))
    threshold = np.sort(np.abs(w), axis=None)[::-1][max(keep - 1, 0)]
    return np.abs(w) >= threshold


RULES: dict[str, Rule] = {
    "lth_keras": ours,
    "google-research": at_or_below,
    "open_lth": above,
    "tfmot": whole_tensor,
}


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Trained weights and the mask before the round."""
    rng = np.random.default_rng(0)
    tens = rng.normal(size=10)
    return {
        "10 weights": (tens, np.ones(10, bool)),
        "7 weights": (tens[:7], np.ones(7, bool)),
        "10 equal weights": (np.full(10, 0.5), np.ones(10, bool)),
        "10 weights of 2 sizes": (np.repeat([0.1, 0.5], 5), np.ones(10, bool)),
        "10 weights, 4 of them zero": (np.r_[tens[:6], np.zeros(4)], np.ones(10, bool)),
    }


def main() -> None:
    print("| a round of 20 % | right | " + " | ".join(RULES) + " |")
    print("|---|" + "---|" * (len(RULES) + 1))
    for name, (w, mask) in cases().items():
        right = int(mask.sum()) - round(0.2 * int(mask.sum()))
        kept = [int(np.count_nonzero(rule(w, mask, 0.2))) for rule in RULES.values()]
        shown = [str(n) if n == right else f"**{n}**" for n in kept]
        print(f"| {name} | {right} | " + " | ".join(shown) + " |")


if __name__ == "__main__":
    main()
