"""What an analysis found by weight, as a dict that prints as a table.

found = lth.analysis.distances(search, 7)
print(found)                      # a line for each weight, the whole last
found["dense/kernel"], found.total
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from lth_keras import notebook

Row = TypeVar("Row")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ByWeight(Mapping[str, Row], Generic[Row]):
    """Findings by the path of a weight.

    Attributes:
        found: by path.
        total: of all weights together.
        columns: what of a finding its table shows, attributes of it.
    """

    found: dict[str, Row]
    total: Row
    columns: tuple[str, ...]

    def __getitem__(self, path: str) -> Row:
        return self.found[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        lines = [["weight", *self.columns], *self._lines()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        )

    def _repr_html_(self) -> str:
        return notebook.table(["weight", *self.columns], self._lines())

    def _lines(self) -> list[list[str]]:
        return [
            [path, *(_text(getattr(row, name)) for name in self.columns)]
            for path, row in [*self.found.items(), ("all", self.total)]
        ]


def _text(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
