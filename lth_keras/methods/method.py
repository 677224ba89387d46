"""What every method is: a model to be trained, in phases, and a ticket at the end.

method = lth.methods.DenseSparseDense(model, rates=0.3)
method.model.compile(...)
for phase in method.phases():
    method.model.fit(x, y, epochs=3)
ticket = method.ticket()
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lth_keras.compat import keras
from lth_keras.masking import acts, slots
from lth_keras.masking.network import Network
from lth_keras.masking.starts import Start
from lth_keras.tickets.ticket import Ticket
from lth_keras.training.scaled_rates import scaled_rate


class Phase(NamedTuple):
    """One `fit` of a method.

    Attributes:
        name: what it trains: "mask", "dense", "sparse".
        rate_factor: what the learning rate is multiplied by in it.
        learns: whether the mask is what it finds, so that its ticket is known when it
            has ended, and its weights are not what it trains.
    """

    name: str
    rate_factor: float = 1.0
    learns: bool = False


class Method(abc.ABC):
    """A way to a subnetwork by plain `fit` calls.

    A subclass takes a model and parameters by name, makes `model`, and says what
    happens before each of its phases.

    Attributes:
        name: what it is registered as.
        model: the model to compile and train; the caller's own stays untouched.
        plan: its phases, in their order.
        reads_data: whether `callbacks` takes training data too, as `data`.
    """

    name: str = ""
    reads_data: bool = False
    model: keras.Model
    plan: tuple[Phase, ...]

    @abc.abstractmethod
    def __init__(self, model: keras.Model, **parameters: Any):
        """Makes `model` of the caller's; parameters have defaults."""

    @classmethod
    def phases_of(cls, given: Mapping[str, Any]) -> tuple[Phase, ...]:
        """The phases that a method of these parameters has.

        Args:
            given: what the constructor is given by name, not checked yet.
        """
        return cls.plan

    @abc.abstractmethod
    def begin(self, index: int, network: Network) -> None:
        """Sets the masks, or the scores, to what a phase begins with.

        Args:
            index: of the phase, from 0; the model holds what the one before ended with.
            network: of `model`.
        """

    @property
    def stops(self) -> tuple[int, ...]:
        """Numbers of training steps of whose multiples `fit` must pass over none."""
        return ()

    def found(self, network: Network) -> Ticket:
        """The ticket that the model holds."""
        return Ticket.of(network)

    def hold(self, ticket: Ticket, network: Network) -> None:
        """Sets the model to a ticket that was found with it."""
        ticket.apply(network)

    def callbacks(self, index: int, seed: int) -> list[keras.callbacks.Callback]:
        """What a phase's `fit` needs besides the user's callbacks."""
        return []

    def phases(self, seed: int = 0) -> Iterator[Phase]:
        """Carries out what comes before each phase, which you then train.

        The optimizer begins each phase as it began the first one. A method of a single
        phase is ready for `fit` when it is made, and needs no such loop.

        Args:
            seed: of what the phases draw.
        """
        network = Network.of(self.model)
        start: Start | None = None
        for index, phase in enumerate(self.plan):
            if index and start is not None and start.optimizer is not None:
                slots.restore(network, start.optimizer)
            self.begin(index, network)
            start = start or acts.capture(network)
            with scaled_rate(self.model, phase.rate_factor):
                yield phase

    def ticket(self) -> Ticket:
        """What training has found so far: a mask and the weights to start from."""
        return self.found(Network.of(self.model))

    def settings(self) -> dict[str, Any]:
        """Name and parameters as plain data, by which a run that goes on is known."""
        known = list(inspect.signature(type(self).__init__).parameters)[2:]
        return {"name": self.name, **{key: getattr(self, key) for key in known}}

    def __repr__(self) -> str:
        told = {k: v for k, v in self.settings().items() if k != "name"}
        given = ", ".join(f"{key}={value!r}" for key, value in told.items())
        return f"{type(self).__name__}({given})"
