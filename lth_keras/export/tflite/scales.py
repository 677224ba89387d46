"""Scales of an int8 TFLite file, made such that runtimes take them.

A kernel multiplies what it sums up by input scale x weight scale / output scale, and
runtimes refuse a factor of 256 or more, or die of it. The converter writes such factors
where an output hardly moved while ranges were measured: what pruning left without a
living connection is constant, and its range next to nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

_OP = schema.BuiltinOperator
# Operations that convert from the scales of some inputs to that of their output: which
# inputs, the one scale that these come to, and how often that may hold the output's.
_CONVERTING: dict[int, tuple[tuple[int, ...], Callable[..., float], int]] = {
    _OP.FULLY_CONNECTED: ((0, 1), np.prod, 2**8),
    _OP.CONV_2D: ((0, 1), np.prod, 2**8),
    _OP.DEPTHWISE_CONV_2D: ((0, 1), np.prod, 2**8),
    _OP.TRANSPOSE_CONV: ((1, 2), np.prod, 2**8),
    _OP.HARD_SWISH: ((0,), max, 2**7),
    _OP.ADD: ((0, 1), max, 2**19),
}
# What a refused factor becomes. Rounding the output then costs at most 1/32 of what a
# step of the input times a step of the weights is worth; and kernels that compute in
# 32 bits do not overflow before 4,000 products add up at their largest.
_ACCEPTED = 16
# These take no input of less than 2**-26 a step, and in their 8 bits do not show it.
_EXPONENTIAL = {_OP.SOFTMAX, _OP.LOG_SOFTMAX}
_SMALLEST = 2.0**-20
_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.INT32: np.dtype(np.int32),
}


def accepted(content: bytes) -> bytes:
    """The file, with coarser scales where runtimes would refuse it.

    Args:
        content: a TFLite file, quantized to int8, without sparse weights.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    changed = False
    for graph in model.subgraphs:
        # A scale counts for the operations that read it, which mostly come later.
        for _ in graph.operators:
            needed = [_coarsened(model, graph, op) for op in graph.operators]
            changed |= any(needed)
            if not any(needed):
                break
    if not changed:
        return content
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _coarsened(model: Any, graph: Any, operator: Any) -> bool:
    """Makes a scale coarser if the operation needs it; whether it did."""
    code = model.operatorCodes[operator.opcodeIndex].builtinCode
    if code in _EXPONENTIAL:
        scales = _scales(graph.tensors[operator.inputs[0]])
        if not len(scales) or scales[0] > 0.999 * _SMALLEST:
            return False
        _coarsen(model, graph, int(operator.inputs[0]), _SMALLEST / scales[0])
        return True
    if code not in _CONVERTING:
        return False
    places, combined, limit = _CONVERTING[code]
    indices = [*(operator.inputs[place] for place in places), operator.outputs[0]]
    found = [_scales(graph.tensors[index]) for index in indices]
    *given, output = (float(np.max(scales, initial=0.0)) for scales in found)
    if not all((*given, output)):
        return False
    factor = float(combined(given)) / output
    # Kernels compute it in float32.
    if factor < 0.999 * limit:
        return False
    _coarsen(model, graph, int(operator.outputs[0]), factor / _ACCEPTED)
    return True


def _coarsen(model: Any, graph: Any, index: int, times: float) -> None:
    """Multiplies the scale of a tensor, and of those that must have the same."""
    alike = _alike(model, graph, index)
    for operator in graph.operators:
        if not alike.intersection(_inputs(operator)):
            continue
        for position, read in enumerate(operator.inputs):
            if read < 0 or not _is_bias(graph.tensors[read]):
                continue
            # A bias has the scale of the input times that of the weights.
            if sum(read in other.inputs for other in graph.operators) > 1:
                graph.tensors.append(copy.copy(graph.tensors[read]))
                read = len(graph.tensors) - 1
                operator.inputs = np.array(operator.inputs, np.int32)
                operator.inputs[position] = read
            _rescale(model, graph.tensors[read], times)
    for each in alike:
        _rescale(model, graph.tensors[each], times)


def _alike(model: Any, graph: Any, index: int) -> set[int]:
    """The tensor, and those that operations join to it with the very same scale.

    Many kernels (pooling, reshaping, concatenation) do not convert between scales.
    Equal scales of an operation that would convert may stay equal.
    """
    same = _parameters(graph.tensors[index])
    found, grown = {index}, True
    while grown:
        grown = False
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            joined = {*_inputs(operator), *map(int, operator.outputs)}
            if code in _CONVERTING or not joined & found:
                continue
            new = {i for i in joined if _parameters(graph.tensors[i]) == same} - found
            found |= new
            grown |= bool(new)
    return found


def _rescale(model: Any, tensor: Any, times: float) -> None:
    """Multiplies the scale of a tensor; a constant keeps its value, up to rounding."""
    tensor.quantization = copy.copy(tensor.quantization)
    tensor.quantization.scale = np.float32(_scales(tensor) * times)
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data):
        return
    dtype = _DTYPES[tensor.type]
    zero = tensor.quantization.zeroPoint[0]
    value = np.frombuffer(bytes(data), dtype).astype(np.float64) - zero
    value = (np.rint(value / times) + zero).astype(dtype)
    users = [other for graph in model.subgraphs for other in graph.tensors]
    if sum(other.buffer == tensor.buffer for other in users) > 1:
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = np.frombuffer(value.tobytes(), np.uint8)


def _inputs(operator: Any) -> list[int]:
    """The tensors that an operation reads; a missing one has the index -1."""
    return [int(index) for index in operator.inputs if index >= 0]


def _is_bias(tensor: Any) -> bool:
    return bool(tensor.type == schema.TensorType.INT32 and len(_scales(tensor)))


def _parameters(tensor: Any) -> tuple[Any, ...]:
    """Type, scales and zero points of a quantized tensor."""
    if not len(_scales(tensor)):
        return ()
    zeros = np.array(tensor.quantization.zeroPoint).tolist()
    return (tensor.type, *_scales(tensor).tolist(), *zeros)


def _scales(tensor: Any) -> np.ndarray:
    """The scales of a tensor's channels, one for all, or none if not quantized."""
    found = None if tensor.quantization is None else tensor.quantization.scale
    return np.array([] if found is None else found, np.float32)
