"""The network of a search: rates, optimizer and initial weights from the flags."""

from __future__ import annotations

import re

import numpy as np
import pytest

import networks
import settings
from lth_keras import models
from lth_keras.weights import pruned_weights_of


def options(*arguments: str) -> settings.Options:
    return settings.read(["lottery_search.py", *arguments], "")


def rates(*flags: str) -> dict[str, float]:
    """The rate of each weight that is pruned, by the name of its layer."""
    given = options("--dataset=cifar10", *flags)
    model = networks.wrapped_model(given, (8, 8, 1), 4, seed=0)
    return {w.path.split("/")[0]: w.wrapper.rate for w in pruned_weights_of(model)}


def test_lenet_is_pruned_as_in_the_paper_or_at_the_rate_given():
    assert rates() == {"dense1": 0.2, "dense2": 0.2, "output": 0.1}
    assert rates("--rate=0.5") == {"dense1": 0.5, "dense2": 0.5, "output": 0.25}
    assert set(rates("--scope=global").values()) == {0.2}


@pytest.mark.parametrize(("model", "rate"), [("conv2", 0.1), ("conv6", 0.15)])
def test_convolutions_have_rates_of_their_own(model, rate):
    found = rates(f"--model={model}")
    assert {found.pop(f"conv{n}") for n in range(1, 1 + int(model[-1]))} == {rate}
    assert found == {"dense1": 0.2, "dense2": 0.2, "output": 0.1}
    assert rates(f"--model={model}", "--rate=0.5")["conv1"] == 0.5


def test_resnet_keeps_its_output_and_downsampling_layers_dense():
    found = rates("--model=resnet20")
    assert len(found) == 19
    assert not [name for name in found if "downsample" in name or name == "output"]
    assert set(found.values()) == {0.2}


def test_the_paper_prunes_every_vgg_convolution_and_nothing_else():
    paper = settings.PAPER["vgg19"]
    network = models.build("vgg19", (16, 16, 1), 2)
    kernels = [w.name.split("/")[0] for w in network.weights if "kernel" in w.name]
    (pattern,) = paper.rates
    assert [k for k in kernels if not re.search(pattern, k)] == ["output"]


def test_weights_follow_the_seed():
    def first(seed: int) -> np.ndarray:
        model = networks.wrapped_model(options(), (2, 2, 1), 2, seed)
        return model.get_weights()[0]

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_resnets_learning_rate_falls_at_the_papers_shares_of_the_iterations():
    schedule = networks.learning_rate(options("--model=resnet20", "--iterations=30"))
    found = [float(schedule(step)) for step in (0, 19, 20, 24, 25, 29)]
    assert np.allclose(found, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_vggs_learning_rate_falls_after_a_half_and_three_quarters():
    given = options("--model=vgg19", "--iterations=8", "--learning_rate=1")
    schedule = networks.learning_rate(given)
    found = [float(schedule(step)) for step in range(8)]
    assert np.allclose(found, [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_lenets_learning_rate_stays():
    assert networks.learning_rate(options()) == 0.0012


@pytest.mark.parametrize(
    ("name", "momentum"), [("sgd", 0.0), ("momentum", 0.9)], ids=["sgd", "momentum"]
)
def test_optimizers_are_those_named(name, momentum):
    assert networks.optimizer(options(f"--optimizer={name}")).momentum == momentum


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
    assert networks.stride(every, rewind, limit) == expected
