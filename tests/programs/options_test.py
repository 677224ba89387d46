"""What the flags mean: the paper's settings where nothing is given, and refusals."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from lth_keras.papers import datasets, networks
from lth_keras.papers import settings as paper
from lth_keras.programs import options, where
from lth_keras.programs.command_line import FlagError
from tests.support.places import ROOT


def read(*arguments: str) -> options.Options:
    return options.read(["lottery_search.py", *arguments], "About.")


def refusal(*arguments: str) -> str:
    with pytest.raises(FlagError) as caught:
        read(*arguments)
    return str(caught.value)


def rates(*arguments: str) -> tuple[float, float, float]:
    """Of convolutions, hidden dense layers and the output layer."""
    found = read(*arguments)
    return found.conv_rate, found.dense_rate, found.output_rate


def test_levels_end_early_as_the_flag_says():
    assert read().stop == "none"
    text = "mask_converged:threshold=0.02:window=3:of=pruned"
    assert read(f"--stop={text}").stop == text
    assert "use none, or mask_converged, with" in refusal("--stop=early")
    assert "use none, or mask_converged" in refusal("--stop=mask_converged:window=0")
    assert "--stop is for --method=imp" in refusal(
        "--method=edge_popup", "--stop=mask_converged"
    )
    kept = ("--levels=3", "--train_levels=2", "--search_iterations=5")
    assert "--train_levels=2 trains levels to their end, and" in refusal(
        "--iterations=9", *kept, "--stop=mask_converged"
    )


def test_the_demo_is_the_default_with_few_digits_to_train_on():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (given,) = re.findall(r"^DEMO := (.*)$", makefile, re.MULTILINE)
    demo = read(*given.split())
    changes = {
        name: value
        for name, value in vars(demo).items()
        if value != getattr(read(), name)
    }
    assert changes == {
        "validation_size": 1_138,
        "iterations": 1_200,
        "evaluate_every": 25,
        "levels": 12,
    }


def test_the_default_is_lenet_on_the_digits():
    assert read() == options.Options(
        dataset="digits",
        data_dir=None,
        validation_size=None,
        data="memory",
        image_size=None,
        model="lenet",
        hidden=(300, 100),
        width=1.0,
        dropout=0.0,
        iterations=2000,
        batch_size=60,
        augment="none",
        optimizer="adam",
        learning_rate=0.0012,
        momentum=0.0,
        warmup=0,
        lr_drops=(),
        weight_decay=0.0,
        jit="auto",
        levels=18,
        rate=None,
        conv_rate=0.0,
        dense_rate=0.2,
        output_rate=0.1,
        scope="layer",
        criterion="magnitude",
        granularity="weight",
        where="each",
        layer_rates=(),
        first="train",
        stop="none",
        lr_decay="none",
        keras="tf_keras",
        method="imp",
        rewind_to="0it",
        rewind="weights",
        recipe="full",
        search_iterations=None,
        train_levels=(),
        budget="none",
        trials=1,
        controls=("random_reinit",),
        replicates=1,
        evaluate_every=100,
        monitor_metric="accuracy",
        seed=0,
        workers=0,
        strategy="none",
        devices=None,
        keep_trained="all",
        export="off",
        output_dir="runs/digits_lenet",
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("lenet", (18, 50_000, 60, "adam", 1.2e-3, "layer", 0.0, "none")),
        ("conv2", (18, 20_000, 60, "adam", 2e-4, "layer", 0.0, "none")),
        ("conv4", (22, 25_000, 60, "adam", 3e-4, "layer", 0.0, "none")),
        ("conv6", (22, 30_000, 60, "adam", 3e-4, "layer", 0.0, "none")),
        ("resnet18", (12, 30_000, 128, "momentum", 0.1, "global", 1e-4, "crop_flip")),
        ("vgg19", (20, 112_480, 64, "momentum", 0.1, "global", 1e-4, "crop_flip")),
    ],
)
def test_beyond_digits_the_papers_table_holds(model, expected):
    found = read("--dataset=cifar10", f"--model={model}")
    assert (
        found.levels,
        found.iterations,
        found.batch_size,
        found.optimizer,
        found.learning_rate,
        found.scope,
        found.weight_decay,
        found.augment,
    ) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("lenet", (0, 0.2, 0.1)),
        ("conv2", (0.1, 0.2, 0.1)),
        ("conv4", (0.1, 0.2, 0.1)),
        ("conv6", (0.15, 0.2, 0.1)),
        ("resnet20", (0.2, 0, 0)),
        ("vgg16", (0.2, 0, 0)),
    ],
)
def test_each_kind_of_layer_has_the_papers_rate(model, expected):
    assert rates(f"--model={model}") == expected


def test_one_rate_is_for_all_kinds_that_the_paper_prunes_and_half_for_the_output():
    assert rates("--rate=0.5") == (0, 0.5, 0.25)
    assert rates("--model=conv6", "--rate=0.5") == (0.5, 0.5, 0.25)
    assert rates("--model=vgg16", "--rate=0.5") == (0.5, 0, 0)
    assert rates("--model=conv6", "--rate=0.5", "--output_rate=0.5") == (0.5, 0.5, 0.5)


def test_a_kind_can_have_a_rate_of_its_own_or_be_left_whole():
    assert rates("--model=conv2", "--conv_rate=0") == (0, 0.2, 0.1)
    assert rates("--dense_rate=0.3", "--output_rate=0") == (0, 0.3, 0)
    assert rates("--model=resnet20", "--output_rate=0.2") == (0.2, 0, 0.2)


def test_global_scope_has_one_rate():
    assert rates("--scope=global") == (0, 0.2, 0.2)
    assert rates("--scope=global", "--rate=0.3") == (0, 0.3, 0.3)
    assert rates("--scope=global", "--dense_rate=0.3") == (0, 0.3, 0.3)
    given = ("--model=conv2", "--scope=global")
    assert rates(*given) == (0.2, 0.2, 0.2)
    assert rates(*given, "--conv_rate=0.1", "--output_rate=0") == (0.1, 0.1, 0)


@pytest.mark.parametrize(
    "given",
    [
        ("--conv_rate=0.1", "--dense_rate=0.2"),
        ("--rate=0.1", "--output_rate=0.2"),
    ],
)
def test_global_scope_refuses_different_rates(given):
    line = refusal("--model=conv2", "--scope=global", *given)
    assert line.startswith("--scope=global ranks all weights together at one rate, not")
    assert "0.1, 0.2" in line


def test_a_network_without_a_pruned_layer_is_refused():
    line = refusal("--dense_rate=0", "--output_rate=0")
    assert "are all 0, and nothing would be pruned" in line


@pytest.mark.parametrize(
    ("model", "flag", "layers"),
    [
        ("lenet", "--conv_rate=0.1", "convolutions"),
        ("lenet", "--width=2", "convolutions"),
        ("vgg16", "--dense_rate=0.1", "hidden dense layers"),
        ("resnet20", "--dropout=0.5", "hidden dense layers"),
    ],
)
def test_what_is_for_layers_that_a_network_lacks_is_refused(model, flag, layers):
    assert refusal(f"--model={model}", flag) == (
        f"{flag} is for {layers}, and {model} has none: leave it out"
    )


def test_hidden_layers_are_for_lenet():
    assert read("--hidden=40, 20,10").hidden == (40, 20, 10)
    assert read("--model=conv2", "--hidden=300,100").hidden == (300, 100)
    line = refusal("--model=conv2", "--hidden=7")
    assert line == "--hidden=7 is for lenet, not conv2: leave it out"


def test_momentum_is_for_the_optimizer_of_that_name():
    assert read("--optimizer=momentum").momentum == 0.9
    assert read("--optimizer=momentum", "--momentum=0.5").momentum == 0.5
    assert read("--optimizer=sgd", "--momentum=0").momentum == 0
    line = refusal("--optimizer=sgd", "--momentum=0.5")
    assert line.startswith("--momentum=0.5 goes with --optimizer=momentum, not sgd")


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("none", ()),
        ("2/3,5/6", (2 / 3, 5 / 6)),
        ("0.5, 0.75", (0.5, 0.75)),
        ("1/2", (0.5,)),
    ],
)
def test_learning_rate_drops_are_shares_of_the_iterations(text, shares):
    assert read(f"--lr_drops={text}").lr_drops == shares


def test_the_learning_rate_drops_where_the_papers_did():
    assert read("--model=resnet20").lr_drops == (20 / 30, 25 / 30)
    assert read("--model=vgg19").lr_drops == (80 / 160, 120 / 160)
    assert read("--model=vgg19", "--lr_drops=none").lr_drops == ()


@pytest.mark.parametrize(
    ("dataset", "model", "expected"),
    [
        ("cifar10", "resnet20", "crop_flip"),
        ("cifar10:3.0.2", "vgg16", "crop_flip"),
        ("cifar10", "conv6", "none"),
        ("digits", "resnet20", "none"),
        ("mnist:3.0.1", "resnet20", "none"),
        ("fashion_mnist", "vgg16", "none"),
    ],
)
def test_colour_images_of_deep_networks_are_augmented(dataset, model, expected):
    flags = f"--dataset={dataset}", f"--model={model}"
    assert read(*flags).augment == expected
    assert read(*flags, "--augment=auto").augment == expected
    assert read(*flags, "--augment=none").augment == "none"
    assert read(*flags, "--augment=crop_flip").augment == "crop_flip"


def test_what_is_given_stands():
    found = read(
        "--dataset=mnist",
        "--iterations=7",
        "--batch_size=8",
        "--learning_rate=0.5",
        "--scope=global",
        "--output_dir=there",
    )
    assert (found.iterations, found.batch_size, found.learning_rate) == (7, 8, 0.5)
    assert (found.scope, found.output_dir) == ("global", "there")


def test_another_optimizer_than_the_papers_has_a_learning_rate_of_its_own():
    assert read("--optimizer=adam").learning_rate == 0.0012
    assert read("--optimizer=sgd").learning_rate == 0.1
    assert read("--optimizer=momentum").learning_rate == 0.01
    assert read("--optimizer=sgd", "--learning_rate=0.8").learning_rate == 0.8


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", ()),
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ("b,a,b", ("b", "a")),
        (
            "noise:sigma=0.5,one_shot+random_reinit",
            ("noise:sigma=0.5", "one_shot+random_reinit"),
        ),
    ],
)
def test_controls_are_a_list_with_commas_or_none(text, names):
    assert read(f"--controls={text}").controls == names


def test_a_data_set_with_a_configuration_names_one_directory():
    assert read("--dataset=a/b").output_dir == "runs/a_b_lenet"


def test_every_network_of_the_library_has_its_settings():
    assert tuple(paper.PAPER) == networks.names()


def test_every_augmentation_of_the_library_can_be_asked_for():
    for name in datasets.AUGMENTATIONS:
        assert read(f"--augment={name}").augment == name


def test_every_flag_that_a_result_may_depend_on_is_an_option():
    names = set(options.define()) - {"flagfile", *where.NAMES}
    assert names == set(vars(read()))


def test_flags_are_read_without_tensorflow():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from lth_keras.programs import export_ticket, lottery_search, options\n"
        "from lth_keras.programs import export_flags, plot_flags, plot_results\n"
        "from lth_keras.programs import cost_flags, run_controls\n"
        "options.read(['program', '--criterion=movement'], '')\n"
        "export_flags.read(['program', 'RUN_DIR'], '')\n"
        "plot_flags.read(['program', 'RUN_DIR'], '')\n"
        "run_controls.define()\n"
        "cost_flags.read(['program'], '')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_what_is_of_tf_keras_alone_is_refused_with_keras_3():
    with pytest.raises(FlagError, match="--keras="):
        read("--keras=keras3", "--method=edge_popup")
