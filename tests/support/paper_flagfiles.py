"""What the papers' flagfiles say, written out once more beside them."""

from __future__ import annotations

from typing import Any

from tests.support import short_runs
from tests.support.places import ROOT

FLAGS = ROOT / "examples" / "flags"

# From arXiv 1803.03635v5, figure 2 and appendices, written out once more here.
ALL: dict[str, Any] = {
    "keras": "tf_keras",
    "data_dir": None,
    "validation_size": None,
    "hidden": (300, 100),
    "width": 1.0,
    "dropout": 0.0,
    "augment": "none",
    "optimizer": "adam",
    "momentum": 0.0,
    "warmup": 0,
    "lr_drops": (),
    "weight_decay": 0.0,
    "jit": "auto",
    "rate": None,
    "conv_rate": 0.0,
    "dense_rate": 0.2,
    "output_rate": 0.1,
    "scope": "layer",
    "criterion": "magnitude",
    "granularity": "weight",
    "where": "each",
    "layer_rates": (),
    "first": "train",
    "lr_decay": "none",
    "method": "imp",
    "rewind_to": "0it",
    "rewind": "weights",
    "recipe": "full",
    "search_iterations": None,
    "train_levels": (),
    **dict.fromkeys(("budget", "stop"), "none"),
    "trials": 5,
    "controls": ("random_reinit",),
    "replicates": 3,
    "evaluate_every": 100,
    "monitor_metric": "accuracy",
    "seed": 0,
    "workers": 0,
    **{"data": "memory", "strategy": "none", "keep_trained": "all"},
    **dict.fromkeys(("image_size", "devices")),
}
LENET = ALL | {
    "dataset": "mnist",
    "model": "lenet",
    "levels": 18,
    "iterations": 50_000,
    "batch_size": 60,
    "learning_rate": 0.0012,
}
CONV = ALL | {"dataset": "cifar10", "batch_size": 60}
CONV2 = CONV | {
    "model": "conv2",
    "levels": 18,
    "iterations": 20_000,
    "learning_rate": 0.0002,
    "conv_rate": 0.1,
}
CONV4 = CONV2 | {
    "model": "conv4",
    "levels": 22,
    "iterations": 25_000,
    "learning_rate": 0.0003,
}
CONV6 = CONV4 | {"model": "conv6", "iterations": 30_000, "conv_rate": 0.15}
RESNET = ALL | {
    "dataset": "cifar10",
    "model": "resnet18",
    "augment": "crop_flip",
    "levels": 12,
    "iterations": 30_000,
    "batch_size": 128,
    "optimizer": "momentum",
    "momentum": 0.9,
    "learning_rate": 0.1,
    "lr_drops": (20 / 30, 25 / 30),
    "weight_decay": 0.0001,
    "conv_rate": 0.2,
    "dense_rate": 0.0,
    "output_rate": 0.0,
    "scope": "global",
}
VGG = RESNET | {
    "model": "vgg19",
    "levels": 20,
    "iterations": 112_480,
    "batch_size": 64,
    "lr_drops": (80 / 160, 120 / 160),
}
# From arXiv 1912.05671v4, table 1.
REWOUND = {"iterations": 63_000, "batch_size": 128, "lr_drops": (32 / 63, 48 / 63)}

# From arXiv 1608.08710, section 4 and table 1; the training from 1810.05270, section 6.
FILTERS = VGG | {
    "model": "vgg16_dense",
    "levels": 1,
    "granularity": "filter",
    "layer_rates": ("conv(1|8|9|10|11|12|13)$=0.5",),
    "conv_rate": 0.0,
    "scope": "layer",
    "trials": 3,
    "controls": ("fine_tune", "random_reinit", "random_mask"),
    "replicates": 1,
}
BLOCKS = FILTERS | {"model": "resnet56", "where": "first", "conv_rate": 0.12}
EXPECTED: dict[str, dict[str, Any]] = {
    "lenet": LENET,
    "lenet_oneshot": LENET | {"controls": ("one_shot", "one_shot+random_reinit")},
    "lenet_sgd": LENET | {"optimizer": "sgd", "learning_rate": 0.8},
    **{"conv2": CONV2, "conv4": CONV4, "conv6": CONV6},
    "conv2_dropout": CONV2
    | {"dropout": 0.5, "iterations": 60_000, "learning_rate": 0.0003},
    "conv4_dropout": CONV4
    | {"dropout": 0.5, "iterations": 75_000, "learning_rate": 0.0002},
    "conv6_dropout": CONV6
    | {"dropout": 0.5, "iterations": 90_000, "learning_rate": 0.0002},
    "resnet18": RESNET,
    "resnet18_lr001": RESNET | {"learning_rate": 0.01},
    "resnet18_warmup": RESNET | {"learning_rate": 0.03, "warmup": 20_000},
    **{"vgg19": VGG, "vgg19_lr001": VGG | {"learning_rate": 0.01}},
    "vgg19_warmup": VGG | {"warmup": 10_000},
    "resnet20_rewind": RESNET | REWOUND | {"model": "resnet20", "rewind_to": "500it"},
    "vgg16_rewind": VGG | REWOUND | {"model": "vgg16", "rewind_to": "1000it"},
    "vgg16_filters_a": FILTERS,
    "resnet56_filters_a": BLOCKS
    | {
        "layer_rates": (
            "stage(1_block8|2_block1|3_block1|3_block9)_conv1$=0",
            "stage3.*conv1$=0.11",
        )
    },
    "resnet56_filters_b": BLOCKS
    | {
        "conv_rate": 0.11,
        "layer_rates": (
            "stage(1_block8|1_block9|2_block1|2_block8|3_block1|3_block9)_conv1$=0",
            "stage1.*conv1$=0.6",
            "stage2.*conv1$=0.3",
        ),
    },
    "resnet110_filters_a": BLOCKS
    | {
        "model": "resnet110",
        "conv_rate": 0.0,
        "layer_rates": ("stage1_block18_conv1$=0", "stage1.*conv1$=0.5"),
    },
    "resnet110_filters_b": BLOCKS
    | {
        "model": "resnet110",
        "conv_rate": 0.31,
        "layer_rates": (
            "stage(1_block18|2_block1|3_block1)_conv1$=0",
            "stage1.*conv1$=0.5",
            "stage2.*conv1$=0.4",
        ),
    },
}
EXPECTED["resnet50_imagenet"] = RESNET | short_runs.IMAGENET
EXPECTED |= short_runs.expected(LENET)


def flagfile(name: str) -> str:
    """The argument that names a flagfile of the papers."""
    return f"--flagfile={FLAGS / name}.flags"
