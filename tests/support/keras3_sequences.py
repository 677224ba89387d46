"""Models of Keras 3 that read sequences: recurrent ones, attention, words.

Importing this adds them to `keras3_models.MODELS`.
"""

from __future__ import annotations

from typing import Any

from lth_keras.compat import keras3
from tests.support.keras3_models import chain, model


@model
def masked_recurrent() -> Any:
    kl, x = keras3().layers, keras3().Input((None,), dtype="int32")
    y = kl.SimpleRNN(5, return_sequences=True)(kl.Embedding(9, 4, mask_zero=True)(x))
    y = kl.Bidirectional(kl.GRU(4, return_sequences=True, dropout=0.1))(y)
    return keras3().Model(x, kl.LSTM(3, recurrent_activation="hard_sigmoid")(y))


@model
def recurrent_of_cells() -> Any:
    kl = keras3().layers
    return chain(
        (5, 2),
        kl.Masking(0.0),
        kl.RNN([kl.LSTMCell(3), kl.GRUCell(4)], return_sequences=True),
        kl.TimeDistributed(kl.Dense(3)),
        kl.Bidirectional(
            kl.LSTM(3), backward_layer=kl.GRU(3, go_backwards=True), merge_mode="sum"
        ),
        kl.Reshape((3, 1)),
        kl.RNN(kl.SimpleRNNCell(2)),
    )


@model
def states_handed_on() -> Any:
    kl = keras3().layers
    x, y = keras3().Input((5, 2)), keras3().Input((3, 2))
    out, h, c = kl.LSTM(4, return_state=True)(x)
    z = kl.LSTM(4, return_sequences=True)(y, initial_state=[h, c])
    return keras3().Model([x, y], [z, out])


@model
def stateful() -> Any:
    kl, k3 = keras3().layers, keras3()
    layers = [
        kl.LSTM(3, stateful=True, return_sequences=True),
        kl.GRU(2, stateful=True),
    ]
    return k3.Sequential([k3.Input(batch_shape=(2, 5, 3)), *layers])


@model
def model_in_each_step() -> Any:
    kl = keras3().layers
    inner = chain((8, 8, 1), kl.Conv2D(2, 3), kl.BatchNormalization(), kl.Flatten())
    return chain((3, 8, 8, 1), kl.TimeDistributed(inner), kl.GRU(3, reset_after=False))


@model
def recurrent_convolutions() -> Any:
    kl = keras3().layers
    a, b = keras3().Input((3, 8, 8, 1)), keras3().Input((3, 8, 1))
    c = keras3().Input((2, 5, 5, 5, 1))
    y = kl.ConvLSTM2D(2, 2)(kl.ConvLSTM2D(2, 3, return_sequences=True)(a))
    return keras3().Model(
        [a, b, c], [y, kl.ConvLSTM1D(2, 3)(b), kl.ConvLSTM3D(2, 3)(c)]
    )


@model
def attention() -> Any:
    kl = keras3().layers
    a, b = keras3().Input((4, 6)), keras3().Input((5, 6))
    own = kl.MultiHeadAttention(2, 3, output_shape=5)(a, a, use_causal_mask=True)
    _, scores = kl.MultiHeadAttention(1, 2)(a, a, return_attention_scores=True)
    outputs = {
        "cross": kl.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1)(a, b),
        "own": own,
        "dot": kl.Attention(use_scale=True, score_mode="concat")([a, b]),
        "added": kl.AdditiveAttention()([a, b]),
        "scores": scores,
    }
    return keras3().Model([a, b], outputs)


@model
def masked_attention() -> Any:
    kl, x = keras3().layers, keras3().Input((None,), dtype="int32")
    e = kl.Embedding(9, 6, mask_zero=True)(x)
    m = kl.MultiHeadAttention(2, 3)(e, e)
    n = kl.LayerNormalization()(e + m)
    pooled = kl.GlobalAveragePooling1D()(kl.Add()([e, m]))
    return keras3().Model(x, [kl.GlobalAveragePooling1D()(n), pooled])


@model
def masks_by_hand() -> Any:
    kl, ops = keras3().layers, keras3().ops
    x = keras3().Input((None,), dtype="int32")
    e = kl.Embedding(9, 6, mask_zero=True)(x)
    # After an operation there is no mask; a layer hands it on.
    outputs = [kl.SimpleRNN(3)(e * 2), kl.SimpleRNN(3)(kl.Concatenate()([e, e]))]
    outputs.append(kl.SimpleRNN(3)(e, mask=ops.not_equal(x, 1)))
    return keras3().Model(x, outputs)


@model
def words_prepared() -> Any:
    kl, k3 = keras3().layers, keras3()
    letters, numbers = kl.StringLookup(output_mode="one_hot"), kl.IntegerLookup()
    letters.adapt(["a", "b", "c"])
    numbers.adapt([1, 5, 7])
    a, b = k3.Input((1,), dtype="string"), k3.Input((1,), dtype="int64")
    outputs = [letters(a), numbers(b), kl.Hashing(5)(a), kl.HashedCrossing(6)((a, b))]
    outputs.append(kl.CategoryEncoding(8, "multi_hot")(b))
    return k3.Model([a, b], outputs)


@model
def texts_prepared() -> Any:
    kl, k3 = keras3().layers, keras3()
    x = k3.Input((1,), dtype="string")
    outputs = []
    for mode, more in [("int", {"output_sequence_length": 5}), ("tf_idf", {})]:
        vectors = kl.TextVectorization(output_mode=mode, **more)
        vectors.adapt(["the cat sat", "a dog ran the", "cat cat dog"])
        outputs.append(vectors(x))
    outputs[0] = kl.GRU(3)(kl.Embedding(20, 4, mask_zero=True)(outputs[0]))
    return k3.Model(x, outputs)
