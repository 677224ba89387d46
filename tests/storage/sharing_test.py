"""What a process of a group does with the disk, with a group that is played to it."""

from __future__ import annotations

import json

import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import appending, directories, files, locks, paths, sharing


class Played(sharing.Group):
    """Says what its process says, and what the chief is to say in its place."""

    def __init__(self, chief: bool, said: list[str] | None = None):
        self.chief, self._said = chief, list(said or [])
        self.heard: list[str] = []

    def exchange(self, text: str) -> list[str]:
        self.heard.append(text)
        if self.chief:
            return [text, ""]
        return [self._said.pop(0) if self._said else "", text]


def test_one_that_is_not_the_chief_writes_nothing(tmp_path):
    kept = tmp_path / "kept.json"
    kept.write_text("{}")
    with sharing.joined(Played(chief=False)):
        files.write_json(tmp_path / "new" / "a.json", {})
        assert appending.append_line(str(kept), b"x\n") is True
        paths.make_directory(tmp_path / "made")
        paths.remove_directory(kept)
        with directories.atomic_directory(tmp_path / "whole") as folder:
            files.write_json(paths.join(folder, "b.json"), {})
        with locks.lock(tmp_path / "held"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
    assert kept.read_text() == "{}"


def test_the_chief_writes_and_each_act_is_told_once(tmp_path):
    group = Played(chief=True)
    with sharing.joined(group):
        with directories.atomic_directory(tmp_path / "whole") as folder:
            files.write_json(paths.join(folder, "b.json"), {})
        # What it does within an act is its own business.
        assert group.heard == [""]
        assert paths.exists(tmp_path / "whole" / "b.json")
    assert group.heard == ["", "true"]


def test_what_is_there_is_what_the_chief_sees(tmp_path):
    (tmp_path / "mine").mkdir()
    with sharing.joined(Played(chief=False, said=["false"])):
        assert not paths.exists(tmp_path / "mine")
    names = json.dumps(["level00", "level01"])
    with sharing.joined(Played(chief=False, said=[names])):
        assert paths.list_directory(tmp_path) == ["level00", "level01"]


def test_a_file_that_the_chief_sees_is_waited_for(tmp_path, monkeypatch):
    looks = iter([False, False, True])
    monkeypatch.setattr(sharing, "_LOOKS_EVERY", 0.0)
    with sharing.joined(Played(chief=False, said=["true"])):
        assert sharing.seen_by_chief(lambda: next(looks), "x")
    monkeypatch.setattr(sharing, "_VISIBLE_WITHIN", -1.0)
    with (
        sharing.joined(Played(chief=False, said=["true"])),
        pytest.raises(LotteryError, match="all workers need the same directory"),
    ):
        sharing.seen_by_chief(lambda: False, "x")


def test_an_error_of_one_is_an_error_of_all(tmp_path):
    with (
        sharing.joined(Played(chief=False, said=["cannot write x: disk full"])),
        pytest.raises(LotteryError, match="disk full"),
    ):
        files.write_json(tmp_path / "x", {})
    group = Played(chief=True)
    (tmp_path / "file").write_text("")
    with sharing.joined(group), pytest.raises(LotteryError, match="is a file"):
        paths.make_directory(tmp_path / "file" / "below")
    assert "is a file" in group.heard[0]


def test_what_the_chief_cannot_find_is_said_by_all(tmp_path):
    with (
        sharing.joined(Played(chief=False, said=["error: cannot list x: gone"])),
        pytest.raises(LotteryError, match="^cannot list x: gone$"),
    ):
        paths.list_directory(tmp_path)


def test_without_a_group_nothing_is_exchanged(tmp_path):
    assert sharing.writes() and not sharing.is_joined()
    assert sharing.chiefs(lambda: (1, 2)) == (1, 2)
    with sharing.together() as mine:
        assert mine
