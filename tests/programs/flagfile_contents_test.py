"""A flagfile is a regular file of some lines of text; anything else is one line."""

from __future__ import annotations

import os
import pathlib

import pytest

from lth_keras.programs import command_line, options


def refusal(path: pathlib.Path) -> str:
    with pytest.raises(command_line.FlagError) as caught:
        options.read(["program", f"--flagfile={path}"], "")
    (line,) = str(caught.value).splitlines()
    start, end = f"--flagfile={path}: ", " (--help shows every flag)"
    assert line.startswith(start) and line.endswith(end)
    return line.removeprefix(start).removesuffix(end)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"--data_dir=caf\xe9\n", "byte 15 is no text in UTF-8; save it in UTF-8"),
        ("--levels=2".encode("utf-16"), "byte 1 is no text in UTF-8; save it in UTF-8"),
        (b"#\n" * 600_000, "it has more than 1,000,000 bytes; is it flags?"),
    ],
)
def test_another_content_is_named(tmp_path, content, said):
    (tmp_path / "file").write_bytes(content)
    assert refusal(tmp_path / "file") == said


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")]
)
def test_a_pipe_a_folder_and_a_device_are_not_waited_for(tmp_path, make):
    make(tmp_path / "file")
    said = "this is no regular file; write the flags into one"
    assert refusal(tmp_path / "file") == said


def test_a_file_that_gives_an_error_is_named_with_it():
    assert refusal(pathlib.Path("/proc/self/mem")).startswith("it cannot be read: ")


def test_text_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "file").write_text("--levels=7\r\n--seed=3\r\n", encoding="utf-8-sig")
    found = options.read(["program", f"--flagfile={tmp_path / 'file'}"], "")
    assert (found.levels, found.seed) == (7, 3)


@pytest.mark.parametrize("value", ["a\0b", "caf\udce9"])
@pytest.mark.parametrize("form", ["--output_dir={}", "{}", "--flagfile={}"])
def test_a_value_that_no_file_can_have_is_refused(value, form):
    with pytest.raises(command_line.FlagError) as caught:
        options.read(["program", form.format(value)], "")
    assert repr(form.format(value)) in str(caught.value)


def test_a_nul_in_a_line_of_a_flagfile_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"--output_dir=a\0b\n")
    with pytest.raises(command_line.FlagError, match="output_dir=a.*holds a NUL"):
        options.read(["program", f"--flagfile={tmp_path / 'file'}"], "")


def chain(folder: pathlib.Path, files: int, times: int, last: str) -> pathlib.Path:
    """The first of some files that each name the next one `times` times."""
    for n in range(files):
        text = f"--flagfile={folder / str(n + 1)}\n" * times
        (folder / str(n)).write_text(text)
    (folder / str(files)).write_text(last)
    return folder / "0"


def test_files_may_name_each_other_twenty_deep(tmp_path):
    first = chain(tmp_path, 19, 1, "--levels=7")
    assert options.read(["program", f"--flagfile={first}"], "").levels == 7


@pytest.mark.parametrize(
    ("files", "times", "last", "said"),
    [
        (100, 1, "--levels=2", "more than 20 deep"),
        (18, 2, "", "more than 1000 files"),
        (3, 10, "--seed=1\n" * 20, "more than 10000 lines"),
    ],
    ids=["deep", "bush", "lines"],
)
def test_files_that_name_each_other_without_an_end_are_refused(
    tmp_path, files, times, last, said
):
    first = chain(tmp_path, files, times, last)
    with pytest.raises(command_line.FlagError, match=said) as caught:
        options.read(["program", f"--flagfile={first}"], "")
    assert "\n" not in str(caught.value)


def test_a_value_of_pages_is_cut_in_the_error():
    with pytest.raises(command_line.FlagError) as caught:
        options.read(["program", "--seed=" + "9" * 100_000], "")
    text = str(caught.value)
    assert text.startswith("--seed=999") and len(text) < 400


def test_a_name_of_pages_is_refused_at_once():
    with pytest.raises(command_line.FlagError, match=r"^--xxx.*\.\.\. is unknown: "):
        options.read(["program", "--" + "x" * 100_000], "")
