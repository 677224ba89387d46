"""Filters, rows, blocks and n of m keep what loops by hand, and tfmot, would keep."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lth_keras.compat import keras, sparsity
from lth_keras.errors import LotteryError
from lth_keras.pruning import granularity
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values

RNG = np.random.default_rng(0)


def tensor(shape, kind="Dense", name="kernel") -> Tensor:
    return Tensor(f"a/{name}", kind, tuple(shape))


def shrunk(text, values, rate=0.5, masks=None, tensors=None, **fields):
    tensors = tensors or [tensor(v.shape) for v in values]
    recipe = Recipe(granularity=text, rates=(rate,) * len(values), **fields).check()
    scores = recipe.scores(Values(values), np.random.default_rng(0))
    dense = [np.ones(v.shape, bool) for v in values]
    return recipe.shrink(scores, masks or dense, tensors)


def best(numbers, keep: int) -> set[int]:
    """Indices of the largest, the lower index first among equals."""
    return set(sorted(range(len(numbers)), key=lambda i: (-numbers[i], i))[:keep])


@pytest.mark.parametrize(
    "text, power", [("filter", 1), ("filter:l1", 1), ("filter:l2", 2)]
)
def test_filters_of_largest_norm_stay_whole(text, power):
    kernel = RNG.normal(size=(3, 3, 4, 7)).astype(np.float32)
    (mask,) = shrunk(text, [kernel], tensors=[tensor(kernel.shape, "Conv2D")])
    norms = [
        sum(abs(float(v)) ** power for v in kernel[..., i].ravel()) for i in range(7)
    ]
    # round(3.5) is the even 4, so 3 of 7 stay.
    kept = {i for i in range(7) if mask[..., i].all()}
    assert kept == best(norms, 3)
    assert not mask[..., sorted(set(range(7)) - kept)].any()


@pytest.mark.parametrize(
    ("kind", "name", "shape", "outputs"),
    [
        ("Conv2DTranspose", "kernel", (3, 3, 6, 2), (2,)),
        ("DepthwiseConv2D", "depthwise_kernel", (3, 3, 2, 3), (2, 3)),
        ("SeparableConv2D", "depthwise_kernel", (3, 3, 2, 3), (2, 3)),
        ("SeparableConv2D", "pointwise_kernel", (1, 1, 4, 6), (3,)),
        ("Conv1D", "kernel", (3, 2, 6), (2,)),
        ("Dense", "kernel", (5, 6), (1,)),
    ],
)
def test_each_kind_of_layer_has_its_own_axis_of_outputs(kind, name, shape, outputs):
    kernel = RNG.normal(size=shape)
    (mask,) = shrunk("filter", [kernel], tensors=[tensor(shape, kind, name)])
    axes = tuple(axis for axis in range(len(shape)) if axis not in outputs)
    norms = np.abs(kernel).sum(axis=axes).reshape(-1).tolist()
    assert set(np.flatnonzero(mask.any(axis=axes))) == best(norms, 3)
    assert np.array_equal(mask.any(axis=axes), mask.all(axis=axes))


def test_equal_filters_go_from_the_last():
    (mask,) = shrunk("filter", [np.ones((2, 5))], rate=0.4)
    assert mask.tolist() == [[True, True, True, False, False]] * 2


def test_filters_of_all_layers_are_ranked_by_weight_in_global_scope():
    small, large = np.array([[1.0, 5.0]]), np.array([[2.0, 3.0]] * 4)
    masks = shrunk("filter", [small, large], scope="global")
    # By their sums the small layer would lose both.
    assert [m.any(axis=0).tolist() for m in masks] == [[False, True], [False, True]]


def test_filters_that_are_tied_lose_the_same_and_are_counted_once():
    one, other = np.array([[3.0, 1, 2, 5]]), np.array([[1.0, 4, 4, 1]] * 2)
    tied = [tensor(v.shape)._replace(tied="sum") for v in (one, other)]
    alone = tensor((3, 4))
    kernels = [one, other, np.array([[1.0, 2, 3, 4]] * 3)]
    masks = shrunk("filter", kernels, rate=0.25, tensors=[*tied, alone])
    assert [m[0].tolist() for m in masks] == [
        [False, True, True, True],  # 3 + 1, 1 + 4, 2 + 4, 5 + 1
        [False, True, True, True],
        [False, True, True, True],
    ]
    recipe = Recipe(granularity="filter", rates=(0.25,) * 3)
    groups = recipe.groups([*tied, alone])
    assert [(g.units, g.weights, g.even) for g in groups] == [(4, 12, True)] * 2
    together = Recipe(granularity="filter", scope="global", rates=(0.5,) * 3)
    masks = together.shrink(
        kernels, [np.ones(k.shape, bool) for k in kernels], [*tied, alone]
    )
    assert np.array_equal(masks[0][0], masks[1][0])
    # Four of the eight: sums 4, 5, 6, 6 of the tied, and 1, 2, 3, 4.
    assert sum(m.any(axis=0).sum() for m in masks[1:]) == 4
    wrong = [tied[0], tensor((2, 3))._replace(tied="sum")]
    with pytest.raises(LotteryError, match="a/kernel are pruned together and have 4 "):
        shrunk("filter", [one, np.ones((2, 3))], tensors=wrong)


def test_rows_hold_what_one_input_gives_to_all_outputs():
    kernel = RNG.normal(size=(3, 2, 4, 5))
    (mask,) = shrunk("row", [kernel], rate=0.25)
    sums = np.abs(kernel).sum(axis=-1).reshape(-1).tolist()
    assert set(np.flatnonzero(mask.all(axis=-1))) == best(sums, 18)
    assert np.array_equal(mask.all(axis=-1), mask.any(axis=-1))


def tfmot_mask(kernel, **how) -> np.ndarray:
    """The mask that tfmot itself makes at a sparsity of one half."""
    outputs, inputs = kernel.shape[-1], kernel.shape[-2]
    if kernel.ndim == 2:
        layer = keras.layers.Dense(outputs)
    else:
        layer = keras.layers.Conv2D(outputs, kernel.shape[:2])
    schedule = sparsity.ConstantSparsity(0.5, 0, frequency=1)
    wrapper = sparsity.prune_low_magnitude(layer, schedule, **how)
    wrapper.build((1, *kernel.shape[:-2], inputs))
    layer.kernel.assign(kernel)
    wrapper.pruning_step.assign(1)
    wrapper.pruning_obj.conditional_mask_update()
    (_, mask, _), *_ = wrapper.pruning_vars
    return mask.numpy() != 0


@pytest.mark.parametrize("shape", [(16, 12), (8, 40), (784, 300)])
@pytest.mark.parametrize("size", [(4, 4), (1, 4), (2, 1)])
def test_blocks_are_those_of_tfmot_where_they_divide_the_matrix(shape, size):
    kernel = RNG.normal(size=shape).astype(np.float32)
    (mask,) = shrunk(f"block:{size[0]}x{size[1]}", [kernel])
    assert np.array_equal(mask, tfmot_mask(kernel, block_size=size))


def test_blocks_at_the_end_count_for_what_they_have():
    kernel = np.arange(1.0, 16).reshape(3, 5)
    (mask,) = shrunk("block:2x2", [kernel])
    # Sums 18, 26, 15 of rows 1 and 2; 23, 27, 15 of row 3.
    assert mask.tolist() == [
        [False, False, True, True, False],
        [False, False, True, True, False],
        [True, True, True, True, False],
    ]
    recipe = Recipe(granularity="block:2x2", rates=(0.5,))
    assert [g.even for g in recipe.groups([tensor((3, 5))])] == [False]


def test_a_convolution_is_a_matrix_of_all_its_inputs_by_its_outputs():
    kernel = RNG.normal(size=(3, 3, 4, 8))
    (mask,) = shrunk("block:4x4", [kernel])
    (flat,) = shrunk("block:4x4", [kernel.reshape(36, 8)])
    assert np.array_equal(mask.reshape(36, 8), flat)


@pytest.mark.parametrize("shape", [(784, 300), (3, 3, 8, 5), (3, 3, 6, 4), (7, 5)])
@pytest.mark.parametrize("zeros, of", [(2, 4), (1, 4), (3, 8)])
def test_n_of_m_is_that_of_tfmot(shape, zeros, of):
    kernel = RNG.normal(size=shape).astype(np.float32)
    (mask,) = shrunk(f"{of - zeros}:{of}", [kernel])
    assert np.array_equal(mask, tfmot_mask(kernel, sparsity_m_by_n=(zeros, of)))
    assert all(g.sum() <= of - zeros for g in groups_of(mask, of))


def groups_of(mask: np.ndarray, size: int):
    moved = np.moveaxis(mask, -2, -1).reshape(-1, mask.shape[-2])
    for line in moved:
        for start in range(0, len(line), size):
            yield line[start : start + size]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_n_of_m_prunes_once_or_falls_by_round(scope):
    kernels = [RNG.normal(size=(8, 3)), RNG.normal(size=(7, 5))]
    first = shrunk("2:4", kernels, scope=scope, rate=0.2)
    again = shrunk("2:4", kernels, scope=scope, rate=0.2, masks=first)
    assert all(np.array_equal(a, b) for a, b in itertools.zip_longest(first, again))
    masks = None
    for left in (3, 2, 1, 1):
        before, masks = masks, shrunk("3-2-1:4", kernels, masks=masks, scope=scope)
        for mask in masks:
            assert all(g.sum() == min(left, len(g)) for g in groups_of(mask, 4))
        if before:
            assert all(
                (new <= old).all() for new, old in zip(masks, before, strict=True)
            )
    # Two in one go, and one by one, are the same two.
    falling = shrunk("3-2:4", kernels, masks=shrunk("3-2:4", kernels))
    assert all(np.array_equal(a, b) for a, b in itertools.zip_longest(first, falling))


def test_levels_that_would_prune_nothing_are_refused_and_densities_are_known():
    tensors = [tensor((8, 3)), tensor((7, 5))]
    recipe = Recipe(granularity="2:4", rates=(0.2, 0.2))
    groups = recipe.groups(tensors)
    assert [(g.units, g.after) for g in groups] == [(24, (12,)), (35, (20,))]
    recipe.check_levels(groups, 1)
    with pytest.raises(LotteryError, match="levels=2: granularity='2:4' prunes in 1 r"):
        recipe.check_levels(groups, 2)
    assert recipe.level_for_density(groups, 32 / 59) == 1
    with pytest.raises(LotteryError, match="cannot be reached: .* ends at 0.542"):
        recipe.level_for_density(groups, 0.5)
    falling = Recipe(granularity="3-2-1:4", scope="global", rates=(0.2, 0.2))
    (group,) = falling.groups(tensors)
    assert group.after == (18 + 30, 12 + 20, 6 + 10)
    assert falling.level_for_density([group], 0.5) == 3


@pytest.mark.parametrize("text", ["filter", "filter:l2", "row", "block:2x3", "2:4"])
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_another_draw_keeps_as_many_units(text, scope):
    kernels = [RNG.normal(size=(8, 6)), RNG.normal(size=(6, 4))]
    tensors = [tensor(k.shape) for k in kernels]
    like = shrunk(text, kernels, scope=scope)
    recipe = Recipe("random", text, "layer", (0.5, 0.5))
    scores = recipe.scores(Values(kernels), np.random.default_rng(1))
    dense = [np.ones(k.shape, bool) for k in kernels]
    found = recipe.shrink_to(scores, dense, like, tensors)
    rule = granularity.get(text)
    for new, old, each in zip(found, like, tensors, strict=True):
        assert rule.units(each, new).sum() == rule.units(each, old).sum()
    assert any(not np.array_equal(a, b) for a, b in zip(found, like, strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("block:0x4", "a block has at least one row and one column, as in block:4x4"),
        ("4:4", "at least one and fewer than M, as in 2:4"),
        ("0:4", "at least one and fewer than M"),
        ("2-3:4", "several N fall, as in 3-2-1:4"),
        ("block:4", "is not known: use one of block:4x4, filter, 2:4, row, weight"),
        ("filter:l3", "is not known"),
        ("2:4:8", "is not known"),
    ],
)
def test_what_is_no_granularity_is_refused_in_one_line(text, said):
    with pytest.raises(LotteryError, match=said) as error:
        Recipe(granularity=text).check()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "kind", "shape"),
    [
        ("filter", "LSTMCell", (4, 16)),
        ("filter", "Embedding", (4, 16)),
        ("filter", "Own", (4,)),
        ("row", "Own", (4,)),
        ("block:2x2", "Own", (4,)),
        ("2:4", "Own", (4,)),
    ],
)
def test_a_tensor_without_such_units_is_refused_by_its_name(text, kind, shape):
    with pytest.raises(LotteryError, match=r"a/kernel .*exclude="):
        Recipe(granularity=text).check_tensor(tensor(shape, kind))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"where": "all"}, "where='all' is not known: use each, together, first"),
        ({"where": "first"}, "where='first' is for whole filters"),
    ],
)
def test_where_is_for_filters(fields, said):
    with pytest.raises(LotteryError, match=said):
        Recipe(**fields).check()
