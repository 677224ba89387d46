"""What methods share that learn a mask and leave the weights as they are."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable

import numpy as np

from lth_keras.arguments import count, listed, switch
from lth_keras.compat import keras
from lth_keras.masking.holding import hold_by_scores
from lth_keras.masking.network import Network
from lth_keras.masking.scored import HoldByScore
from lth_keras.masking.scores import Reading
from lth_keras.methods import fixed_weights
from lth_keras.methods.method import Method, Phase
from lth_keras.pruning import masks
from lth_keras.tickets.ticket import Ticket

_WANTED = "regular expressions on layer names, such as 'out' or ['conv1', 'out']"


class LearnedMask(Method):
    """A method of one phase, in which scores train and nothing else.

    Attributes:
        weights: which weights stay.
        seed: of scores, draws, and weights that are drawn.
    """

    plan = (Phase("mask", learns=True),)

    def __init__(
        self,
        model: keras.Model,
        reading: Reading,
        weights: str,
        seed: int,
        exclude: str | Iterable[str],
        train_normalization: bool,
    ):
        self.weights = fixed_weights.check(weights)
        self.seed = count("seed", seed, 0, "a seed")
        # An empty text, which a pattern in text may be, leaves nothing out.
        several = not isinstance(exclude, str)
        self.exclude = listed("exclude", exclude, _WANTED) if several else exclude
        self.train_normalization = switch("train_normalization", train_normalization)
        self.model = hold_by_scores(
            model, reading, self.exclude or (), self.train_normalization
        )
        network = Network.of(self.model)
        rng = np.random.default_rng([self.seed, 0])
        for weight in network.pruned:
            weight.write(self.fixed(weight.read(), rng))
        self._start = [weight.read() for weight in network.weights]
        self.begin(0, network)

    @abc.abstractmethod
    def fixed(self, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The weights that stay in place of a tensor of the model's own."""

    def begin(self, index: int, network: Network) -> None:
        for weight, value in zip(network.weights, self._start, strict=True):
            weight.write(value)
        rng = np.random.default_rng([self.seed, 1])
        for wrapper in _wrappers(network):
            wrapper.begin(rng)

    def found(self, network: Network) -> Ticket:
        """The mask that the scores have come to, on the weights as they are used.

        Where what is kept is rescaled, the ticket's weights are.
        """
        settled = iter(
            pair for wrapper in _wrappers(network) for pair in wrapper.settled()
        )
        ticket = Ticket.of(network)
        weights = []
        for weight in ticket.weights:
            if weight.mask is not None:
                mask, factor = next(settled)
                value = masks.apply(
                    weight.value * factor.astype(weight.value.dtype), mask
                )
                weight = dataclasses.replace(weight, value=value, mask=mask)
            weights.append(weight)
        return dataclasses.replace(
            ticket, weights=tuple(weights), seed=self.seed, settings=self.settings()
        )

    def hold(self, ticket: Ticket, network: Network) -> None:
        self.begin(0, network)
        pairs = zip(network.weights, ticket.weights, strict=True)
        chosen = []
        for target, source in pairs:
            if source.mask is None:
                target.write(source.value)
            else:
                chosen.append(source.mask)
        for scores, mask in zip(network.learned, chosen, strict=True):
            scores.write(scores.wrapper.reading.held(mask))


def _wrappers(network: Network) -> list[HoldByScore]:
    """The wrappers in the order of their weights."""
    return list({id(w.wrapper): w.wrapper for w in network.pruned}.values())
