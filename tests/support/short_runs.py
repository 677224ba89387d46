"""What the flagfiles of short runs say: pruned once, as far as by twelve levels."""

from __future__ import annotations

from typing import Any

# Of ResNet-50, which is not short: from arXiv 2003.02389, rewound to epoch 5 of 90.
IMAGENET = {
    **{"dataset": "imagenet2012", "data": "streamed", "image_size": 224},
    **{"model": "resnet50", "augment": "area_flip", "batch_size": 1_024},
    **{"iterations": 90 * 1_246, "warmup": 5 * 1_246, "rewind_to": "5ep"},
    **{"learning_rate": 0.4, "lr_drops": (30 / 90, 60 / 90, 80 / 90)},
    **{"output_rate": 0.2, "trials": 3, "replicates": 1, "evaluate_every": 1_246},
}

SCORES = (
    *("large_final", "magnitude_increase", "large_init_large_final", "movement"),
    *("movement_pruning", "large_init", "small_init_small_final", "small_init"),
    "small_final",
)
SIGNED = [
    f"one_shot:criterion={name}{sign}" for name in SCORES for sign in ("", "_same_sign")
]
INIT = "prune_at_init"
AT_INITS = (
    *(f"{INIT}:criterion={name}" for name in ("snip", "grasp", "synflow")),
    INIT,
)


def expected(lenet: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings by the name of the flagfile.

    Args:
        lenet: those of the paper's LeNet.
    """
    short = lenet | {
        "iterations": 1_000,
        "levels": 1,
        "trials": 3,
        "replicates": 1,
        "evaluate_every": 1_000,
    }
    rates = {"dense_rate": 0.93051, "output_rate": 0.93051}
    at_init = short | rates | {"scope": "global"}
    return {
        "lenet_signs": short
        | {
            "dense_rate": 0.93128,
            "output_rate": 0.71757,
            "controls": (
                *("reshuffle", "constant", "random_reinit:signs=kept"),
                *("reshuffle:signs=random", "constant:signs=random", "random_reinit"),
                *("freeze", "freeze:where=moved_away"),
                # The search itself is large_final.
                *SIGNED[1:10],
                "one_shot:criterion=random",
                *SIGNED[10:],
            ),
        },
        "lenet_supermask": short
        | {
            "iterations": 2_000,
            "dense_rate": 0.67232,
            "output_rate": 0.40951,
            "criterion": "large_final_same_sign",
            "controls": (
                *("constant", "random_mask"),
                *(
                    f"one_shot:criterion=large_final{more}"
                    for more in ("", "+constant")
                ),
            ),
        },
        "lenet_init": at_init
        | {
            "controls": (
                *(
                    f"{name}{more}"
                    for name in AT_INITS
                    for more in ("", "+random_mask", "+random_reinit", ":keep=lowest")
                ),
                "random_mask",
            )
        },
        "lenet_snip": at_init
        | {
            "levels": 0,
            "criterion": "snip",
            "first": "prune",
            "controls": (
                *("random_mask", "random_reinit"),
                f"{INIT}:criterion=snip:keep=lowest",
            ),
        },
    }
