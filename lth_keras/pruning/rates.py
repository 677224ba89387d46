"""Which pruning rate each layer gets, from what the caller wrote.

A rate is a float for every layer, a dict of {regular expression on the layer's name:
float}, or a function of the layer. None leaves a layer out. In place of a float there
may be a list with one for each round. A budget shares out a density among all layers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lth_keras import arguments
from lth_keras.arguments import listed
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import round_rates
from lth_keras.pruning.budgets import Budget
from lth_keras.pruning.counts import RoundRate

One = float | Sequence[float]
Rate = One | Mapping[str, One | None] | Callable[[Any], One | None] | Budget


class Rates:
    """Resolves the rate of each prunable layer and remembers what matched.

    Args:
        rate: float, {regex: float or None} or f(layer) -> float or None, each with a
            list of floats in place of one for a rate by round; f(level) -> float; or
            a budget. A pattern matches anywhere in the layer's name; the first that
            matches wins, and a layer that none matches is left out.
        output_rate: rate of the output layers instead, or None for no exception.
        exclude: patterns of layer names to leave out.
        budgets: whether who asks for the rates asks for those of a budget too.

    Attributes:
        budget: the budget, whose rates are known when all layers are; or None.
    """

    def __init__(
        self,
        rate: Rate,
        output_rate: One | None,
        exclude: str | Iterable[str],
        budgets: bool = False,
    ):
        patterns = (
            [exclude]
            if isinstance(exclude, str)
            else listed(
                "exclude",
                exclude,
                "regular expressions on layer names, such as 'out' or ['conv1', 'out']",
            )
        )
        compiled = [_compiled(pattern, "exclude") for pattern in patterns]
        self._exclude = dict(zip(patterns, compiled, strict=True))
        self._unmatched = set(self._exclude)
        self._output_rate: RoundRate | None = None
        if output_rate is not None:
            self._output_rate = round_rates.check(output_rate, "output_rate")
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._by_pattern: dict[str, RoundRate | None] = {}
        self._function: Callable[[Any], One | None] | None = None
        self._every: RoundRate | None = None
        self.budget = rate if isinstance(rate, Budget) else None
        if isinstance(rate, Budget):
            self._every = 0.0  # A stand-in.
            if not budgets:
                raise LotteryError(
                    "rate= is a budget, which counts the weights of a model that is "
                    "wrapped, lth.wrap(model, rate=budget): give rates here."
                )
            if output_rate is not None:
                raise LotteryError(
                    f"output_rate={shown(output_rate)} does not go with a budget, "
                    "which shares out the density among all layers: leave it out."
                )
        elif isinstance(rate, Mapping):
            self._patterns = {p: _compiled(p, "rate") for p in rate}
            self._unmatched |= set(self._patterns)
            self._by_pattern = {
                p: None if v is None else round_rates.check(v, f"rate[{p!r}]")
                for p, v in rate.items()
            }
        elif callable(rate):
            form = "f(layer) -> rate, or f(level) -> rate"
            function = arguments.function("rate", rate, form, [None])
            if _takes_level(function):
                self._every = round_rates.by_level(function)
            else:
                self._function = function
        else:
            self._every = round_rates.check(rate)

    def of(
        self, layer: Any, output: bool, around: Sequence[Any] = ()
    ) -> RoundRate | None:
        """The layer's rate, or None where it is left out; of a budget, a stand-in.

        Args:
            layer: a prunable Keras layer of the caller's model.
            output: whether it is an output layer.
            around: layers that it stands in, whose names a pattern may match too.
        """
        names = [each.name for each in (layer, *around)]
        for text, pattern in self._exclude.items():
            if any(map(pattern.search, names)):
                self._unmatched.discard(text)
                return None
        value = self._general(layer, names)
        if value is not None and output and self._output_rate is not None:
            return self._output_rate
        return value

    def _general(self, layer: Any, names: Sequence[str]) -> RoundRate | None:
        if self._patterns:
            for text, pattern in self._patterns.items():
                if any(map(pattern.search, names)):
                    self._unmatched.discard(text)
                    return self._by_pattern[text]
            return None
        if self._function is not None:
            try:
                value = self._function(layer)
            except Exception as error:
                raise LotteryError(
                    f"rate(layer) for layer {layer.name!r} raised "
                    f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                ) from error
            if value is None:
                return None
            return round_rates.check(value, f"rate(layer) for layer {layer.name!r}")
        return self._every

    def check_all_matched(self) -> None:
        """Refuses patterns that decided nothing: most likely a misspelling.

        Raises:
            LotteryError: names them.
        """
        if self._unmatched:
            raise LotteryError(
                f"no prunable layer is left for "
                f"{', '.join(sorted(map(shown, self._unmatched)))}: no name "
                "matches, or exclude or an earlier pattern takes them all; "
                "lth.coverage(model) shows the names."
            )


def _takes_level(function: Callable[..., Any]) -> bool:
    """Whether a function names its argument level: it is of rounds, not of layers."""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "level"
    except (TypeError, ValueError):  # A builtin that does not tell.
        return False


def _compiled(pattern: Any, argument: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
        if not isinstance(compiled.pattern, str):
            raise TypeError("it is of bytes")
        return compiled
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise LotteryError(
            f"{argument}: {shown(pattern)} is not a regular expression on layer names "
            f"({error})."
        ) from None
