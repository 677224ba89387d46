"""The Ticket: a mask, the weights to start from, and where they came from.

A ticket is saved as a directory of plain arrays and one manifest:

    ticket = lth.Ticket.of(model, start, level=9)
    ticket.save("runs/mnist/ticket9")
    lth.Ticket.load("runs/mnist/ticket9").apply(lth.wrap(build()))
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from lth_keras.arguments import instance, switch
from lth_keras.errors import LotteryError
from lth_keras.masking import followers, frozen, slots
from lth_keras.masking.network import Held, Network
from lth_keras.masking.starts import Start, values_for
from lth_keras.masking.weight import Weight
from lth_keras.pruning import masks
from lth_keras.storage.paths import PathLike
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets import matching, transferring
from lth_keras.tickets.content import TicketContent, TicketWeight


class Ticket(TicketContent):
    """A mask with the weights to start from; see `TicketContent` for its fields."""

    @classmethod
    def of(cls, model: Held, start: Start | None = None, **fields: Any) -> Ticket:
        """The ticket that a pruned model holds.

        Args:
            model: a model wrapped by `lth.wrap` or by stock
                `tfmot.sparsity.keras.prune_low_magnitude`; its masks are taken, never
                guessed from zeros.
            start: the weights to start from, as `lth.capture` returned them; the
                model's present ones by default.
            **fields: level, step, seed, settings, parent.

        Raises:
            LotteryError: the model holds no masks, or `start` is of another shape.
        """
        known = {field.name for field in dataclasses.fields(cls)} - {"weights"}
        if unknown := sorted(set(fields) - known):
            raise LotteryError(
                f"Ticket.of does not take {', '.join(unknown)}: it takes model, start, "
                "level, step, seed, settings and parent."
            )
        network = Network.of(model)
        network.require_masks()
        found = network.weights
        values = [w.read() for w in found]
        if start is not None:
            values = values_for(network, start)
        if start is not None:
            fields = {"step": start.step, "optimizer": start.optimizer, **fields}
        return cls(
            weights=tuple(
                _ticket_weight(weight, value)
                for weight, value in zip(found, values, strict=True)
            ),
            **fields,
        )

    def save(self, path: PathLike, overwrite: bool = False) -> None:
        """Writes the ticket as a new directory, atomically; see `tickets.files`.

        Raises:
            LotteryError: the path exists and `overwrite` is False, or it cannot be
                written.
        """
        overwrite = switch("overwrite", overwrite)
        try:
            json.dumps(self.settings)
        except (TypeError, ValueError, RecursionError) as error:
            raise LotteryError(
                f"the ticket's settings are no plain data ({error}): give numbers, "
                "text, lists and dicts of these."
            ) from None
        ticket_files.save(self, path, overwrite)

    @classmethod
    def load(cls, path: PathLike) -> Ticket:
        """Reads a ticket and verifies checksums, names and shapes.

        Raises:
            LotteryError: no ticket is there, or a file or weight of it is not what
                the manifest says; the message names it.
        """
        return ticket_files.load(path, cls)

    def start(self) -> Start:
        """The weights as `lth.rewind` takes them."""
        values = [weight.value for weight in self.weights]
        return Start(values, self.optimizer, self.step, self.weights)

    def ordered(self, model: Held) -> Ticket:
        """The ticket with its weights in the order of a model's.

        Tickets of before there was an order of ours list frozen layers' weights last.
        """
        network = Network.of(model)
        places = network.places(self.weights)
        if places == list(range(len(self.weights))):
            return self
        weights = tuple(self.weights[index] for index in places)
        return dataclasses.replace(self, weights=weights)

    def overlap(self, other: Ticket) -> dict[str, float]:
        """Share of this ticket's kept weights that `other` keeps too, per weight.

        Args:
            other: a ticket of the same architecture.

        Returns:
            {path of the weight in this ticket: fraction in [0, 1]}.

        Raises:
            LotteryError: the tickets are not of one architecture.
        """
        instance("other", other, TicketContent, "another ticket")
        mine, theirs = list(self.pruned()), list(other.pruned())
        if [m.shape for _, m in mine] != [m.shape for _, m in theirs]:
            raise LotteryError(
                "the tickets are not of one architecture: their prunable weights "
                f"have shapes {[m.shape for _, m in mine]} and "
                f"{[m.shape for _, m in theirs]}."
            )
        return {
            weight.path: masks.overlap(mask, another)
            for (weight, mask), (_, another) in zip(mine, theirs, strict=True)
        }

    def apply(self, model: Held, strict: bool = True) -> list[str]:
        """Sets a model's weights, and its masks where it is wrapped, to the ticket.

        Layers are matched by position, class and shapes; their names may differ. A
        model that is not wrapped gets exact zeros, but nothing holds them there when
        it trains. The optimizer is left as it is, but for its slots of pruned weights:
        `lth.rewind(model, ticket.start())` sets it to the ticket's state too.

        Args:
            model: a built model of the same architecture, wrapped or not.
            strict: whether every layer must match; otherwise layers without a
                counterpart, such as another head, are left as they are.

        Returns:
            Paths of the model's weights that were skipped; empty when strict.

        Raises:
            LotteryError: the first weight that does not match, and how; or the model
                is wrapped but has no mask where the ticket prunes.
        """
        network = Network.of(model)
        skipped = self.write_to(network, strict)
        if network.pruned:
            slots.project(network)
        return skipped

    def transfer(
        self, model: Held, keep: str = "ticket", head: str = "new"
    ) -> list[str]:
        """Sets a new model for another task to the ticket: other data, another head.

        Compile the model with any optimizer and train it: the optimizer's state and
        the step of the ticket are of the old task, and stay behind.

        Args:
            model: made by `lth.wrap` and not pruned yet, of the ticket's layers but
                for those of the output.
            keep: "ticket" takes the mask and the weights, biases and normalisation
                too; "mask" takes the mask alone, on the model's own weights.
            head: "new" leaves the output layers, of any size, as the model has them,
                whole; "ticket" takes them from the ticket as all others.

        Returns:
            Paths of the model's weights that are its own: those of a new head.

        Raises:
            LotteryError: the model is not wrapped or is pruned already, or names the
                first weight that does not match, and how.
        """
        network = Network.of(model).require_masks()
        if network.density < 1.0:
            raise LotteryError(
                f"the model has a density of {network.density:.3g} already, and a "
                "ticket is transferred to a new one: wrap the model anew."
            )
        own = Ticket.of(network)
        moved = transferring.transferred(self.weights, own.weights, network, keep, head)
        dataclasses.replace(own, weights=tuple(moved)).write_to(network)
        slots.project(network)
        return [
            weight.path
            for weight, before in zip(moved, own.weights, strict=True)
            if weight is before
        ]

    def write_to(self, model: Held, strict: bool = True) -> list[str]:
        """`apply` for a caller that sets the optimizer's state itself."""
        strict = switch("strict", strict)
        network = Network.of(model)
        pairs, skipped = matching.matched(self.weights, network, strict)
        if network.pruned:
            for weight, target in pairs:
                matching.check_can_hold(weight, target)
        for weight, target in pairs:
            if target.is_pruned:
                dense = np.ones(target.shape, bool)
                mask = dense if weight.mask is None else weight.mask
                target.set_mask(mask)
            value = weight.value if target.is_pruned else weight.effective
            target.write(value.astype(target.dtype, copy=False))
        followers.settle(network)
        if network.pruned:
            given = {id(target): weight.frozen for weight, target in pairs}
            held = [
                given[id(w)] if id(w) in given else w.read_frozen()
                for w in network.pruned
            ]
            frozen.write(network, held)
        return skipped


def _ticket_weight(weight: Weight, value: np.ndarray) -> TicketWeight:
    mask, held = None, None
    if weight.mask is not None:
        mask, held = weight.read_mask(), weight.read_frozen()
        value = masks.apply(np.asarray(value), mask)
    if weight.follows is not None:
        mask, held = None, None  # It is told by that of the kernel.
    if mask is not None and held is not None:
        held = np.where(mask, 0, held).astype(value.dtype)
    return TicketWeight(weight.layer, weight.kind, weight.name, value, mask, held)
