"""How a function that makes a search reaches another process, wherever it was written.

A closure, a lambda or a notebook's function travels by value, and with it the controls
and criteria that were registered here, which the other process may never import.
"""

from __future__ import annotations

from typing import Any

import cloudpickle

from lth_keras.controls import registry as controls
from lth_keras.errors import LotteryError
from lth_keras.pruning import criteria


def pack(make_search: Any) -> bytes:
    """The function, and what is registered in this process, for `unpack`.

    Raises:
        LotteryError: it holds something that belongs to this process.
    """
    known = {
        name: (criteria.get(name), criteria.needs(name)) for name in criteria.names()
    }
    try:
        # Apart, since to read it may ask for what is registered.
        function = cloudpickle.dumps(make_search)
        return cloudpickle.dumps((function, dict(controls.REGISTRY), known))
    except Exception as error:  # Whatever the objects' own methods raise.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LotteryError(
            f"make_search cannot be sent to other processes ({reason}): make what it "
            "uses inside it, such as models, optimizers and datasets, or run with "
            "workers=0."
        ) from error


def unpack(content: bytes) -> Any:
    """The function that `pack` was given; what was registered there is so here."""
    packed, transforms, known = cloudpickle.loads(content)
    controls.REGISTRY.update(transforms)
    for name, (function, needs) in known.items():
        if name not in criteria.names() or criteria.get(name) is not function:
            criteria.register(name, needs, replace=True)(function)
    return cloudpickle.loads(packed)
