"""Batches are an endless, seeded, per-epoch permutation that can begin anywhere."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training.batches import batches, steps_per_epoch
from tests.support.places import ROOT


def take(count: int, *args, **kwargs) -> list[list[int]]:
    dataset = batches(*args, **kwargs)
    return [batch.numpy().tolist() for batch in itertools.islice(dataset, count)]


def run(program: str) -> subprocess.CompletedProcess:
    """Runs `program` in a new Python process."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


def test_every_epoch_holds_every_example_once():
    stream = take(12, np.arange(10), 3)
    epochs = [np.concatenate(stream[first : first + 4]) for first in (0, 4, 8)]
    assert [len(batch) for batch in stream[:4]] == [3, 3, 3, 1]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 3


def test_seed_level_and_epoch_each_change_the_order():
    def order(epoch, **kwargs):
        return tuple(take(1, np.arange(100), 100, start=epoch, **kwargs)[0])

    orders = [
        order(0),
        order(1),
        order(0, level=1),
        order(1, level=1),
        order(0, seed=1),
        order(0, seed=-1),
    ]
    assert len(set(orders)) == len(orders)
    assert order(1, level=1) == orders[3]


@pytest.mark.slow
def test_the_order_is_the_same_in_another_process():
    here = take(5, np.arange(10), 4, seed=5, level=2)
    there = run(
        """
        import itertools, numpy as np
        from lth_keras.training.batches import batches
        data = batches(np.arange(10), 4, seed=5, level=2)
        print([b.numpy().tolist() for b in itertools.islice(data, 5)])
        """
    )
    assert there.stdout.strip() == str(here)


def test_the_order_of_an_epoch_does_not_depend_on_the_batch_size():
    by_three = np.concatenate(take(4, np.arange(10), 3, seed=1))
    by_ten = take(1, np.arange(10), 10, seed=1)[0]
    assert by_three.tolist() == by_ten


@pytest.mark.parametrize("drop_remainder", [False, True])
@pytest.mark.parametrize("start", [0, 1, 3, 4, 7, 8, 19, 40])
def test_a_stream_begun_later_continues_the_stream_from_zero(start, drop_remainder):
    kwargs = {"seed": 2, "level": 3, "drop_remainder": drop_remainder}
    whole = take(52, np.arange(41), 10, **kwargs)
    assert take(12, np.arange(41), 10, start=start, **kwargs) == whole[start:][:12]


def test_a_stream_crosses_the_pieces_it_is_gathered_in():
    # 16 batches are gathered at once: 70 batches an epoch are four pieces and a bit.
    whole = take(150, np.arange(140), 2, shuffle=False)
    assert whole[:70] == [[2 * n, 2 * n + 1] for n in range(70)]
    assert whole[70:140] == whole[:70]
    assert take(40, np.arange(140), 2, start=50, shuffle=False) == whole[50:90]


def test_examples_too_large_to_gather_many_at_once_are_still_all_there():
    images = np.zeros((7, 3, 512, 512), np.float32)
    images[:, 0, 0, 0] = np.arange(7)
    stream = itertools.islice(batches(images, 2, shuffle=False), 5)
    firsts = [batch[:, 0, 0, 0].numpy().tolist() for batch in stream]
    assert firsts == [[0, 1], [2, 3], [4, 5], [6], [0, 1]]


def test_a_start_far_ahead_costs_no_skipped_batches():
    assert take(1, np.arange(4), 2, start=2 * 10**12, shuffle=False) == [[0, 1]]


def test_without_shuffle_the_arrays_keep_their_order():
    assert take(3, np.arange(5), 3, shuffle=False) == [[0, 1, 2], [3, 4], [0, 1, 2]]


def test_examples_of_all_arrays_stay_together():
    x = np.arange(24.0).reshape(8, 3)
    arrays = ({"a": x, "b": x[:, 0].astype("int32")}, np.arange(8), 10 * np.arange(8))
    for inputs, label, weight in itertools.islice(batches(arrays, 3), 7):
        assert np.array_equal(inputs["a"], x[label.numpy()])
        assert np.array_equal(inputs["b"], 3 * label)
        assert np.array_equal(weight, 10 * label)


def test_lists_become_tuples():
    dataset = batches(([np.zeros((4, 2)), np.zeros(4)], np.zeros(4)), 2)
    (first, second), label = dataset.element_spec
    assert (first.shape, second.shape, label.shape) == ((2, 2), (2,), (2,))


def test_text_can_be_batched():
    words = np.array(["a", "b", "c"])
    assert take(2, words, 2, shuffle=False) == [[b"a", b"b"], [b"c"]]


def test_a_batch_larger_than_the_data_is_a_whole_epoch():
    assert take(2, np.arange(3), 5, shuffle=False) == [[0, 1, 2]] * 2


def test_the_batch_dimension_is_static_when_every_batch_is_whole():
    x = np.zeros((10, 3), np.float32)
    assert batches(x, 4, drop_remainder=True).element_spec.shape == (4, 3)
    assert batches(x, 5).element_spec.shape == (5, 3)
    assert batches(x, 4).element_spec.shape.as_list() == [None, 3]


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_one_trace_serves_every_level_seed_and_start(drop_remainder):
    @tf.function
    def total(iterator):
        return tf.reduce_sum(next(iterator))

    for seed, level, start in [(0, 0, 0), (7, 0, 0), (0, 5, 0), (0, 0, 9)]:
        total(
            iter(
                batches(
                    np.ones(10, np.float32),
                    3,
                    seed=seed,
                    level=level,
                    start=start,
                    drop_remainder=drop_remainder,
                )
            )
        )
    assert total.experimental_get_tracing_count() == 1


def test_the_stream_has_no_end_and_no_autotuner():
    dataset = batches(np.arange(10), 3)
    options = dataset.options()
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert options.autotune.enabled is False
    assert options.deterministic is True


def test_fit_takes_the_batches_for_several_epochs():
    x = np.arange(10, dtype=np.float32)[:, np.newaxis]
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    steps = steps_per_epoch(10, 4)
    history = model.fit(batches((x, x), 4), steps_per_epoch=steps, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    with pytest.raises(ValueError, match="infinite dataset"):
        model.fit(batches((x, x), 4), verbose=0)


@pytest.mark.slow
def test_replicas_share_every_batch_between_them_without_a_warning():
    result = run(
        """
        import numpy as np, tensorflow as tf
        from lth_keras.training.batches import batches
        cpu = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        data = batches(np.arange(10), 4, shuffle=False)
        shared = iter(strategy.experimental_distribute_dataset(data))
        for _ in range(3):
            parts = strategy.experimental_local_results(next(shared))
            print([part.numpy().tolist() for part in parts])
        """
    )
    assert result.stdout.splitlines() == [
        "[[0, 1], [2, 3]]",
        "[[4, 5], [6, 7]]",
        "[[8], [9]]",
    ]
    assert "shard" not in result.stderr.lower()


@pytest.mark.parametrize(
    "size, batch_size, drop_remainder, steps",
    [
        (10, 3, False, 4),
        (10, 3, True, 3),
        (9, 3, False, 3),
        (9, 3, True, 3),
        (2, 3, False, 1),
        (55_000, 60, False, 917),
        (55_000, 60, True, 916),
    ],
)
def test_steps_per_epoch_counts_a_last_smaller_batch_unless_dropped(
    size, batch_size, drop_remainder, steps
):
    assert steps_per_epoch(size, batch_size, drop_remainder) == steps


@pytest.mark.parametrize(
    "arrays, batch_size, options, message",
    [
        ((np.zeros(4), np.zeros(5)), 2, {}, "have 4, 5 examples"),
        (np.zeros(4), 0, {}, "batch_size=0 is not allowed; .* at least 1"),
        (np.zeros(4), 2.0, {}, "batch_size=2.0 is not allowed"),
        (np.zeros((0, 3)), 2, {}, "data are empty"),
        ((), 2, {}, "There are no arrays"),
        (np.zeros(4), 5, {"drop_remainder": True}, "batch_size=5 .* use at most 4"),
        ((np.zeros(2), [1, 2]), 2, {}, "no lists of numbers"),
        ((np.zeros(2), None), 2, {}, "A NoneType among the arrays is no tensor"),
        (np.zeros(4), 2, {"start": -1}, "start=-1 is not allowed"),
        (np.zeros(4), 2, {"level": 2**31}, "level=2147483648 .* below 2147483648"),
        (np.zeros(4), 2, {"seed": 2**63}, "seed=9223372036854775808 is not allowed"),
        (np.zeros(4), 2, {"seed": "a"}, "seed='a' is not allowed"),
    ],
)
def test_what_cannot_be_batched_gets_one_clear_line(
    arrays, batch_size, options, message
):
    with pytest.raises(LotteryError, match=message) as error:
        batches(arrays, batch_size, **options)
    assert "\n" not in str(error.value)
