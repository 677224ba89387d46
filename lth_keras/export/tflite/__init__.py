"""Sparse TFLite files: conversion, storage of zeros, int8 scales.

`export_tflite` is all that the other rooms need.
"""
