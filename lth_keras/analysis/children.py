"""Children of one start: the controls that train it several times, in other orders.

    children.control_of("ticket", 500)          # weight_rewind:step=500it
    children.control_of("random_reinit", 0)     # random_reinit+one_draw
    children.control_of("inits", 0)             # random_reinit

A child is a replicate of a control, so that it is stored, resumed and shown as any.
"""

from __future__ import annotations

from typing import Any

from lth_keras.controls import orders, syntax
from lth_keras.controls.registry import REGISTRY, Change
from lth_keras.errors import LotteryError, shown
from lth_keras.runs.summaries import TICKET

# Two networks of the same mask and of initialisations of their own, which no line
# without a rise connects: what instability is compared with.
INITS = "inits"


def control_of(of: str, step: int, first: str = "train") -> str:
    """The control whose replicates are the children of one start.

    Args:
        of: "ticket", the mask of a level on the weights of iteration `step`; "inits",
            the same mask on weights that each child draws anew; or a control, which
            every child has with the same draws.
        step: iteration k that they start from.
        first: what the search begins a level with.

    Raises:
        LotteryError: no such control, or it starts from weights of its own and k > 0.
    """
    if of == TICKET:
        # Such a search has no other weights than theta_0 to start from.
        return orders.NAME if first == "prune" and not step else _rewind(step)
    text = "random_reinit" if of == INITS else of
    if not has_own_weights(of):
        text += f"+{_rewind(step)}" if step or first == "train" else ""
    elif step:
        raise LotteryError(
            f"of={shown(of)} starts from weights of its own, which iteration {step} "
            "does not have: use rewind_to='0it' for it."
        )
    return text if of == INITS else f"{text}+{orders.NAME}"


def has_own_weights(of: str) -> bool:
    """Whether it starts from weights that no training has seen: its own."""
    parsed = syntax.parse("random_reinit" if of == INITS else of)
    changes = [REGISTRY.get(name).change for name, _ in parsed.steps]
    return any(change in (Change.START, Change.WEIGHTS) for change in changes)


def check(of: Any) -> str:
    """What was trained, by its name.

    Raises:
        LotteryError: it is none.
    """
    if of not in (TICKET, INITS):
        try:
            syntax.parse(of)
        except LotteryError as error:
            raise LotteryError(
                f"of={shown(of)}: use 'ticket', 'inits', or a control: {error}"
            ) from None
    return str(of)


def _rewind(step: int) -> str:
    return f"weight_rewind:step={step}it"
