"""What every level starts from and trains, against loops written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking import weights
from lth_keras.runs import trained as trained_files
from lth_keras.training import batches
from tests.support import small_search as small
from tests.support.small_search import (
    STEPS,
    TEST,
    VALIDATION,
    Record,
    X,
    Y,
    fit,
    search,
)

layers = keras.layers


def by_hand(theta: list[np.ndarray], level_masks, rewind: int, level: int, model):
    """One level of a plain model whose weights are masked after each step.

    Args:
        theta: the weights to start from.
        level_masks: a mask per weight, None for those that are not pruned.
        model: a plain model, compiled with an optimizer that has no state.

    Returns:
        The trained weights, the curve [(iteration, val, test), ...], theta_k.
    """

    def mask() -> None:
        for variable, m in zip(model.weights, level_masks, strict=True):
            if m is not None:
                variable.assign(small.masked(variable.numpy(), m))

    model.set_weights(theta)
    mask()
    start = rewind if level else 0
    stream = batches.batches((X, Y), small.BATCH, seed=3, level=level)
    curve, captured = [], None
    for done in range(start + 1, 2 * STEPS + 1):
        model.fit(stream.skip(done - 1), steps_per_epoch=1, verbose=0)
        mask()
        if done == rewind:
            captured = model.get_weights()
        if done % 3 == 0 or done % STEPS == 0:
            found = [
                model.evaluate(*data, verbose=0, return_dict=True)
                for data in (VALIDATION, TEST)
            ]
            curve.append((done, *found))
    return model.get_weights(), curve, captured


@pytest.mark.parametrize("rewind", [pytest.param(0, marks=pytest.mark.slow), 7])
def test_a_search_is_what_a_hand_written_loop_does(rewind: int, tmp_path) -> None:
    """Masks and trained weights to the bit, the curve to float rounding."""
    model = small.compiled(optimizer=keras.optimizers.SGD(0.1))
    plain = small.dense_model()
    plain.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    theta = plain.get_weights()
    one = search(model, tmp_path, 2, rewind_to=f"{rewind}it")
    history = fit(one, validation_data=VALIDATION, test_data=TEST, evaluate_every=3)
    prunable = [w.mask is not None for w in weights.weights_of(model)]
    masks = [np.ones(v.shape, bool) if p else None for v, p in zip(theta, prunable)]  # noqa: B905
    for level in range(3):
        ticket = one.ticket(level)
        assert small.same_bits([m for _, m in ticket.pruned()], [
            m for m in masks if m is not None
        ])  # fmt: skip
        assert small.same_bits(
            [w.value for w in ticket.weights],
            [v if m is None else small.masked(v, m) for v, m in zip(theta, masks)],  # noqa: B905
        )
        trained, curve, captured = by_hand(theta, masks, rewind, level, plain)
        stored = trained_files.read(one.directory.level(level))
        assert small.same_bits(stored.values(), trained)
        found = history.curves[level]
        assert found["iteration"] == [row[0] for row in curve]
        for name, index in (("val", 1), ("test", 2)):
            for metric in ("loss", "accuracy"):
                assert found[f"{name}_{metric}"] == pytest.approx(
                    [row[index][metric] for row in curve], rel=1e-5
                )
        row, losses = history.results[level], found["val_loss"]
        best = losses.index(min(losses))
        assert row["early_stop_iteration"] == curve[best][0]
        assert row["early_stop_test_accuracy"] == found["test_accuracy"][best]
        assert row["test_accuracy"] == found["test_accuracy"][-1]
        assert row["validation_loss"] == losses[best]
        assert (row["level"], row["control"], row["iterations"]) == (
            level, "ticket", 10
        )  # fmt: skip
        if captured:
            theta = captured
        masks = [
            m if m is None else small.pruned_by_hand(v, m, 0.3)
            for v, m in zip(trained, masks, strict=True)
        ]
    assert small.same_bits(small.values(model), trained)
    lth.verify(model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rewind", "step", "epochs"),
    [
        ("7it", 7, [1, 2]),
        pytest.param("1ep", 5, [1, 2], marks=pytest.mark.slow),
        pytest.param(0, 0, [0, 1, 2], marks=pytest.mark.slow),
    ],
)
def test_later_levels_train_the_remaining_steps_from_theta_k(
    rewind, step: int, epochs, tmp_path
) -> None:
    seen = []
    features = X.copy()
    features[:, 5] = np.arange(45)  # names each example in what the model sees
    dataset = batches.batches((features, Y), 10, seed=3, level=1)
    expected = [
        list(x[:, 5].astype(int)) for x, _ in dataset.take(15).as_numpy_iterator()
    ]

    def x(level: int, seed: int) -> tf.data.Dataset:
        def note(level_, examples):
            seen.append((int(level_), list(examples.numpy().astype(int))))
            return examples

        def record(batch, labels):
            kept = tf.py_function(note, [level, batch[:, 5]], tf.float32)
            with tf.control_dependencies([kept]):
                return tf.identity(batch), labels

        stream = batches.batches((features, Y), 10, seed=seed, level=level)
        return stream.map(record)

    record = Record()
    model = small.compiled(optimizer=keras.optimizers.Adam(0.01))
    one = search(model, tmp_path, 2, rewind_to=rewind)
    one.fit(x, steps_per_epoch=STEPS, epochs=3, verbose=0, callbacks=[record])
    assert record.steps == [15, 15 - step, 15 - step]
    assert record.epochs == [[0, 1, 2], epochs, epochs]
    # The pipeline makes some batches ahead of the last step, and skips the first.
    ours = [examples for level, examples in seen if level == 1]
    assert ours[step : step + 15 - step] == expected[step:]
    rewound = lth.Ticket.load(one.directory.level(0).rewind) if step else one.ticket(0)
    for level in (1, 2):
        begun, iterations, rate, slots = record.began[level]
        assert small.same_bits(begun, [
            v.value if m is None else small.masked(v.value, m.mask)
            for v, m in zip(
                rewound.weights,
                [w if w.mask is not None else None for w in one.ticket(level).weights],
                strict=True,
            )
        ])  # fmt: skip
        assert iterations == step
        assert rate == pytest.approx(0.01)
        if step == 0:
            assert slots == record.began[0][3]
    assert [row["iterations"] for row in one.results] == [15, 15, 15]


@pytest.mark.slow
def test_fresh_optimizer_state_keeps_only_the_step_count(tmp_path) -> None:
    record = Record()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([8], [0.01, 0.001])
    model = small.compiled(optimizer=keras.optimizers.Adam(schedule))
    one = search(model, tmp_path, 1, rewind_to="7it", optimizer_state="fresh")
    fit(one, callbacks=[record])
    _, iterations, _, slots = record.began[1]
    assert iterations == 7
    assert slots == record.began[0][3]
    assert record.steps == [10, 3]
    assert record.rate == pytest.approx(0.001), "of iteration 9, not of 2"


@pytest.mark.slow
def test_steps_per_execution_gives_the_same_levels(tmp_path) -> None:
    """Rewound into the middle of an epoch whose last execution is a shorter one."""
    one = search(small.compiled(), tmp_path / "one", 1, rewind_to="7it")
    fit(one)
    several = small.compiled(steps_per_execution=2)
    two = search(several, tmp_path / "two", 1, rewind_to="7it")
    fit(two)
    assert small.fingerprints(tmp_path / "one") == small.fingerprints(tmp_path / "two")
    ends = [s.directory.level(1) for s in (one, two)]
    first, second = (trained_files.read(end).values() for end in ends)
    assert small.same_bits(first, second)
