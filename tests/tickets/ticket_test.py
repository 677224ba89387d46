"""The ticket: taken from a model, saved, loaded, compared and applied."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import weights
from lth_keras.masking.network import Network
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()


def pruned_model(rounds: int = 2, **arguments) -> keras.Model:
    model = lth.wrap(small.dense_model(), 0.4, **arguments)
    for _ in range(rounds):
        lth.prune(model)
    return model


def ticket(rounds: int = 2, **arguments) -> lth.Ticket:
    model = pruned_model(rounds, **arguments)
    return lth.Ticket.of(model, level=rounds, seed=7, settings={"rate": 0.4})


def contents(one: lth.Ticket) -> list[bytes]:
    return [small.bits(a) for w in one.weights for a in (w.value, w.mask)]


def test_a_ticket_comes_back_from_its_directory_bit_for_bit(tmp_path) -> None:
    model = small.compiled(optimizer=keras.optimizers.Adam(0.01))
    model.fit(X, Y, verbose=0)
    bias = weights.weights_of(model)[1]
    bias.write(np.where(np.arange(8) % 2, -0.0, bias.read()).astype(np.float32))
    start = lth.capture(model, step=3)
    lth.prune(model)
    one = lth.Ticket.of(
        model, start, level=1, seed=5, settings={"rate": 0.3}, parent="abc"
    )
    one.save(tmp_path / "ticket")
    two = lth.Ticket.load(tmp_path / "ticket")
    assert contents(two) == contents(one)
    assert np.signbit(two.weights[1].value[1::2]).all()
    assert [(w.layer, w.kind, w.name) for w in two.weights] == [
        (w.layer, w.kind, w.name) for w in one.weights
    ]
    assert (two.level, two.step, two.seed, two.parent) == (1, 3, 5, "abc")
    assert two.settings == {"rate": 0.3}
    assert two.fingerprint == one.fingerprint
    assert two.density == one.density == (34 + 17) / 72
    assert two.densities == {"dense/kernel": 34 / 48, "dense_1/kernel": 17 / 24}
    assert sorted(two.optimizer) == sorted(one.optimizer)
    for path, value in one.optimizer.items():
        found = np.broadcast_to(two.optimizer[path], np.shape(value))
        assert small.bits(found) == small.bits(value)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_other_dtypes_come_back_too(policy: str, tmp_path) -> None:
    keras.mixed_precision.set_global_policy(policy)
    one = ticket()
    assert one.weights[0].value.dtype.name == (
        "float32" if policy == "mixed_float16" else "bfloat16"
    )
    one.save(tmp_path / "ticket")
    two = lth.Ticket.load(tmp_path / "ticket")
    assert contents(two) == contents(one)
    fresh = lth.wrap(small.dense_model(seed=9), 0.4)
    two.apply(fresh)
    assert small.same_bits(small.values(fresh), [w.value for w in one.weights])


def test_equal_tickets_are_equal_files_without_pickles(tmp_path) -> None:
    one = ticket()
    one.save(tmp_path / "a")
    lth.Ticket.load(tmp_path / "a").save(tmp_path / "b")
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["manifest.json", "masks.npz", "weights.npz"]
    for name in names:
        a, b = ((tmp_path / side / name).read_bytes() for side in "ab")
        assert a == b
    for name in ("masks.npz", "weights.npz"):
        with np.load(tmp_path / "a" / name, allow_pickle=False) as archive:
            assert all(archive[k] is not None for k in archive if "json" not in k)


def test_an_existing_ticket_is_overwritten_only_on_demand(tmp_path) -> None:
    ticket(1).save(tmp_path / "t")
    with pytest.raises(LotteryError, match="overwrite"):
        ticket(2).save(tmp_path / "t")
    assert lth.Ticket.load(tmp_path / "t").level == 1
    ticket(2).save(tmp_path / "t", overwrite=True)
    assert lth.Ticket.load(tmp_path / "t").level == 2


def damaged(path: pathlib.Path, how: str) -> None:
    weights_file, manifest = path / "weights.npz", path / "manifest.json"
    if how == "corrupted":
        data = bytearray(weights_file.read_bytes())
        data[len(data) // 2] ^= 1
        weights_file.write_bytes(bytes(data))
    elif how == "truncated":
        weights_file.write_bytes(weights_file.read_bytes()[:-40])
    elif how == "missing":
        (path / "masks.npz").unlink()
    elif how == "exchanged":
        other = path.parent / "other"
        ticket(1).save(other)
        weights_file.write_bytes((other / "weights.npz").read_bytes())
    elif how == "no manifest":
        manifest.unlink()
    elif how == "no json":
        manifest.write_text("{")
    elif how == "foreign":
        manifest.write_text('{"format": "something else"}')
    elif how == "edited":
        fields = json.loads(manifest.read_text())
        fields["level"] = 1
        manifest.write_text(json.dumps(fields))
    elif how == "shape edited":
        fields = json.loads(manifest.read_text())
        fields["weights"][0]["shape"] = [8, 6]
        manifest.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("corrupted", "weights.npz is truncated or altered"),
        ("truncated", "weights.npz is truncated or altered"),
        ("missing", "masks.npz is missing"),
        ("exchanged", "weights.npz is truncated or altered"),
        ("no manifest", "there is no manifest.json"),
        ("no json", "manifest.json line 1 is corrupt"),
        ("foreign", "format is 'something else'"),
        ("edited", "manifest.json is altered"),
        ("shape edited", "manifest.json is altered"),
    ],
)
def test_a_damaged_ticket_is_refused_by_name(how: str, named: str, tmp_path) -> None:
    ticket().save(tmp_path / "ticket")
    damaged(tmp_path / "ticket", how)
    with pytest.raises(LotteryError, match=named) as error:
        lth.Ticket.load(tmp_path / "ticket")
    assert str(tmp_path / "ticket") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_ticket_starts_a_fresh_wrapped_model_of_other_names() -> None:
    one = ticket()
    fresh = lth.wrap(small.dense_model(seed=5), 0.2)
    assert fresh.layers[0].name != one.weights[0].layer
    assert one.apply(fresh) == []
    assert small.same_bits(small.values(fresh), [w.value for w in one.weights])
    masks = [w.read_mask() for w in Network.of(fresh).pruned]
    assert small.same_bits(masks, [mask for _, mask in one.pruned()])


def test_an_applied_ticket_trains_on_its_masks() -> None:
    """Also where the optimizer has a past; and a dense one opens the masks again."""
    model = small.compiled()
    dense = lth.Ticket.of(model)
    model.fit(X, Y, verbose=0)
    ticket().apply(model)
    lth.verify(model)
    model.fit(X, Y, verbose=0)
    lth.verify(model)
    assert Network.of(model).density == ticket().density
    dense.apply(model)
    assert Network.of(model).density == 1.0


def test_an_unwrapped_model_gets_exact_zeros() -> None:
    one, plain = ticket(), small.dense_model(seed=5)
    one.apply(plain)
    assert small.same_bits(plain.get_weights(), [w.value for w in one.weights])


def with_head(units: int, extra: bool = False) -> keras.Model:
    body = [layers.Dense(8, "relu", input_shape=(6,)), layers.BatchNormalization()]
    more = [layers.Dense(8, "relu")] if extra else []
    return keras.Sequential([*body, *more, layers.Dense(units)])


def test_another_head_is_skipped_and_named() -> None:
    one, model = ticket(), lth.wrap(with_head(5), 0.4)
    before = small.values(model)[-2:]
    with pytest.raises(LotteryError, match=r"dense.*\(8, 3\).*\(8, 5\).*strict=False"):
        one.apply(model)
    skipped = one.apply(model, strict=False)
    head = model.layers[-1].name
    assert skipped == [f"{head}/kernel", f"{head}/bias"]
    assert small.same_bits(small.values(model)[-2:], before)
    assert small.same_bits(
        small.values(model)[:-2], [w.value for w in one.weights[:-2]]
    )
    assert one.apply(lth.wrap(with_head(3, extra=True), 0.4), strict=False) != []


def test_a_ticket_that_matches_nothing_is_refused() -> None:
    model = lth.wrap(keras.Sequential([layers.Dense(9, input_shape=(4,))]))
    with pytest.raises(LotteryError, match="no layer of the model"):
        ticket().apply(model, strict=False)


def test_a_model_with_more_or_fewer_weights_is_refused() -> None:
    body = keras.Sequential(
        [layers.Dense(8, "relu", input_shape=(6,)), layers.BatchNormalization()]
    )
    with pytest.raises(LotteryError, match="it has 8 weights, the model 6"):
        ticket().apply(body)


def test_a_wrapped_model_without_a_mask_where_the_ticket_prunes_is_refused() -> None:
    plain = small.dense_model()
    model = lth.wrap(plain, 0.4, exclude=plain.layers[-1].name)
    before = small.values(model)
    with pytest.raises(LotteryError, match="is on no mask"):
        ticket().apply(model)
    assert small.same_bits(small.values(model), before)


def test_overlap_is_the_shared_part_of_what_is_kept() -> None:
    one, two = ticket(1), ticket(2)
    assert set(two.overlap(one).values()) == {1.0}, "masks only shrink"
    found = list(one.overlap(two).values())
    assert found == [17 / 29, 8 / 14]
    with pytest.raises(LotteryError, match="not of one architecture"):
        one.overlap(lth.Ticket.of(lth.wrap(with_head(5))))


@pytest.mark.slow
def test_a_model_pruned_with_stock_tfmot_becomes_a_ticket(tmp_path) -> None:
    stock = tfmot.sparsity.keras
    model = stock.prune_low_magnitude(
        small.dense_model(), stock.ConstantSparsity(0.5, begin_step=0, frequency=1)
    )
    model.compile("sgd", "mse")
    y = np.zeros((45, 3), np.float32)
    model.fit(X, y, verbose=0, callbacks=[stock.UpdatePruningStep()])
    one = lth.Ticket.of(model)
    assert one.density == pytest.approx(0.5, abs=0.02)
    one.save(tmp_path / "ticket")
    fresh = lth.wrap(small.dense_model(), 0.2)
    lth.Ticket.load(tmp_path / "ticket").apply(fresh)
    stripped = stock.strip_pruning(model).get_weights()
    expected = [
        v if w.mask is None else small.masked(v, w.mask)
        for v, w in zip(stripped, one.weights, strict=True)
    ]
    assert small.same_bits(small.values(fresh), expected)


def test_an_unpruned_model_holds_no_ticket() -> None:
    with pytest.raises(LotteryError, match="wrap it first"):
        lth.Ticket.of(small.dense_model())


def test_start_rewinds_a_model_to_the_ticket() -> None:
    model = pruned_model()
    one = lth.Ticket.of(model, lth.capture(model))
    weights.weights_of(model)[0].write(np.ones((6, 8), np.float32))
    lth.rewind(model, one.start())
    assert small.same_bits(small.values(model), [w.value for w in one.weights])
