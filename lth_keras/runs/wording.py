"""How are levels, densities and counts of runs put in words?

    ranges([1, 2, 3, 7])  # "1-3,7"
    percent_kept(0.512)  # "51.2"

Tables, figures and the page say them alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as a reader likes them: ``1-3,7``."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(map(span, found))


def percent_kept(density: float) -> str:
    """P_m as the paper quotes it, and two digits of what it would call 0.0."""
    percent = 100 * density
    return f"{percent:.1f}" if percent >= 0.95 else f"{percent:.2g}"


def span(numbers: Sequence[int]) -> str:
    """The least and the greatest of some numbers: "5", or "1-5"."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"


def left_dense(share: float) -> str:
    """What P_m is not of: "12.5 % of the kernels are on no mask".

    Args:
        share: of the kernel entries, a fraction.
    """
    return f"{percent_kept(share)} % of the kernels are on no mask"
