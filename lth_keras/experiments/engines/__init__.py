"""Where are the runs of an experiment carried out? One file an engine.

    lth.Experiment(...).run(workers=2)
    lth.Experiment(...).run(engine=lth.engines.Ray(num_gpus=1))

`register` adds one of your own; `names` lists them. Nothing here imports TensorFlow.
"""

from lth_keras.experiments.engines import local  # Importing it registers it.
from lth_keras.experiments.engines.on_ray import Ray
from lth_keras.experiments.engines.registry import (
    AnyEngine,
    Engine,
    Job,
    get,
    names,
    register,
)

__all__ = ["AnyEngine", "Engine", "Job", "Ray", "get", "local", "names", "register"]
