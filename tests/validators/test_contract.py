"""The contract: what may deviate, and what may not."""

from __future__ import annotations

import onnx
import onnx_ir as ir
import pytest

from dragoman.validators.contract import check_contract, narrowed
from dragoman.validators.runners.base import Description, TensorSpec

X = TensorSpec("x", "float32", ("n", 3))


def described(*outputs, inputs=(X,), ordered=True):
    return Description("r", "1", tuple(inputs), outputs, ordered=ordered)


def y(*shape, dtype="float32", name="y"):
    return TensorSpec(name, dtype, shape)


UNKNOWN = TensorSpec("y", "float32", None)

CASES = [
    (described(y(1, 3)), described(y(1, 3)), None),
    (described(y(1, 3)), described(y("batch", 3)), None),
    (described(y("n", 3)), described(y("batch", 3)), None),
    (described(y(None, 3)), described(y(1, 3)), None),
    (described(UNKNOWN), described(y(1, 3)), None),
    (described(y("n", 3)), described(y(1, 3)), "output y: the original's shape is (n, 3), the converted one's (1, 3)"),
    (described(y(1, 3)), described(y(1, 4)), "output y: the original's shape"),
    (described(y(1, 3)), described(y(3)), "output y: the original's shape"),
    (described(y(1)), described(y(1, dtype="float16")), "output y is float32 in the original, float16"),
    (described(y(1)), described(y(1, name="z")), "output y is missing in the converted model"),
    (described(y(1)), described(), "output y is missing"),
    (described(), described(y(1)), "output y of the converted model isn't in the original"),
    (described(y(1), y(2, name="z")), described(y(2, name="z"), y(1)), "the outputs' order differs: y, z; converted: z, y"),
    (described(y(1), y(2, name="z"), ordered=False), described(y(2, name="z"), y(1)), None),
    (described(y(1)), described(y(1), inputs=()), "input x is missing"),
    (described(y(1)), described(y(1), inputs=(TensorSpec("x", "float32", (1, 3)),)), "input x: the original's shape"),
    (described(y(1), y(1)), described(y(1)), "the original has two outputs named y"),
]


@pytest.mark.parametrize(("original", "converted", "problem"), CASES)
def test_contract(original, converted, problem):
    found = check_contract(original, converted).problems
    assert (found == ()) if problem is None else found[0].startswith(problem)


def test_sizes_that_the_graph_knows_count():
    """Numbers for dynamic dimensions only, and only where the ranks agree."""
    graph = ir.serde.deserialize_model(onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> g (float[7, 3] x) => (float[7, m, 5] y, float[8] z, float[9, 9] w) '
        "{ y = Neg (x) z = Neg (x) w = Neg (x) }"
    ))  # fmt: skip
    found = narrowed(described(y("a", "b", 4), y("c", name="z"), y("d", name="w"), y(None, name="v")), graph)
    assert [spec.shape for spec in found.inputs] == [(7, 3)]
    assert [spec.shape for spec in found.outputs] == [(7, "b", 4), (8,), ("d",), (None,)]
