"""The papers' networks are the same in either Keras, weight by weight."""

from __future__ import annotations

import pytest

from lth_keras import compat
from lth_keras.masking.network import Network
from lth_keras.papers import networks

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", networks.names())
def test_a_network_has_the_same_weights_in_keras_3(name: str) -> None:
    weights = [
        [
            (w.layer, w.kind, w.name, w.shape)
            for w in Network.of(
                networks.build(name, (32, 32, 3), 10, weight_decay=1e-4, keras=keras)
            ).weights
        ]
        for keras in (compat.keras, compat.keras3())
    ]
    assert weights[0] == weights[1]


def test_dropout_and_widths_are_there_too() -> None:
    made = networks.build(
        "lenet", (8, 8, 1), 10, hidden=(5,), dropout=0.5, keras=compat.keras3()
    )
    kinds = [type(layer).__name__ for layer in made.layers]
    assert kinds == ["InputLayer", "Flatten", "Dense", "Dropout", "Dense"]
