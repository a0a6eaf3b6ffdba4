"""Quantisation per tensor, axis and block, of every type that older opsets have, or whose values they cast to.

ONNX Runtime 1.32 has no kernels of opset 28 for them.
"""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from .one_operator import Case, check_lowered, check_raised

F, H = np.float32, np.float16
RNG = np.random.default_rng(0)
X = (20 * RNG.standard_normal((2, 3, 5))).astype(F)
ONE = np.array(0.25, F)
THREE = np.array([0.25, 0.5, 2], F)
BLOCKS = RNG.uniform(0.1, 2, (2, 3, 3)).astype(F)
TYPES = (np.uint8, np.int8, np.uint16, np.int16)
NUMBER = {np.uint8: 2, np.int8: 3, np.uint16: 4, np.int16: 5}


def zeros(t: type, *values: int) -> np.ndarray:
    return np.array(values if len(values) > 1 else values[0], t)


def quantised(t: type) -> np.ndarray:
    ends = np.iinfo(t)
    return RNG.integers(ends.min, ends.max, (2, 3, 5), t, endpoint=True)


def spots(t: type) -> np.ndarray:
    return RNG.integers(0, 9, (2, 3, 3)).astype(t)


CASES = [
    *(Case(f"tensor-{t.__name__}", "QuantizeLinear", (X, ONE, zeros(t, 7))) for t in TYPES),
    *(Case(f"axis-{t.__name__}-{axis}", "QuantizeLinear", (X, THREE, zeros(t, 7, 0, 3)), {"axis": axis}) for t in TYPES for axis in (1, -2)),
    *(Case(f"blocks-{t.__name__}", "QuantizeLinear", (X, BLOCKS, spots(t)), {"axis": 2, "block_size": 2}) for t in TYPES),
    *(Case(f"blocks-{t.__name__}-first", "QuantizeLinear", (X, BLOCKS[:1, :, :1].repeat(5, 2), None), {"axis": 0, "block_size": 2, "output_dtype": NUMBER[t]})
      for t in TYPES),
    *(Case(f"dtype-{t.__name__}", "QuantizeLinear", (X, ONE), {"output_dtype": NUMBER[t]}) for t in TYPES),
    Case("one-scale-of-one-axis", "QuantizeLinear", (X, THREE[:1], zeros(np.int8, 3).reshape(1)), static=True),
    Case("vector", "QuantizeLinear", (X[0, 0], ONE, zeros(np.uint8, 3))),
    Case("plain", "QuantizeLinear", (X, ONE)),
    Case("half", "QuantizeLinear", (X.astype(H), ONE.astype(H), zeros(np.int8, 3))),
    Case("ties", "QuantizeLinear", (np.array([0.5, 1.5, 2.5, -0.5, 1e9, -1e9], F), np.array(1, F), zeros(np.int16, 0))),
    *(Case(f"tensor-{t.__name__}", "DequantizeLinear", (quantised(t), ONE, zeros(t, 7))) for t in TYPES),
    *(Case(f"axis-{t.__name__}-{axis}", "DequantizeLinear", (quantised(t), THREE, zeros(t, 7, 0, 3)), {"axis": axis}) for t in TYPES for axis in (1, -2)),
    *(Case(f"blocks-{t.__name__}", "DequantizeLinear", (quantised(t), BLOCKS, spots(t)), {"axis": -1, "block_size": 2}) for t in TYPES),
    Case("int32", "DequantizeLinear", (np.array([[5, -7, 1 << 20]], np.int32), THREE), {"axis": 1}),
    Case("half", "DequantizeLinear", (quantised(np.int8), ONE.astype(H), zeros(np.int8, 3))),
    Case("half-axis", "DequantizeLinear", (quantised(np.int8), THREE.astype(H)), {"axis": 1}),
    *(Case(t.__name__, "QLinearMatMul",
           (quantised(t)[0], ONE, zeros(t, 3), quantised(t)[1].T.copy(), ONE, zeros(t, 1), np.array(90, F), zeros(t, 2)), opset=21) for t in (np.uint8, np.int8)),
    Case("half", "QLinearMatMul", (quantised(np.uint8)[0], ONE.astype(H), zeros(np.uint8, 3), quantised(np.uint8)[1].T.copy(), ONE.astype(H), zeros(np.uint8, 1),
                                   np.array(90, H), zeros(np.uint8, 2)), opset=21),
    Case("plain", "DynamicQuantizeLinear", (X,), outputs=3),
    Case("uint8", "MatMulInteger", (quantised(np.uint8)[0], quantised(np.uint8)[1].T.copy(), zeros(np.uint8, 3), zeros(np.uint8, 9))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lowered(case: Case, newest_opset: int) -> None:
    check_lowered(replace(case, runs_until=27), newest_opset)


@pytest.mark.parametrize(
    "case",
    [
        *(Case("one", op, (x, ONE, zeros(np.int8, 3)), opset=opset) for op, x in (("QuantizeLinear", X), ("DequantizeLinear", quantised(np.int8)))
          for opset in (10, 13, 19)),
        *(Case("axis", op, (x, THREE, zeros(np.int8, 3, 0, 1)), {"axis": 1}, opset=opset)
          for op, x in (("QuantizeLinear", X), ("DequantizeLinear", quantised(np.int8))) for opset in (13, 19)),
    ],
    ids=str,
)  # fmt: skip
def test_raised(case: Case, newest_opset: int) -> None:
    check_raised(replace(case, runs_until=27), newest_opset)
