"""Command lines that nobody means, and flagfiles that are none."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# Values of any flag.
TEXTS: tuple[str, ...] = (
    *("", " ", "-", "--", "=", ",", ",,", ":", "+", "#", "//", "x", "none", "None"),
    *("0", "-0", "1", "-1", "+1", " 1", "1.", ".5", "1.5", "0.2,0.3", "1_000", "0x10"),
    *("nan", "inf", "-inf", "1e400", "-1e400", "1e-400", "1e999999999", "1/0", "0/0"),
    *("2/3", "1e9/3", "9" * 40 + "/3", "2147483647", "2147483648", "9" * 30),
    *("9" * 5000, "1" * 100_000, "0-999999999999", "9-3", "3-", "-3", "1-2-3", "1--2"),
    *("true", "false", "maybe", "auto", "on", "off", "all", "500it", "2ep", "-1it"),
    *("9" * 30 + "it", "1e3it", "it", "\u0663", "\u00bd", "\uff11", "caf\u00e9"),
    *("caf\udce9", "\udcff\udcfe", "a\0b", "\0", "a\nb", "a\rb", "\x1b[31m", "\u202e"),
    *("random_mask", "noise:sigma=1:sigma=2", "noise:sigma=", "noise:=1", "noise::"),
    *("noise:sigma=1e400", "noise:sigma=nan", "noise+noise", "random_reinit+one_shot"),
    *("weight_rewind:step=1it\n", "weight_rewind:step=../x", "one_shot:x=1"),
    *(
        "noise+" * 1000 + "noise",
        "{0}",
        "%s%n",
        "$\\frac{$",
        "'\"`",
        "../../x",
        "a" * 300,
    ),
    *("png", "svg,svg", "density", "100,0", "101", "50%", "101%", "0%", "float16"),
    *("saved_model,tflite", "digits", "mnist", "lenet", "vgg19", "global", "300,0"),
    *("300," * 3000 + "1", "/dev/null", "/proc/self/mem", "nosuch://x/y"),
)
# Ways to write a flag that no flag has.
FORMS: tuple[str, ...] = (
    *("--{n}", "-{n}={v}", "--no{n}", "--no{n}={v}", "---{n}={v}", "--{N}={v}"),
    *("--{n}{v}", "--{n}:{v}", "--={v}", "--", "-", "--{v}", "{v}", "{n}={v}"),
    *("--{n}= {v}", "--undefok={n}", "--undefok", "--flagfile", "--flagfile="),
    *("--help={v}", "--helpfull", "--{n}={v} --{n}={v}"),
)


def arguments(rng: np.random.Generator, names: Sequence[str]) -> list[str]:
    """One or two odd arguments for flags of these names."""
    found = []
    for _ in range(1 + (rng.random() < 0.2)):
        name, text = str(rng.choice(names)), _text(rng)
        draw = rng.random()
        if draw < 0.7:
            found.append(f"--{name}={text}")
        elif draw < 0.8:
            found += [f"--{name}", text]
        else:
            form = FORMS[rng.integers(len(FORMS))]
            written = form.replace("{n}", name).replace("{N}", name.upper())
            found.append(written.replace("{v}", text))
    return found


def _text(rng: np.random.Generator) -> str:
    if rng.random() < 0.8:
        return TEXTS[rng.integers(len(TEXTS))]
    letters = rng.choice(
        list("0123456789.,-+e:=/%_ xXnit\0\u00e9\udc80\n$"), rng.integers(12)
    )
    return "".join(map(str, letters))


def _made(function: Callable[[pathlib.Path], Any]) -> Callable[[pathlib.Path], str]:
    def make(path: pathlib.Path) -> str:
        function(path)
        return str(path)

    return make


def _chain(path: pathlib.Path, files: int, times: int, end: str) -> str:
    """Files that each name the next one, some times."""
    path.mkdir()
    for number in range(files):
        last = number == files - 1
        text = end if last else f"--flagfile={path / str(number + 1)}\n" * times
        (path / str(number)).write_text(text)
    return str(path / "0")


def _locked(path: pathlib.Path) -> None:
    path.write_text("--seed=1")
    path.chmod(0)


# What --flagfile names, made at a path that is free.
FLAGFILES: dict[str, Callable[[pathlib.Path], str]] = {
    "nothing there": str,
    "of another encoding": _made(lambda p: p.write_bytes(b"--data_dir=caf\xe9\n")),
    "UTF-16": _made(lambda p: p.write_bytes("--seed=2".encode("utf-16"))),
    "binary": _made(lambda p: p.write_bytes(bytes(range(256)))),
    "a NUL in a value": _made(lambda p: p.write_bytes(b"--data_dir=a\0b\n")),
    "only NULs": _made(lambda p: p.write_bytes(b"\0" * 5000)),
    "escapes": _made(lambda p: p.write_text("--data_dir=\x1b[2J\x07\n--seed=x")),
    "no flags": _made(lambda p: p.write_text("Dear reader,\nhello\n")),
    "one flag that is unknown": _made(lambda p: p.write_text("--nothing=1")),
    "a value that is wrong": _made(lambda p: p.write_text("# x\n\n--seed=-1")),
    "a long line": _made(lambda p: p.write_text("--data_dir=" + "x" * 900_000)),
    "many lines": _made(lambda p: p.write_text("--seed=1\n" * 20_000)),
    "too large": _made(lambda p: p.write_text("#\n" * 600_000)),
    "a directory": _made(os.mkdir),
    "a pipe": _made(os.mkfifo),
    "a link to itself": _made(lambda p: p.symlink_to(p)),
    "a link to a pipe": _made(lambda p: (os.mkfifo(f"{p}o"), p.symlink_to(f"{p}o"))),
    "not to be read": _made(_locked),
    "itself": _made(lambda p: p.write_text(f"--flagfile={p}")),
    "deep": lambda p: _chain(p, 1500, 1, "--levels=2"),
    "a bush": lambda p: _chain(p, 18, 2, ""),
    "a bush of lines": lambda p: _chain(p, 15, 3, "--seed=1"),
    "a device": lambda p: "/dev/zero",
    "memory": lambda p: "/proc/self/mem",
    "pages": lambda p: "/proc/self/pagemap",
    "a user that is not": lambda p: "~nobody-of-that-name/x",
    "a long name": lambda p: "x" * 5000,
    "a NUL": lambda p: "a\0b",
    "no UTF-8": lambda p: "caf\udce9",
}
