"""A stored search with its model: what is read is in the order of the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.reporting import plots
from lth_keras.runs.stored import StoredSearch
from lth_keras.storage import paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import one_run


class ModelSearch(StoredSearch):
    """What is stored of a search, for the model that it is of.

    Args:
        model: wrapped, or held; None where the search is only read.
        directory: where it is stored.
    """

    first: str

    def __init__(self, model: Any, directory: paths.PathLike):
        super().__init__(directory)
        self.model = model
        self._network: Network | None = None

    @property
    def network(self) -> Network:
        """The weights, masks and recipe of the model, which is built."""
        model = self._given_model()
        if self._network is None or self._network.model is not model:
            self._network = self._pruned_by(self._whole_network)
        return self._network

    @property
    def _whole_network(self) -> Network:
        """The network with the recipe that the model was wrapped with."""
        return Network.of(self._given_model())

    def _pruned_by(self, network: Network) -> Network:
        """The network, which a search may prune by other rates than the model's."""
        return network

    def ticket(self, level: int) -> Ticket:
        """The ticket that a level was trained from, in the order of the model.

        Raises:
            LotteryError: that level has not been reached.
        """
        return self._ordered(self.stored_ticket(level))

    def stored_ticket(self, level: int) -> Ticket:
        """The ticket that a level was trained from, as it is stored."""
        return super().ticket(level)

    @property
    def theta(self) -> Ticket:
        """The dense network that every level is rewound to: theta_0, or theta_k.

        Raises:
            LotteryError: level 0 has not been reached.
        """
        return self._ordered(super().theta)

    @property
    def initial(self) -> Ticket:
        """The dense network that the search began with, theta_0.

        Raises:
            LotteryError: level 0 has not been reached.
        """
        return self.theta if self.first == "prune" else self.ticket(0)

    def trained_weights(self, level: int) -> list[np.ndarray]:
        """The weights that a level ended with, in the order of its ticket's.

        Raises:
            LotteryError: the level is not finished.
        """
        values = super().trained_weights(level)
        if not self._has_weights:
            return values
        return one_run.in_order(self.network, self.finished(level), values)

    def _ordered(self, ticket: Ticket) -> Ticket:
        return ticket.ordered(self.network) if self._has_weights else ticket

    @property
    def _has_weights(self) -> bool:
        model = self.model
        return model is not None and compat.trainer_of(model).is_built(model)

    def plot(
        self,
        metric: str = "test_accuracy",
        ax: Any = None,
        monitor_metric: str | None = None,
    ) -> Any:
        """Draws a metric of the finished levels, and of controls, against P_m.

        Args:
            metric: as of `lth.plot_density`.
            ax: matplotlib axes to draw on; new ones by default.
            monitor_metric: as of `lth.plot_density`.

        Returns:
            The axes.

        Raises:
            LotteryError: as of `lth.plot_density`.
        """
        return plots.plot_density(self, metric, ax, monitor_metric)

    def restore(self, level: int) -> None:
        """Sets the model to the weights that a finished level ended with.

        The optimizer gets the state that the level began with.

        Raises:
            LotteryError: the level is not finished, or the search has no model.
        """
        self.trainable_model()
        place = self.finished(level)
        one_run.load(self.network, self.stored_ticket(level))
        one_run.load_trained(self.network, place)

    def trainable_model(self) -> Any:
        """The compiled model.

        Raises:
            LotteryError: the search was loaded without one, or it is not compiled.
        """
        model = self._given_model()
        if getattr(model, "optimizer", None) is None:
            raise LotteryError("the model is not compiled: call model.compile first.")
        return model

    def _given_model(self) -> Any:
        if self.model is None:
            raise LotteryError(
                "this search was loaded to be read: to go on with it, make a "
                "LotterySearch(model, directory=...) with the same settings."
            )
        return self.model
