"""A node whose inputs are all known, as its kernel sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

Array = npt.NDArray[Any]


class CannotFoldError(Exception):
    """The node stays: its result would be too big, or isn't the same on every machine."""


@dataclass(frozen=True)
class Call:
    """``inputs`` are None where they are left out, of the types in ``dtypes`` otherwise; ``limit`` is the most elements that
    a result may have.
    """

    op_type: str
    opset: int
    inputs: Sequence[Array | None]
    attributes: Mapping[str, ir.Attr]
    outputs: int
    limit: int

    def __getitem__(self, index: int) -> Array:
        """An input that the schema demands."""
        found = self.get(index)
        if found is None:
            raise CannotFoldError(f"input {index} is missing")
        return found

    def get(self, index: int) -> Array | None:
        """An input, None if it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        found = self.attributes.get(name)
        return default if found is None else found.value

    def ints(self, index: int, name: str) -> list[int] | None:
        """Integers that are an input in newer opsets and an attribute in older ones; None if they are left out."""
        found = self.get(index)
        if found is not None:
            return [int(v) for v in found.reshape(-1)]
        given = self.attribute(name)
        return None if given is None else [int(v) for v in given]

    def check(self, shape: Sequence[int]) -> None:
        """``CannotFoldError`` if a result of ``shape`` would be too big, or can't be."""
        if min(shape, default=0) < 0 or math.prod(shape) > self.limit:
            raise CannotFoldError(f"a result of shape {list(shape)}")


Kernel = Callable[[Call], Array | Sequence[Array]]
"""Computes a node's outputs, of the types that its schema says."""


def is_float(array: Array) -> bool:
    """Whether the elements are of a floating type, bfloat16 included."""
    return array.dtype.kind == "f" or array.dtype == ir.DataType.BFLOAT16.numpy()


def axis_of(axis: int, rank: int) -> int:
    """``axis``, counted from the front."""
    if not -rank <= axis < max(rank, 1):
        raise CannotFoldError(f"axis {axis} of rank {rank}")
    return axis % rank if rank else 0


def rounded(values: npt.ArrayLike, dtype: np.dtype[Any]) -> Array:
    """Float64 values as ``dtype``; those of 16 bits through float32, as ONNX Runtime computes them."""
    array = np.asarray(values)
    if dtype.itemsize == 2:
        array = array.astype(np.float32)
    return array.astype(dtype)
