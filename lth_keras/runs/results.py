"""The result lines of a search or an experiment, as a list that shows itself.

search.results                    # Results(4 lines: levels 0-3 of ticket)
search.results.to_dataframe()     # a pandas DataFrame, a row a training run
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.runs import summaries, tables, wording


class Results(list[dict[str, Any]]):
    """Result lines, dicts as in results.jsonl; `print` and notebooks show a table."""

    def __repr__(self) -> str:
        levels: dict[str, set[int]] = {}
        for row in self:
            levels.setdefault(summaries.label(row), set()).add(row["level"])
        if not levels:
            return "Results(no line)"
        parts = (f"{name} {wording.ranges(found)}" for name, found in levels.items())
        lines = "1 line" if len(self) == 1 else f"{len(self)} lines"
        return f"Results({lines}, levels of {'; '.join(parts)})"

    def __str__(self) -> str:
        return tables.table(self) if self else repr(self)

    def _repr_html_(self) -> str | None:
        return tables.in_notebook(self) if self else None

    def to_dataframe(self) -> Any:
        """The lines as a pandas DataFrame, a row each, in their order.

        Returns:
            A column a field; of fields that are objects a column each of theirs:
            ``parameters.sigma``, ``metrics.test_loss``. What a line does not have is
            missing there.

        Raises:
            LotteryError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise LotteryError(
                "to_dataframe needs pandas: pip install pandas, or this package with "
                "its 'dataframe' extra."
            ) from None
        flat = [flattened(row) for row in self]
        names = dict.fromkeys(name for row in flat for name in row)
        return pandas.DataFrame(flat, columns=list(names))


def flattened(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line without objects in it: their fields are named with a dot.

    Args:
        row: a result line.
    """
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found.update({f"{name}.{key}": each for key, each in value.items()})
        else:
            found[name] = value
    return found
