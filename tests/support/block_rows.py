"""How each code block of the documents is run, or why it is not.

A block is found by its page and its first line. A new one needs a row.
"""

from __future__ import annotations

from tests.support.block_kinds import Commands, Elsewhere, NotRun, Python
from tests.support.pages import Block

STREAMED = """
import pytest, tf_keras as keras, lth_keras as lth
from tests.support import tiny_tfds

with pytest.MonkeyPatch.context() as patch:
    tiny_tfds.prepare_in_shards(
        tiny_tfds.offline(patch), "tfds", "many", 40, 1, "tfrecord", True)
given = [keras.layers.Flatten(input_shape=(8, 8, 3)), keras.layers.Dense(5, "softmax")]
model = lth.wrap(keras.Sequential(given))
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
search = lth.LotterySearch(model, levels=1, directory="runs/streamed")
"""

READERS = """
import numpy as np
import tf_keras as keras, lth_keras as lth

def build():
    return keras.Sequential([
        keras.layers.Dense(30, "relu", input_shape=(20,)),
        keras.layers.Dense(10, "softmax"),
    ])

model = build()
rng = np.random.default_rng(0)
x, y = rng.normal(size=(200, 20)).astype("float32"), rng.integers(0, 10, 200)
xv, yv, xt, yt = x[:50], y[:50], x[50:100], y[50:100]
"""
KERAS3 = """
import keras as keras3
mine = keras3.Sequential([
    keras3.Input((20,)),
    keras3.layers.Dense(30, "relu"),
    keras3.layers.Dense(10, "softmax"),
])
mine.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
LOSS = """
loss = "sparse_categorical_crossentropy"
"""
FINISHED = """
wrapped = lth.wrap(model)
wrapped.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
search = lth.LotterySearch(wrapped, levels=7, directory="runs/finished")
search.fit(x, y, verbose=0, validation_data=(xv, yv))
"""
OTHER = """
def build_other():
    return keras.Sequential([
        keras.layers.Dense(30, "relu", input_shape=(20,)),
        keras.layers.Dense(12, "softmax"),
    ])
"""
MAKE_SEARCH = """
def make_search(trial, directory):
    model = lth.wrap(build())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    search = lth.LotterySearch(model, levels=1, directory=directory, trial=trial)
    return search, dict(x=x, y=y, test_data=(xt, yt))
"""
PINNED = "asks a package index, which needs a network"
BAZEL = "needs bazel, which this project does not install"
SEARCH = "python examples/lottery_search.py"
TRACKERS = Elsewhere("tests/search/trackers_test.py")
FLAGFILES = Elsewhere("tests/programs/flagfile_runs_test.py")
DEMO = "makes .venv and takes a minute; .ci/run runs it on a fresh clone"

TABLE: dict[tuple[str, str], Python | Commands | Elsewhere | NotRun] = {
    ("CONTRIBUTING.md", "make test"): NotRun("these are the tests"),
    ("README.md", "make demo"): NotRun(DEMO),
    ("README.md", " " * 32 + "ticket"): NotRun("is what make demo prints"),
    ("README.md", "import lth_keras as lth"): Python(given=READERS + KERAS3),
    ("README.md", 'lth.export_saved_model(model, "served/1")'): Python(),
    ("README.md", "lth-search --flagfile=lenet"): Commands(("--levels=2",)),
    ("docs/analysis.md", "found = lth.analysis.instability"): Python(
        (("alphas=30", "alphas=3"),), given=READERS + FINISHED
    ),
    ("docs/analysis.md", SEARCH): Commands(search=("--levels=1",)),
    ("docs/analysis.md", "lth-search --dataset=mnist"): Commands(
        ("--levels=1",), anew=True
    ),
    ("docs/analysis.md", "lth-search --dataset=cifar10"): Commands(
        search=("--validation_size=10", "--batch_size=10"), anew=True
    ),
    ("docs/analysis.md", "study = lth.analysis.Study"): Python(
        (
            ("levels=[0, 7]", "levels=[0, 1]"),
            ("5it", "1it"),
            ("trials=3", "trials=1"),
            ("workers=2", "workers=0"),
        ),
        given=MAKE_SEARCH,
    ),
    ("docs/analysis.md", "print(lth.analysis.overlap"): Python(),
    ("docs/architecture.md", "flowchart BT"): Elsewhere(
        "tests/house/documents_test.py"
    ),
    ("docs/bazel.md", "bazel query //..."): NotRun(BAZEL),
    ("docs/bazel.md", "make test"): NotRun(BAZEL),
    ("docs/bazel.md", ".venv/bin/python tools/update_build.py"): Elsewhere(
        "tests/tools/build_files_test.py"
    ),
    ("docs/benchmarks.md", "python3 -m venv"): NotRun(PINNED),
    ("docs/benchmarks.md", "python benchmarks/peers/compare.py"): NotRun(
        "makes an environment for each tool, from the package index"
    ),
    ("docs/benchmarks.md", "python benchmarks/peers/checkout"): NotRun(
        "asks for a checkout of another project"
    ),
    ("docs/cheaper_tickets.md", SEARCH): Commands(),
    ("docs/cheaper_tickets.md", f"{SEARCH} --search_iterations"): Commands(
        search=("--search_iterations=2",)
    ),
    ("docs/cheaper_tickets.md", "import tf_keras as keras"): Python(),
    ("docs/cluster.md", "lth-search --flagfile=resnet18"): Elsewhere(
        "tests/programs/strategies_test.py"
    ),
    ("docs/cluster.md", "export TF_CONFIG"): Elsewhere(
        "tests/programs/strategies_test.py"
    ),
    ("docs/cluster.md", "strategy = tf.distribute.Mirrored"): Python(
        given="import tensorflow as tf" + READERS
    ),
    ("docs/controls.md", "lth.controls.run(search"): Python(given=READERS + FINISHED),
    ("docs/controls.md", "lth-search --flagfile=lenet"): Commands(("--levels=3",)),
    ("docs/early_bird.md", "wrapped = lth.wrap(build(), rate=0.2)"): Python(
        (("epochs=10", "epochs=2"),), given=READERS
    ),
    ("docs/early_bird.md", SEARCH): Commands(),
    ("docs/early_bird.md", f"{SEARCH} --dataset=cifar10"): Commands(
        search=("--validation_size=10",)
    ),
    ("docs/cluster.md", "pip install '.[ray]'"): NotRun(
        "several machines; tests/experiments/engines/on_ray_test.py has two nodes"
    ),
    ("docs/cluster.md", "apiVersion: ray.io/v1"): NotRun("a Kubernetes cluster"),
    ("docs/cluster.md", "#!/bin/bash"): Elsewhere("tests/programs/only_trial_test.py"),
    ("docs/cluster.md", 'engine = lth.engines.Ray(address="auto", num'): Elsewhere(
        "tests/experiments/engines/on_ray_test.py"
    ),
    ("docs/experiments.md", SEARCH): Commands(search=("--levels=12",)),
    ("docs/experiments.md", "python examples/run_controls.py RUN_DIR"): Commands(),
    ("docs/experiments.md", "lth-cost"): Elsewhere("tests/programs/cost_test.py"),
    ("docs/experiments.md", "from lth_keras.papers import datasets"): Python(
        instead=(
            (
                '"imagenet2012", data_dir="DIR", size=(224, 224)',
                '"many", data_dir="tfds", size=(8, 8)',
            ),
            ("stream(256,", "stream(4,"),
            ("450_000", "4"),
            ("5000", "2"),
        ),
        given=STREAMED,
    ),
    ("docs/experiments.md", "import dataclasses"): Python(given=READERS + FINISHED),
    ("docs/experiments.md", "def make_search(trial, directory):"): Python(
        (("levels=8", "levels=1"), ("trials=5", "trials=1"))
    ),
    ("docs/guide.md", "import numpy as np"): Python(),
    ("docs/guide.md", "model = lth.wrap(build(), rate=0.2)"): Python(),
    ("docs/guide.md", '@lth.criteria.register("sensitivity"'): Python(),
    ("docs/guide.md", "@keras.utils.register_keras_serializable"): Python(),
    ("docs/guide.md", "search = lth.LotterySearch(model, levels=15"): Python(),
    ("docs/guide.md", 'lth.controls.run(search, "random_reinit"'): Python(),
    ("docs/guide.md", "search = lth.LotterySearch.load"): Python(),
    ("docs/guide.md", "import tensorflow as tf"): Python(),
    ("docs/installing.md", "pip install --no-deps"): NotRun(PINNED),
    ("docs/methods/granularity.md", "model = lth.wrap(build(), rate=0.5"): Python(
        given=READERS
    ),
    ("docs/methods/at_initialisation.md", "wrapped = lth.wrap(model, rate=0.9"): Python(
        given=READERS
    ),
    ("docs/methods/at_initialisation.md", "@lth.criteria.register"): Python(),
    ("docs/methods/at_initialisation.md", SEARCH): FLAGFILES,
    ("docs/methods/dense_sparse_dense.md", "method = lth.methods"): Python(
        given=READERS + LOSS
    ),
    ("docs/methods/edge_popup.md", "method = lth.methods"): Python(
        given=READERS + LOSS
    ),
    ("docs/methods/gradual.md", "method = lth.methods"): Python(given=READERS + LOSS),
    ("docs/methods/hard_thresholding.md", "method = lth.methods"): Python(
        given=READERS + LOSS
    ),
    ("docs/methods/iterative_pruning.md", "model = lth.wrap"): Python(given=READERS),
    ("docs/methods/rigl.md", "method = lth.methods"): Python(given=READERS + LOSS),
    ("docs/methods/sparse_evolution.md", "method = lth.methods"): Python(
        given=READERS + LOSS
    ),
    ("docs/methods/supermask.md", "method = lth.methods"): Python(given=READERS + LOSS),
    ("docs/methods/freezing.md", 'lth.controls.run(search, "freeze"'): Python(
        given=READERS + FINISHED
    ),
    ("docs/methods/freezing.md", SEARCH): FLAGFILES,
    ("docs/methods/signs.md", "wrapped = lth.wrap(model"): Python(
        given=READERS + FINISHED
    ),
    ("docs/methods/signs.md", SEARCH): FLAGFILES,
    ("docs/methods/untrained.md", "found = lth.controls.run(search"): Python(
        given=READERS + FINISHED
    ),
    ("docs/methods/untrained.md", SEARCH): FLAGFILES,
    ("docs/methods/README.md", "method = lth.methods.EdgePopup"): Python(
        given=READERS + LOSS
    ),
    ("docs/methods/README.md", "method = lth.methods.DenseSparseDense"): Python(),
    ("docs/methods/README.md", "search = lth.methods.MethodSearch"): Python(),
    ("docs/methods/README.md", '@lth.methods.register("lucky")'): Python(),
    ("docs/methods/granularity.md", f"{SEARCH} --dataset=cifar10"): NotRun(
        "tests/programs/flagfile_runs_test.py runs jobs of whole filters"
    ),
    ("docs/methods/learned_masks.md", f"{SEARCH} --flagfile="): NotRun(
        "tests/programs/method_runs_test.py runs such jobs, on the digits"
    ),
    ("docs/methods/masks_that_grow.md", f"{SEARCH} --flagfile=lenet_rigl"): NotRun(
        "tests/programs/method_flagfiles_test.py runs the flagfile"
    ),
    ("docs/methods/masks_that_grow.md", f"{SEARCH} --flagfile=lenet_dsd"): NotRun(
        "tests/programs/method_runs_test.py runs such jobs; it asks for Fashion-MNIST"
    ),
    ("docs/methods/rewinding.md", "model = lth.wrap(build()"): Python(given=READERS),
    ("docs/migrating_open_lth.md", "lth-search --dataset=mnist"): Commands(
        ("--output_dir=runs/lenet", "--batch_size=20")
    ),
    ("docs/migrating_open_lth.md", "import numpy as np"): Python(),
    ("docs/migrating_tfmot.md", "import numpy as np"): Python(),
    ("docs/migrating_tfmot.md", "model = lth.wrap(build()"): Python(),
    ("docs/migrating_tfmot.md", "schedule = lth.IterativePruning"): Python(),
    ("docs/models.md", "import keras, lth_keras as lth"): Python(
        (("range(16)", "range(2)"), ("level=15", "level=1")), READERS + KERAS3
    ),
    ("docs/models.md", "fresh = keras.models.clone_model(mine)"): Python(),
    ("docs/models.md", "import lth_keras as lth, keras"): Python(given=READERS),
    ("docs/releasing.md", "docker run"): NotRun("needs a container runtime"),
    ("docs/reproducibility.md", "runs/mnist/"): NotRun("is a list of files"),
    ("docs/results.md", f"{SEARCH} --dataset=mnist"): Commands(),
    ("docs/results.md", f"{SEARCH} --dataset=cifar10"): Commands(
        search=("--iterations=2", "--evaluate_every=1")
    ),
    ("docs/serving.md", ""): Elsewhere("tests/programs/serving_docs_test.py"),
    ("docs/start.md", "import lth_keras as lth, keras"): Python(
        (("epochs=80", "epochs=1"),)
    ),
    ("docs/start.md", " " * 32 + "ticket"): NotRun("is what the block above it prints"),
    ("docs/start.md", "lth.controls.run(search"): Python(),
    ("docs/start.md", "ticket = search.ticket(9)"): Python(),
    ("docs/tutorial_keras3.md", "import lth_keras as lth, keras"): Python(),
    ("docs/tutorial_keras3.md", "def vision_transformer"): Python(),
    ("docs/tutorial_keras3.md", "def make_search"): Python(
        (("levels=6", "levels=1"), ("trials=2", "trials=1"), ("epochs=60", "epochs=1"))
    ),
    ("docs/tutorial_keras3.md", "from lth_keras.runs import tables"): Python(),
    ("docs/tutorial_keras3.md", "mine = vision_transformer"): Python(
        (("restore(6)", "restore(1)"),)
    ),
    ("docs/tutorial_keras3.md", "import collections"): Python(
        (("levels=6", "levels=1"), ("trials=3", "trials=1"), ("epochs=20", "epochs=1"))
        + (("restore(6)", "restore(1)"),)
    ),
    ("docs/showing.md", "import lth_keras as lth"): Python(given=READERS + FINISHED),
    ("docs/showing.md", "found = lth.sensitivity"): Python(
        (("rate=0.1, tolerance=0.5", "rate=0.1, tolerance=5.0"),)
    ),
    ("docs/showing.md", "from sklearn.datasets"): Python(
        (("epochs=20", "epochs=1"), ("tolerance=0.25", "tolerance=5.0"))
    ),
    ("docs/showing.md", "lth-plot runs/lenet --serve"): NotRun(
        "serves until it is stopped; tests/reporting/live_test.py asks such a page"
    ),
    ("docs/showing.md", "lth-plot"): NotRun(
        "tests/programs/plot_results_test.py draws such figures"
    ),
    ("docs/showing.md", "from matplotlib import pyplot"): Python(
        given="import matplotlib\nmatplotlib.use('Agg')\n"
    ),
    ("docs/trackers.md", "import lth_keras as lth, wandb"): TRACKERS,
    ("docs/trackers.md", "import lth_keras as lth, mlflow"): TRACKERS,
    ("docs/trackers.md", "lth.hub.push"): Elsewhere("tests/hub/tickets_test.py"),
    ("docs/transfer.md", "ticket = search.ticket(7)"): Python(
        given=READERS + FINISHED + OTHER
    ),
    ("docs/transfer.md", 'lth.controls.run(search, "transfer'): Python(),
    ("docs/transfer.md", SEARCH): NotRun(
        "tests/programs/run_controls_test.py runs such jobs; it asks for Fashion-MNIST"
    ),
}


def row_of(block: Block) -> Python | Commands | Elsewhere | NotRun:
    """How a block is run: by its page and how it begins, the longest first line."""
    found = [
        (len(first), row)
        for (page, first), row in TABLE.items()
        if page == block.page and block.first.startswith(first)
    ]
    assert found, (
        f"{block.page}: the block that begins with {block.first!r} has no row in TABLE "
        "of tests/support/block_rows.py: say there how it is run, or why it is not"
    )
    return max(found, key=lambda pair: pair[0])[1]
