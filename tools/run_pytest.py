"""The main program of every Bazel test: pytest on the files named in its arguments."""

from __future__ import annotations

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
