"""What inference leaves as it is, and what only changes its type."""

from __future__ import annotations

from typing import Literal

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, dtype_of, floats_only, number
from dragoman.converters.mxnet.arithmetic import cast as cast_to
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op


@op("_copy", "BlockGrad", "make_loss", "_np_copy", "_copyto", "_CrossDeviceCopy")
def identity(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """``data``; gradients aside. elemwise_unary_op_basic.cc."""
    return g.op("Identity", data)


@op("MakeLoss")
def make_loss(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    grad_scale: float = 1.0,
    valid_thresh: float = 0.0,
    normalization: Literal["null", "batch", "valid"] = "null",
) -> Value:
    """``data``, whose gradient is 1. make_loss-inl.h."""
    floats_only(g, node, data)
    return g.op("Identity", data)


@op("_contrib_gradientmultiplier")
def gradient_multiplier(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """``data``, whose gradient is scaled. contrib/gradient_multiplier_op.cc."""
    return g.op("Identity", data)


@op("IdentityAttachKLSparseReg")
def sparse_regularization(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    sparseness_target: float = 0.1,
    penalty: float = 0.001,
    momentum: float = 0.9,
) -> Value:
    """``data``, whose gradient is regularised. identity_attach_KL_sparse_reg-inl.h."""
    return g.op("Identity", data)


@op("cast_storage")
def cast_storage(g: SymbolBuilder, node: Node, data: Value, *, stype: Literal["default", "row_sparse", "csr"]) -> Value:
    """``data``, stored otherwise: the numbers stay. cast_storage.cc."""
    return g.op("Identity", data)


@op("_identity_with_attr_like_rhs")
def identity_like(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """``lhs``; ``rhs`` says its shape to MXNet's inference. elemwise_unary_op_basic.cc."""
    return g.op("Identity", lhs)


@op("Dropout")
def dropout(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    p: float = 0.5,
    mode: Literal["training", "always"] = "training",
    axes: Ints = (),
) -> Value:
    """``data``: only training drops, unless ``mode`` is always. nn/dropout-inl.h."""
    floats_only(g, node, data)
    if mode == "always" and p > 0:
        raise g.unsupported(node, "drops at inference too (mode always), by random numbers that no other runtime has")
    return g.op("Identity", data)


@op("Cast")
def cast(g: SymbolBuilder, node: Node, data: Value, *, dtype: DataType) -> Value:
    """``data`` as another type, as C converts: truncated to an integer, wrapped where a byte is too small, ≠ 0 as a truth."""
    return g.op("Identity", data) if dtype_of(data) == dtype else cast_to(g, data, dtype)


@op("amp_cast")
def amp_cast(g: SymbolBuilder, node: Node, data: Value, *, dtype: DataType) -> Value:
    """``data`` as another type; what is neither float32 nor float16 stays. From float32 to an integer, oneDNN rounds halves to even,
    and keeps what the type has no room for at its ends. amp_cast.cc.
    """
    if dtype_of(data) == DataType.FLOAT and dtype in (DataType.INT8, DataType.UINT8, DataType.INT32):
        ends = np.iinfo(dtype.numpy())
        high = np.nextafter(np.float32(ends.max), np.float32(0)) if dtype == DataType.INT32 else ends.max
        return cast_to(g, g.op("Clip", g.op("Round", data), number(g, data, ends.min), number(g, data, high)), dtype)
    cast = dtype_of(data) in (DataType.FLOAT, DataType.FLOAT16) and dtype_of(data) != dtype
    return cast_to(g, data, dtype) if cast else g.op("Identity", data)


@op("amp_multicast")
def amp_multicast(
    g: SymbolBuilder, node: Node, *data: Value, num_outputs: int, cast_narrow: bool = False
) -> tuple[Value, ...]:
    """All floating-point tensors as the widest of their types, or as the narrowest. amp_cast.cc."""
    if num_outputs != len(data):
        raise g.malformed(node, f"has {len(data)} inputs and num_outputs {num_outputs}")
    floats = [kind for kind in FLOATS if kind in {dtype_of(value) for value in data}]
    target = floats[0 if cast_narrow else -1] if floats else None
    return tuple(
        cast_to(g, value, target) if target and dtype_of(value) in floats and dtype_of(value) != target else g.op("Identity", value)
        for value in data
    )
