"""hold and release: masks put in place, for any built model of either Keras.

lth.hold(model, rate=0.2)          # the same object: subclassed, with a train_step
...
lth.release(model)                 # the masks are gone, the exact zeros stay
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lth_keras.masking import host
from lth_keras.pruning.rates import Rate


def hold(
    model: Any,
    rate: Rate = 0.2,
    scope: str = "layer",
    criterion: str = "magnitude",
    exclude: str | Iterable[str] = (),
    embeddings: bool = False,
    granularity: str = "weight",
    build: Callable[[], Any] | None = None,
    where: str = "each",
) -> Any:
    """Puts the prunable weights of a built model on masks, in place.

    The masks start as all ones. The model stays the object that it is, with its class,
    `train_step`, optimizers and compiled state; what Keras has compiled is compiled
    anew. A step of your own that was traced before would go on without masks: hold
    first.

    In a tf_keras model each weight that is pruned gets a masked read. Of a Keras 3
    model, on any backend, the optimizers hold the masks: those that it is compiled
    with, now or later, and one of a loop of your own once an act is given it.

    Args:
        model: any built model of tf_keras or Keras 3, compiled or not; its present
            weights become theta_0.
        rate: share of the surviving weights pruned per round, as of `wrap`: a float in
            (0, 1), {regex: float} or f(layer) -> float, of the layer that holds the
            weight. A regex may match its name or that of a layer around it. None
            leaves out.
        scope: "layer" or "global", as of `wrap`.
        criterion: name of the score function; in Keras 3 one of the weights alone.
        exclude: regular expressions on names of layers to leave dense, with all inside.
        embeddings: whether Embedding tables are pruned too.
        granularity: as of `wrap`. Whole filters, "filter", go in a Sequential or
            Functional model alone: a Python `call` may lead outputs anywhere.
        build: f() -> a new, built model of the same kind, which the control
            random_reinit takes its weights from. Without it they are drawn from the
            configurations of the layers, which not every layer of your own has.
        where: of filters whose outputs are added to others', "each", "together" or
            "first", as of `wrap`.

    Returns:
        The model itself.

    Raises:
        LotteryError: the model is not built, is on masks already, or an argument is
            not allowed.
    """
    return host.of(model).hold(
        model,
        rate=rate,
        scope=scope,
        criterion=criterion,
        exclude=exclude,
        embeddings=embeddings,
        granularity=granularity,
        build=build,
        where=where,
    )


def release(model: Any) -> Any:
    """Takes the masks of `hold` away; pruned weights stay exact zeros until it trains.

    Args:
        model: a model that `hold` put on masks.

    Returns:
        The model itself.

    Raises:
        LotteryError: it is on none, or freezes pruned weights at values.
    """
    return host.of(model).release(model)
