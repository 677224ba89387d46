"""Criteria of the whole network: of gradients on data, or of the flow without any.

They are for networks before any training: `lth.prune(model, data=...)`, a
`LotterySearch(first="prune")`, or the control `prune_at_init:criterion=snip`. All were
made for one ranking of all layers together, `scope="global"`.
"""

from __future__ import annotations

import numpy as np

from lth_keras.pruning.criteria.context import Context
from lth_keras.pruning.criteria.registry import register

Scores = list[np.ndarray]


@register("snip", needs=("gradients",), whole=True)
def snip(context: Context) -> Scores:
    """|w g|: how much the loss would change without a weight (1810.02340)."""
    return [
        np.abs(w * g) for w, g in zip(context.weights, context.gradients(), strict=True)
    ]


@register("grasp", needs=("gradients",), whole=True)
def grasp(context: Context) -> Scores:
    """w Hg: keeps what the gradient's norm would lose most by (2002.07376, section 3).

    The paper ranks by -w Hg and prunes the highest. It also divides the logits by 200
    before the loss; here the loss is the one that the model was compiled with.
    """
    products = context.hessian_products(context.gradients())
    return [w * h for w, h in zip(context.weights, products, strict=True)]


@register("synflow", needs=(), whole=True, rounds=100)
def synflow(context: Context) -> Scores:
    """|w| dR/d|w|: the flow through a weight, in 100 steps (2006.05467, equation 2).

    R is the sum of the outputs for an input of ones, all weights positive. No data are
    read, and no layer runs empty.
    """
    return [np.abs(w) * f for w, f in zip(context.weights, context.flow(), strict=True)]
