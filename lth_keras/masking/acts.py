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

from lth_keras.arguments import count
from lth_keras.errors import LotteryError
from lth_keras.masking import followers, frozen, scoring, slots
from lth_keras.masking.network import Held, Network
from lth_keras.masking.seen import Seen
from lth_keras.masking.starts import Start, values_for
from lth_keras.pruning import masks


def capture(model: Held, optimizer: Any = None, step: int = 0) -> Start:
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
        LotteryError: the model is not built, or an argument is out of range.
    """
    step = count("step", step, 0, "the training step of the capture")
    network = Network.of(model, optimizer)
    return Start(
        weights=[weight.read() for weight in network.weights],
        optimizer=slots.capture(network) if network.optimizers else None,
        step=step,
    )


def prune(
    model: Held,
    start: Start | None = None,
    optimizer: Any = None,
    seed: int = 0,
    data: Any = None,
    level: int | None = None,
) -> float:
    """One round: every pruned layer, or the whole model, loses its share.

    Weights that do not train are left as they are: of a layer that was frozen when
    the model was compiled or, in a loop of your own, is frozen now.

    Exactly `n - round(rate * n)` of the n surviving weights stay: of each weight
    tensor, or of all together in global scope. Pruned weights become +0.0, and the
    optimizer's slots for them what they were before the first step.

    Args:
        model: a wrapped model.
        start: the initial weights, for criteria that compare with them.
        optimizer: the optimizer of a loop of your own; the compiled one by default.
        seed: seed of criteria that draw, such as "random".
        data: (x, y) or (x, y, sample_weight) as arrays, or batches of these, such as
            a Dataset with an end; for criteria that read gradients, such as "snip".
        level: where rates differ by round, the round that this is, from 1; by default
            the one after that which leaves as many weights as the model has.

    Returns:
        The density P_m after the round, in (0, 1].

    Raises:
        LotteryError: the model is not wrapped, nothing of it trains, a round would
            leave a weight tensor empty, or the criterion needs `start` or `data`.
            Nothing is pruned then.
    """
    seed = count("seed", seed, 0, "a seed")
    network = Network.of(model, optimizer).require_trainable()
    if level is None:
        level = network.round + 1
    new = next_masks(network, start, seed, data, level)
    for weight, mask in zip(network.pruned, new, strict=True):
        if not mask.any():
            raise LotteryError(
                f"this round would leave {weight.path} without any weight: stop a "
                "level earlier, lower the rate, or leave the layer out (exclude=)."
            )
    for weight, mask in zip(network.pruned, new, strict=True):
        weight.write_mask(mask)
    followers.settle(network)
    slots.project(network)
    return masks.density(new)


def next_masks(
    network: Network,
    start: Start | None,
    seed: int,
    data: Any,
    level: int,
) -> list[np.ndarray]:
    """The masks that a round would give now; the model stays as it is.

    Args:
        network: of a wrapped model.
        start: as in `prune`.
        seed: as in `prune`.
        data: as in `prune`.
        level: as in `prune`.

    Returns:
        One boolean array per pruned weight.
    """
    recipe = network.recipe.of_round(count("level", level, 1, "the round, from 1"))
    initial = None
    if start is not None:
        initial = Seen(network).values(values_for(network, start))
    return scoring.shrunk(network, recipe, initial=initial, seed=seed, data=data)


def rewind(model: Held, start: Start, optimizer: Any = None) -> None:
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
    network = Network.of(model, optimizer)
    values = values_for(network, start)
    if start.optimizer is None and slots.has_stepped(network):
        raise LotteryError(
            "the start was captured without the optimizer, so its state cannot be "
            "rewound: capture after model.compile, or lth.capture(model, optimizer)."
        )
    for weight, value in zip(network.weights, values, strict=True):
        if weight.mask is not None:
            value = masks.apply(value, weight.read_mask())
        weight.write(value)
    if network.optimizers and start.optimizer is not None:
        slots.restore(network, start.optimizer)


def project(model: Held, optimizer: Any = None) -> None:
    """Puts a model back on its masks after weights were written from outside.

    Needed after `load_weights` of dense weights, or an assignment of your own;
    training keeps the weights on the masks by itself.

    Args:
        model: a wrapped model.
        optimizer: the optimizer of a loop of your own; the compiled one by default.

    Raises:
        LotteryError: the model is not wrapped.
    """
    network = Network.of(model, optimizer).require_masks()
    followers.settle(network)
    for weight in network.held:
        value, mask = weight.view(), weight.read_mask()
        if masks.has_strays(value, mask):
            weight.write(masks.apply(value, mask))
    slots.project(network)


def verify(model: Held, optimizer: Any = None) -> None:
    """Raises unless weights and optimizer slots obey the masks.

    Pruned weights that are frozen at values stand in tensors of their own: the weights
    themselves are zero there too.

    Args:
        model: a wrapped model.
        optimizer: the optimizer of a loop of your own; the compiled one by default.

    Raises:
        LotteryError: names each weight or slot with a value where it is pruned, or
            says that the model is not wrapped.
    """
    network = Network.of(model, optimizer).require_masks()
    wrong = [
        weight.path
        for weight in network.held
        if masks.has_strays(weight.view(), weight.read_mask())
    ]
    wrong += frozen.violations(network)
    wrong += slots.violations(network)
    if wrong:
        raise LotteryError(
            f"not on the masks: {', '.join(wrong)}. Something wrote pruned weights; "
            f"{network.off_masks}lth.project(model) puts "
            "them back to zero."
        )
