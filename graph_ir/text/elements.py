"""A tensor's elements as text, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.text.words import quoted, unquoted

_FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.DOUBLE})
_COMPLEX = {ir.DataType.COMPLEX64: np.float32, ir.DataType.COMPLEX128: np.float64}
_WORDS = frozenset({"inf", "infinity", "nan"})


def elements_text(tensor: ir.TensorProtocol) -> str | None:
    """The elements with commas between them; None if that wouldn't give the same bits again (a NaN with a payload)."""
    if tensor.dtype == ir.DataType.STRING:
        return ", ".join(quoted(s) for s in strings(tensor))
    array = tensor.numpy()
    if tensor.dtype in _COMPLEX:
        flat: npt.NDArray[Any] = np.ascontiguousarray(array).reshape(-1).view(_COMPLEX[tensor.dtype])
    else:
        flat = array.reshape(-1)
    words = [_element(v, tensor.dtype) for v in flat]
    if is_float(tensor.dtype):
        again = parse_elements(words, tensor.dtype, tuple(tensor.shape.numpy()))
        if again.tobytes() != tensor.tobytes():
            return None
    return ", ".join(words)


def is_float(dtype: ir.DataType) -> bool:
    """Whether elements are written with a point, complex ones included."""
    return dtype in _COMPLEX or dtype.is_floating_point()


def strings(tensor: ir.TensorProtocol) -> list[bytes]:
    """The elements of a tensor of strings; numpy's own strings lose the zeros at their ends."""
    if isinstance(tensor, ir.StringTensor):
        return list(tensor.string_data())
    return [s if isinstance(s, bytes) else str(s).encode() for s in tensor.numpy().reshape(-1).tolist()]


def _element(value: Any, dtype: ir.DataType) -> str:
    if dtype == ir.DataType.BOOL:
        return "1" if value else "0"
    if dtype.is_integer():
        return str(int(value))
    return float_text(value if dtype in _FLOATS or dtype in _COMPLEX or dtype == ir.DataType.FLOAT16 else float(value))


def float_text(value: Any) -> str:
    """A float in the fewest digits that its own type reads back the same, always with a point, an exponent or a word."""
    text = str(value)
    return text if not text.lstrip("-").isdecimal() else f"{text}.0"


def attribute_float(value: float) -> str:
    """A float attribute, which is 32 bits in a file."""
    return float_text(np.float32(value))


def parse_float(word: str) -> float:
    """A number or a word; ``ValueError`` for anything else."""
    if word.lstrip("+-")[:1].isalpha() and word.lstrip("+-").lower() not in _WORDS:
        raise ValueError(f"{word} isn't a number")
    return float(word)


def parse_elements(words: Sequence[str], dtype: ir.DataType, shape: Sequence[int]) -> ir.TensorProtocol:
    """A tensor of ``shape`` from its elements' words. ``ValueError`` if they are too many, too few, or don't fit ``dtype``.

    As in ONNX's syntax, a whole number without a point is the bits of a float that is smaller than 32 bits.
    """
    wanted = math.prod(shape) * (2 if dtype in _COMPLEX else 1)
    if len(words) != wanted:
        raise ValueError(f"{len(words)} elements where shape {list(shape)} has {wanted}")
    if dtype == ir.DataType.STRING:
        if any(not word.startswith('"') for word in words):
            raise ValueError("an element isn't a string")
        data = [unquoted(word).encode("utf-8", "surrogateescape") for word in words]
        return ir.StringTensor(data, shape=ir.Shape(shape))
    if dtype in _COMPLEX:
        pairs = np.array([parse_float(word) for word in words], _COMPLEX[dtype])
        return ir.Tensor(pairs.view(dtype.numpy()).reshape(shape), dtype)
    if dtype == ir.DataType.BOOL:
        return ir.Tensor(np.array([_bit(word) for word in words], bool).reshape(shape), dtype)
    if dtype.is_integer():
        return ir.Tensor(_integers(words, dtype).reshape(shape), dtype)
    if dtype in _FLOATS:
        return ir.Tensor(np.array([parse_float(word) for word in words], dtype.numpy()).reshape(shape), dtype)
    return ir.Tensor(_small_floats(words, dtype).reshape(shape), dtype)


def _bit(word: str) -> bool:
    if word not in ("0", "1", "true", "false"):
        raise ValueError(f"{word} isn't 0 or 1")
    return word in ("1", "true")


def _integers(words: Sequence[str], dtype: ir.DataType) -> npt.NDArray[Any]:
    numbers = [int(word) for word in words]
    signed = dtype.is_signed()
    low, high = (-(1 << dtype.bitwidth - 1), (1 << dtype.bitwidth - 1) - 1) if signed else (0, (1 << dtype.bitwidth) - 1)
    if wrong := next((n for n in numbers if not low <= n <= high), None):
        raise ValueError(f"{wrong} isn't a value of {dtype.name.lower()}")
    wide: npt.NDArray[Any] = np.array(numbers, np.int64 if signed else np.uint64)
    return wide.astype(dtype.numpy())


def _small_floats(words: Sequence[str], dtype: ir.DataType) -> npt.NDArray[Any]:
    """Floats of 16 bits and fewer: a decimal is a value, a whole number the bits."""
    found: npt.NDArray[Any] = np.zeros(len(words), dtype.numpy())
    bits = found.view(np.uint16 if found.dtype.itemsize == 2 else np.uint8)
    for index, word in enumerate(words):
        if word.isdecimal():
            if int(word) >> dtype.bitwidth:
                raise ValueError(f"{word} isn't the bits of {dtype.name.lower()}")
            bits[index] = int(word)
        else:
            found[index] = parse_float(word)
    return found


def from_bytes(data: bytes, dtype: ir.DataType, shape: Sequence[int]) -> ir.TensorProtocol:
    """A tensor of the bytes that an ONNX file would hold. ``ValueError`` if they are too many or too few."""
    if dtype == ir.DataType.STRING or len(data) != math.ceil(math.prod(shape) * dtype.itemsize):
        raise ValueError(f"{len(data)} bytes can't be {dtype.name.lower()} of shape {list(shape)}")
    if dtype.bitwidth < 8:
        raise ValueError(f"{dtype.name.lower()} isn't written as bytes")
    return ir.Tensor(np.frombuffer(data, dtype.numpy().newbyteorder("<")).reshape(shape), dtype)
