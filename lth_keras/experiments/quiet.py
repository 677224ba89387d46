"""TensorFlow imported without a word: its libraries log past Python's streams."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from absl import logging as absl_logging


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Keeps what TensorFlow's libraries log while they load off the standard error.

    They write past Python and before their own log level is in force. If the block
    raises, what they wrote is shown. From then on only errors are logged.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TFDS warns of every directory that is not prepared, ahead of the one line, and
    # TensorFlow that each trial of several has a training step of its own.
    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
