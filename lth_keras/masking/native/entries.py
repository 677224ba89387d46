"""Steps of torch in which no entry of a weight reaches another.

What is pruned may move in such a step and be put back after it, which costs less than
to mask the gradient before it: nothing is copied, and no roots are taken of zeros.
Kept entries are the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lth_keras.masking.native import by_torch

# Slots, each with the variable of what is pruned.
Slots = Sequence[tuple[Any, Any]]


def may_move(slots: Slots) -> bool:
    """Whether all slots are +0.0 where weights are pruned, and can be put back.

    They are not where an optimizer was not rewound: they fade as they would.
    """
    for slot, pruned in slots:
        words = by_torch.words_of(pruned, slot.value)
        if words is None or (words.some and not by_torch.is_zero(slot, words)):
            return False
    return bool(slots)


def put_back(slots: Slots) -> None:
    """Sets slots to +0.0 where weights are pruned."""
    for slot, pruned in slots:
        words = by_torch.words_of(pruned, slot.value)
        if words is not None and words.some:
            by_torch.put_to_zero(slot, words)
