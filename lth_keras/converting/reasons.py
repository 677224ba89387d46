"""Why something of either Keras, or of the user's, raised: one line of its message."""

from __future__ import annotations


def reason(error: BaseException | None) -> str:
    """The line that tells; Keras says first in which layer it was raised."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered"):
        del lines[0]
    return lines[0].strip() if lines else type(error).__name__
