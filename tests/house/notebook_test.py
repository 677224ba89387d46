"""What a notebook shows of our objects: short texts, and small tables of HTML."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import notebook
from tests.support import small_search as small

X, Y = small.data()


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> lth.LotterySearch:
    folder = tmp_path_factory.mktemp("notebook")
    one = lth.LotterySearch(small.compiled(), 1, str(folder / "run"))
    one.fit(X, Y, verbose=0, validation_data=(X, Y), test_data=(X, Y))
    return one


def test_every_text_is_one_short_line(search: lth.LotterySearch) -> None:
    ticket = search.ticket(1)
    assert repr(search.history) == "SearchHistory(levels 0-1, P_m 100.0 to 70.8 %)"
    assert repr(search).endswith("/run, finished levels 0-1)")
    counts = "2 of 8 weights prunable"
    assert repr(ticket) == f"Ticket(level 1, step 0, P_m 70.83 %, {counts})"
    assert repr(ticket.weights[0]) == (
        "TicketWeight(dense/kernel, 6x8 float32, P_m 70.83 %)"
    )
    assert repr(ticket.start()) == "Start(step 0, 8 weights, with its optimizer)"
    assert str(search.history).splitlines()[1].startswith("level  P_m %  stop at")


def test_a_search_and_its_results_are_a_table(search: lth.LotterySearch) -> None:
    lth.controls.run(search, "random_reinit")
    row = search.history.results[1]
    for shown in (search.history, lth.LotterySearch.load(search.directory.root)):
        found = shown._repr_html_()
        assert found is not None and found.count("<table>") == 1
        assert f"<td>{100 * row['test_accuracy']:.2f}</td>" in found
        # One epoch: its only evaluation is the last one.
        assert f"<td>&gt;={row['early_stop_iteration']}</td>" in found
    assert "random_reinit: stop at" in (search._repr_html_() or "")


def test_a_ticket_is_a_table_of_its_prunable_weights(
    search: lth.LotterySearch,
) -> None:
    ticket = search.ticket(1)
    found = ticket._repr_html_()
    assert found.count("<tr>") == 1 + len(ticket.densities)
    for path, mask in ((w.path, mask) for w, mask in ticket.pruned()):
        assert f"<td>{path}</td>" in found
        assert f"<td>{np.sum(mask)} of {mask.size}</td>" in found


def test_a_search_that_has_not_begun_has_no_table(tmp_path) -> None:
    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path / "run"))
    assert one._repr_html_() is None
    assert repr(one).endswith("finished levels none)")
    assert repr(lth.SearchHistory([], [], [])) == "SearchHistory(no level)"


def test_tables_are_escaped_and_cut() -> None:
    found = notebook.table(["<a>"], [["&"]] * 42, note="x < y")
    assert "&lt;a&gt;" in found and "<a>" not in found
    assert found.count("<td>&amp;</td>") == notebook.MOST_LINES
    assert "<p>2 more lines. x &lt; y</p>" in found
