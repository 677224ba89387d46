"""Where are the runs of an experiment carried out? One file an engine.

`register` adds one of your own; `names` lists them. Nothing here imports TensorFlow.
"""

from lth_keras.experiments.engines import local  # Importing it registers it.
from lth_keras.experiments.engines.registry import Engine, Job, get, names, register

__all__ = ["Engine", "Job", "get", "local", "names", "register"]
