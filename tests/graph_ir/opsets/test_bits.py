"""Shifts, bitwise logic and casts of bits."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

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
        Case("truth", "BitCast", (np.array([True, False]),), {"to": 2}, opset=28, reference=True),
    ],
    ids=str,
)  # fmt: skip
def test_lowered(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset)


FLOATS = {np.float16: np.int16, np.float32: np.int32, np.float64: np.int64}


def patterns(integer: type, fraction: int) -> np.ndarray:
    """Integers whose bits are floats of every kind: any, and the least and the greatest of each, with both signs."""
    highest = np.iinfo(integer).bits - 1
    infinity = (1 << highest) - (1 << fraction)
    edges = [0, 1, 2, (1 << fraction) - 1, 1 << fraction, (1 << fraction) + 1, infinity - 1, infinity]
    exponents = [(e << fraction) + d for e in range(1, infinity >> fraction) for d in (-1, 0, 1)]
    positive = np.array([*edges, *exponents], integer)
    some = spread(integer, 1000)
    return np.concatenate([positive, positive | np.array(-1 << highest, integer), some])


@pytest.mark.parametrize("opset", [25, 17, 11])
@pytest.mark.parametrize("unsigned", [False, True], ids=["signed", "unsigned"])
@pytest.mark.parametrize("kind", FLOATS)
def test_bits_of_floats(kind: type, unsigned: bool, opset: int, newest_opset: int) -> None:
    """Bit by bit, both ways, but for NaN, of which there is one."""
    if opset > newest_opset:
        pytest.skip(f"ONNX Runtime here reads opset {newest_opset}")
    integer = np.dtype(FLOATS[kind])
    integer = np.dtype(f"u{integer}") if unsigned else integer
    bits = patterns(FLOATS[kind], np.finfo(kind).nmant).view(integer)
    floats = bits.view(kind)
    to = {np.dtype(t): helper.np_dtype_to_tensor_dtype(np.dtype(t)) for t in (kind, integer)}
    made, read = (Case("", "BitCast", (x,), {"to": to[np.dtype(y)]}, opset=28) for x, y in ((bits, kind), (floats, integer)))
    got = run(to_proto(load(model_of(made)), opset=opset), feeds_of(made))[0]
    number = ~np.isnan(floats)
    np.testing.assert_array_equal(got.view(integer)[number], bits[number], strict=True)
    assert np.isnan(got[~number]).all()
    got = run(to_proto(load(model_of(read)), opset=opset), feeds_of(read))[0]
    np.testing.assert_array_equal(got, np.where(number, bits, np.array(np.nan, kind).view(integer)), strict=True)
