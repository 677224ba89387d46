"""The version of the package, which setup.py reads as text, and of its hosts."""

import functools
import importlib.metadata
import platform

__version__ = "0.1.0"

_PACKAGES = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "numpy")


def versions() -> dict[str, str]:
    """Versions of what computed a result."""
    found = {"lth_keras": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        found[package] = _version(package)
    return found


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # Builds of TensorFlow have names of their own, such as tensorflow-cpu.
        (other, *_) = importlib.metadata.packages_distributions()[package]
        return importlib.metadata.version(other)
