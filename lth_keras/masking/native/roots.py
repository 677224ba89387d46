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

# Beside a velocity's variable.
_ONES = "_lth_ones"


class _Ones(NamedTuple):
    """The bits of 1 where weights are pruned, of zero elsewhere.

    Attributes:
        bits: of the shape of the velocity.
        words: what is pruned.
    """

    bits: Any
    words: by_torch.Words


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
        if words is None or not words.some or not by_torch.is_zero(variable, words):
            continue
        if (ones := _ones(variable, value, words)) is not None:
            value.detach().view(words.kept.dtype).bitwise_or_(ones)
            changed.append((variable, words))
    try:
        yield
    finally:
        for variable, words in changed:
            by_torch.put_to_zero(variable, words)


def _ones(variable: Any, value: Any, words: by_torch.Words) -> Any:
    """The bits of 1 where weights are pruned; None of dtypes that MKL does not know."""
    import torch

    known = vars(variable).get(_ONES)
    if isinstance(known, _Ones) and known.words is words:
        return known.bits
    one = {torch.float32: 0x3F800000, torch.float64: 0x3FF << 52}.get(value.dtype)
    if one is None or not torch.backends.mkl.is_available():
        return None
    bits = (~words.kept).bitwise_and_(one)
    vars(variable)[_ONES] = _Ones(bits, words)
    return bits
