"""The flagfiles: each says what its paper says, and runs on data of the right shape."""

from __future__ import annotations

import pathlib
import shlex
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.controls import syntax
from lth_keras.programs import building, command_line, lottery_search, options
from lth_keras.storage import files
from tests.programs.method_flagfiles_test import METHODS
from tests.support import short_runs
from tests.support.places import ROOT
from tests.support.tiny_tfds import offline, prepare

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
# What they found is in docs/methods/: signs.md, freezing.md, untrained.md,
# at_initialisation.md.
EXPECTED |= short_runs.expected(LENET)

# Two iterations and two levels; the rest of the paper's settings stay.
TINY = (
    "--iterations=2",
    "--levels=2",
    "--trials=1",
    "--replicates=1",
    "--evaluate_every=1",
    "--batch_size=4",
    "--jit=off",
)


def flagfile(name: str) -> str:
    return f"--flagfile={FLAGS / name}.flags"


def test_there_is_a_row_here_for_every_flagfile():
    assert {path.name for path in FLAGS.iterdir()} == {
        f"{n}.flags" for n in (*EXPECTED, *METHODS)
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_says_what_the_paper_says(name):
    found = options.read(["lottery_search.py", flagfile(name)], "")
    expected = EXPECTED[name] | {"export": "off", "output_dir": f"runs/{name}"}
    assert found == options.Options(**expected)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_setting_of_the_paper_is_written_out(name):
    lines = (FLAGS / f"{name}.flags").read_text().splitlines()
    given = {line.split("=")[0].strip("-") for line in lines if line.startswith("--")}
    # What the paper has nothing to say about, or the network no layers for.
    apart = {"keras", "data_dir", "width", "rate", "jit", "seed", "workers", "export"}
    given -= {"criterion", "first"}
    apart |= {"criterion", "first", "monitor_metric", "validation_size"}
    apart |= {"lr_decay", "method", "rewind", "budget", "stop"}
    apart |= {"recipe", "search_iterations", "train_levels"}
    apart |= {"strategy", "devices", "keep_trained", "criterion", "monitor_metric"}
    apart |= set() if EXPECTED[name]["image_size"] else {"data", "image_size"}
    if EXPECTED[name]["granularity"] == "weight":
        apart |= {"granularity", "where", "layer_rates"}
    if EXPECTED[name]["optimizer"] != "momentum":
        apart |= {"momentum"}
    if name.startswith("lenet"):
        apart |= {"conv_rate"}
    else:
        apart |= {"hidden"}
    if EXPECTED[name]["dense_rate"] == 0:
        apart |= {"dense_rate", "dropout"}
    assert given == set(vars(options.read(["program"], ""))) - apart


@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_begins_with_its_figure_and_its_command_lines(name):
    text = (FLAGS / f"{name}.flags").read_text()
    comment = text[: text.index("\n\n")].replace("\\\n#", "")
    assert all(line.startswith("#") for line in comment.splitlines())
    words = " ".join(comment.replace("#", "").split())
    papers = (
        *("1803.03635v5", "1912.05671v4", "1608.08710"),
        *("1905.01067", "2009.08576", "1810.02340", "2003.02389"),
    )
    assert any(f"arXiv {paper}" in words for paper in papers)
    assert "figure" in words or "section" in words or "appendix" in words
    (search,) = [line for line in comment.splitlines() if "lottery_search.py" in line]
    _, python, program, file, _ = shlex.split(search, comments=False)
    assert (python, ROOT / program) == ("python", ROOT / "examples/lottery_search.py")
    assert file == f"--flagfile=examples/flags/{name}.flags"
    assert f"python examples/plot_results.py runs/{name}" in comment


def test_a_flagfile_is_found_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = options.read(["lottery_search.py", "--flagfile=conv2"], "")
    assert found == options.read(["lottery_search.py", flagfile("conv2")], "")
    assert found == options.read(["lottery_search.py", "--flagfile", "conv2"], "")
    # A file of that name is somebody's own.
    (tmp_path / "conv2").write_text("--levels=1")
    assert options.read(["lottery_search.py", "--flagfile=conv2"], "").levels == 1
    with pytest.raises(command_line.FlagError, match="conv3"):
        options.read(["lottery_search.py", "--flagfile=conv3"], "")


def test_flags_after_the_flagfile_win():
    argv = ["lottery_search.py", flagfile("lenet"), "--levels=3", "--output_dir=x"]
    found = options.read(argv, "")
    assert (found.levels, found.output_dir, found.trials) == (3, "x", 5)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> pathlib.Path:
    """MNIST, CIFAR-10 and ImageNet of 32 random images each, as TFDS stores them."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as monkeypatch:
        tfds = offline(monkeypatch)
        sizes = {"train": 24, "test": 8}
        prepare(tfds, folder, "mnist", (28, 28, 1), sizes, "3.0.1")
        prepare(tfds, folder, "cifar10", (32, 32, 3), sizes, "3.0.2")
        sizes = {"train": 24, "validation": 8}
        prepare(tfds, folder, "imagenet2012", (64, 64, 3), sizes, "5.1.0", 1000)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_runs(name, data_dir, tmp_path, monkeypatch):
    offline(monkeypatch)
    flags = [*TINY, f"--data_dir={data_dir}", f"--output_dir={tmp_path / 'run'}"]
    if EXPECTED[name]["model"].startswith("vgg"):
        # 20 million weights would take most of the time to store.
        flags.append("--width=0.25")
    if EXPECTED[name]["image_size"]:
        flags += ["--image_size=64", "--width=0.25"]
    if EXPECTED[name]["rewind_to"] != "0it":
        flags.append("--rewind_to=1it")
    # A second round at its rate leaves a layer without a weight.
    last = 1 if name == "lenet_init" else 2
    flags.append(f"--levels={last}")
    argv = ["lottery_search.py", flagfile(name), *flags]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    found = files.read_jsonl(tmp_path / "run" / "results.jsonl")
    controls = [syntax.parse(n).name for n in EXPECTED[name]["controls"]]
    first = int(EXPECTED[name]["first"] == "train")
    expected = [(level, c) for c in controls for level in range(first, last + 1)]
    searched, others = found[: last + 1], found[last + 1 :]
    assert [(row["level"], row["control"]) for row in searched] == [
        (level, "ticket") for level in range(last + 1)
    ]
    others = [(row["level"], row["control"]) for row in others]
    assert sorted(others) == sorted(expected)
    assert {row["iterations"] for row in found} == {2}
    densities = [row["density"] for row in searched]
    assert densities == sorted(set(densities), reverse=True)
    if name not in ("lenet_signs", "lenet_supermask", "lenet_init", "lenet_snip"):
        assert densities[0] == 1 > densities[1]
        # Half the filters of a layer in each of two rounds, at most.
        low = 0.6 if EXPECTED[name]["granularity"] == "weight" else 0.2
        assert densities[2] > low
    assert all(row["density"] == densities[row["level"]] for row in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "operations", "parameters"),
    [
        # Percent saved, from table 1 of arXiv 1608.08710.
        ("vgg16_filters_a", 34.2, 64.0),
        ("resnet56_filters_a", 10.4, 9.4),
        ("resnet56_filters_b", 27.6, 13.7),
        ("resnet110_filters_a", 15.9, 2.3),
        ("resnet110_filters_b", 38.6, 32.4),
    ],
)
def test_filters_save_what_the_papers_table_says(name, operations, parameters):
    given = options.read(["lottery_search.py", flagfile(name)], "")
    model = building.wrapped_model(given, (32, 32, 3), 10, seed=0)
    lth.prune(model)
    found = lth.compaction(model)
    saved = [
        round(100 * (1 - after / before), 1)
        for before, after in (found.multiply_adds, found.parameters)
    ]
    # The paper counts kernels alone.
    assert saved == pytest.approx([operations, parameters], abs=0.11)
