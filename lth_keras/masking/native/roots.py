"""Square roots of zeros, for which MKL takes four times as long as for other numbers.

Adam and its kind take the root of every velocity, and those of pruned weights are
+0.0. During a step they are 1 instead: what is divided by the root is zero there. After
it they are +0.0 again, as they would have stayed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lth_keras.masking.native import by_torch

# Beside a velocity's variable: where it was seen to be zero, and when.
_SEEN = "_lth_seen"


class _Seen(NamedTuple):
    """A velocity that is +0.0 wherever weights are pruned.

    Attributes:
        value: its tensor, in its `version`.
        words: what is pruned.
        ones: the bits of 1 there, of zero elsewhere.
    """

    value: Any
    version: int
    words: by_torch.Words
    ones: Any


@contextlib.contextmanager
def spared(velocities: Sequence[tuple[Any, Any]]) -> Iterator[None]:
    """While it lasts, velocities of pruned weights are 1 if they are +0.0.

    They are not where an optimizer was not rewound, and then fade as they would.

    Args:
        velocities: variables of torch, each with the variable of what is pruned.
    """
    changed = []
    for variable, pruned in velocities:
        value = variable.value
        words = by_torch.words_of(pruned, value)
        if words is None or not words.some:
            continue
        bits = value.detach().view(words.kept.dtype)
        if (ones := _ones(variable, value, words)) is not None:
            bits.bitwise_or_(ones)
            changed.append((variable, value, bits, words, ones))
    try:
        yield
    finally:
        for variable, value, bits, words, ones in changed:
            bits.bitwise_and_(words.kept)
            vars(variable)[_SEEN] = _Seen(value, value._version, words, ones)


def _ones(variable: Any, value: Any, words: by_torch.Words) -> Any:
    """The bits of 1 where weights are pruned, if the velocity is +0.0 there."""
    import torch

    seen = vars(variable).get(_SEEN)
    if (
        seen is not None
        and seen.value is value
        and seen.version == value._version
        and seen.words is words
    ):
        return seen.ones
    # The dtypes that MKL knows.
    one = {torch.float32: 0x3F800000, torch.float64: 0x3FF << 52}.get(value.dtype)
    if one is None or not torch.backends.mkl.is_available():
        return None
    pruned = ~words.kept
    if torch.count_nonzero(value.detach().view(pruned.dtype).bitwise_and(pruned)):
        return None
    return pruned.bitwise_and_(one)
