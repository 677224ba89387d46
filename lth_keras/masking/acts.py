"""capture, prune, rewind, verify: the acts of the search as functions of a model.

start = lth.capture(model)
for level in range(16):
    train(model)                # fit, or a GradientTape loop
    lth.prune(model)
    lth.rewind(model, start)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import slots
from lth_keras.masking.starts import Start, check_start
from lth_keras.masking.weights import Weight, pruned_weights_of, weights_of
from lth_keras.pruning import counts, criteria, masks, ranking


def capture(model: keras.Model, optimizer: Any = None, step: int = 0) -> Start:
    """Copies the weights and the optimizer's whole state to the host.

    Args:
        model: a built model, wrapped or not.
        optimizer: the optimizer of a loop of your own; the compiled one by default.
            It is built if it is not yet, so that its state before the first step is
            known.
        step: the training step of the capture, for the record.

    Returns:
        What `rewind` needs.

    Raises:
        LotteryError: the model is not built.
    """
    optimizer = optimizer or _optimizer(model)
    return Start(
        weights=[weight.read() for weight in weights_of(model)],
        optimizer=None if optimizer is None else slots.capture(model, optimizer),
        step=step,
    )


def prune(
    model: keras.Model,
    start: Start | None = None,
    optimizer: Any = None,
    seed: int = 0,
) -> float:
    """One round: every pruned layer, or the whole model, loses its share.

    Exactly `n - round(rate * n)` of the n surviving weights stay: of each weight
    tensor, or of all together in global scope. Pruned weights become +0.0, and the
    optimizer's slots for them what they were before the first step.

    Args:
        model: a wrapped model.
        start: the initial weights, for criteria that compare with them.
        optimizer: the optimizer of a loop of your own; the compiled one by default.
        seed: seed of the criterion "random".

    Returns:
        The density P_m after the round, in (0, 1].

    Raises:
        LotteryError: the model is not wrapped, a round would leave a weight tensor
            empty, or the criterion needs `start`. Nothing is pruned then.
    """
    weights = pruned_weights_of(model)
    if not all(hasattr(weight.wrapper, "criterion") for weight in weights):
        raise LotteryError(
            f"model {model.name!r} was wrapped by stock tfmot, which prunes by its own "
            "schedule: wrap strip_pruning(model) with lth.wrap instead."
        )
    new = _shrunk(model, weights, start, seed)
    for weight, mask in zip(weights, new, strict=True):
        weight.write_mask(mask)
    optimizer = optimizer or _optimizer(model)
    if optimizer is not None:
        slots.project(model, optimizer)
    return masks.density(new)


def _shrunk(
    model: keras.Model, weights: list[Weight], start: Start | None, seed: int
) -> list[np.ndarray]:
    present = [weight.read_mask() for weight in weights]
    scores = _scores(model, weights, start, seed)
    if weights[0].wrapper.scope == "global":
        keep = counts.keep_count(
            sum(int(np.count_nonzero(m)) for m in present), weights[0].wrapper.rate
        )
        new = ranking.shrink_together(scores, present, keep)
    else:
        new = [
            ranking.shrink(
                score,
                mask,
                counts.keep_count(int(np.count_nonzero(mask)), weight.wrapper.rate),
            )
            for weight, score, mask in zip(weights, scores, present, strict=True)
        ]
    for weight, mask in zip(weights, new, strict=True):
        if not mask.any():
            raise LotteryError(
                f"this round would leave {weight.path} without any weight: stop a "
                "level earlier, lower the rate, or leave the layer out (exclude=)."
            )
    return new


def _scores(
    model: keras.Model, weights: list[Weight], start: Start | None, seed: int
) -> list[np.ndarray]:
    name = weights[0].wrapper.criterion
    criterion = criteria.get(name)
    initial: dict[int, np.ndarray] = {}
    if start is not None:
        everything = weights_of(model)
        check_start(everything, start)
        for weight, value in zip(everything, start.weights, strict=True):
            initial[id(weight.variable)] = value
    elif criteria.needs_initial(name):
        raise LotteryError(
            f"criterion={name!r} compares with the initial weights: pass what "
            "lth.capture(model) returned, lth.prune(model, start)."
        )
    rng = np.random.default_rng(seed)
    found = []
    for weight in weights:
        trained = weight.read()
        score = criterion(initial.get(id(weight.variable), trained), trained, rng)
        if np.shape(score) != weight.shape:
            raise LotteryError(
                f"criterion={name!r} returned scores of shape {np.shape(score)} for "
                f"{weight.path} of shape {weight.shape}: return one score a weight."
            )
        found.append(score)
    return found


def rewind(model: keras.Model, start: Start, optimizer: Any = None) -> None:
    """Sets every weight to `where(mask, theta_k, +0.0)` and the optimizer to step k.

    Biases, normalisation parameters and moving statistics are rewound too; slots,
    iterations and learning rate become what they were at the capture, and entries
    of slots that belong to pruned weights what they were before the first step.

    Args:
        model: a wrapped model.
        start: what `capture` returned for this model, or one like it.
        optimizer: the optimizer of a loop of your own; the compiled one by default.

    Raises:
        LotteryError: `start` is not of this architecture, or was captured without
            the optimizer, which has trained since.
    """
    weights = weights_of(model)
    check_start(weights, start)
    optimizer = optimizer or _optimizer(model)
    if start.optimizer is None and slots.has_stepped(optimizer):
        raise LotteryError(
            "the start was captured without the optimizer, so its state cannot be "
            "rewound: capture after model.compile, or lth.capture(model, optimizer)."
        )
    for weight, value in zip(weights, start.weights, strict=True):
        if weight.mask is not None:
            value = masks.apply(value, weight.read_mask())
        weight.write(value)
    if optimizer is not None and start.optimizer is not None:
        slots.restore(model, optimizer, start.optimizer)


def project(model: keras.Model, optimizer: Any = None) -> None:
    """Puts a model back on its masks after weights were written from outside.

    Needed after `load_weights` of dense weights, or an assignment of your own;
    training keeps the weights on the masks by itself.
    """
    for weight in pruned_weights_of(model):
        value, mask = weight.read(), weight.read_mask()
        if np.any((value != 0) & ~mask):
            weight.write(masks.apply(value, mask))
    optimizer = optimizer or _optimizer(model)
    if optimizer is not None:
        slots.project(model, optimizer)


def verify(model: keras.Model, optimizer: Any = None) -> None:
    """Raises unless weights and optimizer slots obey the masks.

    Args:
        model: a wrapped model.
        optimizer: the optimizer of a loop of your own; the compiled one by default.

    Raises:
        LotteryError: names each weight or slot with a value where it is pruned, or
            says that the model is not wrapped.
    """
    wrong = [
        weight.path
        for weight in pruned_weights_of(model)
        if np.any((weight.read() != 0) & ~weight.read_mask())
    ]
    optimizer = optimizer or _optimizer(model)
    if optimizer is not None:
        wrong += slots.violations(model, optimizer)
    if wrong:
        raise LotteryError(
            f"not on the masks: {', '.join(wrong)}. Something wrote pruned weights; "
            "lth.project(model) puts them back to zero."
        )


def _optimizer(model: keras.Model) -> Any:
    return getattr(model, "optimizer", None)
