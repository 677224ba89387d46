"""compact: an exactly equivalent smaller dense model of a model with zeros.

small = lth.compact(model)               # ordinary Keras, fewer units and channels
print(lth.compaction(model))             # what went, what stayed, and why
"""

from __future__ import annotations

import tensorflow as tf

from lth_keras import compat
from lth_keras.arguments import among
from lth_keras.compacting.graph import Gather
from lth_keras.compacting.nested import flattened
from lth_keras.compacting.removal import Removal
from lth_keras.compacting.report import Compaction
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import origins
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
        result again can leave still less. Exports of it are compared with the network
        that it was made from, a copy of which is kept until the model goes.

    Raises:
        LotteryError: the model cannot be taken apart, or another `gather`.
    """
    return compaction(model, gather).model


def compaction(model: keras.Model, gather: Gather = "crop") -> Compaction:
    """`compact`, with the report of what it did.

    Args:
        model: as for `compact`.
        gather: as for `compact`.

    Returns:
        The smaller model, and for each layer its size before and after and the
        reasons for what stayed; print it.

    Raises:
        LotteryError: as for `compact`.
    """
    if not among(gather, ("crop", True, False)):
        raise LotteryError(f'gather={shown(gather)}: use "crop", True or False.')
    source = _ordinary(model)
    graph = Removal(source, gather)
    with source.distribute_strategy.scope():
        parts = graph.build()
        made = [parts[id(tensor)].tensor for tensor in source.outputs]
        outputs = tf.nest.pack_sequence_as(source.output, made)
        joined = keras.Model(source.input, outputs, name=model.name)
    # The layers that were left alone have now been called in two models.
    small = rebuilt(joined, copied)
    before = origins.original_of(model)
    origins.remember(small, source if before is None else before)
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
