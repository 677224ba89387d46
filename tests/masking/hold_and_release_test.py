"""hold and release: what is put on masks, what stays, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from tests.support import by_hand
from tests.support.masked_models import equal
from tests.support.model_zoo import floats
from tests.support.own_models import VAE, gan, made, pretrained, tied, vae

layers = keras.layers


def graph() -> keras.Model:
    return keras.Sequential(
        [
            layers.Dense(5, "relu", input_shape=(4,), kernel_constraint="max_norm"),
            layers.Dense(3, kernel_regularizer="l1", name="head"),
        ]
    )


def test_release_gives_the_model_back_with_exact_zeros():
    model = graph()
    held = [vars(layer)["kernel"] for layer in model.layers]
    constraint = model.layers[0].kernel.constraint
    lth.hold(model, 0.5)
    lth.prune(model)
    assert lth.release(model) is model
    assert all(
        vars(layer)["kernel"] is raw
        for layer, raw in zip(model.layers, held, strict=True)
    )
    assert model.layers[0].kernel.constraint is constraint
    assert [np.count_nonzero(w) for w in model.get_weights()[::2]] == [10, 7]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(floats(2, 4)) ** 2) + sum(model.losses)
    found = tape.gradient(loss, model.trainable_variables)
    for gradient, value in zip(found[::2], model.get_weights()[::2], strict=True):
        assert gradient.numpy()[value == 0].any()
    assert lth.hold(model, 0.5) is model  # again


def test_a_graph_model_held_is_pruned_and_rewound_as_a_wrapped_one():
    model = graph()
    wrapped = lth.wrap(model, 0.3, scope="global")
    starts = [lth.capture(m) for m in (wrapped, lth.hold(model, 0.3, scope="global"))]
    for each, start in zip((wrapped, model), starts, strict=True):
        lth.prune(each)
        lth.rewind(each, start)
    first, second = (lth.Ticket.of(m) for m in (wrapped, model))
    assert first.fingerprint == second.fingerprint
    rows = [list(lth.coverage(m, None)) for m in (wrapped, model)]
    assert rows[0] == rows[1]


def test_rates_and_exclusions_match_layers_around_a_weight_too():
    model, _ = made(pretrained)
    lth.hold(model, {"query": 0.25, "bert": 0.5, "classifier": None}, exclude="_._1")
    rates = {w.path: w.wrapper.rate for w in Network.of(model).pruned}
    assert rates == {
        "query/kernel": 0.25,
        "key/kernel": 0.5,
        "value/kernel": 0.5,
        "pooler/kernel": 0.5,
    }


def test_a_kernel_in_two_layers_has_one_mask_in_both():
    model, _ = made(tied)
    lth.hold(model, 0.5, embeddings=True)
    assert vars(model.first)["kernel"] is vars(model.second)["kernel"]
    assert [w.shape for w in Network.of(model).pruned] == [(9, 4), (4, 4)]
    by_hand.random_masks(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(tf.constant([[1, 2], [3, 4]])) ** 2)
    pruned = Network.of(model).pruned
    gradients = tape.gradient(loss, [by_hand.raw(w.variable) for w in pruned])
    for gradient, weight in zip(gradients, pruned, strict=True):
        dense = tf.convert_to_tensor(gradient).numpy()
        assert dense.any() and not dense[~weight.read_mask()].any()


@pytest.mark.slow
def test_every_optimizer_that_the_model_holds_is_rewound_and_verified():
    model, data = made(gan)
    lth.hold(model, 0.5)
    start = lth.capture(model)
    step = tf.function(model.train_step)
    for _ in range(2):
        step(tf.constant(data["x"][:8]))
    lth.prune(model)
    lth.verify(model)
    lth.rewind(model, start)
    for optimizer in (model.of_generator, model.of_critic):
        assert int(optimizer.iterations) == 0
        slots = [v.numpy() for v in optimizer.variables if v.shape.rank > 1]
        assert len(slots) >= 8 and not any(each.any() for each in slots)
    for slot in model.of_critic.variables:
        if slot.shape.rank > 1:
            slot.assign_add(tf.ones(slot.shape))
    with pytest.raises(LotteryError, match="slot .* of dense"):
        lth.verify(model)


def test_optimizers_in_lists_dicts_and_private_attributes_are_found():
    class Several(keras.Model):
        def __init__(self):
            super().__init__()
            self._one = keras.optimizers.SGD()
            self.listed = [keras.optimizers.Adam(), self._one]
            self.by_name = {"critic": keras.optimizers.SGD(), "rate": 0.1}
            self.inner = layers.Dense(2)

    model = Several()
    model.inner.build((None, 2))
    network = Network.of(model)
    assert list(network.optimizers) == ["_one", "listed/0", "by_name/critic"]
    own = keras.optimizers.SGD()
    assert Network.of(model, own).optimizers == {"": own}


def test_variables_of_metrics_are_no_weights():
    model, _ = made(vae)
    lth.hold(model)
    assert {w.name for w in Network.of(model).weights} == {"kernel", "bias"}


def test_weights_made_in_the_first_step_are_named_in_one_line(tmp_path):
    class Late(VAE):
        def train_step(self, data):
            if not hasattr(self, "averages"):
                with tf.init_scope():
                    shape = self.weights[0].shape
                    self.averages = tf.Variable(tf.zeros(shape), False, name="averages")
            return super().train_step(data)

    model = Late()
    model(floats(2, 5))
    model.compile("sgd", run_eagerly=True)
    lth.hold(model)
    steps = []
    search = lth.LotterySearch(model, levels=1, directory=tmp_path / "run")
    counting = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(batch)
    )
    said = "averages .* was made in its first train step"
    with pytest.raises(LotteryError, match=said) as caught:
        search.fit(floats(24, 5), batch_size=8, epochs=2, callbacks=[counting])
    assert "\n" not in str(caught.value) and steps == [0]


def test_a_class_that_is_never_called_is_held_once_its_parts_are_built():
    class Steps(keras.Model):
        def __init__(self, *parts):
            super().__init__()
            self.parts = parts

        def call(self, inputs):
            return self.parts[0](inputs)

    model = Steps(graph(), keras.Sequential([layers.Dense(2)], name="probe"))
    with pytest.raises(LotteryError, match=r"^'probe' \(Sequential\) in model .* not"):
        lth.hold(model)
    model.parts[1].build((None, 3))
    lth.hold(model)
    assert [w.shape for w in Network.of(model).pruned] == [(4, 5), (5, 3), (3, 2)]


def test_a_step_traced_before_is_named_by_verify_with_the_way_out():
    model, data = made(vae)
    optimizer, batch = keras.optimizers.SGD(0.1), tf.constant(data["x"][:8])
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(inputs):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(inputs) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(
            zip(tape.gradient(loss, variables), variables, strict=True)
        )

    step(batch)
    lth.hold(model, 0.5)
    lth.prune(model)
    step(batch)
    with pytest.raises(
        LotteryError, match="dense.*/kernel.*before lth.hold.*hold first"
    ):
        lth.verify(model)


@pytest.mark.parametrize(
    ("make", "arguments", "said"),
    [
        (lambda: keras.Sequential([layers.Dense(2)]), {}, "has no weights yet"),
        (lambda: lth.wrap(graph()), {}, "holds layers that are wrapped"),
        (lambda: lth.hold(graph()), {}, "is on masks already: lth.release"),
        (graph, {"where": "first"}, "is for whole filters"),
        (graph, {"exclude": "nothing"}, "no prunable layer is left for 'nothing'"),
        (graph, {"build": 3}, "build=3 is no function"),
        (graph, {"criterion": "none"}, "criterion"),
        (lambda: keras.Sequential([layers.PReLU(input_shape=(2,))]), {}, "no weight"),
    ],
)
def test_what_cannot_be_held_is_refused_in_one_line(make, arguments, said):
    model = make()
    with pytest.raises(LotteryError, match=said) as caught:
        lth.hold(model, **arguments)
    assert "\n" not in str(caught.value)


def test_release_and_wrap_and_unwrap_name_each_other():
    model = graph()
    with pytest.raises(LotteryError, match="lth.unwrap what lth.wrap made"):
        lth.release(model)
    lth.hold(model)
    with pytest.raises(LotteryError, match="in place: search it as it is"):
        lth.wrap(model)
    with pytest.raises(LotteryError, match="lth.release"):
        lth.unwrap(model)
    own, _ = made(vae)
    with pytest.raises(LotteryError, match=r"in place, lth.hold\(model\)"):
        lth.wrap(own)


def test_weights_that_are_loaded_are_put_on_the_masks(tmp_path):
    model, _ = made(vae)
    model.save_weights(tmp_path / "plain.h5")
    dense = [value.copy() for value in model.get_weights()]
    lth.hold(model, 0.5)
    masks = by_hand.random_masks(model)
    model.save_weights(tmp_path / "held")
    model.load_weights(tmp_path / "plain.h5")
    assert by_hand.off_masks(model, masks) == []
    kept = [np.where(masks.get(i, True), v, 0) for i, v in enumerate(dense)]
    assert equal(model.get_weights(), kept)
    lth.prune(model)
    model.load_weights(tmp_path / "held")  # A checkpoint has the masks too.
    again = {id(w): w.read_mask() for w in Network.of(model).pruned}
    assert equal(list(again.values()), list(masks.values()))
