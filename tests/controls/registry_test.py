"""What each control starts from: masks, weights and step, against NumPy by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras, sparsity
from lth_keras.controls import running as controls
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from tests.support import small_search as small

X, Y = small.data()
LEVEL, STEPS = 2, 5  # the level looked at; iterations of a run


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


def search(directory, model=None, levels=LEVEL, **arguments) -> lth.LotterySearch:
    found = lth.LotterySearch(
        model or small.compiled(), levels, str(directory), **arguments
    )
    found.fit(X, Y, batch_size=10, epochs=1, verbose=0)
    return found


def applied(one: lth.LotterySearch, text: str, level=LEVEL, seed=5) -> controls.Case:
    case, control = controls.Case(one.ticket(level), one.plan), syntax.parse(text)
    control.check(one.model, one.plan.iterations)
    return control.apply(one, case, seed)


def values(ticket: lth.Ticket) -> list[np.ndarray]:
    return [weight.value for weight in ticket.weights]


def masks(ticket: lth.Ticket) -> list[np.ndarray | None]:
    return [weight.mask for weight in ticket.weights]


def on(start: list[np.ndarray], given: list[np.ndarray | None]) -> list[np.ndarray]:
    """The values with +0.0 where there is a mask that prunes: the oracle."""
    return [
        v if m is None else small.masked(v, m)
        for v, m in zip(start, given, strict=True)
    ]


def largest(scores: np.ndarray, keep: int) -> np.ndarray:
    """The `keep` highest scores by sorting, lower index first among equals."""
    order = sorted(range(scores.size), key=lambda i: (-scores.flat[i], i))
    found = np.zeros(scores.size, bool)
    found[order[:keep]] = True
    return found.reshape(scores.shape)


Expected = Callable[[lth.LotterySearch, lth.Ticket], tuple[list[Any], list[Any], int]]


def as_one_shot(one, ticket):
    trained = one.trained_weights(0)
    chosen = [
        None if m is None else largest(np.abs(trained[i]), int(m.sum()))
        for i, m in enumerate(masks(ticket))
    ]
    return on(values(one.theta), chosen), chosen, 3


def as_prune_at_init(one, ticket):
    initial = values(one.ticket(0))
    chosen = [
        None if m is None else largest(np.abs(initial[i]), int(m.sum()))
        for i, m in enumerate(masks(ticket))
    ]
    return on(initial, chosen), chosen, 0


def as_lr_rewind(one, ticket):
    return on(one.trained_weights(LEVEL - 1), masks(ticket)), masks(ticket), 3


def as_fine_tune(one, ticket):
    return on(one.trained_weights(LEVEL - 1), masks(ticket)), masks(ticket), 0


def as_rewound_to_the_start(one, ticket):
    return on(values(one.ticket(0)), masks(ticket)), masks(ticket), 0


def as_rewound_where_the_search_is(one, ticket):
    return values(ticket), masks(ticket), 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one_shot", as_one_shot),
        ("prune_at_init", as_prune_at_init),
        ("lr_rewind", as_lr_rewind),
        ("fine_tune", as_fine_tune),
        ("weight_rewind:step=0it", as_rewound_to_the_start),
        ("weight_rewind:step=3it", as_rewound_where_the_search_is),
    ],
)
def test_what_follows_from_the_search_alone(searched, text, expected: Expected):
    ticket = searched.ticket(LEVEL)
    found = applied(searched, text).ticket
    weights, chosen, step = expected(searched, ticket)
    assert small.same_bits(values(found), weights)
    for ours, theirs in zip(masks(found), chosen, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or np.array_equal(ours, theirs)
    assert (found.step, found.level) == (step, LEVEL)
    assert applied(searched, text, seed=6).ticket.fingerprint == found.fingerprint


def test_fine_tuning_goes_on_where_the_schedule_ended(searched):
    assert applied(searched, "fine_tune").plan.after == STEPS
    assert applied(searched, "lr_rewind").plan.after == 0


def test_a_random_mask_keeps_each_layers_density_and_theta(searched):
    ticket, dense = searched.ticket(LEVEL), values(searched.theta)
    first, second = (applied(searched, "random_mask", seed=s).ticket for s in (1, 2))
    for index, mask in enumerate(masks(ticket)):
        if mask is None:
            continue
        a, b = masks(first)[index], masks(second)[index]
        assert a.sum() == b.sum() == mask.sum()
        assert not np.array_equal(a, b)
    assert small.same_bits(values(first), on(dense, masks(first)))
    assert first.step == 3


def test_random_masks_are_uniform(tmp_path):
    one = search(tmp_path, levels=1)
    kept = sum(
        masks(applied(one, "random_mask", level=1, seed=s).ticket)[0].astype(int)
        for s in range(400)
    )
    density = one.ticket(1).weights[0].mask.mean()
    assert abs(kept.mean() / 400 - density) < 1e-9
    # Standard deviation of a frequency over 400 draws: about 0.023.
    assert np.abs(kept / 400 - density).max() < 0.11


def test_noise_has_the_standard_deviation_asked_for_on_the_kept_weights(tmp_path):
    plain = keras.Sequential([keras.layers.Dense(900, input_shape=(6,), name="d"),
                              keras.layers.Dense(3)])  # fmt: skip
    one = search(tmp_path, small.compiled(plain), levels=1)
    ticket = one.ticket(1)
    found = applied(one, "noise:sigma=2", level=1).ticket
    initial, kept = one.ticket(0).weights[0].value, ticket.weights[0].mask
    added = (found.weights[0].value - ticket.weights[0].value)[kept]
    assert added.std() == pytest.approx(2 * initial.std(), rel=0.05)
    assert abs(added.mean()) < 0.05 * initial.std()
    assert not found.weights[0].value[~kept].any()
    # Biases get none.
    np.testing.assert_array_equal(found.weights[1].value, ticket.weights[1].value)
    assert found.weights[0].value.dtype == np.float32


def test_reinit_from_the_survivors_draws_their_initial_values(searched):
    ticket = searched.ticket(LEVEL)
    found = applied(searched, "random_reinit:source=survivors").ticket
    initial = values(searched.ticket(0))
    for index, mask in enumerate(masks(ticket)):
        if mask is None:
            continue
        pool = set(initial[index][mask].tolist())
        drawn = found.weights[index].value[mask]
        assert set(drawn.tolist()) <= pool
        assert not np.array_equal(drawn, initial[index][mask])
        assert np.array_equal(found.weights[index].mask, mask)
    assert found.step == 0


def test_controls_are_applied_one_after_another(searched):
    one_shot = applied(searched, "one_shot").ticket
    found = applied(searched, "one_shot+noise:sigma=1").ticket
    for ours, theirs in zip(masks(found), masks(one_shot), strict=True):
        assert ours is None or np.array_equal(ours, theirs)
    assert found.fingerprint != one_shot.fingerprint


def test_in_global_scope_the_largest_of_all_layers_stay(tmp_path):
    one = search(tmp_path, small.compiled(scope="global"), levels=1)
    ticket, initial = one.ticket(1), values(one.ticket(0))
    places = [i for i, m in enumerate(masks(ticket)) if m is not None]
    for text, scored in (("one_shot", one.trained_weights(0)),
                         ("prune_at_init", initial)):  # fmt: skip
        flat = np.concatenate([np.abs(scored[i]).reshape(-1) for i in places])
        chosen = largest(flat, sum(int(masks(ticket)[i].sum()) for i in places))
        found = masks(applied(one, text, level=1).ticket)
        ours = np.concatenate([found[i].reshape(-1) for i in places])
        np.testing.assert_array_equal(ours, chosen)
    # A random mask has each layer's own density, in any scope.
    random = masks(applied(one, "random_mask", level=1).ticket)
    assert [random[i].sum() for i in places] == [masks(ticket)[i].sum() for i in places]
    with pytest.raises(LotteryError, match="stock tfmot ranks the weights of each"):
        applied(one, "continued", level=1)


def test_rewinding_to_a_step_that_was_not_stored_trains_level_0_again(tmp_path):
    """Against the weights that a search rewound to that step has."""
    deep = dict(model=small.compiled(small.dense_model(dropout=0.3)))
    here = search(tmp_path / "here", **deep)
    deep = dict(model=small.compiled(small.dense_model(dropout=0.3)))
    there = search(tmp_path / "there", rewind_to="3it", **deep)
    found = applied(here, "weight_rewind:step=3it").ticket
    assert small.same_bits(
        values(found), on(values(there.theta), masks(here.ticket(LEVEL)))
    )
    assert found.step == 3
    assert found.optimizer.keys() == there.theta.optimizer.keys()
    for name, value in there.theta.optimizer.items():
        assert small.bits(found.optimizer[name]) == small.bits(value), name
    with pytest.raises(LotteryError, match="step=5it is past the end of a run of 5"):
        applied(here, "weight_rewind:step=5it")
    with pytest.raises(LotteryError, match="step='soon' is not a point"):
        applied(here, "weight_rewind:step=soon")


@pytest.mark.parametrize(
    ("rewind", "how"),
    [
        ("3it", {}),
        pytest.param(
            "5it",
            {"jit_compile": True, "steps_per_execution": 5},
            marks=pytest.mark.slow,
            id="xla",
        ),
    ],
)
def test_continued_training_is_stock_tfmots_without_any_reset(tmp_path, rewind, how):
    """Against the loop written by hand: one model, never reset, masks read off it."""
    one = lth.LotterySearch(
        small.compiled(optimizer=keras.optimizers.Adam(0.02), **how),
        LEVEL,
        str(tmp_path),
        rewind_to=rewind,
    )
    one.fit(X, Y, batch_size=10, epochs=STEPS // 5 + (rewind == "5it"), verbose=0)
    plain = small.dense_model()
    for variable, weight in zip(plain.weights, _in_order(one, plain), strict=True):
        variable.assign(weight)
    steps = one.plan.iterations
    schedule = lth.IterativePruning(0.3, steps_per_level=steps)
    stock = keras.models.clone_model(
        plain,
        clone_function=lambda layer: (
            sparsity.prune_low_magnitude(
                type(layer).from_config(layer.get_config()), schedule
            )
            if isinstance(layer, keras.layers.Dense)
            else type(layer).from_config(layer.get_config())
        ),
    )
    for ours, theirs in zip(stock.layers, plain.layers, strict=True):
        ours.set_weights([*theirs.get_weights(), *ours.get_weights()[2:]]
                         if isinstance(theirs, keras.layers.Dense)
                         else theirs.get_weights())  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    stock.compile(keras.optimizers.Adam(0.02), loss, **how)
    kernels = [0, 6]  # positions of the two kernels among the weights
    for level in range(LEVEL + 1):
        stock.fit(
            one.plan.feed.dataset(level, 0, one.seed),
            steps_per_epoch=steps
            if level < LEVEL
            else how.get("steps_per_execution", 1),
            callbacks=[sparsity.UpdatePruningStep()],
            verbose=0,
        )
        if level == 0:
            continue
        layers = [layer for layer in stock.layers if hasattr(layer, "pruning_vars")]
        by_hand = [layer.pruning_vars[0][1].numpy() != 0 for layer in layers]
        found = applied(one, "continued", level=level).ticket
        for index, mask in zip(kernels, by_hand, strict=True):
            np.testing.assert_array_equal(found.weights[index].mask, mask)
            assert mask.sum() == round(mask.size * 0.7**level)
        assert small.same_bits(values(found), on(values(one.theta), masks(found)))
        assert found.step == int(rewind[0])


def _in_order(one: lth.LotterySearch, model: keras.Model) -> list[np.ndarray]:
    found = values(one.ticket(0))
    assert [v.shape for v in found] == [tuple(v.shape) for v in model.weights]
    return found


def test_continued_training_begins_at_the_searchs_first_learning_rate(tmp_path):
    """Though callbacks left another one in the optimizer."""
    seen = []

    class Rate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rate = self.model.optimizer.learning_rate
            seen.append(round(float(rate), 6))
            rate.assign(1e-6)

    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=10, verbose=0, callbacks=[Rate()])
    seen.clear()
    applied(one, "continued", level=1)
    assert seen[0] == 0.1


def test_continued_training_that_stops_early_is_refused(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    one = lth.LotterySearch(small.compiled(), 1, str(tmp_path))
    one.fit(X, Y, batch_size=10, verbose=0, callbacks=[Stop()])
    with pytest.raises(LotteryError, match="level 0 stopped at iteration 3 of 5"):
        applied(one, "continued", level=1)


def test_a_replay_lets_callbacks_see_what_they_saw(tmp_path):
    """One that lowers the rate by the validation loss, against a rewound search."""
    found = []
    for name, rewind in (("a", "0it"), ("b", "7it")):
        one = lth.LotterySearch(small.compiled(), 1, str(tmp_path / name),
                                rewind_to=rewind)  # fmt: skip
        lower = keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=9, factor=0.01)
        one.fit(X, Y, batch_size=10, epochs=3, verbose=0, callbacks=[lower],
                validation_data=(X, Y))  # fmt: skip
        found.append(one)
    here, there = found
    replayed = applied(here, "weight_rewind:step=7it", level=1).ticket
    rewound = on(values(there.theta), masks(here.ticket(1)))
    assert small.same_bits(values(replayed), rewound)


def test_with_fresh_optimizer_state_a_replay_has_none_of_its_own(tmp_path):
    one = search(tmp_path, optimizer_state="fresh", rewind_to="3it")
    found = applied(one, "weight_rewind:step=2it").ticket
    assert found.step == 2
    assert found.optimizer.keys() == one.ticket(0).optimizer.keys()
    for name, value in one.ticket(0).optimizer.items():
        assert small.bits(found.optimizer[name]) == small.bits(value), name


def test_continued_training_goes_on_after_a_stop(tmp_path):
    whole, stopped = search(tmp_path / "a"), search(tmp_path / "b")
    expected = applied(whole, "continued", level=2).ticket.fingerprint
    applied(stopped, "continued", level=1)
    again = search(tmp_path / "b")
    assert applied(again, "continued", level=2).ticket.fingerprint == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "control 'nothing' is not known: use one of continued, fine_tune"),
        ("noise:sgima=1", "'sgima' is no parameter of noise; it has sigma"),
        ("noise:sigma=much", "sigma=much is not allowed: use a number"),
        ("noise:sigma=", "sigma= is not allowed"),
        ("noise:sigma=-1", "noise:sigma=-1 is not allowed: use one above 0"),
        ("weight_rewind", "needs a value: write weight_rewind:step=..."),
        ("noise+noise", "gives a parameter twice"),
        ("random_reinit:source=x", "source=x is not known: use source=survivors"),
        ("random_reinit+one_shot", "one_shot would undo random_reinit"),
        ("noise+lr_rewind", "lr_rewind would undo noise"),
        ("one_shot+random_mask", "random_mask would undo one_shot"),
        ("one_shot+fine_tune", "fine_tune would undo one_shot, or does not go with"),
    ],
)
def test_what_is_no_control_is_refused(searched, text, message):
    with pytest.raises(LotteryError, match=message):
        applied(searched, text)


def test_a_control_has_a_name_parameters_and_a_directory():
    control = syntax.parse("one_shot+noise:sigma=2")
    assert control.name == "one_shot+noise"
    assert control.parameters == {"sigma": 2.0}
    assert control.key == "one_shot+noise,sigma=2.0"
    assert syntax.parse("noise").key == "noise,sigma=0.5"
    assert syntax.parse("random_reinit").key == "random_reinit"
    assert syntax.parse("random_reinit").parameters == {}


def test_the_ticket_that_is_changed_is_left_as_it_was(searched):
    ticket = searched.ticket(LEVEL)
    before = [value.copy() for value in values(ticket)]
    kept = [None if mask is None else mask.copy() for mask in masks(ticket)]
    for text in ("noise", "random_mask", "lr_rewind", "random_reinit"):
        case = controls.Case(ticket, searched.plan)
        syntax.parse(text).apply(searched, case, 5)
    assert small.same_bits(values(ticket), before)
    for mask, copy in zip(masks(ticket), kept, strict=True):
        assert copy is None or np.array_equal(mask, copy)
