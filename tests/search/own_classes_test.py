"""Whole searches of models of the caller's own classes, on masks held in place."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.redrawing import redrawn
from tests.support import small_search as small
from tests.support.masked_models import equal
from tests.support.own_models import CLASSES, gan, made, pretrained, vae

FIT = {"batch_size": 8, "epochs": 2, "verbose": 0}
pytestmark = pytest.mark.slow


class Stop(keras.callbacks.Callback):
    """Ends the process's part of the search as level 1 has begun."""

    def __init__(self):
        super().__init__()
        self.fits = 0

    def on_train_begin(self, logs=None):
        self.fits += 1
        if self.fits == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("builder", CLASSES, ids=lambda value: value.__name__)
def test_a_search_prunes_exactly_rewinds_and_goes_on_where_it_was_stopped(
    builder, tmp_path
):
    whole = tmp_path / "whole", tmp_path / "stopped"
    for directory in whole:
        for callbacks in ([Stop()], []) if directory is whole[1] else ([],):
            keras.backend.clear_session()  # Names as in another process.
            model, data = made(builder)
            search = lth.LotterySearch(lth.hold(model, 0.3), 2, str(directory), seed=3)
            stopped = pytest.raises(KeyboardInterrupt) if callbacks else nullcontext()
            with stopped:
                search.fit(**data, **FIT, callbacks=callbacks)
        lth.verify(model)
    tickets = [search.ticket(level) for level in range(3)]
    pruned = [w for w in tickets[2].weights if w.mask is not None]
    assert len(pruned) == CLASSES[builder]
    for first, weight in zip(tickets[0].weights, tickets[2].weights, strict=True):
        if weight.mask is not None:
            kept = weight.mask.size
            for _ in range(2):
                kept -= round(0.3 * kept)
            assert weight.mask.sum() == kept
            first = small.masked(first.value, weight.mask)
            assert small.same_bits([weight.value], [first])
        else:
            assert small.same_bits([weight.value], [first.value])
    assert small.lines(whole[0]) == small.lines(whole[1])
    assert small.fingerprints(whole[0]) == small.fingerprints(whole[1])
    assert model.train_tf_function.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("builder", [vae, gan])
def test_random_reinit_draws_every_weight_again_on_the_mask(builder, tmp_path):
    model, data = made(builder)
    search = lth.LotterySearch(lth.hold(model, 0.3), 1, str(tmp_path), seed=3)
    search.fit(**data, **FIT)
    lth.controls.run(search, "random_reinit", levels=[1], replicates=2)
    place = search.directory
    drawn = [
        lth.Ticket.load(place.control("random_reinit", 1, replicate).ticket)
        for replicate in range(2)
    ]
    for mine, one, other in zip(
        search.ticket(1).weights, *(t.weights for t in drawn), strict=True
    ):
        if mine.mask is not None:
            assert np.array_equal(mine.mask, one.mask)
            assert not np.array_equal(one.value, other.value)
            assert not np.array_equal(one.value, mine.value)
            # Glorot's bounds, of the shape of the kernel.
            limit = np.sqrt(6 / sum(one.value.shape))
            assert 0.3 * limit < np.abs(one.value).max() <= limit


def test_a_weight_of_a_layers_own_is_drawn_again_by_build_alone(tmp_path):
    class Named(type(made(pretrained)[0])):
        def get_prunable_weights(self):
            return [self.bert.word_embeddings, self.classifier.kernel]

    def build():
        model = Named({"heads": 2, "width": 4, "labels": 3})
        model({name: value[:2] for name, value in data["x"].items()})
        model.compile("adam")
        return model

    data = made(pretrained)[1]
    refused = lth.LotterySearch(lth.hold(build(), 0.3), 1, str(tmp_path / "a"))
    refused.fit(**data, **FIT)
    with pytest.raises(LotteryError, match="bert/weight are not known.*build=f"):
        lth.controls.run(refused, "random_reinit")
    model = lth.hold(build(), 0.3, build=build)
    search = lth.LotterySearch(model, 1, str(tmp_path / "b"))
    search.fit(**data, **FIT)
    (row,) = lth.controls.run(search, "random_reinit")
    assert row["control"] == "random_reinit"
    other = lth.hold(build(), 0.3, build=lambda: made(vae)[0])
    with pytest.raises(LotteryError, match="build= of lth.hold makes a model of other"):
        redrawn(other, 0)


def test_callbacks_and_a_ticket_for_a_plain_model():
    model, data = made(vae)
    lth.hold(model, 0.3)
    callbacks = [lth.CaptureInitialWeights(), lth.PruneAndRewind()]
    for _ in range(3):
        model.fit(**data, **FIT, callbacks=callbacks)
    lth.verify(model)
    ticket = lth.Ticket.of(model, callbacks[0].start)
    plain, _ = made(vae, seed=5)
    assert ticket.apply(plain) == []
    values = [w.effective for w in ticket.weights]
    assert equal([w.read() for w in Network.of(plain).weights], values)


def test_a_gan_is_told_that_nothing_can_be_evaluated(tmp_path):
    model, data = made(gan)
    search = lth.LotterySearch(lth.hold(model), 1, str(tmp_path))
    with pytest.raises(LotteryError, match="no call and no test_step"):
        search.fit(**data, **FIT, validation_data=data["x"][:8])


def test_criteria_of_gradients_ask_for_the_loss_that_train_step_hides(tmp_path):
    model, data = made(vae)
    lth.hold(model, 0.3, criterion="snip")
    with pytest.raises(LotteryError, match="computes its loss in its train_step"):
        lth.prune(model, data=(data["x"], data["x"]))


def test_a_held_graph_searches_as_the_wrapped_one_does(tmp_path):
    for name in ("wrapped", "held"):
        keras.backend.clear_session()
        plain = small.dense_model(dropout=0.3)
        model = small.compiled(plain)
        if name == "held":
            arguments = dict(model._compile_config.config)
            model = lth.hold(plain, 0.3)
            model.compile(
                keras.optimizers.SGD(0.1, momentum=0.9),
                **{k: arguments[k] for k in ("loss", "metrics")},
            )
        search = small.search(model, tmp_path / name, rewind_to="2it")
        small.fit(search, validation_data=small.VALIDATION)
        for control in ("random_reinit", "random_mask", "one_shot"):
            lth.controls.run(search, control, levels=[2])
    assert small.lines(tmp_path / "wrapped") == small.lines(tmp_path / "held")
    assert small.fingerprints(tmp_path / "wrapped") == small.fingerprints(
        tmp_path / "held"
    )
