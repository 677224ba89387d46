"""Lines added to the end of a file that could be made again from others.

The one write that is not atomic: a kill may leave half a line, and a power cut may lose
some. `append_line` adds nothing to such a file, so its owner writes it anew.
"""

from __future__ import annotations

import os
import stat
import time

from lth_keras.storage import files, paths, sharing

# A link or a pipe in the file's place is neither followed nor waited for.
_FLAGS = os.O_RDWR | os.O_APPEND
for _name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)

_TRIES = 20


def append_line(path: paths.PathLike, line: bytes) -> bool:
    """Adds a line to a file, if all lines in it are whole.

    The cost does not grow with the file. Lines of several processes stand one after
    the other. A remote file is fetched and written whole: there, of two processes that
    write in the same moment one loses its line.

    Args:
        path: the file.
        line: ends with the line's end.

    Returns:
        Whether the line is there. If not, the file is missing or half a line stands at
        its end; it is a link or another name of some file; or it cannot be written.
    """
    path = paths.as_path(path)
    if not sharing.writes():
        return True
    if paths.is_remote(path):
        return _append_remote(path, line)
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        return _is_whole(descriptor) and os.write(descriptor, line) == len(line)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _is_whole(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return False
    if status.st_size == 0:
        return True
    for _ in range(_TRIES):
        os.lseek(descriptor, -1, os.SEEK_END)
        if os.read(descriptor, 1) == b"\n":
            return True
        # Another process's line that crosses a page is seen page by page.
        time.sleep(0.001)
    return False


def _append_remote(path: str, line: bytes) -> bool:
    if not paths.exists(path):
        return False
    content = files.read_bytes(path)
    if content and not content.endswith(b"\n"):
        return False
    files.write_bytes(path, content + line)
    return True
