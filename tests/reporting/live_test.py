"""The live page: served to this machine alone, drawn again when a run has finished."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lth_keras.errors import LotteryError
from lth_keras.programs import plot_flags, plot_live
from lth_keras.reporting import live
from tests.support.result_files import search, store, store_settings


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
