"""Flagfiles of other methods than rounds of pruning say what their pages say."""

from __future__ import annotations

from typing import Any

import pytest

from lth_keras.programs import options
from tests.support.places import ROOT

FLAGS = ROOT / "examples" / "flags"
# Of other methods than rounds of pruning, which have no settings of those.
METHODS: dict[str, dict[str, Any]] = {
    "lenet_edge_popup": {
        "dataset": "mnist",
        "model": "lenet",
        "method": "edge_popup:keep=0.5:weights=signed_constant",
        "iterations": 2_000,
        "optimizer": "momentum",
        "learning_rate": 0.1,
        "lr_decay": "cosine",
        "weight_decay": 0.0001,
    },
    "lenet_learned_mask": {
        "dataset": "mnist",
        "model": "lenet",
        "method": "supermask:weights=signed_constant",
        "iterations": 10_000,
        "optimizer": "momentum",
        "learning_rate": 100.0,
    },
    "lenet_dsd": {
        "dataset": "fashion_mnist",
        "model": "lenet",
        "method": "dsd:rates=0.5:dense_rate=0.1",
        "iterations": 2_000,
        "optimizer": "adam",
        "learning_rate": 0.0012,
    },
}
METHODS["conv2_edge_popup"] = METHODS["lenet_edge_popup"] | {
    "dataset": "cifar10",
    "model": "conv2",
    "iterations": 4_000,
}
METHODS["conv4_edge_popup"] = METHODS["conv2_edge_popup"] | {"model": "conv4"}
METHODS["lenet_rigl"] = METHODS["lenet_dsd"] | {
    "dataset": "mnist",
    "method": "rigl:density=0.07:drop=0.3:every=100:end=1500",
}
METHODS["lenet_iht"] = METHODS["lenet_dsd"] | {
    "method": "iht:rates=0.8:rounds=4",
    "iterations": 500,
}


@pytest.mark.parametrize("name", METHODS)
def test_a_flagfile_of_a_method_says_what_its_page_says(name):
    found = vars(
        options.read(["lottery_search.py", f"--flagfile={FLAGS / name}.flags"], "")
    )
    wanted = METHODS[name] | {"trials": 3, "output_dir": f"runs/{name}"}
    assert {key: found[key] for key in wanted} == wanted
    text = (FLAGS / f"{name}.flags").read_text()
    assert text.startswith("#") and "(arXiv" in text.replace("of arXiv", "(arXiv")
    assert f"--flagfile=examples/flags/{name}.flags" in text
