"""ExportReport: what an export holds, how large, how right and how fast it is.

report = lth.export_saved_model(model, path)
print(report)                 # a table
report.to_json()              # one line for machines
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from lth_keras.arguments import among
from lth_keras.errors import LotteryError, shown
from lth_keras.export.findings import Found
from lth_keras.export.nonzeros import LayerNonzeros, table

# A ticket, its trained weights and where it starts from are different things.
HOLDS = {
    "present": "the model's present weights",
    "trained": "the ticket's trained weights",
    "start": "the ticket's starting point (mask and theta_k), not trained",
}
# Below this ratio of latencies an export counts as faster.
_FASTER = 0.95
# What these are served with has dense kernels alone; other ratios than 1 are noise.
_DENSE_KERNELS = ("saved_model", "keras")


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """One export, and what verification found.

    Attributes:
        format: "saved_model", "tflite" or "keras", with what was asked of it in
            `settings`.
        path: what was written.
        holds: which weights it holds; one of the values of `HOLDS`.
        settings: such as {"packed": True, "values_dtype": "float16"}.
        bytes: on disk, all files together.
        gzip_bytes: all files in one gzip stream.
        dense_bytes: the same for the dense network in the same format, its pruned
            weights filled with random numbers; of what `lth.compact` made, for the
            network that it was made from.
        dense_gzip_bytes: that gzipped.
        layers: nonzeros of each weight.
        found: differences and latencies; None where verify=False.
        notes: sentences on what the user should know.
        original_weights: how many weights, zeros included, the network has that
            `lth.compact` made this one from; None of a network made otherwise.
    """

    format: str
    path: str
    holds: str
    settings: dict[str, Any]
    bytes: int
    gzip_bytes: int
    dense_bytes: int
    dense_gzip_bytes: int
    layers: tuple[LayerNonzeros, ...]
    found: Found | None = None
    notes: tuple[str, ...] = ()
    original_weights: int | None = None

    @property
    def density(self) -> float:
        """Nonzeros over entries, of all weights listed."""
        total = sum(layer.size for layer in self.layers)
        return sum(layer.nonzeros for layer in self.layers) / total if total else 1.0

    @property
    def largest_difference(self) -> float | None:
        """Largest absolute difference of any output; None if not verified."""
        if self.found is None:
            return None
        return max((d.absolute for d in self.found.differences.values()), default=0.0)

    @property
    def speed(self) -> str:
        """A sentence on what sparsity brings in time, as measured."""
        if self.found is None or not self.found.latencies:
            return "Latency was not measured."
        ratios = {entry.batch: entry.ratio for entry in self.found.latencies}
        faster = [b for b, ratio in ratios.items() if ratio <= _FASTER]
        if not faster or self._computes_as_dense:
            times = _listed(f"{r:.2f} x dense at batch {b}" for b, r in ratios.items())
            if self.original_weights is not None:
                return f"Fewer units bring no speed here: a call takes {times}."
            reason = "the kernels multiply the zeros too"
            return f"Sparsity brings no speed here, {reason}: a call takes {times}."
        gains = _listed(f"{ratios[b]:.2f} x dense at batch {b}" for b in faster)
        rest = [f"batch {b}" for b in ratios if b not in faster]
        none = f"; none at {_listed(rest)}" if rest else ""
        return f"Faster: a call takes {gains}{none}."

    @property
    def _computes_as_dense(self) -> bool:
        """Whether it can only be as fast as what it is compared with."""
        if self.original_weights is not None:
            return False
        dense = all(layer.stored == "dense" for layer in self.layers)
        unchanged = dense and not self.settings.get("quantize")
        return unchanged or self.format in _DENSE_KERNELS

    def to_json(self) -> str:
        """All of it as one line of strict JSON."""
        value = {
            **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)},
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
            "found": self.found and dataclasses.asdict(self.found),
            "density": self.density,
            "largest_difference": self.largest_difference,
            "speed": self.speed,
        }
        return json.dumps(value, allow_nan=False)

    def __str__(self) -> str:
        settings = ", ".join(f"{key}={value}" for key, value in self.settings.items())
        lines = [
            f"{self.path}: {self.format}" + (f" ({settings})" if settings else ""),
            f"holds       {self.holds}",
            f"bytes       {self.bytes:,} (dense {self.dense_bytes:,}: "
            f"{_share(self.bytes, self.dense_bytes)})",
            f"gzipped     {self.gzip_bytes:,} (dense {self.dense_gzip_bytes:,}: "
            f"{_share(self.gzip_bytes, self.dense_gzip_bytes)})",
        ]
        if self.found is None:
            lines.append("verified    no (verify=False)")
        else:
            lines.append(
                f"verified    in a fresh process by {_listed(self.found.loaders)}"
            )
            for name, entry in self.found.differences.items():
                lines.append(f"difference  {name}: {entry}")
            for latency in self.found.latencies:
                lines.append(
                    f"latency     batch {latency.batch}: {_time(latency.sparse)} "
                    f"(dense {_time(latency.dense)}: {latency.ratio:.2f} x)"
                )
        lines += [f"speed       {self.speed}", ""]
        lines += table(self.layers)
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)


def held(kind: str) -> str:
    """The sentence for what an export holds.

    Args:
        kind: one of the keys of `HOLDS`.

    Raises:
        LotteryError: it is another.
    """
    if not among(kind, HOLDS):
        raise LotteryError(
            f"holds={shown(kind)} is unknown: use one of {', '.join(HOLDS)}."
        )
    return HOLDS[kind]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:.1f} us" if seconds < 1e-3 else f"{1e3 * seconds:.2f} ms"


def _listed(words: Any) -> str:
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
