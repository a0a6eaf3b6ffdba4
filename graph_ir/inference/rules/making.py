"""Operators that make tensors of given sizes or dtypes."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call, UnknownError, unless_none
from dragoman.graph_ir.inference.dimension import ceil_divide, maximum
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule


@rule("Constant")
def constant(c: Call) -> Fact:
    """The tensor that an attribute holds."""
    tensor = c.get("value")
    if tensor is None:
        found = next((name for name in _PLAIN if c.attr(name) is not None), None)
        if found is None:
            raise UnknownError
        value = c.get(found)
        if _PLAIN[found] == ir.DataType.STRING:
            return Tensor(ir.DataType.STRING, () if found == "value_string" else (len(value),))
        tensor = ir.tensor(value, dtype=_PLAIN[found])
    return Tensor(tensor.dtype, tuple(tensor.shape.numpy()), constant=tensor)


_PLAIN = {
    "value_float": ir.DataType.FLOAT,
    "value_floats": ir.DataType.FLOAT,
    "value_int": ir.DataType.INT64,
    "value_ints": ir.DataType.INT64,
    "value_string": ir.DataType.STRING,
    "value_strings": ir.DataType.STRING,
}


@rule("ConstantOfShape")
def constant_of_shape(c: Call) -> Fact:
    """→ the given sizes; float32 without ``value``."""
    value = c.get("value")
    return Tensor(ir.DataType.FLOAT if value is None else value.dtype, given_sizes(c, 0))


def given_sizes(c: Call, index: int) -> tuple[Dim, ...]:
    """The sizes that an input holds."""
    sizes = c.sizes(index)
    if sizes is None:
        rank = c.dims(index, 1)[0]
        if not isinstance(rank, int):
            raise UnknownError
        return (UNKNOWN,) * rank
    return tuple(map(unless_none, sizes))


@rule("Range")
def range_(c: Call) -> Fact:
    """→ (max(⌈(limit - start) / delta⌉, 0))."""
    parts = [c.elements(index) for index in range(3)]
    size: Dim = UNKNOWN
    if all(part is not None for part in parts):
        start, limit, delta = (part.reshape(-1)[0] for part in parts if part is not None)
        if isinstance(delta, int) and delta:
            try:
                length = limit - start if delta > 0 else start - limit
                size = maximum(0, ceil_divide(length, abs(delta)))
            except (TypeError, AttributeError):
                size = UNKNOWN
        elif all(isinstance(part, (int, float)) for part in (start, limit, delta)):
            raise UnknownError
    return Tensor(None, (size,))


@rule("Cast", "BitCast")
def cast(c: Call) -> Fact:
    """The same shape in the dtype ``to``."""
    return Tensor(ir.DataType(c.number("to", 0)), c.tensor(0).dims)


@rule("CastLike")
def cast_like(c: Call) -> Fact:
    """The same shape in the dtype of the second input."""
    return Tensor(c.tensor(1).dtype, c.tensor(0).dims)


@rule("EyeLike", "RandomNormalLike", "RandomUniformLike", "Bernoulli")
def like(c: Call) -> Fact:
    """The shape of the input, and its dtype unless ``dtype`` says another."""
    tensor = c.tensor(0)
    dtype = c.get("dtype")
    return Tensor(tensor.dtype if dtype is None else ir.DataType(int(dtype)), tensor.dims)


@rule("Multinomial")
def multinomial(c: Call) -> Fact:
    """(n, classes) → (n, sample_size)."""
    return Tensor(ir.DataType(c.number("dtype", 6)), (c.dims(0, 2)[0], c.number("sample_size", 1)))


@rule("HannWindow", "HammingWindow", "BlackmanWindow")
def window(c: Call) -> Fact:
    """→ (size)."""
    sizes = c.sizes(0)
    return Tensor(ir.DataType(c.number("output_datatype", 1)), (unless_none(sizes[0] if sizes else None),))


@rule("MelWeightMatrix")
def mel_weight_matrix(c: Call) -> Fact:
    """→ (dft_length // 2 + 1, num_mel_bins)."""
    bins, length = (None if not (sizes := c.sizes(index)) else sizes[0] for index in (0, 1))
    spectrum = UNKNOWN if length is None else length // 2 + 1
    return Tensor(ir.DataType(c.number("output_datatype", 1)), (spectrum, unless_none(bins)))
