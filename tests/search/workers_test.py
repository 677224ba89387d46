"""A search by two workers of MultiWorkerMirroredStrategy, in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lth_keras.storage import locks
from tests.support.clusters import Clusters
from tests.support.contents import content

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
_LOST = "a worker was lost; start all again"
# Which worker is killed, the chief being 0, and at which step of which of its runs:
# each start goes on where the one before was killed.
_KILLS = [
    *((1, "0.1"), (0, "0.2"), (0, "0.8"), (1, "0.7"), (0, "1.4")),
    *((1, "0.6"), (0, "1.1"), (1, "0.3"), (0, "0.5"), (1, "0.6")),
]


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    with Clusters() as found:
        yield found


def test_two_workers_find_what_two_devices_do_and_no_kill_changes_it(
    clusters, tmp_path
):
    """BatchNorm, a rewind to step 2 and a control; ten kills one after another."""
    two = clusters.run(tmp_path / "devices", "mirrored")
    assert two.status == [0]
    ((digest,),) = two.said
    whole = clusters.run(tmp_path / "workers")
    assert whole.status == [0, 0]
    assert whole.said == [[digest], [digest]]
    expected = content(tmp_path / "devices")
    assert content(tmp_path / "workers") == expected
    for kill in _KILLS:
        ended = clusters.run(tmp_path / "killed", kill=kill)
        assert ended.after is not None, f"{kill}: {ended}"
        assert ended.after < 60
        assert ended.status[kill[0]] == -9
        assert ended.status[1 - kill[0]] == 1
        (line,) = ended.said[1 - kill[0]]
        assert _LOST in line
    ended = clusters.run(tmp_path / "killed")
    assert ended.status == [0, 0]
    assert content(tmp_path / "killed") == expected
    # All that a finished search does is read.
    again = clusters.run(tmp_path / "killed")
    assert again.said == [[digest], [digest]]
    assert content(tmp_path / "killed") == expected


def test_what_the_chief_is_refused_ends_all_with_its_line(clusters, tmp_path):
    with locks.lock(tmp_path / "run"):
        ended = clusters.run(tmp_path / "run")
    assert ended.status == [1, 1]
    for (line,) in ended.said:
        assert "is in use by process" in line
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]
