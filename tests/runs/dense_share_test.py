"""What P_m is not of is told wherever P_m is: in lines, tables, bars, search.json."""

from __future__ import annotations

import io
import json

import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.runs import tables
from lth_keras.runs.rows import Run
from lth_keras.training import bars
from lth_keras.training.progress import Progress
from tests.support import small_search as small

ROW = {
    "trial": 0,
    "level": 1,
    "control": "ticket",
    "density": 0.512,
    "dense_share": 0.25,
    "early_stop_iteration": 7,
    "test_accuracy": 0.9,
}
SAID = "25.0 % of the kernels are on no mask"


def test_a_table_says_it_below_and_one_without_it_does_not():
    assert f"Besides: {SAID}." in tables.table([ROW]).replace("\n", " ")
    assert "mask" not in tables.table([{**ROW, "dense_share": None}])


def test_a_line_with_more_than_all_of_it_is_refused():
    with pytest.raises(LotteryError, match="dense_share.*fraction from 0 to 1"):
        tables.table([{**ROW, "dense_share": 1.5}])


def test_progress_and_bars_say_it_beside_the_density():
    stream = io.StringIO()
    Progress(2, 0, 1, stream=stream).finish(ROW)
    assert f"51.2 % of weights kept ({SAID})  stop at" in stream.getvalue()
    assert bars.title(Run(1), 0.512, 0.25) == f"level 1, P_m 51.2 % ({SAID})"
    assert bars.title(Run(1), 0.512) == "level 1, P_m 51.2 %"


class Own(keras.layers.Layer):
    """A kernel that nobody names."""

    def build(self, shape):
        self.mine = self.add_weight("mine", (shape[-1], 6))

    def call(self, inputs):
        return inputs @ self.mine


@pytest.mark.slow
def test_a_search_stores_it_and_goes_on_as_without_it(tmp_path):
    dense = keras.layers.Dense(small.CLASSES)
    model = keras.Sequential([keras.Input((6,)), Own(), dense])
    with pytest.warns(UserWarning, match="67% of the kernel entries"):
        wrapped = small.compiled(model)
    small.fit(small.search(wrapped, tmp_path, levels=1))
    stored = json.loads((tmp_path / "search.json").read_text())
    # 36 entries of the layer's own, and 18 of the head.
    assert stored["dense_share"] == pytest.approx(36 / 54)
    rows = lth.LotterySearch.load(str(tmp_path)).results
    assert [row["dense_share"] for row in rows] == [pytest.approx(36 / 54)] * 2
    del stored["dense_share"]
    (tmp_path / "search.json").write_text(json.dumps(stored))
    with pytest.warns(UserWarning):
        again = small.search(small.compiled(model), tmp_path, levels=1)
    small.fit(again)
    assert again.results == rows
