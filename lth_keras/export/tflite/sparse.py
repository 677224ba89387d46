"""Weights with zeros in a TFLite file, stored as their nonzero values and indices.

The converter's own EXPERIMENTAL_SPARSITY is not used: it prefers blocks of 1x4, which
at a few percent density are mostly zeros; it drops the last columns of a matrix whose
width is no multiple of 4; and float16 blocks it hands on unread, which gives NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from lth_keras.export.tflite import flatbuffer

DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
}
_CONNECTED = schema.BuiltinOperator.FULLY_CONNECTED
_SPARSE_VERSION = 8
_READERS = {
    _CONNECTED,
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.TRANSPOSE_CONV,
    schema.BuiltinOperator.DEQUANTIZE,
}
# The sparse kernel goes through nonzeros one by one, the dense one through entries
# many at a time. At about this density a batch of 32 takes both equally long.
_FASTER_SPARSE = 0.04
# Storing a weight sparse must save at least this share of its bytes, and what the
# Densify operation and the tensor that it makes take.
_WORTHWHILE = 0.1
_OVERHEAD = 256  # bytes


def sparsified(content: bytes, sparse: bool = True) -> bytes:
    """The file with weights stored sparse where that makes it smaller.

    Fully connected layers compute with very sparse float32 matrices as they are.
    Anything else gets its weights through a Densify operation, which runs once, when
    the file is loaded; but for int8 matrices, which stay as they are: LiteRT 2.3 with
    XNNPACK, its default, loads no file that densifies one.

    Args:
        content: a TFLite file without sparse weights; its constants may lie behind
            the flatbuffer, where old runtimes do not find them.
        sparse: whether weights are stored sparse at all.

    Returns:
        A file whose constants lie within the flatbuffer.
    """
    model = flatbuffer.read(content)
    changed = flatbuffer.gathered(model, content)
    for graph in model.subgraphs if sparse else []:
        changed |= _sparsified(model, graph)
    return flatbuffer.written(model) if changed else content


def _sparsified(model: Any, graph: Any) -> bool:
    """Stores weights of a graph sparse; whether there were such weights."""
    uses = [tensor.buffer for each in model.subgraphs for tensor in each.tensors]
    changed = False
    for index, tensor in enumerate(list(graph.tensors)):
        data = model.buffers[tensor.buffer].data
        readers = [op for op in graph.operators if index in op.inputs]
        codes = {model.operatorCodes[op.opcodeIndex].builtinCode for op in readers}
        if (
            data is None
            or not len(data)
            or uses.count(tensor.buffer) > 1
            or tensor.type not in DTYPES
            or len(tensor.shape) < 2
            or not codes
            or not codes <= _READERS
            or (tensor.type == schema.TensorType.INT8 and _CONNECTED in codes)
        ):
            continue
        value = np.asarray(data).view(DTYPES[tensor.type])
        value = value.reshape([int(size) for size in tensor.shape])
        if not _store(tensor, model.buffers[tensor.buffer], value):
            continue
        changed = True
        density = np.count_nonzero(value) / value.size
        direct = value.dtype == np.float32 and codes == {_CONNECTED}
        if not direct or density > _FASTER_SPARSE:
            _densify(model, graph, index, readers)
            continue
        for reader in readers:
            # By the version, delegates know what they would misread as dense.
            reader.opcodeIndex = _code(model, _CONNECTED, _SPARSE_VERSION)
    return changed


def _store(tensor: Any, buffer: Any, value: np.ndarray) -> bool:
    """Replaces the content of a tensor, if that makes it smaller.

    The longest axis is compressed: for each place on the other axes, in order, the
    indices of the nonzeros along it.
    """
    # A matrix that a kernel reads as it is must be compressed along its inputs.
    last = 1 if value.ndim == 2 else int(np.argmax(value.shape))
    order = [axis for axis in range(value.ndim) if axis != last] + [last]
    rows = value.transpose(order).reshape(-1, value.shape[last])
    row, column = np.nonzero(rows)
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(rows)))])
    kept = rows[row, column]
    segments, indices = _smallest(starts), _smallest(column)
    size = kept.nbytes + segments.nbytes + indices.nbytes
    if size > (1 - _WORTHWHILE) * value.nbytes or size + _OVERHEAD > value.nbytes:
        return False
    levels = []
    for axis in order:
        level = schema.DimensionMetadataT()
        level.format = schema.DimensionType.DENSE
        level.denseSize = value.shape[axis]
        levels.append(level)
    compressed = schema.DimensionMetadataT()
    compressed.format = schema.DimensionType.SPARSE_CSR
    compressed.arraySegmentsType, compressed.arraySegments = _vector(segments)
    compressed.arrayIndicesType, compressed.arrayIndices = _vector(indices)
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = np.array(order, np.int32)
    sparsity.blockMap = np.array([], np.int32)
    sparsity.dimMetadata = [*levels[:-1], compressed]
    tensor.sparsity = sparsity
    buffer.data = np.frombuffer(kept.tobytes(), np.uint8)
    return True


def _smallest(values: np.ndarray) -> np.ndarray:
    largest = int(np.max(values, initial=0))
    if largest < 2**8:
        return values.astype(np.uint8)
    return values.astype(np.uint16 if largest < 2**16 else np.int32)


def _vector(values: np.ndarray) -> tuple[int, Any]:
    """The numbers as the file format has them, and which kind of vector that is."""
    kinds: dict[str, tuple[int, Any]] = {
        "uint8": (schema.SparseIndexVector.Uint8Vector, schema.Uint8VectorT),
        "uint16": (schema.SparseIndexVector.Uint16Vector, schema.Uint16VectorT),
        "int32": (schema.SparseIndexVector.Int32Vector, schema.Int32VectorT),
    }
    kind, make = kinds[values.dtype.name]
    vector = make()
    vector.values = values
    return kind, vector


def _densify(model: Any, graph: Any, index: int, readers: list[Any]) -> None:
    """Lets the readers of a sparse tensor read a dense one made of it."""
    source = graph.tensors[index]
    made = schema.TensorT()
    made.name, made.shape, made.type = (
        source.name + b"_dense",
        source.shape,
        source.type,
    )
    made.hasRank = source.hasRank
    # Scales of all channels need not stand in the file twice.
    made.quantization, source.quantization = source.quantization, None
    made.buffer = 0
    graph.tensors.append(made)
    position = len(graph.tensors) - 1
    operator = schema.OperatorT()
    operator.opcodeIndex = _code(model, schema.BuiltinOperator.DENSIFY, 1)
    operator.inputs = np.array([index], np.int32)
    operator.outputs = np.array([position], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.DensifyOptions
    operator.builtinOptions = schema.DensifyOptionsT()
    for reader in readers:
        inputs = np.array(reader.inputs)
        inputs[inputs == index] = position
        reader.inputs = inputs
    first = min(graph.operators.index(reader) for reader in readers)
    graph.operators.insert(first, operator)


def _code(model: Any, builtin: int, version: int) -> int:
    """The position of an operation in the model's list of those it uses."""
    for index, code in enumerate(model.operatorCodes):
        if (code.builtinCode, code.version) == (builtin, version):
            return index
    code = schema.OperatorCodeT()
    # Old readers know small codes by another field.
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
