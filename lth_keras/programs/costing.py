"""What a job costs: runs, iterations, floating-point operations, bytes, hours.

Counted from the network's shapes: of a multiply-add two operations, of a training step
three forward passes (one forward, two backward). Masks spare nothing of it: pruned
weights are multiplied as zeros.
"""

from __future__ import annotations

import dataclasses
import math

from lth_keras.compat import keras
from lth_keras.papers import sizes as known_sizes
from lth_keras.papers.sizes import SIZES, Sizes
from lth_keras.programs import method_runs, searches
from lth_keras.programs.building import plain_model
from lth_keras.programs.cost_flags import RATES, Request
from lth_keras.programs.inputs import Inputs
from lth_keras.programs.options import Options

_BACKWARD = 2  # forward passes that a backward pass costs
_FLOAT = 4  # bytes


@dataclasses.dataclass(frozen=True)
class Cost:
    """What some runs cost.

    Attributes:
        runs: number of training runs.
        iterations: of all of them.
        flops: floating-point operations of training and of evaluating.
        size: bytes that they leave at most.
    """

    runs: int
    iterations: int
    flops: float
    size: int


def report(request: Request) -> str:
    """The costs of a job as a table, and its hours.

    Raises:
        FlagError: a flag does not fit the network or the data.
        LotteryError: the data's size is not known, and they cannot be read.
    """
    parts = costs(request.options)
    total = Cost(
        sum(cost.runs for cost in parts.values()),
        sum(cost.iterations for cost in parts.values()),
        sum(cost.flops for cost in parts.values()),
        sum(cost.size for cost in parts.values()),
    )
    lines = [
        f"{'':<16}{'runs':>8}{'iterations':>16}{'FLOPs':>12}{'at most':>12}",
        *(_line(name, cost) for name, cost in parts.items()),
        _line("all", total),
    ]
    for rate in [request.flops] if request.flops else RATES:
        took = _duration(total.flops / rate)
        lines.append(f"{took} at {rate:g} floating-point operations a second")
    return "\n".join(lines)


def costs(options: Options) -> dict[str, Cost]:
    """The costs of a job's parts by name: the tickets, and each control.

    Args:
        options: the flags.

    Raises:
        FlagError: a flag does not fit the network or the data.
        LotteryError: the data's size is not known, and they cannot be read.
    """
    options = method_runs.with_phases(options)
    searches.check_names(options)
    sizes = _sizes(options)
    # Of either Keras the network is the same.
    options = dataclasses.replace(options, keras="tf_keras")
    model = plain_model(options, sizes.shape, sizes.classes, 0)
    held_out = options.validation_size or known_sizes.held_out(sizes.train)
    rewound = searches.rewind_step(options, sizes.train - held_out)
    pruned = options.pruned_levels
    parts = {"ticket": (options.trials, range(options.last_level + 1))}
    for name in options.controls:
        parts[name] = (options.trials * options.replicates, pruned)
    forward = 2 * multiply_adds(model)
    found = {}
    for name, (each, levels) in parts.items():
        lengths = [options.steps_at(level) for level in levels]
        runs = each * len(levels)
        rewinding = each * sum(level in pruned for level in levels)
        iterations = each * sum(lengths) - rewinding * rewound
        trained = (1 + _BACKWARD) * options.batch_size * iterations
        times = each * sum(steps // options.evaluate_every for steps in lengths)
        seen = times * (held_out + sizes.test) + runs * (sizes.train - held_out)
        found[name] = Cost(
            runs,
            iterations,
            float(forward * (trained + seen)),
            runs * _bytes(options, model, bool(rewound)),
        )
    return found


def multiply_adds(model: keras.Model) -> int:
    """Of one example; a kernel entry counts once for each place that it is used at.

    Args:
        model: one of the papers' networks: dense layers and convolutions.
    """
    return sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output_shape[1:-1])
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


def _sizes(options: Options) -> Sizes:
    if options.dataset in SIZES:
        known = SIZES[options.dataset]
        if not options.image_size:
            return known
        shape = (options.image_size, options.image_size, known.shape[-1])
        return dataclasses.replace(known, shape=shape)
    data = Inputs(options)
    train = data.size("train") + data.size("validation")
    return Sizes(data.input_shape, data.classes, train, data.size("test"))


def _bytes(options: Options, model: keras.Model, rewinds: bool) -> int:
    """What a run leaves: a ticket with its masks, trained weights, optimizer state."""
    slots = {"adam": 2, "momentum": 1}.get(options.optimizer, 0) if rewinds else 0
    size = model.count_params()
    return (2 + slots) * _FLOAT * size + math.ceil(size / 8)


def _line(name: str, cost: Cost) -> str:
    return (
        f"{name:<16}{cost.runs:>8,}{cost.iterations:>16,}{cost.flops:>12.3g}"
        f"{_megabytes(cost.size):>12}"
    )


def _duration(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
