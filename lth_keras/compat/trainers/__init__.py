"""Which Keras trains a model, and what of it do we use? Chosen per model.

trainer = compat.trainer_of(model)
trainer.callback(StopsOnNaN)(start=0)
"""

from __future__ import annotations

from typing import Any

from lth_keras.compat.keras3 import is_keras3
from lth_keras.compat.trainers.by_keras3 import Keras3Trainer
from lth_keras.compat.trainers.by_tf_keras import TfKerasTrainer
from lth_keras.compat.trainers.trainer import Trainer

__all__ = ["TF_KERAS", "Keras3Trainer", "TfKerasTrainer", "Trainer", "trainer_of"]

TF_KERAS = TfKerasTrainer()


def trainer_of(model: Any) -> Trainer:
    """What trains a model: its own Keras."""
    return Keras3Trainer() if is_keras3(model) else TF_KERAS
