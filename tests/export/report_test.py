"""What a report says, as a table and for machines."""

from __future__ import annotations

import gzip
import json
import pathlib

import pytest

from lth_keras.errors import LotteryError
from lth_keras.export import report as export_report
from lth_keras.export.findings import Difference, Found, Latency
from lth_keras.export.nonzeros import LayerNonzeros
from lth_keras.export.report import ExportReport
from lth_keras.export.sizes import sizes

FOUND = Found(
    {"logits": Difference(0.25, 0.125)},
    (Latency(1, 20e-6, 10e-6, 0.5), Latency(32, 2e-3, 2e-3, 1.0)),
    ("one loader", "another"),
)


def report(**changes) -> ExportReport:
    fields = dict(
        format="tflite",
        path="served/1",
        holds=export_report.held("trained"),
        settings={"sparse": True},
        bytes=2500,
        gzip_bytes=100,
        dense_bytes=10000,
        dense_gzip_bytes=1000,
        layers=(
            LayerNonzeros("dense/kernel", (10, 20), 4, "bitmask"),
            LayerNonzeros("dense/bias", (20,), 18, "dense"),
        ),
        found=FOUND,
        notes=("a remark.",),
    )
    return ExportReport(**{**fields, **changes})


def test_the_table_shows_sizes_differences_latencies_and_nonzeros() -> None:
    assert str(report()).splitlines() == [
        "served/1: tflite (sparse=True)",
        "holds       the ticket's trained weights",
        "bytes       2,500 (dense 10,000: 25.0 %)",
        "gzipped     100 (dense 1,000: 10.0 %)",
        "verified    in a fresh process by one loader and another",
        "difference  logits: 0.25 (0.125 of the largest value)",
        "latency     batch 1: 10.0 us (dense 20.0 us: 0.50 x)",
        "latency     batch 32: 2.00 ms (dense 2.00 ms: 1.00 x)",
        "speed       Faster: a call takes 0.50 x dense at batch 1; none at batch 32.",
        "",
        "weight        shape    nonzeros  density  stored",
        "dense/kernel  10 x 20  4 of 200  0.0200   bitmask",
        "dense/bias    20       18 of 20  0.9000   dense",
        "note: a remark.",
    ]


def test_a_share_of_nothing_is_not_given() -> None:
    nothing = report(found=Found({"y": Difference(1e-7, None)}, (), ()))
    assert "difference  y: 1e-07 (all values expected are 0)" in str(nothing)
    (entry,) = json.loads(nothing.to_json())["found"]["differences"].values()
    assert entry == {"absolute": 1e-7, "relative": None}


@pytest.mark.parametrize("format_", ["saved_model", "keras"])
def test_a_format_with_dense_kernels_never_claims_speed(format_: str) -> None:
    assert report(format=format_).speed == (
        "Sparsity brings no speed here, the kernels multiply the zeros too: a call "
        "takes 0.50 x dense at batch 1 and 1.00 x dense at batch 32."
    )


def test_a_file_that_stores_nothing_sparse_never_claims_speed() -> None:
    dense = (LayerNonzeros("dense/kernel", (10, 20), 150, "dense"),)
    none = "Sparsity brings no speed here"
    assert report(layers=dense).speed.startswith(none)
    quantized = report(layers=dense, settings={"quantize": "int8"})
    assert quantized.speed.startswith("Faster")


def test_no_gain_is_said_where_none_was_measured() -> None:
    slow = Found({}, (Latency(1, 1.0, 1.2, 1.2),), ())
    assert report(found=slow).speed.startswith("Sparsity brings no speed here")


def test_without_verification_nothing_is_claimed() -> None:
    bare = report(found=None)
    assert bare.largest_difference is None
    assert bare.speed == "Latency was not measured."
    assert "verified    no (verify=False)" in str(bare)


def test_json_holds_everything_in_one_line() -> None:
    text = report().to_json()
    value = json.loads(text)
    assert "\n" not in text
    assert value["bytes"] == 2500
    assert value["density"] == 22 / 220
    assert value["largest_difference"] == 0.25
    assert value["layers"][0] == {
        "weight": "dense/kernel",
        "shape": [10, 20],
        "nonzeros": 4,
        "stored": "bitmask",
    }
    assert value["found"]["latencies"][1]["ratio"] == 1.0


def test_what_an_export_holds_is_one_of_three_things() -> None:
    assert "not trained" in export_report.held("start")
    with pytest.raises(LotteryError, match="holds='mask' is unknown: use one of"):
        export_report.held("mask")


def test_sizes_count_all_files_of_a_directory(tmp_path: pathlib.Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 3000)
    (tmp_path / "inner" / "b").write_bytes(b"y" * 2000)
    plain, zipped = sizes(str(tmp_path))
    assert plain == 5000
    assert zipped == len(gzip.compress(b"x" * 3000 + b"y" * 2000, 6, mtime=0))
    assert sizes(str(tmp_path / "a"))[0] == 3000


def test_of_many_weights_the_ten_largest_have_a_line() -> None:
    sizes_ = [7, 40, 3, 90, 20, 5, 60, 80, 70, 50, 30, 10]
    layers = [LayerNonzeros(f"w{n}", (n,), n // 2, "dense") for n in sizes_]
    lines = str(report(layers=tuple(layers))).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("weight"))
    shown = [line.split()[0] for line in lines[first + 1 :]]
    assert shown[:10] == [f"w{n}" for n in sizes_ if n not in (3, 5)]
    assert lines[first + 11] == (
        "and 2 smaller ones: 3 of 8 (each in the report's layers, and by "
        "--output_format=json)"
    )
    assert lines[first + 12] == "note: a remark."
    value = json.loads(report(layers=tuple(layers)).to_json())
    assert [entry["shape"] for entry in value["layers"]] == [[n] for n in sizes_]


def test_fewer_units_may_be_faster_in_every_format() -> None:
    dense = (LayerNonzeros("dense/kernel", (10, 20), 150, "dense"),)
    small = report(layers=dense, format="saved_model", original_weights=4000)
    assert small.speed == (
        "Faster: a call takes 0.50 x dense at batch 1; none at batch 32."
    )
    slow = Found({}, (Latency(1, 1.0, 1.2, 1.2),), ())
    assert report(layers=dense, found=slow, original_weights=4000).speed == (
        "Fewer units bring no speed here: a call takes 1.20 x dense at batch 1."
    )
