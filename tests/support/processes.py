"""Python programs that tests run in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.support.places import ROOT


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
