"""Which pruning rate each layer gets, from what the caller wrote.

A rate is a float for every layer, a dict of {regular expression on the layer's name:
float}, or a function of the layer. None leaves a layer out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lth_keras import arguments
from lth_keras.arguments import listed
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning.counts import check_rate

Rate = float | Mapping[str, float | None] | Callable[[Any], float | None]


class Rates:
    """Resolves the rate of each prunable layer and remembers what matched.

    Args:
        rate: float, {regex: float or None} or f(layer) -> float or None. A pattern
            matches anywhere in the layer's name; the first that matches wins, and a
            layer that none matches is left out.
        output_rate: rate of the output layers instead, or None for no exception.
        exclude: patterns of layer names to leave out.
    """

    def __init__(
        self, rate: Rate, output_rate: float | None, exclude: str | Iterable[str]
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
        self._rate = rate
        self._output_rate = output_rate
        if output_rate is not None:
            check_rate(output_rate, "output_rate")
        self._patterns: dict[str, re.Pattern[str]] = {}
        if isinstance(rate, Mapping):
            self._patterns = {p: _compiled(p, "rate") for p in rate}
            self._unmatched |= set(self._patterns)
            for pattern, value in rate.items():
                if value is not None:
                    check_rate(value, f"rate[{pattern!r}]")
        elif callable(rate):
            arguments.function("rate", rate, "f(layer) -> rate", [None])
        else:
            check_rate(rate)

    def of(self, layer: Any, output: bool, around: Sequence[Any] = ()) -> float | None:
        """The layer's rate, or None where it is left out.

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
            return check_rate(self._output_rate, "output_rate")
        return value

    def _general(self, layer: Any, names: Sequence[str]) -> float | None:
        rate = self._rate
        if isinstance(rate, Mapping):
            for text, pattern in self._patterns.items():
                if any(map(pattern.search, names)):
                    self._unmatched.discard(text)
                    return rate[text]
            return None
        if callable(rate):
            try:
                value = rate(layer)
            except Exception as error:
                raise LotteryError(
                    f"rate(layer) for layer {layer.name!r} raised "
                    f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                ) from error
            if value is None:
                return None
            return check_rate(value, f"rate(layer) for layer {layer.name!r}")
        return float(rate)

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
