"""What tests of TFLite exports share: a pruned LeNet, its export, a run of the file."""

import numpy as np
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export.tflite.exporting import export_tflite
from lth_keras.papers import networks
from tests.support import masked_models, model_zoo

# Random masks at 3.6 %.
DENSITY = 0.036


def lenet(density: float = DENSITY) -> keras.Model:
    model = lth.wrap(networks.build("lenet", (12, 12, 1), 10))
    return masked_models.masked(model, density)


def export(model: keras.Model, path, **settings):
    return export_tflite(model, path, verbose=False, **settings)


def lite(path, **inputs) -> dict[str, np.ndarray]:
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    return interpreter.get_signature_runner("serving_default")(**inputs)


def images_of(count: int = 20) -> np.ndarray:
    return model_zoo.floats(count, 12, 12, 1)
