"""A tf_keras model compiled as a Keras 3 model was: optimizer, losses, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.converting import objects
from lth_keras.converting.conversion import check_keras3_model
from lth_keras.errors import LotteryError, shown

# What Keras 3 writes of an optimizer, and tf_keras does without.
_ONLY_HERE = {
    "gradient_accumulation_steps": "give batches of that many times the size",
    "loss_scale_factor": "scale the loss by loss_weights",
}
_LISTS = (list, tuple)


def compile_like(model: keras.Model, keras3_model: Any) -> keras.Model:
    """Compiles a model with what a Keras 3 model was compiled with.

    Args:
        model: what `lth.from_keras3` or `lth.wrap` made; it is compiled anew.
        keras3_model: the compiled model of Keras 3: its optimizer with the present
            learning rate or its schedule, losses and their weights, metrics, weighted
            metrics, run_eagerly and steps_per_execution are taken over; `jit_compile`,
            which Keras 3 chooses by itself, is not.

    Returns:
        `model`.

    Raises:
        LotteryError: the model is not compiled; or names what tf_keras lacks, and what
            to do.
    """
    compat.require_tf_keras_model(model)
    check_keras3_model(keras3_model)
    given = compat.keras3_compiled(keras3_model)
    if not given:
        raise LotteryError(
            f"model {keras3_model.name!r} is not compiled: compile it, or the tf_keras "
            "model, as always."
        )
    model.compile(
        optimizer=optimizer_like(keras3_model.optimizer),
        loss=_each(given.get("loss"), "losses"),
        metrics=_each(given.get("metrics"), "metrics"),
        weighted_metrics=_each(given.get("weighted_metrics"), "metrics"),
        loss_weights=given.get("loss_weights"),
        run_eagerly=bool(given.get("run_eagerly")),
        steps_per_execution=int(given.get("steps_per_execution") or 1),
    )
    return model


def optimizer_like(optimizer: Any) -> Any:
    """The tf_keras optimizer of the arguments of one of Keras 3, before any step.

    Raises:
        LotteryError: tf_keras has no such optimizer, or not one of its arguments.
    """
    kind = type(optimizer).__name__
    config = dict(optimizer.get_config())
    if kind == "LossScaleOptimizer":
        return keras.mixed_precision.LossScaleOptimizer(
            optimizer_like(optimizer.inner_optimizer),
            initial_scale=config["initial_scale"],
            dynamic_growth_steps=config["dynamic_growth_steps"],
        )
    made = getattr(keras.optimizers, kind, None)
    if made is None or not compat.is_keras3_own(optimizer):
        raise LotteryError(
            f"the optimizer {kind} is not in tf_keras: compile the model yourself, "
            "with one of tf_keras.optimizers."
        )
    if compat.keras3_spares_weights(optimizer):
        raise LotteryError(
            "exclude_from_weight_decay of an optimizer is not taken over: compile the "
            "model yourself, and call it there."
        )
    for name, instead in _ONLY_HERE.items():
        value = config.pop(name, None)
        if value is not None:
            raise LotteryError(f"{kind}({name}={value}) is not in tf_keras: {instead}.")
    rate = config["learning_rate"]
    if isinstance(rate, Mapping):
        config["learning_rate"] = _schedule(rate)
    return made.from_config(config)


def _schedule(written: Mapping[str, Any]) -> Any:
    name = written["class_name"]
    made = getattr(keras.optimizers.schedules, name, None)
    if made is None or not str(written.get("module")).startswith("keras"):
        raise LotteryError(
            f"the learning rate schedule {name} is not in tf_keras: compile the model "
            "yourself, with a schedule of tf_keras.optimizers.schedules."
        )
    return made.from_config(dict(written["config"]))


def _each(given: Any, kind: str) -> Any:
    """Losses or metrics as they were given: one, or lists and dicts of them."""
    if isinstance(given, Mapping):
        return {name: _each(value, kind) for name, value in given.items()}
    if isinstance(given, _LISTS):
        return [_each(value, kind) for value in given]
    return _one(given, kind)


def _one(given: Any, kind: str) -> Any:
    if given is None:
        return None
    name = given if isinstance(given, str) else _name(given)
    if isinstance(given, str) or _is_function_of_keras(given):
        return _known(name, kind)
    if compat.is_keras3(given) and compat.is_keras3_own(given):
        made = getattr(getattr(keras, kind), type(given).__name__, None)
        if made is not None:
            return made(**_arguments(given))
    raise LotteryError(
        f"{kind}: {shown(name)} is not in tf_keras: compile the model yourself, with "
        "the same written with TensorFlow's functions."
    )


def _known(name: str, kind: str) -> Any:
    """A name that tf_keras knows as well, or what it stands for in Keras 3."""
    if name in ("acc", "accuracy", "ce", "crossentropy"):
        return name
    if callable(_got(keras, kind, name)):
        return name
    # Keras 3 knows its classes in small letters too, such as "auc".
    own = _got(compat.keras3(), kind, name)
    if own is not None and not hasattr(own, "__name__"):
        return _one(own, kind)
    raise LotteryError(
        f"{kind}: {name!r} is not in tf_keras: compile the model yourself, with "
        "the same written with TensorFlow's functions."
    )


def _got(host: Any, kind: str, name: str) -> Any:
    try:
        return getattr(host, kind).get(name)
    except ValueError:
        return None


def _arguments(given: Any) -> dict[str, Any]:
    """The constructor's arguments of a loss or metric."""
    found = {}
    for key, value in given.get_config().items():
        if key == "dtype":
            continue
        if key == "reduction":
            value = "none" if value is None else value
            if value not in ("sum", "none", "sum_over_batch_size"):
                raise LotteryError(
                    f"{type(given).__name__}(reduction={value!r}) is not in tf_keras: "
                    "use 'sum', 'sum_over_batch_size' or None."
                )
        if key == "axis" and value == -1 and "Sparse" in type(given).__name__:
            continue
        if key == "from_sorted_ids" and not value:
            continue
        found[key] = objects.converted(value, {})
    return found


def _name(given: Any) -> str:
    return str(getattr(given, "__name__", type(given).__name__))


def _is_function_of_keras(given: Any) -> bool:
    module = getattr(given, "__module__", None) or ""
    return hasattr(given, "__name__") and module.partition(".")[0] == "keras"
