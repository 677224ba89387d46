"""How is it served? Packed SavedModels, `.keras` files and TFLite files.

Each export is reloaded in a fresh process and compared before it takes its place.
"""

from lth_keras.export.keras_file import export_keras, staged_keras
from lth_keras.export.report import ExportReport
from lth_keras.export.saved_model import export_saved_model, staged_saved_model
from lth_keras.export.staging import finish
from lth_keras.export.tflite import export_tflite, staged_tflite

__all__ = [
    "ExportReport",
    "export_keras",
    "export_saved_model",
    "export_tflite",
    "finish",
    "staged_keras",
    "staged_saved_model",
    "staged_tflite",
]
