"""The network of a search: built, wrapped and compiled as the flags say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.holds import hold
from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import wrap
from lth_keras.papers import networks
from lth_keras.programs import chain_flags, decays
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import Options
from lth_keras.programs.values import as_text
from lth_keras.pruning.counts import rounds_before
from lth_keras.pruning.rates import One
from lth_keras.training import jit, keras3_schedules, learning_rates

_SUMS = r"(conv\d+|downsample)$"
# Training steps between two looks at the clock, at the evaluation and at Ctrl-C. The
# steps of a network without convolutions take less time than Keras's work around them.
_STRIDE = {False: 100, True: 10}


def wrapped_model(
    options: Options, input_shape: tuple[int, int, int], classes: int, seed: int
) -> Any:
    """The network with initial weights from `seed`, wrapped, not compiled.

    Args:
        options: the flags.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        seed: decides the initial weights.
    """
    own = [item.rpartition("=") for item in options.layer_rates]
    rates: dict[str, One | None] = {p: float(rate) or None for p, _, rate in own}
    rates |= {
        pattern: rate
        for pattern, rate in (
            # Not the 1x1 layers for downsampling, unless they go with what they are
            # added to.
            (_SUMS if options.where == "together" else r"conv\d+$", options.conv_rate),
            (r"^dense\d+$", options.dense_rate),
            ("^output$", options.output_rate),
        )
        if rate
    }
    rounds = options.last_level + rounds_before(options.first)
    budget = chain_flags.budget(options.budget, max(1, rounds))
    model = plain_model(options, input_shape, classes, seed)
    # What has no rate is no part of a budget either.
    exclude = () if budget is None else f"^(?!.*({'|'.join(rates)}))"
    if options.keras == "keras3":
        return hold(
            model,
            rates if budget is None else budget,
            options.scope,
            options.criterion,
            exclude,
            granularity=options.granularity,
            where=options.where,
        )
    return wrap(
        model,
        rates if budget is None else budget,
        options.scope,
        options.criterion,
        granularity=options.granularity,
        where=options.where,
        exclude=exclude,
    )


def plain_model(
    options: Options, input_shape: tuple[int, int, int], classes: int, seed: int
) -> Any:
    """The network with initial weights from `seed`, not wrapped."""
    with compat.seeded(seed):
        return networks.build(
            options.model,
            input_shape,
            classes,
            hidden=options.hidden,
            width=options.width,
            dropout=options.dropout,
            weight_decay=options.weight_decay,
            keras=module_of(options),
        )


def module_of(options: Options) -> Any:
    """The Keras that --keras names.

    Raises:
        LotteryError: Keras 3 is not installed.
    """
    return compat.keras3() if options.keras == "keras3" else compat.keras


def compile_model(options: Options, model: Any, steps: Sequence[int]) -> None:
    """Compiles the network as the flags say.

    Args:
        options: the flags.
        model: what `wrapped_model` made.
        steps: training steps at which Keras must stop, besides evaluations.
    """
    limit = min(_STRIDE[jit.has_convolutions(model)], options.shortest)
    if options.keras == "keras3":
        # Keras 3 cuts no execution short, and on torch makes one step in each.
        lengths = {options.steps_at(n) for n in range(options.last_level + 1)}
        steps = [*steps, *lengths]
        if compat.trainer_of(model).backend != "tensorflow":
            limit = 1
    model.compile(
        optimizer(options),
        module_of(options).losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=use_jit(options, model),
        steps_per_execution=stride(options.evaluate_every, steps, limit),
    )


def use_jit(options: Options, model: Any) -> bool:
    """Whether XLA compiles the training step; JAX's does always."""
    if options.keras == "keras3" and options.jit == "auto":
        backend = compat.trainer_of(model).backend
        if backend != "tensorflow":
            return backend == "jax"
    return jit.choose(model) if options.jit == "auto" else options.jit == "on"


def stride(evaluate_every: int, steps: Sequence[int], limit: int) -> int:
    """The most training steps, up to `limit`, that pass over no step to stop at."""
    common = math.gcd(evaluate_every, *steps)
    return next(n for n in range(limit, 0, -1) if common % n == 0)


def optimizer(options: Options) -> Any:
    """The optimizer that the flags name."""
    rate, keras = learning_rate(options), module_of(options)
    if options.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, options.momentum)


def learning_rate(options: Options) -> Any:
    """The learning rate, or its schedule where it warms up or drops."""
    rate: Any = options.learning_rate
    keras = module_of(options)
    if options.lr_drops:
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            # At a boundary the rate before it still holds.
            [round(share * options.iterations) - 1 for share in options.lr_drops],
            [rate * 0.1**n for n in range(len(options.lr_drops) + 1)],
        )
    cycles = decays.cycles_of(options.lr_decay)
    if cycles == 1:
        rate = keras.optimizers.schedules.CosineDecay(rate, options.iterations)
    if cycles > 1:
        rate = keras.optimizers.schedules.CosineDecayRestarts(
            rate, options.iterations / cycles, t_mul=1.0
        )
    if options.warmup:
        warmup = learning_rates.LinearWarmup
        if options.keras == "keras3":
            warmup = keras3_schedules.linear_warmup()
        rate = warmup(rate, options.warmup)
    return rate


def check_survivors(options: Options, model: Any) -> None:
    """Refuses levels that would leave a layer without a weight.

    Raises:
        FlagError: names the level and the layer.
    """
    network = Network.of(model)
    before = rounds_before(options.first)
    try:
        network.recipe.check_rounds(options.levels, before)
    except LotteryError as error:
        raise FlagError(f"--{error}") from None
    empty = network.recipe.first_empty(network.groups, options.levels + before)
    if empty is not None:
        level, group = empty[0] - before, empty[1]
        name = "the network" if options.scope == "global" else group.name
        raise FlagError(
            f"--levels={options.levels}: level {level} would leave {name} "
            f"({group.weights} weights, {as_text(group.rate)} pruned per round) "
            f"without a weight: use at most {level - 1}, or a lower --rate"
        )
