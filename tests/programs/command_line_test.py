"""Flags are refused in one line and with exit code 2, other requests with 1."""

from __future__ import annotations

import pytest
from absl import flags

from lth_keras.errors import LotteryError
from lth_keras.programs import command_line
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.values import TEXT, Serializer, whole


def known() -> flags.FlagValues:
    found = flags.FlagValues()
    flags.DEFINE(whole(1), "levels", 5, "Number of rounds.", found, Serializer())
    flags.DEFINE(TEXT, "name", None, "Who.", found, Serializer())
    return found


def parsed(*arguments: str) -> flags.FlagValues:
    found = known()
    command_line.parse(found, ["program", *arguments], "Does nothing.")
    return found


def refusal(*arguments: str) -> str:
    with pytest.raises(FlagError) as caught:
        parsed(*arguments)
    return str(caught.value)


def outcome(capfd, error: BaseException | None, arguments=()) -> tuple[int, str]:
    """Exit code of a program that raises `error`, and its standard error."""

    def main(argv) -> None:
        if error is not None:
            raise error

    code = command_line.run(main, ["dir/program.py", "--a b"], arguments)
    return code, capfd.readouterr().err


# Parsing.


def test_flags_are_read_with_equal_sign_or_space():
    assert parsed("--levels=7").levels == 7
    assert parsed("--levels", "7", "--name=x").name == "x"


def test_flags_that_are_not_given_have_their_defaults():
    assert (parsed().levels, parsed().name) == (5, None)


def test_a_flagfile_stands_for_its_lines_and_later_flags_win(tmp_path):
    file = tmp_path / "some.flags"
    file.write_text("# rounds\n--levels=7\n--name=x\n")
    found = parsed(f"--flagfile={file}", "--levels=8")
    assert (found.levels, found.name) == (8, "x")


@pytest.mark.parametrize("value", ["0", "1.5", "many", ""])
def test_a_value_that_is_not_allowed_is_named_with_what_is(value):
    assert refusal(f"--levels={value}").startswith(
        f"--levels={value}: use a whole number, 1 or more"
    )


def test_an_unknown_flag_is_named_with_one_that_is_close():
    assert refusal("--leves=3").startswith("--leves is unknown: did you mean --levels?")
    assert refusal("--x=3").startswith("--x is unknown: (--help")


def test_an_argument_that_is_no_flag_is_refused():
    assert refusal("--levels=3", "lenet").startswith("'lenet' is no flag")


def test_a_flag_without_its_value_is_refused():
    assert "levels" in refusal("--levels")


def test_a_missing_flagfile_is_named(tmp_path):
    assert str(tmp_path / "none") in refusal(f"--flagfile={tmp_path / 'none'}")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_every_flag_and_its_default_and_succeeds(capsys, flag):
    with pytest.raises(SystemExit) as caught:
        parsed("--levels=0", flag)
    assert caught.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Does nothing.",
        "",
        "Flags, with their defaults:",
        "  --levels=5",
        "      Number of rounds.",
        "  --name",
        "      Who.",
    ]


# Exit codes.


def test_success_is_zero_and_silent(capfd):
    assert outcome(capfd, None) == (0, "")


def test_a_wrong_flag_is_one_line_and_2(capfd):
    assert outcome(capfd, FlagError("--a is\nwrong")) == (
        2,
        "program.py: --a is wrong\n",
    )


def test_a_refused_request_is_one_line_and_1(capfd):
    assert outcome(capfd, LotteryError("no\n  space")) == (1, "program.py: no space\n")


def test_control_c_says_how_to_go_on_and_is_130(capfd):
    code, text = outcome(capfd, KeyboardInterrupt())
    assert code == 130
    assert text.count("\n") == 1
    assert "stopped; finished runs are stored, go on: python dir/" in text
    assert "python dir/program.py '--a b'" in text


def test_what_to_type_again_is_the_script_or_the_command(tmp_path, monkeypatch):
    script = ["examples/lottery_search.py", "--a=b c"]
    again = "python examples/lottery_search.py '--a=b c'"
    assert command_line.command(script) == again
    program = tmp_path / "lth-search"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    # Where the shell would not find it by its name, it is called by its path.
    monkeypatch.setenv("PATH", "/nowhere")
    assert command_line.command([str(program), "--a=1"]) == f"{program} --a=1"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line.command([str(program), "--a=1"]) == "lth-search --a=1"


def test_a_command_is_named_without_its_folder(capfd):
    def main(argv) -> None:
        raise FlagError("no")

    assert command_line.run(main, ["/venv/bin/lth-search"]) == 2
    assert capfd.readouterr().err == "lth-search: no\n"


def test_a_program_says_what_control_c_leaves_of_its_own(capfd):
    def main(argv) -> None:
        raise KeyboardInterrupt

    assert command_line.run(main, ["x.py"], (), "nothing is changed, again") == 130
    said = capfd.readouterr().err
    assert said == "x.py: stopped; nothing is changed, again: python x.py\n"


def test_arguments_that_are_no_flags_are_counted_and_named():
    def places(argv: list[str], *names: str) -> list[str]:
        return command_line.parse(flags.FlagValues(), ["x.py", *argv], "", names)

    assert places(["a"], "RUN_DIR") == ["a"]
    assert places(["a", "b"], "RUN_DIR...") == ["a", "b"]
    with pytest.raises(FlagError, match="RUN_DIR is missing: name it after"):
        places([], "RUN_DIR...")
    with pytest.raises(FlagError, match="'b' is no flag"):
        places(["a", "b"], "RUN_DIR")


def test_a_bug_shows_itself_in_full(capfd):
    with pytest.raises(ZeroDivisionError):
        outcome(capfd, ZeroDivisionError())


def test_arguments_of_the_library_are_named_as_the_flags_they_are():
    text = "batch_size=9 is wrong; my_batch_size=9, --batch_size=9 and seed=1 are not"
    assert command_line.as_flags(text, ["batch_size"]) == text.replace(
        "batch_size=9 is", "--batch_size=9 is"
    )
    assert command_line.as_flags(text, []) == text
