"""What does the process that judges an export get of ours? As little as it runs with.

It takes modules from where Python and this process have installed them, never from the
directory that somebody happens to stand in, and only those variables of the
environment that Python and TensorFlow read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

# Of the operating system, of Python, and of dynamic linking.
_NAMES = frozenset(
    """
    PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TEMP TMP
    LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH
    PYTHONHOME PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONIOENCODING
    PYTHONNOUSERSITE PYTHONPYCACHEPREFIX PYTHONUTF8
    APPDATA COMSPEC LOCALAPPDATA PATHEXT PROGRAMDATA SYSTEMDRIVE SYSTEMROOT
    USERNAME USERPROFILE WINDIR
    """.split()
)
# Of TensorFlow and of what it computes with.
_BEGINNINGS = (
    "TF_ XLA_ CUDA_ CUDNN_ NVIDIA_ HIP_ ROCM_ ROCR_ HSA_ "
    "OMP_ KMP_ GOMP_ MKL_ ONEDNN_ DNNL_ OPENBLAS_ LC_"
).split()
_LEFT_OUT = frozenset(
    {
        # It makes TensorFlow itself import tf_keras.
        "TF_USE_LEGACY_KERAS",
        # The process is no member of the caller's cluster.
        "TF_CONFIG",
    }
)


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The variables that the process starts with.

    Args:
        ours: those of this process; passwords and settings of other programs stand
            among them, and stay here.
    """
    # Windows has no case in these names.
    found = {
        name: value
        for name, value in ours.items()
        if name not in _LEFT_OUT
        and (name.upper() in _NAMES or name.startswith(tuple(_BEGINNINGS)))
    }
    found.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return found


def module_places(ours: Iterable[object]) -> list[str]:
    """The process's `sys.path`: ours, as far as it does not move with the user.

    An entry of "" or "." means the directory that the process stands in, which a
    notebook and `python -c` have first: a json.py that lies there would be run. And
    Python's own modules come before those of a script's directory, for the process has
    imported none of them yet.

    Args:
        ours: `sys.path` of this process.
    """
    places = [p for p in ours if isinstance(p, str) and os.path.isabs(p)]
    return sorted(dict.fromkeys(places), key=lambda place: not _of_python(place))


def _of_python(place: str) -> bool:
    """Whether a place holds the standard library, or its compiled part."""
    library = os.path.dirname(os.path.abspath(os.__file__))
    parent, name = os.path.split(os.path.normpath(place))
    zipped = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return (
        os.path.normpath(place) == library
        or (name == "lib-dynload" and os.path.normpath(parent) == library)
        or name in ("DLLs", zipped)
    )
