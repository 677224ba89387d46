"""Whatever stands on a command line is done, or refused in one line."""

from __future__ import annotations

import contextlib
import io
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest
from absl import flags

from lth_keras.programs import (
    command_line,
    export_flags,
    export_ticket,
    lottery_search,
    options,
    plot_flags,
    plot_results,
    run_controls,
    stability,
)
from lth_keras.storage import locks
from tests.support.campaigns import Campaign
from tests.support.odd_flags import FLAGFILES, arguments
from tests.support.outcomes import LONGEST, outcome, tree
from tests.support.tiny_tfds import close_network


class Program(NamedTuple):
    """A program, so started that it cannot write, whatever else it is told.

    Attributes:
        main: the program.
        define: its flags.
        given: arguments that it has in any case.
    """

    main: Callable[[Sequence[str]], None]
    define: Callable[[], flags.FlagValues]
    given: tuple[str, ...]


# Where a path is written to, so that what is allowed trains and draws nothing.
_PLACES = ("output_dir", "output")


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """A finished search, held by this process."""
    folder = tmp_path_factory.mktemp("search") / "run"
    argv = ["lottery_search.py", "--iterations=2", "--levels=2", "--jit=off"]
    argv += ["--evaluate_every=1", "--controls=none", f"--output_dir={folder}"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        close_network(monkeypatch)
        monkeypatch.chdir(tmp_path_factory.mktemp("here"))
        assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
        with locks.lock(folder):
            yield folder


@pytest.fixture
def programs(run_dir: pathlib.Path, tmp_path: pathlib.Path) -> list[Program]:
    blocked = tmp_path / "a_file"
    blocked.write_text("Nothing can be made below this.")
    place = f"--output_dir={blocked}/x"
    search = ("--iterations=2", "--levels=1", "--controls=none", place)
    export = (str(run_dir), f"--output={blocked}/x")
    return [
        Program(lottery_search.main, options.define, search),
        Program(
            run_controls.main, run_controls.define, (str(run_dir), "--controls=noise")
        ),
        Program(
            plot_results.main,
            plot_flags.define,
            (str(run_dir), place, "--kinds=density", "--format=svg"),
        ),
        Program(export_ticket.main, export_flags.define, export),
        Program(stability.main, stability.define, (str(run_dir), "--levels=1")),
    ]


def started(program: Program, argv: Sequence[str]) -> tuple[str, str]:
    """What is wrong with how a program ends, and the standard error; "" for nothing."""
    said, codes = io.StringIO(), []

    def run() -> None:
        line = ["lth-program", *program.given, *argv]
        try:
            codes.append(command_line.run(program.main, line, ()))
        except SystemExit as end:
            codes.append(end.code)

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        fault = outcome(run).fault
    text = said.getvalue()
    if fault or codes[0] not in (0, 1, 2):
        return fault or f"exit code {codes[0]}", text
    lines = text.splitlines()
    if codes[0] and (len(lines) != 1 or len(text) > LONGEST):
        return f"exit code {codes[0]} and {len(lines)} lines, {len(text)} letters", text
    return "", text


def changed(argv: Sequence[str], blocked: pathlib.Path) -> list[str]:
    """The arguments with places that can be written to put where nothing can be."""
    found = []
    for argument in argv:
        name, equals, value = argument.partition("=")
        if name.strip("-") in _PLACES and value.strip():
            found.append(f"{name}={blocked}/{value}")
        elif name.strip("-") in _PLACES and not equals:
            continue
        else:
            found.append(argument)
    return found


def test_odd_command_lines_end_in_one_line(
    programs: list[Program],
    run_dir: pathlib.Path,
    tmp_path: pathlib.Path,
    campaign: Campaign,
) -> None:
    before, here = tree(run_dir), tree(tmp_path)
    faults, wrong = [], 0
    for case in range(campaign.count(3_000, 60)):
        rng = campaign.generator(case)
        program = programs[case % len(programs)]
        names = [name for name in program.define() if name != "flagfile"]
        argv = changed(arguments(rng, names), tmp_path / "a_file")
        fault, said = started(program, argv)
        wrong += bool(said)
        if fault:
            faults.append(f"case {case}: {argv!r:.300}: {fault}: {said[:300]}")
    assert not faults, "\n".join(faults)
    assert tree(run_dir) == before and tree(tmp_path) == here
    assert wrong > campaign.count(1_500, 30)


@pytest.mark.parametrize("kind", FLAGFILES)
def test_odd_flagfiles_end_in_one_line(
    kind: str, programs: list[Program], tmp_path: pathlib.Path
) -> None:
    given = FLAGFILES[kind](tmp_path / "odd")
    for program in programs[:1] + programs[2:3]:
        fault, said = started(program, [f"--flagfile={given}", "--seed=x"])
        assert not fault, said
        assert said
