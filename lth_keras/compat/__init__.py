"""What private names of Keras, TensorFlow and tfmot do we use? The only place.

No other room imports a private name of the hosts, so that a new release of one of them
is met here alone.

Importing this room imports none of them: a name of `of_tf_keras` brings tf_keras, and
`keras`, which is tf_keras, is imported when something of it is asked for. So whoever
has a Keras 3 model alone does not wait for them; and where TensorFlow is imported,
tf_keras is too.
"""

from __future__ import annotations

import importlib
import types
from typing import TYPE_CHECKING, Any

from lth_keras.compat.keras3 import (
    Node,
    is_keras3,
    is_keras3_functional,
    is_keras3_layer,
    is_keras3_model,
    is_keras3_own,
    is_loss,
    keras3,
    keras3_bytes_per_example,
    keras3_compiled,
    keras3_frozen_alone,
    keras3_idf_weights,
    keras3_inner_layers,
    keras3_mask,
    keras3_nodes,
    keras3_own_variables,
    keras3_producer,
    keras3_spares_weights,
    keras3_structures,
)
from lth_keras.compat.keras3_gradients import (
    keras3_gradient,
    keras3_loss,
    keras3_no_gradients,
    keras3_outputs,
    keras3_traced,
)
from lth_keras.compat.keras3_graphs import keras3_graph
from lth_keras.compat.keras3_models import (
    keras3_backend,
    keras3_dtype,
    keras3_follow_state,
    keras3_forget_traces,
    keras3_layers_within,
    keras3_own_weights,
    keras3_read,
    keras3_replicas,
    keras3_seed_generators,
    keras3_seeded,
    keras3_sync,
    keras3_uses_nnx,
)
from lth_keras.compat.keras3_optimizers import (
    is_keras3_optimizer,
    keras3_averages,
    keras3_every_slot,
    keras3_inner_optimizer,
    keras3_is_average,
    keras3_is_entrywise,
    keras3_is_factored,
    keras3_iterations,
    keras3_key,
    keras3_optimizer_variables,
    keras3_optimizers_of,
    keras3_parts,
    keras3_rooted,
    keras3_slot_start,
    keras3_slots,
    keras3_untrack,
    keras3_updated,
)
from lth_keras.compat.methods import surround
from lth_keras.compat.seeding import seeded
from lth_keras.compat.trainers import TF_KERAS, Trainer, trainer_of
from lth_keras.compat.wiring import Call, Graph, is_layer

if TYPE_CHECKING:
    import tf_keras as keras

    from lth_keras.compat.of_tf_keras import *  # noqa: F403
else:

    class _WhenUsed(types.ModuleType):
        """A module that is imported when something of it is asked for."""

        def __getattr__(self, name: str) -> Any:
            return getattr(importlib.import_module(self.__name__), name)

    keras = _WhenUsed("tf_keras")

__all__ = [
    "Call",
    "Graph",
    "Node",
    "TF_KERAS",
    "Trainer",
    "is_keras3",
    "is_keras3_functional",
    "is_keras3_layer",
    "is_keras3_model",
    "is_keras3_optimizer",
    "is_keras3_own",
    "is_layer",
    "is_loss",
    "keras",
    "keras3",
    "keras3_averages",
    "keras3_backend",
    "keras3_bytes_per_example",
    "keras3_compiled",
    "keras3_dtype",
    "keras3_every_slot",
    "keras3_follow_state",
    "keras3_forget_traces",
    "keras3_frozen_alone",
    "keras3_gradient",
    "keras3_graph",
    "keras3_idf_weights",
    "keras3_inner_layers",
    "keras3_inner_optimizer",
    "keras3_is_average",
    "keras3_is_entrywise",
    "keras3_is_factored",
    "keras3_iterations",
    "keras3_key",
    "keras3_layers_within",
    "keras3_loss",
    "keras3_mask",
    "keras3_no_gradients",
    "keras3_nodes",
    "keras3_optimizer_variables",
    "keras3_optimizers_of",
    "keras3_outputs",
    "keras3_own_variables",
    "keras3_own_weights",
    "keras3_parts",
    "keras3_producer",
    "keras3_read",
    "keras3_replicas",
    "keras3_rooted",
    "keras3_seed_generators",
    "keras3_seeded",
    "keras3_slot_start",
    "keras3_slots",
    "keras3_spares_weights",
    "keras3_structures",
    "keras3_sync",
    "keras3_untrack",
    "keras3_updated",
    "keras3_traced",
    "keras3_uses_nnx",
    "seeded",
    "surround",
    "trainer_of",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module("lth_keras.compat.of_tf_keras"), name)
    globals()[name] = value
    return value
