"""What a program owes its user at the command line: flags, one-line errors, exit codes.

    def main(argv):
        known = flags.FlagValues()
        flags.DEFINE(whole(1), "n", 1, "Number of them.", known, Serializer())
        parse(known, argv, __doc__)

    sys.exit(run(main, sys.argv))

TensorFlow is not imported here, so that a wrong flag is answered at once.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from absl import flags

from lth_keras.arguments import unusable
from lth_keras.errors import LotteryError, shown
from lth_keras.programs import flagfiles, output

_HELP = {"--help", "-help", "-h", "-?"}
_SEE_HELP = "(--help shows every flag)"
_LONG = 200


class FlagError(LotteryError):
    """A flag that cannot be as it is; the one-line message names it."""


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a program as Ctrl-C does: what is unfinished is removed."""


def parse(
    known: flags.FlagValues,
    argv: Sequence[str],
    about: str,
    places: Sequence[str] = (),
) -> list[str]:
    """Reads the flags, or shows them all and leaves with exit code 0.

    Args:
        known: every flag of the program; read them from here afterwards.
        argv: the program's name and its arguments; `--flagfile=FILE` among them is
            replaced by the lines of that file, or of the one of ours by that name.
        about: what the program does, shown by --help.
        places: names of the arguments that are no flags, such as RUN_DIR; a last one
            with "..." may be repeated.

    Returns:
        The arguments that are no flags.

    Raises:
        FlagError: a flag is unknown, has no value or one that is not allowed, or
            there are more or fewer arguments that are no flags.
    """
    if _HELP.intersection(argv[1:]):
        print(help_text(known, about), flush=True)
        raise SystemExit(0)
    arguments = [argv[0], *map(_checked, argv[1:])]
    try:
        arguments = [argv[0], *map(_checked, flagfiles.found(arguments)[1:])]
        _check_names(arguments)
        rest = known(arguments)
    except flags.UnrecognizedFlagError as error:
        close = difflib.get_close_matches(error.flagname, list(known), 1)
        hint = f"did you mean --{close[0]}? " if close else ""
        raise FlagError(f"--{error.flagname} is unknown: {hint}{_SEE_HELP}") from None
    except flags.Error as error:
        text = str(error).removeprefix("flag ").replace("ERROR:: ", "")
        text = re.sub(r"\('Non-boolean argument .*\)$", "use true or false", text)
        raise FlagError(f"{_cut(text, arguments)} {_SEE_HELP}") from None
    given = rest[1:]
    repeated = bool(places) and places[-1].endswith("...")
    if len(given) < len(places):
        name = places[len(given)].removesuffix("...")
        raise FlagError(f"{name} is missing: name it after the program {_SEE_HELP}")
    if len(given) > len(places) and not repeated:
        raise FlagError(
            f"{given[len(places)]!r} is no flag: write flags as --name=value "
            f"{_SEE_HELP}"
        )
    return given


def _checked(argument: str) -> str:
    if reason := unusable(argument):
        raise FlagError(f"{shown(argument)} {reason}: write it anew {_SEE_HELP}")
    return argument


def _check_names(arguments: Sequence[str]) -> None:
    """Refuses names that no flag has, before absl looks for one that is like them.

    It compares them letter by letter, and for a page of letters would not end.
    """
    for argument in arguments[1:]:
        name = argument.partition("=")[0]
        if argument == "--":
            return
        if name.startswith("-") and len(name) > _LONG:
            raise FlagError(f"{name[:_LONG]}... is unknown: {_SEE_HELP}")


def _cut(text: str, arguments: Sequence[str]) -> str:
    """An error without the ends of values that are pages long."""
    for argument in arguments:
        for value in (argument, argument.partition("=")[2]):
            if len(value) > _LONG:
                text = text.replace(value, f"{value[:_LONG]}...")
    return text


def help_text(known: flags.FlagValues, about: str) -> str:
    """Every flag with its help and default, in the order of definition."""
    width = min(shutil.get_terminal_size().columns, 88)
    lines = [about.strip(), "", "Flags, with their defaults:"]
    for name, flag in known._flags().items():
        value = "" if flag.default is None else flag.serializer.serialize(flag.default)
        lines.append(f"  --{name}={value}" if value else f"  --{name}")
        lines += textwrap.wrap(
            flag.help, width, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


def run(
    main: Callable[[Sequence[str]], None],
    argv: Sequence[str],
    arguments: Sequence[str] = (),
    stopped: str = "finished runs are stored, go on",
    catch_sigterm: bool = False,
) -> int:
    """Runs a program and returns its exit code.

    0 is success, 2 a wrong flag, 1 any other `LotteryError` or an output that is
    closed (`| head`) or full, 130 Ctrl-C, 143 SIGTERM where it is caught; each of
    these says what is wrong in one line on the standard error. Other exceptions are
    bugs and show themselves in full.

    Args:
        main: the program, given `argv`.
        argv: the program's name and its arguments.
        arguments: flags that are arguments of the library by the same name; its
            messages name them as flags.
        stopped: what Ctrl-C has left, and what the command line shown does then.
        catch_sigterm: whether SIGTERM lets the program remove what is unfinished, as
            Ctrl-C does. For programs that start no processes by `fork`.
    """
    name = os.path.basename(argv[0])
    try:
        with _sigterm_raises() if catch_sigterm else contextlib.nullcontext():
            with output.checked():
                main(argv)
    except FlagError as error:
        return _fail(f"{name}: {error}", 2)
    except KeyboardInterrupt as error:
        code = 143 if isinstance(error, _Terminated) else 130
        return _fail(f"{name}: stopped; {stopped}: {command(argv)}", code)
    except LotteryError as error:
        return _fail(f"{name}: {as_flags(str(error), arguments)}", 1)
    except output.OutputError as error:
        help_only = _HELP.intersection(argv[1:])
        again = "" if help_only else f"; {stopped}: {command(argv)}"
        return _fail(f"{name}: the output cannot be written ({error}){again}", 1)
    return 0


def command(argv: Sequence[str]) -> str:
    """What to type to start a program as it was started: a script, or a command."""
    program, *arguments = argv
    if program.endswith(".py"):
        return shlex.join(["python", program, *arguments])
    name = os.path.basename(program)
    return shlex.join([name if shutil.which(name) else program, *arguments])


def as_flags(message: str, arguments: Sequence[str]) -> str:
    """The message with `name=` as `--name=` for each of `arguments`."""
    if not arguments:
        return message
    return re.sub(rf"(?<![\w-])({'|'.join(arguments)})=", r"--\1=", message)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Lets the first SIGTERM raise, and ignores others while that is cleaned up."""

    def stop(number: int, _: Any) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str, code: int) -> int:
    # The output goes first; where one of them is closed, the exit code says enough.
    for stream, text in ((sys.stdout, ""), (sys.stderr, f"{_one_line(message)}\n")):
        with contextlib.suppress(OSError, AttributeError):
            stream.write(text)
            stream.flush()
    return code


def _one_line(text: str) -> str:
    return " ".join(text.split())
