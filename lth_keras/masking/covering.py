"""coverage: what of a model is pruned, how far, and why the rest is not.

lth.coverage(model)                            # prints a table, as summary() does
rows = lth.coverage(model, print_fn=None)      # the same as data
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lth_keras.arguments import function
from lth_keras.masking import host
from lth_keras.masking.table import Coverage


def coverage(model: Any, print_fn: Callable[[str], object] | None = print) -> Coverage:
    """Prints what of `model` is pruned, weight by weight, and why the rest is not.

    Args:
        model: a built model of tf_keras or Keras 3, on masks or not.
        print_fn: takes the table; None prints nothing.

    Returns:
        One row per weight; `str()` of it is the table.

    Raises:
        LotteryError: no such model, or `print_fn` is no function.
    """
    if print_fn is not None:
        function("print_fn", print_fn, "f(text), or None", [""])
    found: Coverage = host.of(model).coverage(model)
    if print_fn is not None:
        print_fn(str(found))
    return found
