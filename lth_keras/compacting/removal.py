"""What can go? Constants found going forward, what is required going back.

One pass each way: whether a channel is constant depends on nothing that is removed, and
what is required only on what is constant.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compacting.graph import Call, Constants, Gather, Part, Rule, calls, width
from lth_keras.compacting.nested import again
from lth_keras.compacting.report import LayerSize
from lth_keras.compacting.rules import rule_of
from lth_keras.compat import keras


@dataclasses.dataclass
class _Step:
    """A call, the rule that it follows (None: left as it is), and why not."""

    call: Call
    rule: Rule | None
    reason: str


class Removal:
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
