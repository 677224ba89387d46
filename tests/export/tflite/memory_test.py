"""Memory that a TFLite export takes."""

import re

import pytest

from lth_keras.export.tflite.exporting import export_tflite
from tests.support import export_models
from tests.support.export_models import wide


def _memory(what: str) -> int:
    """Bytes that this process holds now ("VmRSS"), or held at most ("VmHWM")."""
    with open("/proc/self/status", encoding="ascii") as file:
        found = re.search(rf"{what}:\s+(\d+) kB", file.read())
    assert found
    return 1024 * int(found[1])


def large() -> None:
    # What TensorFlow itself takes for its first conversion is not the export's.
    export_tflite(wide(), "first.tflite", verify=False, verbose=False)
    model = export_models.large_and_sparse()
    dense = 4 * model.count_params()
    before = _memory("VmRSS")
    report = export_tflite(model, "m.tflite", verbose=False)
    assert report.largest_difference < 1e-3
    assert report.bytes < 0.04 * dense, report
    for name, settings in (
        ("plain", {"sparse": False}),
        ("float16", {"quantize": "float16"}),
    ):
        export_tflite(model, f"{name}.tflite", verify=False, verbose=False, **settings)
    taken = _memory("VmHWM") - before
    assert taken < 5 * dense, f"{taken:,} bytes at most, dense {dense:,}"


@pytest.mark.slow
def test_20_million_weights_at_2_percent_take_little_memory(in_own_process) -> None:
    in_own_process(large)
