"""The network of a search: rates, optimizer and initial weights from the flags."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lth_keras.masking.network import Network
from lth_keras.masking.weights import weights_of
from lth_keras.programs import building
from lth_keras.programs import options as settings


def options(*arguments: str) -> settings.Options:
    return settings.read(["lottery_search.py", *arguments], "")


def rates(*flags: str) -> dict[str, float]:
    """The rate of each weight that is pruned, by the name of its layer."""
    given = options("--dataset=cifar10", *flags)
    model = building.wrapped_model(given, (8, 8, 1), 4, seed=0)
    return {w.path.split("/")[0]: w.wrapper.rate for w in Network.of(model).pruned}


def test_lenet_is_pruned_as_in_the_paper_or_at_the_rate_given():
    assert rates() == {"dense1": 0.2, "dense2": 0.2, "output": 0.1}
    assert rates("--rate=0.5") == {"dense1": 0.5, "dense2": 0.5, "output": 0.25}
    assert set(rates("--scope=global").values()) == {0.2}


def test_layers_at_rate_zero_are_not_pruned():
    assert rates("--output_rate=0") == {"dense1": 0.2, "dense2": 0.2}
    assert rates("--hidden=8", "--dense_rate=0.3") == {"dense1": 0.3, "output": 0.1}
    found = rates("--model=conv2", "--conv_rate=0", "--dense_rate=0")
    assert found == {"output": 0.1}


@pytest.mark.parametrize(
    ("model", "rate"),
    [("conv2", 0.1), pytest.param("conv6", 0.15, marks=pytest.mark.slow)],
)
def test_convolutions_have_rates_of_their_own(model, rate):
    found = rates(f"--model={model}")
    assert {found.pop(f"conv{n}") for n in range(1, 1 + int(model[-1]))} == {rate}
    assert found == {"dense1": 0.2, "dense2": 0.2, "output": 0.1}
    assert rates(f"--model={model}", "--rate=0.5")["conv1"] == 0.5


@pytest.mark.slow
def test_resnet_keeps_its_output_and_downsampling_layers_dense():
    found = rates("--model=resnet20")
    assert len(found) == 19
    assert not [name for name in found if "downsample" in name or name == "output"]
    assert set(found.values()) == {0.2}


@pytest.mark.slow
def test_vgg_is_pruned_in_its_convolutions_alone():
    given = options("--dataset=cifar10", "--model=vgg16", "--width=0.05")
    model = building.wrapped_model(given, (16, 16, 1), 2, seed=0)
    found = {w.path.split("/")[0]: w.wrapper.rate for w in Network.of(model).pruned}
    assert found == {f"conv{n}": 0.2 for n in range(1, 14)}


@pytest.mark.slow
def test_the_network_is_built_as_the_flags_say():
    given = options("--hidden=6,5,4", "--dropout=0.25", "--weight_decay=0.5")
    model = building.wrapped_model(given, (2, 2, 1), 2, seed=0)
    layers = {layer.name: layer for layer in model.layers}
    assert [layers[f"dense{n}"].layer.units for n in (1, 2, 3)] == [6, 5, 4]
    assert layers["dropout3"].rate == 0.25
    kernels = [w.read() for w in weights_of(model) if w.mask is not None]
    expected = 0.25 * sum(np.sum(kernel**2) for kernel in kernels)
    assert sum(map(float, model.losses)) == pytest.approx(expected, rel=1e-5)
    given = options("--model=resnet20", "--width=0.5")
    model = building.wrapped_model(given, (8, 8, 1), 2, seed=0)
    assert model.get_layer("stage3_block1_conv1").layer.filters == 32


def test_the_criterion_is_the_one_given():
    for flags, name in (((), "magnitude"), (("--criterion=movement",), "movement")):
        model = building.wrapped_model(options(*flags), (2, 2, 1), 2, seed=0)
        assert Network.of(model).recipe.criterion == name


def test_weights_follow_the_seed():
    def first(seed: int) -> np.ndarray:
        model = building.wrapped_model(options(), (2, 2, 1), 2, seed)
        return model.get_weights()[0]

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_resnets_learning_rate_falls_at_the_papers_shares_of_the_iterations():
    schedule = building.learning_rate(options("--model=resnet20", "--iterations=30"))
    found = [float(schedule(step)) for step in (0, 19, 20, 24, 25, 29)]
    assert np.allclose(found, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_vggs_learning_rate_falls_after_a_half_and_three_quarters():
    given = options("--model=vgg19", "--iterations=8", "--learning_rate=1")
    schedule = building.learning_rate(given)
    found = [float(schedule(step)) for step in range(8)]
    assert np.allclose(found, [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_drops_can_be_chosen_for_any_network():
    given = options("--iterations=8", "--learning_rate=1", "--lr_drops=0.25")
    schedule = building.learning_rate(given)
    found = [float(schedule(step)) for step in range(4)]
    assert np.allclose(found, [1, 1, 0.1, 0.1])


def test_a_warmup_comes_before_the_drops():
    given = options("--model=vgg19", "--iterations=8", "--warmup=4")
    schedule = building.learning_rate(given)
    found = [float(schedule(step)) for step in range(8)]
    assert np.allclose(
        found, [0.025, 0.05, 0.075, 0.1, 0.01, 0.01, 0.001, 0.001], rtol=1e-5
    )
    schedule = building.learning_rate(options("--warmup=4", "--learning_rate=1"))
    assert [float(schedule(step)) for step in (0, 3, 9)] == [0.25, 1, 1]


def test_a_cosine_can_begin_again():
    given = options("--iterations=8", "--learning_rate=1", "--lr_decay=cosine:cycles=2")
    schedule = building.learning_rate(given)
    found = [float(schedule(step)) for step in range(8)]
    once = [(1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]
    assert np.allclose(found, once * 2, atol=1e-6)


def test_what_stored_searches_compare_of_the_learning_rate_stays():
    assert building.learning_rate(options()) == 0.0012
    schedule = building.learning_rate(options("--model=vgg19", "--iterations=8"))
    assert type(schedule).__name__ == "PiecewiseConstantDecay"


@pytest.mark.parametrize(
    ("name", "momentum"), [("sgd", 0.0), ("momentum", 0.9)], ids=["sgd", "momentum"]
)
def test_optimizers_are_those_named(name, momentum):
    assert building.optimizer(options(f"--optimizer={name}")).momentum == momentum


def test_the_momentum_is_the_one_given():
    given = options("--optimizer=momentum", "--momentum=0.5")
    assert building.optimizer(given).momentum == 0.5


@pytest.mark.parametrize(
    ("every", "rewind", "limit", "expected"),
    [
        (100, 0, 100, 100),
        (100, 0, 30, 25),
        (250, 0, 100, 50),
        (100, 30, 100, 10),
        (7, 0, 100, 7),
        (101, 0, 100, 1),
        (1000, 0, 100, 100),
    ],
)
def test_no_execution_passes_over_an_evaluation_or_the_rewind_point(
    every, rewind, limit, expected
):
    assert building.stride(every, [rewind], limit) == expected
