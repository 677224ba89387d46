"""What a ticket holds: weights with their masks, and where they came from."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lth_keras import notebook
from lth_keras.arguments import count, instance
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import masks


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TicketWeight:
    """One weight of a ticket.

    Attributes:
        layer: name of the layer that owned it.
        kind: class name of that layer.
        name: name of the weight in the layer.
        value: the value to start from, +0.0 where it is pruned.
        mask: boolean array of the same shape, or None where it is not prunable.
        frozen: array of the same shape and dtype with the values that pruned entries
            are frozen at, zero elsewhere; None where they are zero too.
    """

    layer: str
    kind: str
    name: str
    value: np.ndarray
    mask: np.ndarray | None
    frozen: np.ndarray | None = None

    @property
    def effective(self) -> np.ndarray:
        """What a layer computes with: the value, or the frozen one where pruned."""
        if self.frozen is None or self.mask is None:
            return self.value
        return np.where(self.mask, self.value, self.frozen)

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        kept = "" if self.mask is None else f", P_m {_percent([self.mask])}"
        return f"TicketWeight({self.path}, {shape} {self.value.dtype.name}{kept})"


class Fingerprint:
    """SHA-256 over shapes, masks and weights, taken one by one."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, weight: TicketWeight) -> None:
        """Takes the next weight."""
        value = np.ascontiguousarray(weight.value)
        head = [weight.kind, weight.name, value.dtype.name, list(value.shape)]
        self._digest.update(json.dumps(head).encode())
        self._digest.update(value.reshape(-1).view(np.uint8).data)
        if weight.mask is not None:
            self._digest.update(np.packbits(weight.mask).tobytes())
        if weight.frozen is not None:
            frozen = np.ascontiguousarray(weight.frozen)
            self._digest.update(b"frozen")
            self._digest.update(frozen.reshape(-1).view(np.uint8).data)

    def hexdigest(self) -> str:
        """Of all that was taken, 64 hexadecimal digits."""
        return self._digest.hexdigest()


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TicketContent:
    """What a ticket holds.

    Attributes:
        weights: every weight of the network in the model's order.
        level: number of pruning rounds; 0 is dense.
        step: the training step k the weights were captured at; 0 is theta_0.
        seed: seed of the search that found it, or None.
        settings: what the search was given (rate, scope, criterion, ...).
        parent: fingerprint of the ticket of the level before, or None.
        optimizer: the optimizer's state at step k, or None.

    Raises:
        LotteryError: a field is of another kind.
    """

    weights: tuple[TicketWeight, ...]
    level: int = 0
    step: int = 0
    seed: int | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    parent: str | None = None
    optimizer: dict[str, np.ndarray] | None = None

    def __post_init__(self) -> None:
        weights = self.weights
        if not isinstance(weights, (list, tuple)) or not all(
            isinstance(weight, TicketWeight) for weight in weights
        ):
            raise LotteryError(
                f"weights={shown(weights)} are no ticket's: make one by "
                "lth.Ticket.of(model) or lth.Ticket.load(path)."
            )
        count("level", self.level, 0, "a number of pruning rounds")
        count("step", self.step, 0, "the training step of the weights")
        if self.seed is not None:
            count("seed", self.seed, 0, "the seed of the search, or None")
        instance("settings", self.settings, dict, "a dict")
        instance("parent", self.parent, (str, type(None)), "a fingerprint or None")
        instance(
            "optimizer", self.optimizer, (dict, type(None)), "a dict of arrays or None"
        )

    @property
    def density(self) -> float:
        """P_m over the prunable weights, in (0, 1]."""
        return masks.density([w.mask for w in self.weights if w.mask is not None])

    @property
    def densities(self) -> dict[str, float]:
        """Density of each prunable weight by its path."""
        return {w.path: masks.density([m]) for w, m in self.pruned()}

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shapes, masks and weights, 64 hexadecimal digits."""
        found = Fingerprint()
        for weight in self.weights:
            found.add(weight)
        return found.hexdigest()

    def __repr__(self) -> str:
        count = sum(1 for _ in self.pruned())
        parts = [f"level {self.level}", f"step {self.step}"]
        if count:
            parts.append(f"P_m {_percent([m for _, m in self.pruned()])}")
        parts.append(f"{count} of {len(self.weights)} weights prunable")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_html_(self) -> str:
        lines = [
            [
                weight.path,
                " x ".join(map(str, weight.shape)),
                f"{np.count_nonzero(mask):,} of {mask.size:,}",
                _percent([mask]),
            ]
            for weight, mask in self.pruned()
        ]
        head = ["weight", "shape", "kept", "P_m"]
        return notebook.table(head, lines, caption=repr(self))

    def pruned(self) -> Iterator[tuple[TicketWeight, np.ndarray]]:
        """The prunable weights, each with its mask."""
        return ((w, w.mask) for w in self.weights if w.mask is not None)


def _percent(found: Sequence[np.ndarray]) -> str:
    return f"{100 * masks.density(found):.4g} %"
