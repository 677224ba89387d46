"""Packaging of lth_keras; constraints.txt pins what is asked for by range here."""

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).resolve().parent
# Read as text: importing the package would need TensorFlow at build time.
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "lth_keras" / "version.py").read_text(encoding="utf-8"),
    re.MULTILINE,
).group(1)

# The README's links into the repository lead nowhere from a page of a package index:
# of a figure its caption is left, of a link its text. Links to the web stay.
LONG_DESCRIPTION = re.sub(
    r"!?\[([^\]]*)\]\((?!https?://)[^)]*\)",
    r"\1",
    (ROOT / "README.md").read_text(encoding="utf-8"),
)

# The flagfiles keep their place beside the examples that a reader of the repository
# opens, and `--flagfile=lenet` finds them in an installed package all the same.
FLAGFILES = "lth_keras.flagfiles"

EXAMPLES = [
    # Data sets that tensorflow-datasets has prepared in files of it are read by number.
    "array_record>=0.8; platform_system == 'Linux'",
    # tensorflow-datasets imports importlib_resources without requiring it.
    "importlib_resources",
    "jinja2>=3.1,<4",
    "matplotlib>=3.10",
    "scikit-learn>=1.7",
    "tensorboard>=2.21,<2.22",
    "tensorflow-datasets>=4.9.10,<5",
]
# `search.results.to_dataframe()`; frames as data are taken without it.
DATAFRAME = ["pandas>=2.3"]
# Charts of the report that can be zoomed; without it they are pictures.
REPORT = ["jinja2>=3.1,<4", "vl-convert-python>=1.8,<2"]
# Tickets on the Hugging Face Hub.
HUB = ["huggingface_hub>=1,<3", "safetensors>=0.5,<1"]
# Recipes of docs/trackers.md; MLflow without its server.
TRACKERS = ["mlflow-skinny>=3,<4", "wandb>=0.20,<1"]
# The other backends that a Keras 3 model may train on.
KERAS3_JAX = ["jax>=0.6.2,<1"]
KERAS3_TORCH = ["torch>=2.9,<3"]
# Experiments on a cluster.
RAY = ["ray>=2.50,<3"]
# What serves TFLite files, and verifies them where it is there.
LITERT = ["ai-edge-litert>=2.3,<3"]
TESTS = [
    *EXAMPLES,
    *LITERT,
    # What Keras 3 exports is opened; tf2onnx is what it exports with.
    "onnx>=1.21",
    "onnxruntime>=1.23",
    *DATAFRAME,
    "pytest>=9",
    "pytest-xdist>=3.8,<4",
    "scipy>=1.15",
    "setuptools>=77",
    "tf2onnx>=1.17",
    "wheel",
]
# What `make docs` and `make wheel` need besides, and nothing else does.
DOCS = ["mkdocs>=1.6,<2", "mkdocs-material>=9.7,<10", "mkdocstrings[python]>=1,<2"]
RELEASE = ["build>=1.3", "twine>=6.2"]

setup(
    name="lth_keras",
    version=VERSION,
    description="Lottery tickets in Keras models, found with model.fit",
    long_description=LONG_DESCRIPTION,
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "deep learning",
        "iterative magnitude pruning",
        "keras",
        "lottery ticket hypothesis",
        "model compression",
        "pruning",
        "sparsity",
        "tensorflow",
    ],
    project_urls={
        "Paper": "https://arxiv.org/abs/1803.03635",
        "Paper on rewinding": "https://arxiv.org/abs/1912.05671",
        "tensorflow-model-optimization": (
            "https://www.tensorflow.org/model_optimization"
        ),
    },
    packages=[*find_packages(include=["lth_keras", "lth_keras.*"]), FLAGFILES],
    package_dir={FLAGFILES: "examples/flags"},
    package_data={"lth_keras": ["py.typed"], FLAGFILES: ["*.flags"]},
    entry_points={
        "console_scripts": [
            "lth-search = lth_keras.programs.lottery_search:program",
            "lth-controls = lth_keras.programs.run_controls:program",
            "lth-plot = lth_keras.programs.plot_results:program",
            "lth-export = lth_keras.programs.export_ticket:program",
            "lth-stability = lth_keras.programs.stability:program",
            "lth-cost = lth_keras.programs.cost:program",
        ]
    },
    python_requires=">=3.10,<3.14",
    install_requires=[
        "absl-py>=1.2,<2",
        "cloudpickle>=3,<4",
        "filelock>=4.0.8,<5",
        "flatbuffers>=24.3.25,<26",
        "h5py>=3.11,<4",
        # Keras 3, whose models lth.from_keras3 reads by a few private names; TensorFlow
        # brings it, and it is imported when a model of it is met.
        "keras>=3.12,<3.16",
        "ml_dtypes>=0.5.1,<1",
        "numpy>=2.2,<3",
        # One minor version: the wrappers use a few private names of tf_keras, and
        # tf_keras itself asks for the TensorFlow of its own minor version. That is
        # also why TensorFlow is no extra here: tf_keras would bring it all the same.
        "tensorflow>=2.21,<2.22",
        "tensorflow-model-optimization>=0.8.1,<0.9",
        "tf_keras>=2.21,<2.22",
        "tqdm>=4.66,<5",
        "wrapt>=1.14,<3",
    ],
    extras_require={
        "dataframe": DATAFRAME,
        "examples": EXAMPLES,
        "hub": HUB,
        "keras3-jax": KERAS3_JAX,
        "keras3-torch": KERAS3_TORCH,
        "litert": LITERT,
        "ray": RAY,
        "report": REPORT,
        "trackers": TRACKERS,
        "tests": TESTS,
        "dev": [*TESTS, "mypy>=2", "ruff>=0.17"],
        "docs": DOCS,
        "release": RELEASE,
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
