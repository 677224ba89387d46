"""How torch zeroes what is pruned: on CPUs by whole words of bits.

`masked_fill` branches at each entry, and takes many times as long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Beside a mask's variable, and beside that of a slot.
_WORDS, _ZERO = "_lth_words", "_lth_zero"


class Words(NamedTuple):
    """A mask as words of bits.

    Attributes:
        kept: of ones where the weight is kept, of zeros elsewhere.
        some: whether any weight is pruned.
        of: the mask that they were made of, in its `version`.
    """

    kept: Any
    some: bool
    of: Any
    version: int


class _Zero(NamedTuple):
    """A slot that is +0.0 wherever weights are pruned.

    Attributes:
        value: its tensor, in its `version`.
        words: what is pruned.
    """

    value: Any
    version: int
    words: Words


def zeroed(value: Any, pruned: Any, in_place: bool = False) -> Any:
    """A tensor that is +0.0 where a weight is pruned; other entries keep every bit.

    Args:
        value: of any floating dtype.
        pruned: the mask's variable, True where the weight is pruned.
        in_place: whether it is written into `value`.
    """
    # Detached: a parameter is not written in place while it has a gradient.
    value = value.detach()
    words = words_of(pruned, value)
    if words is None:
        fill = value.masked_fill_ if in_place else value.masked_fill
        return fill(pruned.value, 0)
    if not words.some:
        return value
    bits = value.view(words.kept.dtype)
    found = bits.bitwise_and_(words.kept) if in_place else bits.bitwise_and(words.kept)
    return found.view(value.dtype)


def words_of(pruned: Any, value: Any) -> Words | None:
    """The mask in words as wide as the entries of a tensor; None if none fit.

    They are made again when the mask was written, which its version tells.
    """
    where, known = pruned.value, vars(pruned).get(_WORDS)
    if (
        isinstance(known, Words)
        and known.of is where
        and known.version == where._version
        and known.kept.element_size() == value.element_size()
        and (value.device, value.layout) == (where.device, where.layout)
    ):
        return known
    return _made(pruned, value)


def is_zero(slot: Any, words: Words) -> bool:
    """Whether a slot's variable is +0.0 wherever weights are pruned.

    It is looked at when it was written by anybody since `put_to_zero`, as its version
    tells.
    """
    import torch

    value, known = slot.value, vars(slot).get(_ZERO)
    if (
        isinstance(known, _Zero)
        and known.value is value
        and known.version == value._version
        and known.words is words
    ):
        return True
    bits = value.detach().view(words.kept.dtype)
    return not torch.count_nonzero(bits.bitwise_and(~words.kept))


def put_to_zero(slot: Any, words: Words) -> None:
    """Sets a slot's variable to +0.0 where weights are pruned."""
    value = slot.value
    value.detach().view(words.kept.dtype).bitwise_and_(words.kept)
    vars(slot)[_ZERO] = _Zero(value, value._version, words)


def _made(pruned: Any, value: Any) -> Words | None:
    import torch

    where, size = pruned.value, value.element_size()
    whole = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}.get(size)
    strided = value.device.type == "cpu" and value.layout == torch.strided
    if whole is None or not strided or where.is_inference():
        return None
    made = Words(where.to(whole).sub_(1), bool(where.any()), where, where._version)
    vars(pruned)[_WORDS] = made
    return made
