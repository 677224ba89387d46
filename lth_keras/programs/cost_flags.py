"""The flags of the program that tells costs: those of a search, and the FLOP rate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from absl import flags

from lth_keras.programs import options as settings
from lth_keras.programs.options import Options
from lth_keras.programs.values import Serializer, real

# What two cores and one accelerator do in practice, to the next power of ten.
RATES = (1e11, 1e14)


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        options: the flags of the search.
        flops: floating-point operations a second of the machine, or None.
    """

    options: Options
    flops: float | None


def read(argv: Sequence[str], about: str) -> Request:
    """The request that a command line makes.

    Args:
        argv: the program's name and its arguments.
        about: what the program does, for --help, which leaves with exit code 0.

    Raises:
        FlagError: a flag is wrong, or does not go with another.
    """
    known = settings.define()
    flags.DEFINE(
        real(lambda rate: 0 < rate < math.inf, "use a number above 0, such as 1e12"),
        "flops",
        None,
        "Floating-point operations a second that the machine does in training, such as "
        "1e12; what it does in practice is far below what its data sheet says. "
        f"Default: {RATES[0]:g} and {RATES[1]:g}.",
        known,
        Serializer(),
    )
    options = settings.read(argv, about, known)
    return Request(options, known["flops"].value)
