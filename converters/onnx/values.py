"""Whether a tensor's message holds as many values as its shape says, in the field for its type. See TensorProto in onnx.proto."""

from __future__ import annotations

import math

import onnx_ir as ir
from onnx import TensorProto

_FIELDS = {
    "FLOAT": "float_data",
    "COMPLEX64": "float_data",
    "DOUBLE": "double_data",
    "COMPLEX128": "double_data",
    "INT64": "int64_data",
    "UINT32": "uint64_data",
    "UINT64": "uint64_data",
    "STRING": "string_data",
}
"""Where values are that aren't in raw_data; those of all other types are in int32_data."""
_ALL = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


_KNOWN = frozenset(int(dtype) for dtype in ir.DataType) - {0}


def check_values(proto: TensorProto) -> None:
    """``ValueError`` if the tensor doesn't have the values that it declares, or doesn't say where they are."""
    name = proto.name
    if proto.data_type not in _KNOWN:
        raise ValueError(f"tensor {name} is of type {proto.data_type}, which ONNX doesn't have")
    dtype = ir.DataType(proto.data_type)
    if min(proto.dims, default=0) < 0:
        raise ValueError(f"tensor {name} has a negative dimension: {list(proto.dims)}")
    if proto.data_location == TensorProto.EXTERNAL:
        _check_place(proto)
        return
    count = math.prod(proto.dims)
    raw = proto.HasField("raw_data")
    field = "raw_data" if raw else _FIELDS.get(dtype.name, "int32_data")
    if raw and dtype == ir.DataType.STRING:
        raise ValueError(f"tensor {name} has strings in raw_data")
    if others := [other for other in _ALL if other != field and len(getattr(proto, other))]:
        raise ValueError(f"tensor {name} of type {dtype.name.lower()} has values in {others[0]}")
    if raw:
        expected, unit = math.ceil(count * dtype.bitwidth / 8), "bytes"
    elif dtype.name.startswith("COMPLEX"):
        expected, unit = 2 * count, "numbers"
    elif dtype != ir.DataType.STRING and dtype.bitwidth in (2, 4):
        expected, unit = math.ceil(count * dtype.bitwidth / 8), "packed bytes"
    else:
        expected, unit = count, "values"
    if (found := len(getattr(proto, field))) != expected:
        raise ValueError(f"tensor {name} of shape {list(proto.dims)} needs {expected} {unit}, the model has {found}")


def _check_place(proto: TensorProto) -> None:
    for entry in proto.external_data:
        if entry.key in ("offset", "length") and not (
            entry.value.isascii() and entry.value.isdecimal() and len(entry.value) < 20
        ):
            raise ValueError(f"tensor {proto.name}: the {entry.key} of its external data is {entry.value[:40]!r}")
