"""A TFLite file as objects and back, with few copies of its constants.

model = read(content)
gathered(model, content)             # if its constants may lie behind the flatbuffer
content = written(model)
"""

from __future__ import annotations

from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

# What a file takes besides its constants; only a first guess.
_REST = 1 << 16  # bytes
_IDENTIFIER = b"TFL3"
# Where the converter says that constants lie behind the flatbuffer.
_BEHIND = b"buffer_location"


def read(content: bytes) -> Any:
    """The file as objects, whose constants are views of it."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def gathered(model: Any, content: bytes) -> bool:
    """Takes constants from behind the flatbuffer into it; whether there were any."""
    outside = [buffer for buffer in model.buffers if buffer.offset > 1]
    for buffer in outside:
        buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    for buffer in model.buffers:
        buffer.offset = buffer.size = 0
    for entry in model.metadata or []:
        if entry.name == _BEHIND:
            model.buffers[entry.buffer].data = None
    model.metadata = [e for e in model.metadata or [] if e.name != _BEHIND]
    return bool(outside)


class _Builder(flatbuffers.Builder):
    """Copies bytes once, where the class of the library does so three times."""

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802, its name
        if x.dtype != np.uint8:
            return int(super().CreateNumpyVector(x))
        self.StartVector(1, x.size, 1)
        self.head -= x.size
        np.frombuffer(self.Bytes, np.uint8)[self.head : self.head + x.size] = x
        self.vectorNumElems = x.size
        return int(self.EndVector())


def written(model: Any) -> bytes:
    """The file of the objects, held in memory twice at most."""
    held = (len(b.data) for b in model.buffers if b.data is not None)
    builder = _Builder(sum(held) + _REST)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])
