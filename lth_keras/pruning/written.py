"""How what is registered is asked for with parameters: "noise:sigma=0.5".

Controls and methods are written alike; what each may be given is its own to say. A
value that is text may hold slashes, as in "transfer:ticket=runs/mnist"; commas, colons
and plus signs stand for something else, and are written as in addresses: "%2C", "%3A",
"%2B", and "%25" for the percent sign itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib import parse

from lth_keras.errors import LotteryError, shown

_TRUTHS = {"true": True, "false": False}
_KINDS = {str: "some text", bool: "true or false", int: "a whole number"}
# Text that a directory may be called by, and that stands for nothing else.
_PLAIN = re.compile(r"[A-Za-z0-9_.=,-]*")


def parts(text: str) -> list[str]:
    """The name, and "parameter=value" of each: what has colons between, but for "://"."""
    return re.split(":(?!//)", text.strip())


def escaped(value: Any) -> str:
    """A value as `read` takes it, in letters that the name of a directory may have."""
    text = str(value)
    plain = not isinstance(value, str) or _PLAIN.fullmatch(text)
    return text if plain else parse.quote(text, safe="=")


def on_a_line(value: Any) -> Any:
    """A value as result lines have it: a path with no sign that figures would draw."""
    return parse.quote(value, safe="=+,:/% ") if isinstance(value, str) else value


def read(
    kind: str, text: str, settings: Iterable[str], known: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters that a text gives, each in the kind of its default.

    Args:
        kind: what is asked for, such as "control".
        text: the whole text, for errors.
        settings: its parts behind the name, "parameter=value" each.
        known: the parameters that there are, with their defaults; of a default that is
            None, and of no default at all (a type), the value stays text.

    Raises:
        LotteryError: no such parameter, one is given twice, or its value is of another
            kind.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in known:
            raise LotteryError(
                f"{kind} {shown(text)}: {shown(key)} is no parameter of "
                f"{text.strip().partition(':')[0]}; it has "
                f"{', '.join(known) or 'none'}."
            )
        if key in found:
            raise LotteryError(f"{kind} {shown(text)} gives {key} twice: give it once.")
        found[key] = _converted(f"{kind} {shown(text)}", key, value, known[key])
    return found


def _converted(about: str, key: str, value: str, default: Any) -> Any:
    """The value in the kind of the default."""
    wanted = type(default) if isinstance(default, (bool, int, float)) else str
    try:
        if value:
            # bool("false") is True.
            if wanted is bool:
                return _TRUTHS[value]
            if wanted is str:
                return parse.unquote(value, errors="strict")
            return wanted(value)
    except (KeyError, OverflowError, ValueError):
        pass
    raise LotteryError(
        f"{about}: {key}={value[:50]} is not allowed: use "
        f"{_KINDS.get(wanted, 'a number')}."
    )
