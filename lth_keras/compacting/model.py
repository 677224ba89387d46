"""compact: an exactly equivalent smaller dense model of a model with zeros.

small = lth.compact(model)               # ordinary Keras, fewer units and channels
print(lth.compaction(model))             # what went, what stayed, and why
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compacting.graph import Call, Constants, Gather, Part, Rule, calls, width
from lth_keras.compacting.nested import again, flattened
from lth_keras.compacting.report import Compaction, LayerSize
from lth_keras.compacting.rules import rule_of
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.masking.wrapping import unwrap


def compact(model: keras.Model, gather: Gather = "crop") -> keras.Model:
    """A smaller dense model that predicts what `model` predicts.

    Units and channels that nothing uses are left out. Those that nothing feeds are
    constant and become part of the next layer's bias; inputs that a dense layer does
    not use are taken out before it. What cannot shrink stays; `compaction` says why.

    Args:
        model: Sequential or Functional, built; wrapped or an ordinary tf_keras model
            with exact zeros. It stays untouched.
        gather: which inputs that other layers need, or that are the model's own, are
            taken out before a dense layer that does not use them. "crop": those that
            lie around the used ones; the few used outside that box are picked one by
            one, unused inside it stay. True: all; fewest multiply-adds, but picking
            every used input takes longer than it saves where few are unused. False:
            none, which is fastest where few are unused.

    Returns:
        A new, uncompiled Functional model with the inputs and outputs of `model`, of
        ordinary Keras layers; those of models inside it stand in it themselves.
        Predictions are equal to float rounding for finite inputs; trained further, it
        is another network. Of a network with whole branches dead, compacting the
        result again can leave still less.

    Raises:
        LotteryError: the model cannot be taken apart, or another `gather`.
    """
    return compaction(model, gather).model


def compaction(model: keras.Model, gather: Gather = "crop") -> Compaction:
    """`compact`, with the report of what it did.

    Args:
        model, gather: as for `compact`.

    Returns:
        The smaller model, and for each layer its size before and after and the
        reasons for what stayed; print it.

    Raises:
        LotteryError: as for `compact`.
    """
    if gather not in ("crop", True, False):
        raise LotteryError(f'gather={gather!r}: use "crop", True or False.')
    source = _ordinary(model)
    graph = _Graph(source, gather)
    with source.distribute_strategy.scope():
        parts = graph.build()
        made = [parts[id(tensor)].tensor for tensor in source.outputs]
        outputs = tf.nest.pack_sequence_as(source.output, made)
        joined = keras.Model(source.input, outputs, name=model.name)
    # The layers that were left alone have now been called in two models.
    small = rebuilt(joined, copied)
    return Compaction(small, graph.sizes(joined))


def _ordinary(model: keras.Model) -> keras.Model:
    """A copy of the model without wrappers, and without models inside it."""
    compat.require_tf_keras_model(model)
    if not compat.is_functional(model):
        raise LotteryError(
            f"{type(model).__qualname__} is a subclassed model, whose layers cannot be "
            "replaced: build it as a Functional model, keras.Model(inputs, outputs)."
        )
    if not model.built or not model.outputs:
        raise LotteryError(
            f"model {model.name!r} is not built: call model.build(input_shape) with "
            "the shape of a batch first."
        )
    if any(isinstance(m, PruneByLevel) for m in compat.layers_within(model)):
        return flattened(unwrap(model))
    if any(isinstance(m, PruneLowMagnitude) for m in compat.layers_within(model)):
        raise LotteryError(
            f"model {model.name!r} holds tfmot's own wrappers: call tfmot's "
            "strip_pruning on it first."
        )
    return flattened(rebuilt(model, copied))


@dataclasses.dataclass
class _Step:
    """A call, the rule that it follows (None: left as it is), and why not."""

    call: Call
    rule: Rule | None
    reason: str


class _Graph:
    """What is constant, going forward, and what is required, going back.

    One pass each way: whether a channel is constant depends on nothing that is
    removed, and what is required only on what is constant. Where whole branches have
    become constant, a second compaction can find more.
    """

    def __init__(self, model: keras.Model, gather: Gather):
        self._model = model
        self._steps = [_Step(call, *rule_of(call, gather)) for call in calls(model)]
        self._constants: dict[int, Constants] = {}
        self._required: dict[int, np.ndarray] = {}
        self._reasons: dict[int, list[str]] = {}
        self._find_constants()
        self._find_required()

    def _find_constants(self) -> None:
        for step in self._steps:
            call = step.call
            if step.rule is not None:
                found = step.rule.constants(call.layer, self._constants_into(call))
                self._constants[id(call.outputs[0])] = found
                continue
            for tensor in call.outputs:
                self._constants[id(tensor)] = Constants.none(width(tensor))

    def _find_required(self) -> None:
        for tensor in self._model.outputs:
            self._require(tensor, np.ones(width(tensor), bool), "the model puts it out")
        for step in reversed(self._steps):
            call = step.call
            if not self._is_used(call):
                continue
            if step.rule is None:
                why = f"{call.layer.name} is left as it is"
                for tensor in call.inputs:
                    self._require(tensor, np.ones(width(tensor), bool), why)
                continue
            output = call.outputs[0]
            needed = step.rule.requires(
                call.layer, self._constants_into(call), self._required[id(output)]
            )
            # A layer with a kernel decides anew what it needs.
            passed = [] if _has_kernel(step.rule) else self._reasons.get(id(output), [])
            if step.rule.joins:
                passed = [*passed, f"{call.layer.name} {step.rule.joins}"]
            for tensor, channels in zip(call.inputs, needed, strict=True):
                self._require(tensor, channels, *passed)

    def _require(self, tensor: Any, channels: np.ndarray, *reasons: str) -> None:
        key = id(tensor)
        self._required[key] = self._required.get(key, False) | channels
        if channels.any():
            known = self._reasons.setdefault(key, [])
            known.extend(reason for reason in reasons if reason not in known)

    def _is_used(self, call: Call) -> bool:
        return any(
            self._required.get(id(tensor), np.zeros(1, bool)).any()
            for tensor in call.outputs
        )

    def _constants_into(self, call: Call) -> list[Constants]:
        return [self._constants[id(tensor)] for tensor in call.inputs]

    def build(self) -> dict[int, Part]:
        """The parts of the smaller model, by the tensor that each is a part of."""
        parts = {
            id(tensor): Part(tensor, np.arange(width(tensor)))
            for tensor in self._model.inputs
        }
        for step in self._steps:
            call = step.call
            if not call.inputs or not self._is_used(call):
                continue
            if step.rule is None:
                parts.update(_called_again(call, parts))
                continue
            absent = Part(None, np.zeros(0, np.int64))
            output = call.outputs[0]
            parts[id(output)] = step.rule.apply(
                call.layer,
                self._constants_into(call),
                self._required[id(output)],
                [parts.get(id(tensor), absent) for tensor in call.inputs],
            )
        return parts

    def sizes(self, joined: keras.Model) -> tuple[LayerSize, ...]:
        """Each layer with weights, before and after."""
        after = {call.layer.name: call for call in calls(joined)}
        return tuple(
            self._size(step, after.get(step.call.layer.name))
            for step in _distinct(self._steps)
            if step.call.layer.weights
        )

    def _size(self, step: _Step, after: Call | None) -> LayerSize:
        call, rule = step.call, step.rule
        reasons = [step.reason] if step.reason else []
        counted: Any = rule if _has_kernel(rule) else None
        if counted is not None:
            own = counted.why(call.layer)
            kept = self._reasons.get(id(call.outputs[0]), [])
            reasons += [*([own] if own else []), *kept, *self._staying(step, after)]
        units = (width(call.outputs[0]), width(after.outputs[0]) if after else 0)
        if units[0] == units[1] and not reasons:
            reasons = ["every unit is fed and used"]
        return LayerSize(
            name=call.layer.name,
            kind=type(call.layer).__name__,
            inputs=(width(call.inputs[0]), width(after.inputs[0]) if after else 0),
            units=units,
            parameters=(_parameters(call), _parameters(after) if after else 0),
            multiply_adds=(
                _multiply_adds(counted, call),
                _multiply_adds(counted, after),
            ),
            why_not_smaller="; ".join(reasons),
        )

    def _staying(self, step: _Step, after: Call | None) -> list[str]:
        """What is to be said of inputs that stay without need."""
        if after is None or step.rule is None:
            return []
        call = step.call
        required = self._required[id(call.outputs[0])]
        needed = step.rule.requires(call.layer, self._constants_into(call), required)
        stay = width(after.inputs[0]) - int(needed[0].sum())
        if not stay:
            return []
        return [f"unused inputs that stay: {stay}"]


def _has_kernel(rule: Rule | None) -> bool:
    return hasattr(rule, "multiply_adds")


def _distinct(steps: list[_Step]) -> list[_Step]:
    """The first call of each layer."""
    return list({id(step.call.layer): step for step in reversed(steps)}.values())[::-1]


def _called_again(call: Call, parts: dict[int, Part]) -> dict[int, Part]:
    """The layer as it is, called on what its inputs have become."""
    made = tf.nest.flatten(
        again(call, {id(tensor): parts[id(tensor)].tensor for tensor in call.inputs})
    )
    return {
        id(old): Part(tensor, np.arange(width(old)))
        for old, tensor in zip(call.outputs, made, strict=True)
    }


def _parameters(call: Call) -> int:
    # Vocabularies are listed among the weights, but are no variables.
    shapes = [w.shape for w in call.layer.weights if isinstance(w, tf.Variable)]
    return int(sum(np.prod(shape) for shape in shapes))


def _multiply_adds(rule: Any, call: Call | None) -> int:
    if rule is None or call is None:
        return 0
    return rule.multiply_adds(call.layer, call.inputs[0], call.outputs[0])
