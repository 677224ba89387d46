"""How torch zeroes what is pruned: on CPUs by whole words of bits.

`masked_fill` branches at each entry, and takes many times as long.
"""

from __future__ import annotations

from typing import Any

# Beside a mask's variable: the words it stands for, and what they were made of.
_KEPT = "_lth_kept"


def zeroed(value: Any, pruned: Any, in_place: bool = False) -> Any:
    """A tensor that is +0.0 where a weight is pruned; other entries keep every bit.

    Args:
        value: of any floating dtype.
        pruned: the mask's variable, True where the weight is pruned.
        in_place: whether it is written into `value`.
    """
    # Detached: a parameter is not written in place while it has a gradient.
    value = value.detach()
    kept = _kept(pruned, value)
    if kept is None:
        fill = value.masked_fill_ if in_place else value.masked_fill
        return fill(pruned.value, 0)
    bits = value.view(kept.dtype)
    found = bits.bitwise_and_(kept) if in_place else bits.bitwise_and(kept)
    return found.view(value.dtype)


def _kept(pruned: Any, value: Any) -> Any:
    """Words of ones where the weight is kept, of zeros elsewhere; None if none fit.

    They are made again when the mask was written, which its version tells.
    """
    import torch

    where, size = pruned.value, value.element_size()
    whole = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}.get(size)
    strided = value.device.type == "cpu" and value.layout == torch.strided
    if whole is None or not strided or where.is_inference():
        return None
    of, version, kept = vars(pruned).get(_KEPT, (None, None, None))
    if of is not where or version != where._version or kept.dtype != whole:
        kept = where.to(whole).sub_(1)
        vars(pruned)[_KEPT] = where, where._version, kept
    return kept
