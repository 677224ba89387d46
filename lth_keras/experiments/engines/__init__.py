"""Where are the runs of an experiment carried out? One file an engine.

    lth.Experiment(...).run(workers=2)
    lth.Experiment(...).run(engine=lth.engines.Ray(num_gpus=1))

`register` adds one of your own; `names` lists them. Nothing here imports TensorFlow.
"""

import lth_keras.experiments.engines.local  # noqa: F401  Importing it registers it.
from lth_keras.experiments.engines.on_ray import Ray
from lth_keras.experiments.engines.registry import Engine, Job, get, names, register

__all__ = ["Engine", "Job", "Ray", "get", "names", "register"]
