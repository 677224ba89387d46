"""Which layers bear pruning? The loss against the share pruned of each one alone.

found = lth.sensitivity(model, (xv, yv))
found.plot()
model = lth.wrap(mine, rate=found.rates(0.2))   # 20 % of all, where it hurts least

Nothing is trained: the answer is of the weights as they are, so it says most of a
trained network (1608.08710, section 3.1, asks the same of filters).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lth_keras import notebook
from lth_keras.arguments import listed, number
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import scoring
from lth_keras.masking.network import Network
from lth_keras.masking.weight import Weight
from lth_keras.pruning.counts import check_rate
from lth_keras.reporting import plots, sensitivities

SHARES = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98)
_MOST_SHARES = 1000
_STEPS = 60  # halvings, down to the last bit of a rate


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sensitivity:
    """The loss where one layer alone is pruned.

    Attributes:
        loss: of the model as it is.
        shares: that were pruned of each weight tensor, ascending.
        losses: by path of the tensor, float64 of as many as `shares`; NaN where a
            share would leave none.
        sizes: by path, how many weights the tensor had left before.
        layers: by path, the name of its layer.
    """

    loss: float
    shares: tuple[float, ...]
    losses: dict[str, np.ndarray]
    sizes: dict[str, int]
    layers: dict[str, str]

    def bearable(self, tolerance: float = 0.05) -> dict[str, float]:
        """The largest share of each tensor that raises the loss little enough.

        Args:
            tolerance: how much it may rise, as a share of the model's own loss.

        Returns:
            By path one of `shares`, up to which no smaller one costs more; or 0.0.

        Raises:
            LotteryError: `tolerance` is no number of 0 or more.
        """
        allowed = number(tolerance)
        if not 0 <= allowed < np.inf:
            raise LotteryError(
                f"tolerance={shown(tolerance)}: give a share of the loss, 0 or more."
            )
        limit = self.loss + allowed * abs(self.loss)
        found = {}
        for path, losses in self.losses.items():
            bad = ~(losses <= limit)
            first = int(np.argmax(bad)) if bad.any() else len(losses)
            found[path] = self.shares[first - 1] if first else 0.0
        return found

    def rates(
        self, rate: float = 0.2, tolerance: float = 0.05
    ) -> dict[str, float | None]:
        """Rates for `lth.wrap` by which layers come to their limits together.

        With s the bearable share of a layer, its rate is 1 - (1 - s)^t, and t such
        that a round prunes `rate` of all these weights.

        Args:
            rate: of all the weights, that a round prunes.
            tolerance: as of `bearable`; where no layer bears anything by it, raise it.

        Returns:
            {pattern that matches the layer's whole name: rate}; None, which leaves it
            out, for a layer that bears nothing.

        Raises:
            LotteryError: an argument is out of range, or the layers together do not
                bear to lose `rate`.
        """
        rate = float(check_rate(rate, "rate"))
        limits: dict[str, float] = {}
        sizes: dict[str, int] = {}
        for path, share in self.bearable(tolerance).items():
            layer = self.layers[path]
            # Of a layer with several tensors the most sensitive one decides.
            limits[layer] = min(share, limits.get(layer, 1.0))
            sizes[layer] = sizes.get(layer, 0) + self.sizes[path]
        s, n = np.array(list(limits.values())), np.array(list(sizes.values()), float)
        # Shares of 1 are not among them: everything can be pruned but for one weight.
        if float(n @ s) < rate * n.sum():
            raise LotteryError(
                f"rate={rate:g}: within tolerance={tolerance:g} the layers bear to "
                f"lose {float(n @ s) / n.sum():.3g} of their weights: give a smaller "
                "rate or a larger tolerance."
            )
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            kept = float(n @ (1 - s) ** middle)
            low, high = (middle, high) if kept > (1 - rate) * n.sum() else (low, middle)
        found = 1 - (1 - s) ** high
        return {
            f"^{re.escape(layer)}$": float(each) or None
            for layer, each in zip(limits, found, strict=True)
        }

    def plot(self, ax: Any = None) -> Any:
        """Draws the losses against the share pruned, a line for each tensor.

        Args:
            ax: matplotlib axes to draw on; new ones by default.

        Returns:
            The axes.

        Raises:
            LotteryError: matplotlib is missing, or `ax` is something else.
        """
        axes = plots.axes_of(ax)
        sensitivities.panel(axes, self.shares, self.losses, self.loss)
        return axes

    def __repr__(self) -> str:
        return f"Sensitivity({len(self.losses)} weights, loss {self.loss:.4g})"

    def __str__(self) -> str:
        lines = [self._head(), *self._lines()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        )

    def _repr_html_(self) -> str:
        note = (
            f"Loss where that share of one weight is pruned; {self.loss:.4g} without."
        )
        return notebook.table(self._head(), self._lines(), note)

    def _head(self) -> list[str]:
        return ["weight", *(f"{100 * share:g} %" for share in self.shares)]

    def _lines(self) -> list[list[str]]:
        return [
            [path, *("-" if np.isnan(loss) else f"{loss:.4g}" for loss in losses)]
            for path, losses in self.losses.items()
        ]


def sensitivity(
    model: keras.Model, data: Any, shares: Iterable[float] = SHARES
) -> Sensitivity:
    """Measures the loss with each prunable weight tensor pruned alone, by magnitude.

    Its weights are set, the model is evaluated and they are set back: it is left as it
    was. One evaluation for each tensor and share.

    Args:
        model: made by `lth.wrap` or `lth.hold`, compiled and built; what is pruned and
            in what units is its recipe's.
        data: (x, y) or a tf.data.Dataset, evaluated as `model.evaluate` does. Take
            validation data: what is chosen by them is not tested on them.
        shares: of the weights that each tensor has left, each in (0, 1).

    Returns:
        The losses, as a figure and as rates for `lth.wrap`.

    Raises:
        LotteryError: the model is not wrapped or not compiled, a share is out of range,
            or the data do not fit.
    """
    network = Network.of(model).require_masks()
    given = [number(s) for s in listed("shares", shares, "shares, such as [0.5, 0.9]")]
    wrong = [share for share in given if not 0 < share < 1]
    if wrong or not given or len(given) > _MOST_SHARES:
        raise LotteryError(
            f"shares={shown(shares)}: give some shares of the weights, between 0 and 1."
        )
    if getattr(model, "optimizer", None) is None:
        raise LotteryError("the model is not compiled: call model.compile first.")
    known = sorted(set(given))
    before = _loss(model, data)
    losses = {
        weight.path: _losses(network, place, weight, known, data)
        for place, weight in enumerate(network.pruned)
    }
    return Sensitivity(
        before,
        tuple(known),
        losses,
        {w.path: int(np.count_nonzero(w.read_mask())) for w in network.pruned},
        {w.path: w.layer for w in network.pruned},
    )


def _losses(
    network: Network, place: int, weight: Weight, shares: Sequence[float], data: Any
) -> np.ndarray:
    """The losses with some shares of one of `network.pruned` pruned."""
    value = weight.read()
    left = int(np.count_nonzero(weight.read_mask()))
    found = np.full(len(shares), np.nan)
    try:
        for number_, share in enumerate(shares):
            if left - round(share * left) < 1:
                continue
            rates = [0.0] * len(network.pruned)
            rates[place] = share
            recipe = dataclasses.replace(
                network.recipe,
                rates=tuple(rates),
                scope="layer",
                criterion="magnitude",
            )
            masks = scoring.shrunk(network, recipe, initial=None, seed=0, data=None)
            weight.write(np.where(masks[place], value, np.zeros((), value.dtype)))
            found[number_] = _loss(network.model, data)
            weight.write(value)
    finally:
        weight.write(value)
    return found


def _loss(model: keras.Model, data: Any) -> float:
    try:
        if isinstance(data, (tuple, list)):
            told = model.evaluate(*data, verbose=0, return_dict=True)
        else:
            told = model.evaluate(data, verbose=0, return_dict=True)
        return float(told["loss"])
    except Exception as error:  # Whatever Keras says of data that do not fit.
        reason = (str(error).strip().splitlines() or [""])[-1][:200]
        raise LotteryError(
            f"data={shown(data)} cannot be evaluated ({type(error).__name__}: "
            f"{reason}): give (x, y) or a Dataset, as model.evaluate takes them."
        ) from None
