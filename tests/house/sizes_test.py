"""Files stay small enough to be read in one go."""

from __future__ import annotations

import statistics

from tests.support.places import ROOT
from tools.imports import sources

MOST = 350
MEDIAN = 150


def lines(folder: str) -> dict[str, int]:
    found = [source for source in sources(ROOT) if source.startswith(f"{folder}/")]
    return {s: len((ROOT / s).read_text(encoding="utf-8").splitlines()) for s in found}


def test_no_file_is_longer_than_a_reader_follows() -> None:
    for folder in ("lth_keras", "examples", "benchmarks", "tools", "tests"):
        long = {name: n for name, n in lines(folder).items() if n > MOST}
        assert not long, "carve by concept"


def test_half_of_the_library_stands_in_short_files() -> None:
    assert statistics.median(lines("lth_keras").values()) <= MEDIAN
