"""The flags of a search that say how its subnetworks are found.

Those of network and training are in `flags`.
"""

from __future__ import annotations

import re

from lth_keras.arguments import MOST_LEVELS
from lth_keras.errors import LotteryError
from lth_keras.papers.settings import DIGITS_LEVELS, of_paper
from lth_keras.programs.job_flags import Flag
from lth_keras.programs.values import TEXT, Value, one_of, split, whole
from lth_keras.pruning import criteria, granularities, settling
from lth_keras.pruning.counts import FIRST, RoundRate
from lth_keras.pruning.recipe import WHERE


def define(flag: Flag) -> None:
    """Defines them.

    Args:
        flag: defines one.
    """
    flag(
        "method",
        "imp",
        TEXT,
        "How the subnetwork is found: imp prunes and rewinds, level by level. Others "
        "take settings of their own, as in edge_popup:keep=0.3, supermask:weights="
        "signed_constant, dsd:rates=0.5 or iht:rates=0.8:rounds=4, and train "
        "--iterations in each of their phases; docs/methods has them.",
    )
    flag(
        "levels",
        None,
        whole(0, MOST_LEVELS),
        "Number of pruning rounds; levels 0 (dense) to this one are trained. Default: "
        f"{DIGITS_LEVELS} for digits, else down to the sparsest networks that the "
        f"paper speaks of: {of_paper('levels')}.",
    )
    flag(
        "rate",
        None,
        Value(
            rates_of,
            lambda rate: rate != 0,
            "use a fraction above 0 and below 1, or one for each round with commas "
            "between them",
        ),
        "Fraction of the surviving weights pruned per round, in every kind of layer "
        "that the paper prunes; in the output layer half of it, unless the scope is "
        "global; or a fraction for each round, as in 0.36,0.36,0.19. Default: the next "
        "three.",
    )
    share = Value(
        rates_of,
        lambda rate: True,
        "use a fraction, 0 or more and below 1, or one for each round with commas "
        "between them",
    )
    flag(
        "conv_rate",
        None,
        share,
        "Fraction pruned per round of convolutions, or 0 to leave them whole; resnet's "
        "1x1 downsampling layers are whole always. Default, from the paper: "
        f"{of_paper('conv_rate')}; in global scope, with one rate for all kinds, 0.2.",
    )
    flag(
        "dense_rate",
        None,
        share,
        "The same for hidden dense layers. Default, from the paper: "
        f"{of_paper('dense_rate')}.",
    )
    flag(
        "output_rate",
        None,
        share,
        "The same for the output layer. Default, from the paper: "
        f"{of_paper('output_rate')}; in global scope 0.2 instead of 0.1.",
    )
    flag(
        "scope",
        None,
        one_of(("layer", "global")),
        "What is ranked together: the weights of each layer, or of all layers. "
        f"Default, from the paper: {of_paper('scope')}.",
    )
    flag(
        "criterion",
        "magnitude",
        one_of(criteria.names()),
        "What a weight is worth after training; those worth least are pruned. The "
        f"paper: magnitude. One of {', '.join(criteria.names())}.",
    )
    flag(
        "granularity",
        "weight",
        Value(
            str,
            _is_granularity,
            "use weight, filter, filter:l2, filter:scale, row, block:4x4 or 2:4, or "
            "other numbers",
        ),
        "What is kept or pruned as one: weight; filter, of hidden layers, by its L1 "
        "norm, filter:l2, or filter:scale by the normalisation behind it; row; "
        "block:4x4; 2:4, in one level, or falling by level, as in 3-2-1:4.",
    )
    flag(
        "where",
        "each",
        one_of(WHERE),
        "Of filters that a residual network adds: each layer loses its own, layers "
        "that are added lose the same together, or the first layers of a block alone "
        "lose any.",
    )
    flag(
        "layer_rates",
        "none",
        Value(
            _layer_rates,
            lambda rates: True,
            "use patterns of layer names with fractions, 0 or more and below 1, as in "
            "conv1$=0.5,conv2$=0, or none",
        ),
        "Rates of single layers, before those of their kind: regular expressions on "
        "their names, each with the fraction pruned per round, or 0 to leave them "
        "whole, and commas between them. The first that matches counts.",
    )
    flag(
        "first",
        "train",
        one_of(FIRST),
        "What a level begins with: train, as the paper's search, which prunes what "
        "was trained; or prune, by which every level is a round more on the initial "
        "weights (pruning at initialisation), for criteria such as snip.",
    )
    flag(
        "stop",
        "none",
        Value(
            str,
            _is_stop,
            "use none, or mask_converged, with settings of its own as in "
            "mask_converged:threshold=0.02:window=5:of=pruned",
        ),
        "When a level ends before its last iteration, but for the last level: "
        "mask_converged, when the mask that it gives has settled (early bird): at most "
        ":threshold=0.1 from those of the :window=5 evaluations before, as a share :of="
        "survivors or pruned.",
    )
    flag(
        "rewind_to",
        "0it",
        Value(
            str,
            lambda text: re.fullmatch(r"\d{1,9}(it|ep)", text) is not None,
            "use iterations such as 500it, or epochs such as 2ep",
        ),
        "Where later levels start: in iterations (500it) or epochs (2ep) of level 0.",
    )


def rates_of(text: str) -> RoundRate:
    """A pruning rate, or one for each round with commas between them."""
    found = tuple(map(float, split(str(text))))
    if not all(0 <= rate < 1 for rate in found):
        raise ValueError(text)
    return found if len(found) > 1 else found[0]


def _is_granularity(text: str) -> bool:
    try:
        granularities.get(text)
    except LotteryError:
        return False
    return True


def _is_stop(text: str) -> bool:
    try:
        settling.parse(text)
    except LotteryError:
        return False
    return True


def _layer_rates(text: str) -> tuple[str, ...]:
    """The items "pattern=rate", each checked."""
    if text == "none":
        return ()
    items = tuple(split(text))
    for item in items:
        pattern, _, rate = item.rpartition("=")
        try:
            re.compile(pattern)
        except re.error:
            raise ValueError(text) from None
        if not pattern or not 0 <= float(rate) < 1:
            raise ValueError(text)
    return items
