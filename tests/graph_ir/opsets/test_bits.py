"""Shifts, bitwise logic and casts of bits."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import numpy as np
import pytest

from .one_operator import Case, check_lowered, feeds_of, load, model_of, run, to_proto

SIGNED = (np.int8, np.int16, np.int32, np.int64)
INTEGERS = (*SIGNED, np.uint8, np.uint16, np.uint32, np.uint64)


def spread(dtype: type, *shape: int, seed: int = 0) -> np.ndarray:
    ends = np.iinfo(dtype)
    found = np.random.default_rng(seed).integers(ends.min, ends.max, shape, dtype, endpoint=True)
    found.reshape(-1)[:2] = ends.min, ends.max
    return found


def amounts(dtype: type) -> np.ndarray:
    """Each shift of the type, and some that are too far, or negative."""
    bits = np.iinfo(dtype).bits
    return np.array([*range(bits), bits, bits + 1, 127, -1, np.iinfo(dtype).min], dtype)


def shifted(x: np.ndarray, y: np.ndarray, direction: str) -> np.ndarray:
    """What ONNX says of signed shifts, in Python's integers, which have no end."""
    info = np.iinfo(x.dtype)

    def one(a: int, b: int) -> int:
        inside = 0 <= b < info.bits
        if direction == "RIGHT":
            return a >> b if inside else -1 if a < 0 else 0
        wrapped = (a << b) % (1 << info.bits) if inside else 0
        return wrapped - (1 << info.bits) if wrapped > info.max else wrapped

    return np.array([[one(int(a), int(b)) for b in y] for a in x[:, 0]], x.dtype)


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("dtype", SIGNED)
def test_shifts_of_signed_integers(dtype: type, direction: str, newest_opset: int) -> None:
    x, y = spread(dtype, 5, 1), amounts(dtype)
    case = Case("", "BitShift", (x, y), {"direction": direction}, opset=28)
    model = load(model_of(case))
    for opset in (11, 13, 18, 27):
        if opset <= newest_opset:
            got = run(to_proto(model, opset=opset), feeds_of(case))[0]
            np.testing.assert_array_equal(got, shifted(x, y, direction), err_msg=f"opset {opset}", strict=True)


@pytest.mark.parametrize(
    "case",
    [
        *(Case(f"{t.__name__}", f"Bitwise{op}", (spread(t, 3, 1, 4), spread(t, 2, 4, seed=1))) for op in ("And", "Or", "Xor") for t in INTEGERS),
        *(Case(f"{t.__name__}", "BitwiseNot", (spread(t, 3, 4),)) for t in INTEGERS),
        Case("scalar", "BitwiseXor", (np.array(9), np.array(-3))),
        Case("none", "BitwiseAnd", (spread(np.int32, 4)[:0], spread(np.int32, 1, 4)[:, :1])),
        *(Case(f"{a}-{b}", "BitCast", (spread(np.dtype(a).type, 3, 2),), {"to": to}, opset=28) for a, b, to in
          (("int8", "uint8", 2), ("uint16", "int16", 5), ("int32", "uint32", 12), ("uint64", "int64", 7), ("int32", "int32", 6))),
        Case("float", "BitCast", (np.ones(2, np.float32),), {"to": 6}, opset=28, oldest=26),
        Case("to-float", "BitCast", (np.ones(2, np.int64),), {"to": 11}, opset=28, oldest=26),
    ],
    ids=str,
)  # fmt: skip
def test_lowered(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset)
