"""Run directories of anybody's: each file has one reader, which refuses in one line."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import (
    finished,
    integrity,
    layout,
    level_tickets,
    result_files,
    summaries,
    trained,
)
from lth_keras.storage import arrays, files
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent
from tests.support import run_directories

HOSTILE = (None, True, "x", -1, [], {}, 10**30, "<img src=x>\n", [None])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("whole") / "run"
    run_directories.search(root)
    return root


@pytest.fixture
def run(whole, tmp_path) -> layout.RunDirectory:
    shutil.copytree(whole, tmp_path / "run")
    return layout.RunDirectory(str(tmp_path / "run"))


def changed(path: str, **fields) -> None:
    files.write_json(path, {**files.read_json(path), **fields})


def refusal(act, *arguments) -> str:
    with pytest.raises(LotteryError) as error:
        act(*arguments)
    line = str(error.value)
    assert "\n" not in line and len(line) < 1_200
    return line


def test_a_whole_search_passes(run) -> None:
    integrity.check_kinds(run.root)
    integrity.check_search(run)
    assert [row["level"] for row in finished.read(run.root).rows] == [0, 1, 2, 1]


# Result lines.


@pytest.mark.parametrize("field", ["level", "control", "density"])
def test_what_says_which_run_it_is_has_its_kind(run, field) -> None:
    for place in (run.level(1), run.control(run_directories.CONTROL, 1)):
        whole = files.read_json(place.result)
        for value in HOSTILE:
            changed(place.result, **{field: value})
            line = refusal(result_files.row, place)
            assert field in line or "is of another run: level 1 of x" in line
            assert line.endswith(f"; remove {place.root} to train it again.")
        files.write_json(place.result, {k: v for k, v in whole.items() if k != field})
        assert f"has no '{field}'" in refusal(result_files.row, place)


@pytest.mark.parametrize("field", [*summaries.METRICS, "trial", "replicate", "seed"])
def test_what_was_measured_is_a_number_or_null(run, field) -> None:
    place = run.level(1)
    for value in HOSTILE:
        if value is None or (value == -1 and field in summaries.METRICS):
            continue
        changed(place.result, **{field: value})
        assert field in refusal(result_files.row, place)
        row = json.loads(pathlib.Path(place.result).read_text())
        assert f"result row 1 has {field}" in refusal(summaries.summarise, [row])
    changed(place.result, **{field: None})
    assert result_files.row(place)[field] is None


def test_parameters_are_numbers_and_words(run) -> None:
    place = run.control(run_directories.CONTROL, 1)
    for value in ("x", [], {"a": {}}, {"a": "$x$"}, {"a b": 1}, {"a": "<i>"}):
        changed(place.result, parameters=value)
        assert "parameters" in refusal(result_files.row, place)
    changed(place.result, parameters={"step": "500it", "of": 3, "x": 0.5, "on": True})
    changed(place.result, parameters={"step": "500it", "ticket": "/runs/a, b: %24"})
    assert result_files.row(place)["parameters"]["step"] == "500it"


def test_the_result_of_another_run_is_refused(run) -> None:
    control = run.control(run_directories.CONTROL, 1)
    for place, other in (
        (run.level(1), run.level(2)),
        (run.level(1), control),
        (control, run.level(1)),
    ):
        before = pathlib.Path(place.result).read_bytes()
        shutil.copy(other.result, place.result)
        assert "result.json is of another run: level" in refusal(
            result_files.row, place
        )
        pathlib.Path(place.result).write_bytes(before)


def test_a_density_that_is_not_the_tickets_is_refused(run) -> None:
    changed(run.level(1).result, density=0.5)
    assert "has density 0.5, its ticket 0.75" in refusal(integrity.check_search, run)


# Curves.


@pytest.mark.parametrize(
    "curve",
    [
        None,
        [],
        {},
        {"iteration": 3},
        {"iteration": [1, None]},
        {"iteration": [1, 2.5]},
        {"iteration": [1, 2], "a": [1]},
        {"iteration": [1, 2], "a": None},
        {"iteration": [1, 2], "a": [1, "x"]},
        {"iteration": [1, 2], "a": "xy"},
    ],
)
def test_a_curve_is_columns_of_numbers_by_iteration(run, curve) -> None:
    changed(run.level(1).curve, curve=curve)
    assert "level01 to train it again" in refusal(result_files.curve, run.level(1))


def test_the_history_by_epoch_is_lists(run) -> None:
    for value in (None, [], {"loss": 3}):
        changed(run.level(1).curve, epochs=value)
        assert "no history by epoch" in refusal(result_files.curve, run.level(1))


# Trained weights.


def test_trained_weights_are_known_by_their_sha256(run) -> None:
    place = run.level(1)
    before = trained.read(place)
    other = {name: value + 1 for name, value in before.items()}
    arrays.write_arrays(place.trained_weights, other)
    line = refusal(trained.read, place)
    assert "weights.npz is truncated or altered" in line
    assert line.endswith(f"; remove {place.root} to train it again.")


def test_trained_weights_of_earlier_versions_have_no_sha256_and_are_read(run) -> None:
    place = run.level(1)
    os.remove(place.trained_manifest)
    assert len(trained.read(place)) == 2
    content = bytearray(pathlib.Path(place.trained_weights).read_bytes())
    content[len(content) // 3] ^= 1
    pathlib.Path(place.trained_weights).write_bytes(content)
    assert "corrupt" in refusal(trained.read, place)


def test_a_sha256_that_is_none_is_refused(run) -> None:
    place = run.level(1)
    for value in (None, [], {}, {"weights.npz": 3}, {"weights.npz": "x"}):
        files.write_json(place.trained_manifest, {"sha256": value})
        assert "manifest.json has" in refusal(trained.read, place)


def test_trained_weights_are_of_the_tickets_network(run) -> None:
    place = run.level(1)
    found = list(trained.read(place).values())
    for other in (
        found[:1],
        [found[0].T, found[1]],
        [found[0].astype(np.float64), found[1]],
    ):
        trained.write(place, {str(i): v for i, v in enumerate(other)}, {})
        assert "is not of the same network as" in refusal(trained.read, place)
    spoilt = np.full_like(found[0], np.nan)
    trained.write(place, {"0": spoilt, "1": found[1]}, {})
    assert "has NaN in dense/kernel" in refusal(trained.read, place)


# Tickets of levels.


def test_a_ticket_of_another_level_is_refused(run) -> None:
    shutil.rmtree(run.level(1).ticket)
    shutil.copytree(run.level(2).ticket, run.level(1).ticket)
    line = refusal(level_tickets.read, run, 1, TicketContent)
    assert "is a ticket of level 2, not of level 1; remove" in line
    assert line.endswith("level01 to train it again.")


def test_a_ticket_that_was_not_made_of_the_level_before_is_refused(run) -> None:
    for parent in ("0" * 64, None):
        shutil.rmtree(run.level(2).ticket)
        ticket_files.save(run_directories.ticket(2, parent), run.level(2).ticket)
        assert "its parent is another ticket" in refusal(
            level_tickets.read, run, 2, TicketContent
        )
    # Of the level before nothing is known.
    shutil.rmtree(run.level(1).root)
    assert level_tickets.read(run, 2, TicketContent).level == 2


def test_a_parent_that_lists_its_weights_in_another_order_is_a_parent(run) -> None:
    one = run_directories.ticket(1)
    turned = TicketContent(one.weights[::-1], level=1)
    for level, each in ((1, one), (2, run_directories.ticket(2, turned.fingerprint))):
        if level == 2:
            each = TicketContent(each.weights[::-1], level=2, parent=each.parent)
        shutil.rmtree(run.level(level).ticket)
        ticket_files.save(each, run.level(level).ticket)
    assert level_tickets.read(run, 2, TicketContent).level == 2


def test_what_levels_are_rewound_to_is_dense(run) -> None:
    place = run.level(0).rewind
    shutil.rmtree(place)
    ticket_files.save(run_directories.ticket(1), place)
    assert "is no dense network, but a ticket of level 1" in refusal(
        level_tickets.rewound, run, TicketContent
    )


def test_a_disk_that_cannot_be_read_is_no_reason_to_remove_anything(
    run, monkeypatch
) -> None:
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    line = refusal(result_files.row, run.level(1))
    assert line.endswith("result.json: Permission denied")


# Links, pipes and names.


@pytest.mark.parametrize(
    "name",
    [
        "level01",
        "level01/ticket",
        "level01/trained",
        "level01/result.json",
        "controls",
        "controls/noise,sigma=0.5",
        "controls/noise,sigma=0.5/level01-r0",
        "search.json",
        "continued",
        "replays",
    ],
)
def test_nothing_of_a_run_is_a_link(run, tmp_path, name) -> None:
    place = pathlib.Path(run.root, name)
    outside = tmp_path / "outside"
    if place.exists():
        place.rename(outside)
    else:
        outside.mkdir()
    place.symlink_to(outside)
    line = refusal(integrity.check_kinds, run.root)
    assert f"{place} is a symbolic link: a run has files and directories" in line
    assert f"{place} is a symbolic link" in refusal(finished.read, run.root)
    place.unlink()
    os.mkfifo(place)
    assert f"{place} is a named pipe" in refusal(integrity.check_kinds, run.root)


def test_what_users_put_beside_it_and_the_directory_itself_may_be_links(
    run, tmp_path
) -> None:
    pathlib.Path(run.root, "notes").symlink_to(tmp_path)
    pathlib.Path(run.root, ".lth-partial-1").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(run.root)
    integrity.check_kinds(tmp_path / "link")
    integrity.check_kinds(tmp_path / "nothing")
    assert len(finished.read(tmp_path / "link").rows) == 4


def test_a_number_has_one_name(run, tmp_path) -> None:
    for name in ("level001", "level1", "level0000003", "level\u0661\u0661"):
        shutil.copytree(run.level(1).root, pathlib.Path(run.root, name))
    for name in ("level01-r00", "level001-r0"):
        (pathlib.Path(run.root) / "controls" / "noise" / name).mkdir(parents=True)
    assert run.levels() == [0, 1, 2]
    assert [key[0] for key in run.controls()] == [run_directories.CONTROL]
    for name in ("trial0", "trial00", "trial01", "trial10"):
        (tmp_path / "job" / name).mkdir(parents=True)
    job = layout.ExperimentDirectory(str(tmp_path / "job"))
    assert job.trials() == [0, 10]
    assert run.level(100).root.endswith("level100")
