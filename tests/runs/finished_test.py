"""What is read of run directories, finished or not, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import finished, layout
from lth_keras.storage import arrays, files
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent, TicketWeight
from tests.support.result_files import curve, row, search, store, store_settings


def test_rows_and_curves_are_joined_over_trials_levels_and_controls(tmp_path):
    store_settings(tmp_path, model="lenet")
    for each in search(3, "random_reinit", trials=2):
        store(tmp_path / f"trial{each['trial']}", each, curve(test_accuracy=[0.1, 0.2]))
    found = finished.read(tmp_path)
    assert found.flags == {"model": "lenet"}
    runs = [(r.row["trial"], r.row["level"], r.key) for r in found.runs]
    one = [(0, "ticket"), (1, "ticket"), (2, "ticket")]
    one += [(1, "random_reinit"), (2, "random_reinit")]
    assert runs == [(trial, *run) for trial in range(2) for run in one]
    assert [c["test_accuracy"] for _, c in found.curves] == [[0.1, 0.2]] * 10


def test_the_directory_of_one_search_of_the_library_is_read_too(tmp_path):
    files.write_json(tmp_path / "search.json", {"versions": {"numpy": "2"}})
    store(tmp_path, row(0))
    found = finished.read(str(tmp_path))
    assert (len(found.runs), found.flags) == (1, {})
    assert found.search == {"versions": {"numpy": "2"}}


def test_the_trials_of_an_experiment_without_flags_are_read_too(tmp_path):
    for trial in (0, 1):
        store(tmp_path / f"trial{trial}", {**row(0), "trial": trial})
    found = finished.read(tmp_path)
    assert ([run.row["trial"] for run in found.runs], found.flags) == ([0, 1], {})


def test_what_is_not_finished_is_left_out(tmp_path):
    store_settings(tmp_path)
    store(tmp_path / "trial0", row(0))
    (tmp_path / "trial0" / "level01" / "ticket").mkdir(parents=True)
    (tmp_path / "trial1").mkdir()
    assert [r["level"] for r in finished.read(tmp_path).rows] == [0]


def test_controls_are_selected_by_name_and_parameters_and_levels_by_number(tmp_path):
    files.write_json(tmp_path / "search.json", {})
    for sigma in (0.5, 3.0):
        for level in (1, 2):
            store(tmp_path, row(level, "noise", parameters={"sigma": sigma}))
    for level in (0, 1, 2):
        store(tmp_path, row(level))
    found = finished.read(tmp_path)

    def keys(*arguments) -> list[tuple[int, str]]:
        return [(r.row["level"], r.key) for r in found.select(*arguments).runs]

    tickets = [(0, "ticket"), (1, "ticket"), (2, "ticket")]
    assert keys([]) == tickets
    both = [(1, "noise,sigma=0.5"), (2, "noise,sigma=0.5")]
    assert keys(["noise:sigma=0.5"]) == keys(["noise,sigma=0.5"]) == tickets + both
    assert len(keys(["noise"])) == len(keys()) == 7
    assert keys(["noise,sigma=0.5"], [2]) == [(2, "ticket"), (2, "noise,sigma=0.5")]
    with pytest.raises(LotteryError, match=r"controls='other' .* 'noise,sigma=3.0'"):
        found.select(["other"])
    with pytest.raises(LotteryError, match="levels=8,9: no such level"):
        found.select(None, [9, 8])


def store_weights(place: layout.LevelDirectory, trained: np.ndarray) -> None:
    kernel = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    mask = np.array([[True, False, True], [False, True, False]])
    weights = (
        TicketWeight("d", "Dense", "kernel", kernel * mask, mask),
        TicketWeight("d", "Dense", "bias", np.zeros(3), None),
    )
    content = TicketContent(weights, level=1)
    ticket_files.save(content, place.ticket)
    stored = {"0000/d/kernel": trained, "0001/d/bias": np.ones(3)}
    arrays.write_arrays(place.trained_weights, stored)


def test_kept_weights_are_those_under_the_mask_before_and_after_training(tmp_path):
    files.write_json(tmp_path / "search.json", {})
    place = store(tmp_path, row(1))
    store_weights(place, np.array([[0.0, 9, 8], [9, 7, 9]], np.float32))
    ((density, kept),) = finished.read(tmp_path).weights()
    assert density == 0.8
    # A kept weight that happens to be 0 is no pruned one.
    np.testing.assert_array_equal(kept["d/kernel"], [[1, 3, 5], [0, 8, 7]])
    assert list(kept) == ["d/kernel"]


def test_trained_weights_of_another_network_are_refused(tmp_path):
    files.write_json(tmp_path / "search.json", {})
    place = store(tmp_path, row(1))
    store_weights(place, np.zeros((3, 3), np.float32))
    with pytest.raises(LotteryError, match="is not of the same network"):
        finished.read(tmp_path).weights()


def test_a_directory_that_is_no_run_is_one_line(tmp_path):
    with pytest.raises(LotteryError, match="there is no directory"):
        finished.read(tmp_path / "none")
    with pytest.raises(LotteryError, match="is no run: it has neither the settings"):
        finished.read(tmp_path)
    store_settings(tmp_path)
    with pytest.raises(LotteryError, match="has no finished run yet"):
        finished.read(tmp_path)
    (tmp_path / "settings.json").write_text("[]")
    with pytest.raises(LotteryError, match="is not of a lottery search"):
        finished.read(tmp_path)


def test_broken_files_are_named(tmp_path):
    files.write_json(tmp_path / "search.json", {})
    place = store(tmp_path, row(0))
    files.write_json(place.curve, {"curve": [1]})
    with pytest.raises(LotteryError, match="curve.json holds no curve"):
        finished.read(tmp_path).curves  # noqa: B018
    (tmp_path / "level00" / "curve.json").unlink()
    with pytest.raises(LotteryError, match="cannot read .*curve.json"):
        finished.read(tmp_path).curves  # noqa: B018
    with pytest.raises(LotteryError, match="level00.* holds no ticket"):
        finished.read(tmp_path).weights()
    files.write_json(place.result, [])
    with pytest.raises(LotteryError, match="result.json is no result row"):
        finished.read(tmp_path)
