"""Packaging of lth_keras; constraints.txt pins what is asked for by range here."""

import pathlib
import re

from setuptools import setup

ROOT = pathlib.Path(__file__).resolve().parent
# Read as text: importing the package would need TensorFlow at build time.
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "lth_keras" / "version.py").read_text(encoding="utf-8"),
    re.MULTILINE,
).group(1)

EXAMPLES = [
    # tensorflow-datasets imports importlib_resources without requiring it.
    "importlib_resources",
    "matplotlib>=3.10",
    "scikit-learn>=1.7",
    "tensorboard>=2.21,<2.22",
    "tensorflow-datasets>=4.9.10,<5",
]
TESTS = [*EXAMPLES, "pytest>=9", "pytest-xdist>=3.8,<4"]

setup(
    name="lth_keras",
    version=VERSION,
    description="Lottery tickets in tf_keras models, found with model.fit",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=["lth_keras"],
    package_data={"lth_keras": ["py.typed"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "absl-py>=1.2,<2",
        "flatbuffers>=24.3.25,<26",
        "ml_dtypes>=0.5.1,<1",
        "numpy>=2.2,<3",
        # One minor version: the wrappers use a few private names of tf_keras, and
        # tf_keras itself asks for the TensorFlow of its own minor version.
        "tensorflow>=2.21,<2.22",
        "tensorflow-model-optimization>=0.8.1,<0.9",
        "tf_keras>=2.21,<2.22",
    ],
    extras_require={
        "examples": EXAMPLES,
        "tests": TESTS,
        "dev": [*TESTS, "mypy>=2", "ruff>=0.17"],
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
