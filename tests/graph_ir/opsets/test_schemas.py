"""What changed between opsets, against what onnx's changelog says of these operators."""

from __future__ import annotations

import pytest

from dragoman.graph_ir.opsets.schemas import same_form, takes_all


@pytest.mark.parametrize(
    ("op_type", "source", "target", "same"),
    [
        ("Add", 13, 14, True),  # more types
        ("Relu", 6, 28, True),
        ("Transpose", 28, 11, True),
        ("BatchNormalization", 8, 9, False),  # without spatial
        ("BatchNormalization", 14, 15, True),  # more types
        ("Softmax", 12, 13, False),  # another default of axis
        ("ReduceSum", 12, 13, False),  # axes are an input
        ("Split", 17, 18, False),  # num_outputs
        ("Cast", 18, 19, False),  # saturate
        ("Gelu", 19, 20, False),  # new
        ("GroupNormalization", 20, 21, False),  # stash_type
    ],
)
def test_same_form(op_type: str, source: int, target: int, same: bool) -> None:
    assert same_form(op_type, source, target) == same
    assert same_form(op_type, target, source) == same


@pytest.mark.parametrize(
    ("op_type", "source", "target", "all_of_them"),
    [
        ("Add", 13, 14, True),
        ("Add", 14, 13, False),  # int8, int16, uint8 and uint16 are new
        ("Relu", 12, 13, True),
        ("Relu", 13, 12, False),  # bfloat16 is new
        ("Pow", 11, 12, False),  # the exponent has a type variable of its own now
        ("Clip", 11, 28, True),
        ("Gelu", 19, 20, False),
        ("Concat", 4, 28, True),
        ("ReduceSum", 11, 13, False),  # another number of inputs
    ],
)
def test_takes_all(op_type: str, source: int, target: int, all_of_them: bool) -> None:
    assert takes_all(op_type, source, target) == all_of_them
