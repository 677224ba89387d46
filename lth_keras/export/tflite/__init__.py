"""Sparse TFLite files: conversion, storage of zeros, int8 scales.

`export_tflite` is all that the other rooms need.
"""

from lth_keras.export.tflite.exporting import export_tflite, staged_tflite

__all__ = ["export_tflite", "staged_tflite"]
