"""Writes .params files as MXNet's versions have written them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

FLAGS = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6, "bool": 7}
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA


def write_params(path: Path, arrays: Mapping[str, np.ndarray], *, version: int = 2, storage: int = 0) -> Path:
    """``version`` 0 is before 0.11, without magic numbers; 1 to 3 are those of 0.11, 1.0 and numpy shapes."""
    parts = [struct.pack("<QQQ", 0x112, 0, len(arrays))]
    for array in arrays.values():
        if version >= 2:
            parts.append(struct.pack("<Ii", (V2, V3)[version - 2], storage))
            parts.append(struct.pack(f"<i{array.ndim}q", array.ndim, *array.shape))
        elif version == 1:
            parts.append(struct.pack(f"<II{array.ndim}q", V1, array.ndim, *array.shape))
        else:
            parts.append(struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape))
        parts.append(struct.pack("<iii", 1, 0, FLAGS[array.dtype.name]) + np.ascontiguousarray(array).tobytes())
    parts.append(struct.pack("<Q", len(arrays)))
    parts += [struct.pack("<Q", len(name.encode())) + name.encode() for name in arrays]
    path.write_bytes(b"".join(parts))
    return path
