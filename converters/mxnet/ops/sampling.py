"""Sampling at places that the network computes: grids, spatial transformers, deformable convolutions."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("BilinearSampler")
def bilinear_sampler(g: SymbolBuilder, node: Node, data: Value, grid: Value) -> Value:
    """MXNet BilinearSampler: (N, C, H, W), grid (N, 2: x y, h, w) of −1 to 1, corner to corner → (N, C, h, w); outside is 0.

    bilinear_sampler.cc.
    """
    return _sample(g, data, g.op("Transpose", grid, perm=[0, 2, 3, 1]))


@op("GridGenerator")
def grid_generator(
    g: SymbolBuilder, node: Node, data: Value, *, transform_type: Literal["affine", "warp"], target_shape: Ints = (0, 0)
) -> Value:
    """MXNet GridGenerator. Affine: (N, 6) → (N, 2, h, w), the matrix times every x, y, 1 of the target; warp: an optical flow
    (N, 2, H, W) → (p + flow) / ((size − 1) / 2) − 1 at every pixel p. grid_generator-inl.h.
    """
    if data.dtype != ir.DataType.FLOAT:
        raise g.malformed(node, "takes float32 only")
    if transform_type == "affine":
        return _affine_grid(g, node, data, target_shape)
    if len(dims(data)) != 4 or dims(data)[1] != 2:
        raise g.malformed(node, f"takes an optical flow (N, 2, H, W), not {list(dims(data))}")
    axes = []
    for axis in (3, 2):
        last = g.op("Sub", g.op("Cast", g.dim(data, axis), to=ir.DataType.FLOAT), g.const([1.0]))
        place = g.op("Range", g.const(0), g.op("Squeeze", g.dim(data, axis)), g.const(1))
        place = g.op("Reshape", g.op("Cast", place, to=ir.DataType.FLOAT), g.const([1, -1] if axis == 3 else [-1, 1]))
        flow = g.op("Gather", data, g.const(3 - axis), axis=1)
        scaled = g.op("Div", g.op("Add", flow, place), g.op("Div", last, g.const(2.0)))
        axes.append(g.op("Unsqueeze", g.op("Sub", scaled, g.const(1.0)), g.const([1])))
    return g.op("Concat", *axes, axis=1)


@op("SpatialTransformer")
def spatial_transformer(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    loc: Value,
    *,
    target_shape: Ints = (0, 0),
    transform_type: Literal["affine"],
    sampler_type: Literal["bilinear"],
) -> Value:
    """MXNet SpatialTransformer: (N, C, H, W), matrices (N, 6) → (N, C, h, w): GridGenerator's affine grid, sampled as
    BilinearSampler does. spatial_transformer-inl.h.
    """
    grid = _affine_grid(g, node, loc, target_shape)
    if 1 in target_shape:  # the grid is no number anywhere, and so is what is read there; ONNX doesn't say what GridSample makes of it
        sizes = g.op("Concat", g.dim(data, 0), g.dim(data, 1), g.const([*target_shape]), axis=0)
        return g.op("Expand", g.const(np.array(np.nan, dtype_of(data).numpy())), sizes)
    return _sample(g, data, g.op("Transpose", grid, perm=[0, 2, 3, 1]))


def _affine_grid(g: SymbolBuilder, node: Node, matrix: Value, target: Ints) -> Value:
    """(N, 6) → (N, 2, h, w)."""
    if len(target) != 2 or min(target) <= 0:
        raise g.malformed(node, f"needs a target_shape of two positive sizes, not {target}")
    if dims(matrix)[1:] != (6,):
        raise g.malformed(node, f"takes affine matrices (N, 6), not {list(dims(matrix))}")
    height, width = target
    dtype = dtype_of(matrix).numpy()
    y, x = np.meshgrid(_steps(height, dtype), _steps(width, dtype), indexing="ij")
    places = np.stack([x.ravel(), y.ravel(), np.ones(height * width, dtype)])
    corners = g.op("MatMul", g.reshape(matrix, [dims(matrix)[0], 2, 3]), g.const(places))
    return g.reshape(corners, [dims(matrix)[0], 2, height, width])


def _steps(size: int, dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    """−1 to 1 in ``size`` steps; no number if there is one step only, which MXNet divides by 0 for."""
    with np.errstate(all="ignore"):
        step = (np.float64(2.0) / np.float64(size - 1)).astype(dtype)
        return np.asarray(np.arange(size).astype(dtype) * step - 1, dtype)


def _sample(g: SymbolBuilder, data: Value, grid: Value) -> Value:
    return g.op("GridSample", data, grid, mode="linear", padding_mode="zeros", align_corners=1)
