"""The version of the package, which setup.py reads as text, and of its hosts."""

import importlib.metadata
import platform

__version__ = "0.1.0"

_PACKAGES = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "numpy")


def versions() -> dict[str, str]:
    """Versions of what computed a result."""
    found = {"lth_keras": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        found[package] = importlib.metadata.version(package)
    return found
