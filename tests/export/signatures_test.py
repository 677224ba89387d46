"""Signatures of the user's own: what they return, and what they read."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import resources, saved_model, staging
from tests.support.export_models import exported, wide

LABELS = ["cat", "dog", "owl"]


def model() -> keras.Model:
    """Says "owl", "cat" and "dog", by logits 0.5, 2 and 1."""
    net = wide()
    for weight in net.weights:
        weight.assign(tf.zeros_like(weight))
    net.get_layer("logits").bias.assign([1.0, 0.5, 2.0])
    return net


def label_table() -> Any:
    pairs = tf.lookup.KeyValueTensorInitializer(tf.range(3, dtype=tf.int64), LABELS)
    return tf.lookup.StaticHashTable(pairs, "?")


TEMPERATURE = tf.Variable(4.0)
FROZEN = tf.Variable(0.5, trainable=False)
TABLE = label_table()


def best(net: keras.Model, inputs: dict[str, Any]) -> Any:
    return tf.argmax(net(inputs["pixels"]), -1)


def scaled(net: keras.Model, inputs: dict[str, Any]) -> Any:
    return net(inputs["pixels"]) / TEMPERATURE + FROZEN


def by_global(net: keras.Model, inputs: dict[str, Any]) -> Any:
    return best(net, inputs), TABLE.lookup(best(net, inputs))


class Labeller:
    """Has its table in a dict of lists."""

    def __init__(self, table: Any):
        self.tables = {"labels": [table]}

    def label(self, net: keras.Model, inputs: dict[str, Any]) -> Any:
        return {"label": self.tables["labels"][0].lookup(best(net, inputs))}

    __call__ = label


class Hidden:
    """Has its table where nothing finds it."""

    __slots__ = ("table",)

    def __init__(self) -> None:
        self.table = label_table()


def served(path: pathlib.Path, name: str) -> dict[str, list[Any]]:
    """What a signature computes of two examples."""
    loaded = tf.saved_model.load(str(path))
    found = loaded.signatures[name](pixels=tf.zeros((2, 40)))
    return {key: value.numpy().tolist() for key, value in found.items()}


def test_a_signature_may_read_variables_of_the_user(tmp_path: pathlib.Path) -> None:
    saved_model.export_saved_model(
        model(), tmp_path / "m", signatures={"s": scaled}, verify=False, verbose=False
    )
    assert served(tmp_path / "m", "s") == {"output": [[0.75, 0.625, 1.0]] * 2}


@pytest.mark.slow
def test_a_signature_may_read_tables_of_the_user(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("\n".join(LABELS))
    lines = tf.lookup.TextFileInitializer(
        str(file),
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
    )
    from_file = tf.lookup.StaticHashTable(lines, "?")
    signatures = {
        "tuple": by_global,
        "compiled": tf.function(by_global),
        "method": Labeller(label_table()).label,
        "object": Labeller(from_file),
    }
    net = model()
    report = saved_model.export_saved_model(
        net, tmp_path / "m", signatures=signatures, verbose=False
    )
    assert report.largest_difference == 0
    # The file is a part of the export.
    file.unlink()
    (tmp_path / "m").rename(tmp_path / "elsewhere")
    pair = {"output_0": [2, 2], "output_1": [b"owl"] * 2}
    for name in signatures:
        expected = {"label": [b"owl"] * 2}
        if name in ("tuple", "compiled"):
            expected = pair
        assert served(tmp_path / "elsewhere", name) == expected


@pytest.mark.slow
def test_a_table_that_cannot_be_found_may_be_an_attribute(
    tmp_path: pathlib.Path,
) -> None:
    net, hidden = model(), Hidden()

    def label(net: keras.Model, inputs: dict[str, Any]) -> Any:
        return hidden.table.lookup(best(net, inputs))

    def write() -> None:
        saved_model.export_saved_model(
            net,
            tmp_path / "m",
            signatures={"label": label},
            verify=False,
            verbose=False,
        )

    with pytest.raises(LotteryError, match="'label' .* make it an attribute") as caught:
        write()
    assert "\n" not in str(caught.value)
    assert exported(tmp_path) == []
    net.table = hidden.table
    write()
    assert served(tmp_path / "m", "label") == {"output": [b"owl"] * 2}


def test_what_a_function_names_is_found_once() -> None:
    inside, default = tf.Variable(1.0), tf.Variable(2.0)
    cycle: list[Any] = [inside]
    cycle.append(cycle)

    def function(net: Any, inputs: Any, add: Any = default) -> Any:
        return cycle, TABLE, add

    found = resources.named_by(function)
    assert {id(item) for item in found} == {id(inside), id(default), id(TABLE)}
    assert len(found) == 3
    assert resources.named_by(print) == []
    # Looked at once each, or it would take for ever.
    many: list[Any] = []
    many += [many] * 1000
    assert resources.named_by(lambda net, inputs: many) == []


@pytest.mark.parametrize(
    ("signatures", "message"),
    [
        ([scaled], "signatures is a list: give a dict"),
        ({"s": lambda net, inputs: None}, "output 'output' .* is a NoneType: return"),
        ({"s": lambda net, inputs: {1: best(net, inputs)}}, "output 1 of a signature"),
        (
            {"s": lambda net, inputs: {"a": {"b": best(net, inputs)}}},
            "output 'a' of a signature is a dict",
        ),
        (
            {"s": lambda net, inputs: tf.RaggedTensor.from_tensor(inputs["pixels"])},
            "is a RaggedTensor",
        ),
    ],
)
def test_signatures_that_cannot_be_served_are_one_line(
    tmp_path: pathlib.Path, signatures: Any, message: str
) -> None:
    with pytest.raises(LotteryError, match=message) as caught:
        saved_model.export_saved_model(model(), tmp_path / "m", signatures=signatures)
    assert "\n" not in str(caught.value)
    assert exported(tmp_path) == []


@pytest.mark.slow
def test_numbers_that_a_signature_returns_are_served(tmp_path: pathlib.Path) -> None:
    def constants(net: keras.Model, inputs: dict[str, Any]) -> Any:
        return [best(net, inputs), np.float32(1.5)]

    stage = saved_model.staged_saved_model(
        model(), tmp_path / "m", signatures={"s": constants}
    )
    with stage as staged_:
        outputs = staged_.written.cases[1].outputs
    assert outputs["output_0"].tolist() == [2] * 8
    assert outputs["output_1"] == 1.5
    assert isinstance(staged_, staging.Staged)
