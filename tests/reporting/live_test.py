"""The live page: served to this machine alone, drawn again when a run has finished."""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lth_keras.errors import LotteryError
from lth_keras.programs import plot_flags, plot_live, plotting
from lth_keras.reporting import drawing, live, vega
from tests.support.result_files import row, search, store, store_settings


@contextmanager
def serving(state, page) -> Iterator[int]:
    """The port of a server that runs meanwhile."""
    with live.server(state, page, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def asked(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_a_page_is_made_once_for_each_state() -> None:
    states, made = ["a"], []

    def page(state: str) -> str:
        made.append(state)
        return f"<p>{state}</p>"

    with serving(lambda: states[0], page) as port:
        assert asked(port, "/") == asked(port, "/") == (200, "<p>a</p>")
        assert asked(port, "/state") == (200, "a")
        states[0] = "b"
        assert asked(port, "/") == (200, "<p>b</p>")
        assert made == ["a", "b"]
        assert asked(port, "/other")[0] == 404
        with pytest.raises(LotteryError, match=f"port={port} cannot be listened at"):
            live.server(lambda: "", page, port)


def test_a_page_of_another_host_cannot_read_it() -> None:
    with serving(lambda: "a", lambda state: state) as port:
        assert asked(port, "/", Host=f"localhost:{port}")[0] == 200
        assert asked(port, "/", Host=f"example.org:{port}")[0] == 403
        assert asked(port, "/state", Host="")[0] == 403


def test_levels_appear_as_they_are_finished(tmp_path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    request = plot_flags.read(["p", str(root), "--serve", "--kinds=bars"], "")
    assert request.serve and request.port == 8642
    first = plot_live.state(request)
    waits = plot_live.page(request, first)
    assert "Nothing to show yet" in waits and f'state = "{first}"' in waits
    store_settings(root, model="lenet", dataset="mnist")
    rows = search(2)
    store(root / "trial0", rows[0])
    second = plot_live.state(request)
    shown = plot_live.page(request, second)
    assert second != first and "LeNet-300-100 on MNIST" in shown
    # There are no controls, of which bars would be.
    assert "<img" not in shown and "1 finished training runs" in shown
    assert "connect-src &#39;self&#39;" in shown and "location.reload()" in shown
    store(root / "trial0", rows[1])
    assert plot_live.state(request) not in (first, second)
    assert "2 finished training runs" in plot_live.page(request, "x")
    assert sorted(path.name for path in root.iterdir()) == ["settings.json", "trial0"]


def test_a_live_page_compares_two_searches_if_asked(tmp_path, monkeypatch) -> None:
    places = [str(tmp_path / name) for name in ("a", "b")]
    for place, accuracy in zip(places, (0.95, 0.94), strict=True):
        store_settings(tmp_path / place, model="lenet", dataset="mnist")
        store(tmp_path / place / "trial0", row(0, test_accuracy=accuracy))
    request = plot_flags.read(["p", *places, "--serve", "--compare"], "")
    monkeypatch.setattr(plotting, "figures", lambda *_: [])
    assert "<td>95.00</td><td>94.00</td><td>+1.00</td>" in plot_live.page(request, "x")


def test_a_live_page_without_matplotlib_says_so(tmp_path, monkeypatch) -> None:
    store_settings(tmp_path / "run", model="lenet", dataset="mnist")
    store(tmp_path / "run" / "trial0", row(0))
    request = plot_flags.read(["p", str(tmp_path / "run"), "--serve"], "")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "a figure needs matplotlib: pip install" in plot_live.page(request, "x")


def test_a_chart_of_a_live_page_is_not_drawn_as_a_picture_too(
    tmp_path, monkeypatch
) -> None:
    store_settings(tmp_path / "run", model="lenet", dataset="mnist")
    store(tmp_path / "run" / "trial0", row(0))
    request = plot_flags.read(["p", str(tmp_path / "run"), "--serve"], "")
    written: list[str] = []

    def content(figure: object, form: str) -> bytes:
        written.append(form)
        return b"<svg/>"

    monkeypatch.setattr(drawing, "content", content)
    monkeypatch.setattr(vega, "bundle", lambda: "window.vegaEmbed = 1;")
    assert plot_live.page(request, "x").count("data-chart=") == 2 and not written
    monkeypatch.setattr(vega, "bundle", lambda: None)
    assert plot_live.page(request, "x").count("<img") == len(written) == 2
