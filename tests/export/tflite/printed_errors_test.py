import contextlib
import os
import tempfile
import threading

import pytest

from lth_keras.export.tflite.printed_errors import printed_once


def _print(text: str) -> None:
    """As C++ code prints, by the file descriptor."""
    os.write(2, text.encode())


def _place() -> tuple[int, int]:
    """What standard error is."""
    found = os.fstat(2)
    return found.st_dev, found.st_ino


def _next_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


def test_lines_of_the_error_are_not_printed_and_all_others_are(capfd):
    with pytest.raises(ValueError, match="^first line"), printed_once():
        _print("before\n  second line \nbetween\n")
        _print("second line of several\nfirst line\nlast, without an end")
        raise ValueError("first line\nsecond line\nthird line")
    assert capfd.readouterr().err == (
        "before\nbetween\nsecond line of several\nlast, without an end"
    )


def test_lines_in_the_words_of_mlir_are_known(capfd):
    with pytest.raises(RuntimeError), printed_once():
        _print('loc("a@f"): error: no such operation\nerror: failed: \nDetails:\n')
        _print('loc("b@f"): error: no such operation\n')
        raise RuntimeError(
            'Could not convert.<unknown>:0: error: loc("a@f"): no such operation\n'
            "<unknown>:0: note: see here\n<unknown>:0: error: failed: \nDetails:\n"
        )
    assert capfd.readouterr().err == 'loc("b@f"): error: no such operation\n'


def test_without_an_error_everything_is_printed(capfd):
    with printed_once():
        _print("one\n\ntwo \xfc\n")
        os.write(2, b"\xff\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err.startswith("one\n\ntwo \xfc\n")


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_standard_error_is_given_back_on_every_path(error):
    place, descriptor = _place(), _next_descriptor()
    for _ in range(3):
        expected = pytest.raises(error) if error else contextlib.nullcontext()
        with expected, printed_once():
            assert _place() != place
            if error:
                raise error("reason")
        assert (_place(), _next_descriptor()) == (place, descriptor)


def test_of_two_at_once_the_second_holds_nothing_back(capfd):
    place = _place()
    entered, leave = threading.Event(), threading.Event()

    def other():
        with contextlib.suppress(ValueError), printed_once():
            entered.set()
            leave.wait(60)
            raise ValueError("first")

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(60)
    with pytest.raises(ValueError), printed_once():
        _print("first\nsecond\n")
        leave.set()
        thread.join()
        # The other one, which had it redirected, ended in between.
        assert _place() == place
        _print("second\n")
        raise ValueError("second")
    assert _place() == place
    assert capfd.readouterr().err == "second\nsecond\n"
    with pytest.raises(ValueError), printed_once():
        _print("third\n")
        raise ValueError("third")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("missing", ["space", "standard error"])
def test_where_nothing_can_be_held_back_the_error_is_still_raised(
    monkeypatch, capfd, missing
):
    def refused(*args):
        raise OSError("no")

    owner, name = {"space": (tempfile, "TemporaryFile"), "standard error": (os, "dup")}[
        missing
    ]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, refused)
        with pytest.raises(ValueError, match="reason"), printed_once():
            _print("reason\n")
            raise ValueError("reason")
    assert capfd.readouterr().err == "reason\n"
    # And the next one is free to do it.
    with pytest.raises(ValueError), printed_once():
        _print("reason\n")
        raise ValueError("reason")
    assert capfd.readouterr().err == ""
