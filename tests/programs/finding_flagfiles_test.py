"""Where `--flagfile` finds its file: by path, by name, in another flagfile."""

from __future__ import annotations

import pathlib

import pytest
from absl import flags

from lth_keras.programs import command_line, flagfiles, lottery_search, options
from tests.support.places import FLAGFILES, ROOT
from tests.support.texts import write


def known() -> flags.FlagValues:
    found = flags.FlagValues()
    flags.DEFINE_integer("levels", 5, "Number of rounds.", flag_values=found)
    flags.DEFINE_string("name", None, "Who.", flag_values=found)
    return found


def parsed(*arguments: str) -> flags.FlagValues:
    found = known()
    command_line.parse(found, ["program", *arguments], "Does nothing.")
    return found


def refusal(*arguments: str) -> str:
    with pytest.raises(command_line.FlagError) as caught:
        parsed(*arguments)
    return str(caught.value)


def test_the_names_are_those_of_the_files() -> None:
    assert flagfiles.names() == sorted(path.stem for path in FLAGFILES.iterdir())


@pytest.mark.parametrize("given", ["lenet", "lenet.flags"])
@pytest.mark.parametrize("written", [["--flagfile={}"], ["--flagfile", "{}"]])
def test_ours_are_found_by_name_from_every_folder(
    given: str,
    written: list[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    argv = ["lottery_search.py", *(text.format(given) for text in written)]
    by_path = [argv[0], f"--flagfile={FLAGFILES / 'lenet.flags'}"]
    assert options.read(argv, "") == options.read(by_path, "")


def test_a_path_works_as_it_always_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    by_path = ["lottery_search.py", "--flagfile=examples/flags/lenet.flags"]
    by_name = ["lottery_search.py", "--flagfile=lenet"]
    assert options.read(by_path, "") == options.read(by_name, "")


def test_a_file_of_the_users_comes_before_one_of_ours(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"lenet": "--levels=7\n"})
    assert parsed("--flagfile=lenet").levels == 7


def test_a_folder_of_that_name_does_not_hide_ours(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet").mkdir()
    assert flagfiles.find("lenet") == FLAGFILES / "lenet.flags"


def test_an_installed_package_reads_its_own_and_nothing_beside_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = (tmp_path / "lth_keras" / "flagfiles", tmp_path / "examples" / "flags")
    monkeypatch.setattr(flagfiles, "_FOLDERS", places)
    write(places[0], {"mine.flags": "--levels=7\n"})
    write(places[1], {"theirs.flags": ""})
    assert flagfiles.names() == ["mine"]
    assert parsed("--flagfile=mine").levels == 7


def test_an_unknown_name_is_answered_with_the_known_ones_and_exit_code_two(
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["lottery_search.py", "--flagfile=lenett"]
    assert command_line.run(lottery_search.main, argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "lottery_search.py: --flagfile=lenett: no such file; name one by its path or "
        f"one of {', '.join(flagfiles.names())} (--help shows every flag)"
    )


def test_without_any_of_ours_a_path_is_asked_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flagfiles, "_FOLDERS", (tmp_path / "none",))
    assert refusal("--flagfile=lenet").startswith(
        "--flagfile=lenet: no such file; name one by its path (--help"
    )


def test_a_flagfile_stands_in_a_flagfile_by_path_and_by_name(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "inner.flags": "// who\n\n--name=x\n--levels=7\n",
        "outer.flags": "--levels=6\n--flagfile=inner.flags\n--levels=8\n",
        "ours.flags": "--flagfile=lenet\n--levels=2\n",
    }
    write(tmp_path, files)
    found = parsed("--flagfile=outer.flags")
    assert (found.levels, found.name) == (8, "x")
    read = options.read(["lottery_search.py", "--flagfile=ours.flags"], "")
    assert (read.levels, read.dataset) == (2, "mnist")


def test_a_flagfile_that_names_itself_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"a": "--flagfile=b\n", "b": "--flagfile=a\n"})
    assert "--flagfile=a: the file names itself" in refusal("--flagfile=a")


def test_a_flagfile_may_be_given_twice_in_a_row(tmp_path: pathlib.Path) -> None:
    write(tmp_path, {"a": "--levels=7\n"})
    flag = f"--flagfile={tmp_path / 'a'}"
    assert parsed(flag, "--levels=3", flag).levels == 7


def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "image").write_bytes(b"\xff\xfe\x00")
    assert refusal(f"--flagfile={tmp_path / 'image'}").startswith(
        f"--flagfile={tmp_path / 'image'}: "
    )


def test_a_flagfile_without_its_name_is_refused() -> None:
    assert "--flagfile" in refusal("--flagfile")


def test_arguments_after_two_dashes_are_left_alone() -> None:
    argv = ["program", "--", "--flagfile=none"]
    assert flagfiles.found(argv) == argv
