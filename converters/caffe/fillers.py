"""The fillers whose values are known before training: constant and bilinear. Caffe filler.hpp."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.converters.caffe.schema import FillerParameter
from dragoman.graph_ir.tensors import DerivedTensor


def deterministic_fill(filler: FillerParameter | None, shape: tuple[int, ...]) -> ir.TensorProtocol | None:
    """What the filler makes of a blob of ``shape``, or None if that is random. Without a filler Caffe fills with constant 0."""
    kind = filler.type if filler is not None else "constant"
    if kind == "constant":
        value = filler.value if filler is not None else 0.0
        return DerivedTensor(lambda: np.full(shape, value, np.float32), ir.DataType.FLOAT, shape)
    if kind == "bilinear" and len(shape) == 4 and shape[2] == shape[3]:
        return DerivedTensor(lambda: np.broadcast_to(_bilinear(shape[3]), shape), ir.DataType.FLOAT, shape)
    return None


def _bilinear(size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The kernel (size, size) of bilinear interpolation by a factor of ceil(size / 2)."""
    factor = np.float32(-(-size // 2))
    center = np.float32((size - 1) / (2.0 * factor))
    ramp = np.float32(1) - np.abs(np.arange(size, dtype=np.float32) / factor - center)
    return np.asarray(np.outer(ramp, ramp), np.float32)
