"""What do figures and pages call networks, data sets and controls?

    network({"model": "lenet", "dataset": "mnist"})  # "LeNet-300-100 on MNIST"
    control("random_reinit")                          # "random reinitialisation"

Names that nothing here knows, as those of a reader's own controls, are shown as they
are, with spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NETWORKS = {
    **{f"conv{n}": f"Conv-{n}" for n in (2, 4, 6)},
    **{f"resnet{n}": f"ResNet-{n}" for n in (18, 20, 34, 50, 56, 110)},
    **{f"vgg{n}": f"VGG-{n}" for n in (11, 13, 16, 19)},
}
_DATA_SETS = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "digits": "the digits",
    "emnist": "EMNIST",
    "fashion_mnist": "Fashion-MNIST",
    "kmnist": "KMNIST",
    "mnist": "MNIST",
    "svhn_cropped": "SVHN",
}
_CONTROLS = {
    "constant": "constant weights",
    "continued": "continued training",
    "fine_tune": "fine-tuning",
    "freeze": "pruned weights frozen",
    "inits": "two initialisations",
    "lr_rewind": "learning-rate rewinding",
    "noise": "noise",
    "one_draw": "one draw of weights",
    "one_shot": "one-shot pruning",
    "prune_at_init": "pruned at initialisation",
    "random_mask": "random mask",
    "random_reinit": "random reinitialisation",
    "reshuffle": "reshuffled weights",
    "ticket": "ticket",
    "transfer": "transferred ticket",
    "weight_rewind": "weight rewinding",
}


def network(flags: Mapping[str, Any]) -> str:
    """The network and its data, from the flags of a search.

    Args:
        flags: "model" and "dataset" among them; of LeNet the hidden layers.
    """
    model = str(flags["model"])
    name = _NETWORKS.get(model, model)
    hidden = flags.get("hidden")
    if model == "lenet":
        units = hidden if isinstance(hidden, (list, tuple)) and hidden else (300, 100)
        name = "-".join(["LeNet", *map(str, units)])
    data = str(flags["dataset"])
    return f"{name} on {_DATA_SETS.get(data, data)}"


def control(label: str) -> str:
    """A control in words, from its label in tables.

    Args:
        label: a name with its parameters: ``noise sigma=0.5``; or several names with
            plus signs between them.
    """
    name, *parameters = label.split(" ")
    names = [_CONTROLS.get(part, part.replace("_", " ")) for part in name.split("+")]
    found = " + ".join(names)
    return f"{found} ({', '.join(parameters)})" if parameters else found


def line(label: str) -> str:
    """A line of a figure in words: a control, or "search, control".

    What is in front of the comma is a name of the reader's, and stays as it is.
    """
    head, comma, last = label.rpartition(", ")
    name = re.split(r"[ +]", last)[0]
    if comma and name in _CONTROLS:
        return f"{head}, {control(last)}"
    return control(label) if re.split(r"[ +]", label)[0] in _CONTROLS else label
