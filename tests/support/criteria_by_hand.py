"""What SNIP, GraSP and SynFlow keep of two dense layers, by loops in NumPy.

Of 6 x 8 and 8 x 3 weights they keep 29, ranked together, on the data of small searches.
"""

from __future__ import annotations

import numpy as np

from tests.support import small_search as small

X, Y = small.X, small.Y


def gradients(kernels, biases) -> list[np.ndarray]:
    """Of the mean cross-entropy over all the data, by both kernels."""
    hidden = np.maximum(X @ kernels[0] + biases[0], 0)
    logits = hidden @ kernels[1] + biases[1]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    error = (chances - np.eye(small.CLASSES)[Y]) / len(Y)
    return [X.T @ (error @ kernels[1].T * (hidden > 0)), hidden.T @ error]


def along(kernels, biases, vectors, step: float = 1e-6) -> list[np.ndarray]:
    """The Hessian times a vector, by differences of the gradient along it."""
    there, back = (
        gradients([k + s * v for k, v in zip(kernels, vectors, strict=True)], biases)
        for s in (step, -step)
    )
    return [(a - b) / (2 * step) for a, b in zip(there, back, strict=True)]


def flow(kernels, biases) -> list[np.ndarray]:
    """Of the sum of the outputs for ones, all weights positive, by both kernels."""
    first, second = map(np.abs, kernels)
    ones = np.ones((1, len(first)))
    hidden = ones @ first + np.abs(biases[0])
    out = np.ones((1, second.shape[1]))
    return [ones.T @ (out @ second.T), hidden.T @ out]


def highest(scores: list[np.ndarray], masks: list[np.ndarray], keep: int):
    """The masks of so many of all, ties by place, by sorting."""
    flat = np.concatenate([s.reshape(-1) for s in scores])
    present = np.flatnonzero(np.concatenate([m.reshape(-1) for m in masks]))
    chosen = sorted(present.tolist(), key=lambda i: (-flat[i], i))[:keep]
    found = np.zeros(flat.size, bool)
    found[chosen] = True
    parts = np.split(found, np.cumsum([m.size for m in masks])[:-1])
    return [p.reshape(m.shape) for p, m in zip(parts, masks, strict=True)]


def dense(kernels) -> list[np.ndarray]:
    return [np.ones(kernel.shape, bool) for kernel in kernels]


def snip_by_hand(kernels, biases) -> list[np.ndarray]:
    found = gradients(kernels, biases)
    scores = [np.abs(k * g) for k, g in zip(kernels, found, strict=True)]
    return highest(scores, dense(kernels), 29)


def grasp_by_hand(kernels, biases) -> list[np.ndarray]:
    products = along(kernels, biases, gradients(kernels, biases))
    scores = [k * h for k, h in zip(kernels, products, strict=True)]
    return highest(scores, dense(kernels), 29)


def synflow_by_hand(kernels, biases) -> list[np.ndarray]:
    masks, kept = dense(kernels), 72
    for left in range(100, 0, -1):
        present = [k * m for k, m in zip(kernels, masks, strict=True)]
        scores = [
            np.abs(k) * f for k, f in zip(present, flow(present, biases), strict=True)
        ]
        kept = max(29, round(kept * (29 / kept) ** (1 / left)))
        masks = highest(scores, masks, kept)
    return masks


ORACLES = {"grasp": grasp_by_hand, "snip": snip_by_hand, "synflow": synflow_by_hand}
