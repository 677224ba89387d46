"""How a function that makes a search reaches another process, wherever it was written.

A closure, a lambda or a notebook's function travels by value, and with it the controls,
criteria and granularities that were registered here, which the other process may never
import. Engines stay: a worker starts none, and one may hold what cannot be sent.
"""

from __future__ import annotations

from typing import Any

import cloudpickle

from lth_keras.controls import registry as controls
from lth_keras.errors import LotteryError
from lth_keras.pruning import granularity
from lth_keras.pruning.criteria import registry as criteria
from lth_keras.pruning.registries import Registry

_SENT: tuple[Registry[Any], ...] = (
    controls.REGISTRY,
    criteria.REGISTRY,
    granularity.REGISTRY,
)


def pack(make_search: Any) -> bytes:
    """The function, and what is registered in this process, for `unpack`.

    Raises:
        LotteryError: it holds something that belongs to this process.
    """
    try:
        # Apart, since to read it may ask for what is registered.
        function = cloudpickle.dumps(make_search)
        return cloudpickle.dumps((function, [r.entries for r in _SENT]))
    except Exception as error:  # Whatever the objects' own methods raise.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LotteryError(
            f"make_search cannot be sent to other processes ({reason}): make what it "
            "uses inside it, such as models, optimizers and datasets, or run with "
            "workers=0."
        ) from error


def unpack(content: bytes) -> Any:
    """The function that `pack` was given; what was registered there is so here."""
    packed, registered = cloudpickle.loads(content)
    for registry, entries in zip(_SENT, registered, strict=True):
        registry.update(entries)
    return cloudpickle.loads(packed)
