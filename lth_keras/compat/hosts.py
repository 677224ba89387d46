"""The one Keras import, the version checks, and the only private host names.

Every other module takes `keras` from here. Whatever this project needs from
tf_keras or tfmot that has no public name is given a name and a reason here, so an
upgrade of the hosts is a change of this file alone.
"""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.eager import context as _context
from tensorflow_model_optimization.python.core.sparsity.keras import (
    pruning_wrapper as _pruning_wrapper,
)
from tensorflow_model_optimization.sparsity import keras as sparsity
from tf_keras.src import backend as _backend
from tf_keras.src.engine import functional as _functional
from tf_keras.src.engine import input_layer as _input_layer
from tf_keras.src.engine import keras_tensor as _keras_tensor
from tf_keras.src.layers.rnn.base_conv_lstm import ConvLSTMCell
from tf_keras.src.mixed_precision.autocast_variable import (
    AutoCastVariable,
    AutoCastVariableSpec,
)

__all__ = [
    "AutoCastVariable",
    "AutoCastVariableSpec",
    "ConvLSTMCell",
    "keras",
    "sparsity",
]


class LotteryError(ValueError):
    """A request that cannot be carried out; the message says what to do."""


PruneLowMagnitude = _pruning_wrapper.PruneLowMagnitude
collect_prunable_layers = _pruning_wrapper.collect_prunable_layers


def require_tf_keras_model(model: Any) -> None:
    """Refuses anything but a tf_keras model, naming the way out.

    Raises:
        LotteryError: for a Keras 3 model or an object that is no model.
    """
    if isinstance(model, keras.Model):
        return
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if any(base.__module__.split(".")[0] == "keras" for base in type(model).__mro__):
        raise LotteryError(
            f"{kind} is a Keras 3 model, which tfmot cannot prune: build it with "
            "`import tf_keras as keras`, or set TF_USE_LEGACY_KERAS=1 before "
            "importing TensorFlow."
        )
    raise LotteryError(f"expected a tf_keras model, got {kind}: pass a tf_keras.Model.")


def is_functional(model: keras.Model) -> bool:
    """Whether the model is a graph of layers rather than a Python `call`."""
    return bool(model._is_graph_network) or isinstance(model, keras.Sequential)


def keras_classes() -> tuple[type, ...]:
    """The exact classes that Sequential and Functional models have."""
    return (keras.Model, keras.Sequential, _functional.Functional)


def is_input_layer(layer: keras.layers.Layer) -> bool:
    """Whether the layer is a placeholder for a model's input."""
    return isinstance(layer, _input_layer.InputLayer)


def has_mask(tensor: Any) -> bool:
    """Whether a Keras tensor brings along which time steps count."""
    return getattr(tensor, "_keras_mask", None) is not None


def put_constants_behind(converter: Any, behind: bool) -> None:
    """Whether a TFLite converter writes constants behind its flatbuffer."""
    converter._experimental_use_buffer_offset = behind


def producers(model: keras.Model) -> dict[str, list[str]]:
    """For each layer name of a graph model, the layers that feed it."""
    feeds: dict[str, list[str]] = {}
    nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    for node in nodes:
        names = feeds.setdefault(node.layer.name, [])
        names.extend(parent.layer.name for parent in node.parent_nodes)
    return feeds


def output_names(model: keras.Model) -> list[str]:
    """Names of the layers that produce a graph model's outputs."""
    return [t._keras_history.layer.name for t in tf.nest.flatten(model.outputs)]


def variables_in_calls(model: keras.Model) -> list[Any]:
    """Variables that a graph model hands to layers or TF ops as arguments."""
    calls = [
        (node.call_args, node.call_kwargs)
        for nodes in getattr(model, "_nodes_by_depth", {}).values()
        for node in nodes
    ]
    return [v for v in tf.nest.flatten(calls) if isinstance(v, tf.Variable)]


def layers_within(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and all layers inside it, outer before inner.

    `submodules` raises once a layer with recurrent dropout was called in a function.
    """
    return list(layer._flatten_layers())


def own_variables(layer: keras.layers.Layer) -> list[Any]:
    """The variables that the layer itself made, not those of layers inside it."""
    return [*layer._trainable_weights, *layer._non_trainable_weights]


def is_bookkeeping(attribute: str) -> bool:
    """Whether Keras keeps its own list of a layer's parts under this name."""
    return attribute.startswith("_self_") or attribute in (
        "_trainable_weights",
        "_non_trainable_weights",
        "_serialized_attributes",
    )


def copy_trainable_flag(source: keras.layers.Layer, target: keras.layers.Layer) -> None:
    """Sets `trainable` of a layer as in another, but not of the layers inside it."""
    target._trainable = source._trainable


def builds_in_call(layer: keras.layers.Layer) -> bool:
    """Whether the layer, or one inside it, has no `build` to make its weights."""
    return any(hasattr(inner.build, "_is_default") for inner in layers_within(layer))


def written_signature(value: Any) -> Any:
    """Shapes and types of the tensors in a call's arguments, for a configuration."""
    if isinstance(value, dict):
        return {name: written_signature(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [written_signature(item) for item in value]
    if not isinstance(value, (_keras_tensor.KerasTensor, tf.Tensor)):
        return None
    return {"shape": value.shape.as_list(), "dtype": value.dtype.name}


def read_signature(value: Any) -> Any:
    """What `written_signature` wrote, with a `tf.TensorSpec` for each tensor."""
    if isinstance(value, dict):
        if value.keys() == {"shape", "dtype"}:
            return tf.TensorSpec(value["shape"], value["dtype"])
        return {name: read_signature(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [read_signature(item) for item in value]
    return value


def call_in_scratch_graph(layer: keras.layers.Layer, args: Any, kwargs: Any) -> None:
    """Calls a layer so that it makes its weights, and forgets the call.

    Nothing of it stays: no node of a Functional model, no loss, no operation in the
    step that is being traced.
    """

    def placeholder(value: Any) -> Any:
        if isinstance(value, _keras_tensor.KerasTensor):
            return _keras_tensor.keras_tensor_to_placeholder(value)
        if isinstance(value, tf.TensorSpec):
            return tf.compat.v1.placeholder(value.dtype, value.shape)
        return value

    with tf.__internal__.FuncGraph("scratch").as_default():
        args, kwargs = tf.nest.map_structure(placeholder, (args, kwargs))
        layer(*args, **kwargs)
    layer._clear_losses()


def raw_variable(variable: Any) -> Any:
    """The variable below Keras's autocasting (and our masked) reads."""
    while isinstance(variable, AutoCastVariable):
        variable = variable._variable
    return variable


def expects(layer: keras.layers.Layer, argument: str) -> bool:
    """Whether a layer's call takes `argument` ("mask" or "training")."""
    if argument == "mask":
        return bool(layer._expects_mask_arg)
    return bool(layer._expects_training_arg)


def rebind_losses(layer: keras.layers.Layer, variable: Any, proxy: Any) -> None:
    """Lets the layer's regularisers read `proxy` where they held `variable`.

    A regulariser is bound to the raw variable when the layer is built; only through
    the proxy do its gradients obey the mask.
    """
    raw = raw_variable(variable)

    def rebound(loss: Any) -> Any:
        if raw_variable(loss) is raw:
            return proxy
        if not isinstance(loss, functools.partial):
            return loss
        args = [rebound(argument) for argument in loss.args]
        return functools.partial(loss.func, *args, **loss.keywords)

    layer._callable_losses[:] = [rebound(loss) for loss in layer._callable_losses]


def set_name(layer: keras.layers.Layer, name: str) -> None:
    """Renames a layer; tfmot prefixes the names of what it wraps."""
    layer._name = name


def silence_autocast(layer: keras.layers.Layer) -> None:
    """Lets a wrapper hand its inputs on untouched by its own dtype policy."""
    layer._autocast = False


def set_constraint(variable: Any, constraint: Any) -> None:
    """Replaces the constraint that optimizers apply after each step."""
    target = getattr(variable, "_variable", variable)
    for part in getattr(target, "values", None) or (target,):
        part._constraint = constraint
    if target is not variable or hasattr(target, "values"):
        target._constraint = constraint


def build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    """Creates the optimizer's variables now rather than in the first step."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        inner._create_all_weights(variables)
    else:
        optimizer.build(variables)


def is_legacy_optimizer(optimizer: Any) -> bool:
    """Whether it is of the generation before Keras 2.11."""
    return isinstance(optimizer, keras.optimizers.legacy.Optimizer)


def optimizer_variables(optimizer: Any, others: set[int]) -> dict[str, Any]:
    """Every variable that an optimizer holds, by the path that leads to it.

    `optimizer.variables` lacks some: the learning rate, Nadam's product of momenta,
    the loss scale.

    Args:
        optimizer: new or legacy, wrapped for loss scaling or not; built.
        others: identities of variables that are not the optimizer's (the model's).
    """
    found: dict[str, Any] = {}
    seen = set(others)

    def visit(value: Any, path: str) -> None:
        if id(value) in seen:
            return
        if isinstance(value, tf.Variable):
            seen.add(id(value))
            found[path] = value
        elif isinstance(value, dict):
            for position, key in enumerate(value):
                visit(value[key], f"{path}/{position}")
        elif isinstance(value, (list, tuple)):
            for position, item in enumerate(value):
                visit(item, f"{path}/{position}")
        elif hasattr(value, "_trackable_children"):
            seen.add(id(value))
            for name, item in vars(value).items():
                # Bookkeeping of the checkpoint machinery leads to the same objects.
                if not name.startswith(("_self_", "_coalesced", "_distribut")):
                    visit(item, f"{path}/{name}".lstrip("/"))

    visit(optimizer, "")
    return found


def optimizer_slots(optimizer: Any, variable: Any) -> dict[str, Any]:
    """The optimizer's variables that belong to one weight, by slot name."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        slots = inner._slots.get(variable._unique_id, {})
        return dict(slots)
    index = getattr(inner, "_index_dict", {}).get(variable._unique_id)
    if index is None:
        return {}
    size = len(inner._index_dict)
    return {
        name.lstrip("_"): value[index]
        for name, value in vars(inner).items()
        if name != "_variables"
        and isinstance(value, (list, tuple))
        and len(value) == size
        and isinstance(value[index], tf.Variable)
    }


def is_average_slot(name: str) -> bool:
    """Whether a slot is the moving average of the weight itself (use_ema)."""
    return name == "model_variables_moving_average"


def accumulator_start(optimizer: Any, slot: str) -> float:
    """The value that a slot's entries have before the first step."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if "accumulator" not in slot:
        return 0.0
    for name in ("initial_accumulator_value", "_initial_accumulator_value"):
        if hasattr(inner, name):
            return float(getattr(inner, name))
    return 0.0


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """The arguments that the model was compiled with, as they were given."""
    return dict(model._compile_config.config)


def learning_rate_schedule(optimizer: Any) -> Any:
    """The optimizer's learning-rate schedule, or None where it has a plain number."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if is_legacy_optimizer(inner):
        rate = inner._hyper.get("learning_rate")
    else:
        rate = getattr(inner, "_learning_rate", None)
    known = keras.optimizers.schedules.LearningRateSchedule
    return rate if isinstance(rate, known) else None


def steps_per_execution(model: keras.Model) -> int:
    """Training steps that a compiled model makes between two callbacks."""
    return int(_backend.get_value(model._steps_per_execution))


def start_fit_at(model: keras.Model, epoch: int, step: int) -> None:
    """Lets a `fit` that has just begun count from `step` of `epoch`.

    Keras has this for recovering workers: the first epoch is shortened and both
    counters are right, which `initial_epoch` alone cannot do in mid-epoch. The data
    given to `fit` must begin at that step too.
    """
    model._training_state = _StartAt(model, epoch, step)


def clear_fit_start(model: keras.Model) -> None:
    """Forgets `start_fit_at` where a `fit` ended before it asked."""
    # Keras's BackupAndRestore deletes the attribute, and `fit` without it fails then.
    if isinstance(getattr(model, "_training_state", None), (_StartAt, type(None))):
        model._training_state = None


class _StartAt:
    """Answers Keras's question where a recovering worker should continue."""

    def __init__(self, model: keras.Model, epoch: int, step: int):
        self._model, self._epoch, self._step = model, epoch, step

    def maybe_load_initial_counters_from_ckpt(
        self, steps_per_epoch: int, initial_epoch: int, mode: Any = None
    ) -> tuple[int, int]:
        self._model._training_state = None
        return self._epoch, self._step


def reset_generators(model: keras.Model, seed: int) -> None:
    """Starts the random generator of each dropout-like layer afresh from `seed`."""
    sequence = np.random.SeedSequence(seed)
    for layer in model._flatten_layers():
        holder = getattr(layer, "_random_generator", None)
        generator = getattr(holder, "_generator", None)
        if generator is not None:
            (child,) = sequence.spawn(1)
            generator.reset_from_seed(int(child.generate_state(1)[0]))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes random initial weights follow `seed`, then restores every generator.

    Python's, NumPy's, TensorFlow's and Keras's own generators are set as
    `keras.utils.set_random_seed` sets them, but only within the block.
    """
    states = random.getstate(), np.random.get_state(), _context.global_seed()
    generator = getattr(_backend._SEED_GENERATOR, "generator", None)
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        tf.random.set_seed(states[2])
        _backend._SEED_GENERATOR.generator = generator


@contextlib.contextmanager
def resettable_generators() -> Iterator[None]:
    """Layers made inside get random generators that can be reset.

    The legacy ones bake their seed into the traced train step, so that a resumed run
    would draw other dropout masks than an uninterrupted one.
    """
    experimental = keras.backend.experimental
    before = experimental.is_tf_random_generator_enabled()
    experimental.enable_tf_random_generator()
    try:
        yield
    finally:
        if not before:
            experimental.disable_tf_random_generator()
