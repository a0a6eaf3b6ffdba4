"""Types that older operators don't take: computed in one that holds all their values, or a gap that names them."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from .one_operator import check, compare, declare, load, run, to_proto

F = np.float32
X = np.array([[3, -1, 0.5, 8], [2, 3, -0.25, -8]], F)
BOTH = {"float": TensorProto.FLOAT, "bfloat16": TensorProto.BFLOAT16}


def around(
    op: str,
    opset: int,
    inputs: Sequence[np.ndarray],
    narrow: Sequence[int],
    attributes: dict[str, Any],
    kind: int,
    outputs: int,
) -> onnx.ModelProto:
    """Some inputs cast to ``kind``, the operator, and the outputs of that type cast to float."""
    names = [f"i{n}" for n in range(len(inputs))]
    nodes = [helper.make_node("Cast", [names[n]], [f"c{n}"], to=kind) for n in narrow]
    given = [f"c{n}" if n in narrow else name for n, name in enumerate(names)]
    made = [f"m{n}" for n in range(outputs)]
    nodes.append(
        helper.make_node(op, given, made, name="node", **{k: kind if v == "kind" else v for k, v in attributes.items()})
    )
    nodes.append(helper.make_node("Cast", [made[0]], ["o0"], to=TensorProto.FLOAT))
    nodes += [helper.make_node("Identity", [name], [f"o{n}"]) for n, name in enumerate(made[1:], 1)]
    values = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, inputs, strict=True)
    ]
    graph = helper.make_graph(nodes, "g", values, [onnx.ValueInfoProto(name=f"o{n}") for n in range(outputs)])
    imports = [helper.make_opsetid("", opset)]
    return onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=imports, ir_version=helper.find_min_ir_version_for(imports))
    )


@pytest.mark.parametrize(
    ("op", "opset", "inputs", "narrow", "attributes", "outputs"),
    [
        ("Compress", 28, (X, np.array([True, False])), (0,), {"axis": 0}, 1),
        ("Einsum", 28, (X, X[:, ::-1]), (0, 1), {"equation": "ij,ij->ij"}, 1),
        ("OneHot", 28, (np.array([0, 2]), np.array(3), np.array([-1, 2], F)), (2,), {}, 1),
        ("ReverseSequence", 28, (X, np.array([1, 2, 1, 2])), (0,), {"time_axis": 0, "batch_axis": 1}, 1),
        ("Unique", 28, (X,), (0,), {}, 4),
        ("Range", 27, (np.array(0.5, F), np.array(4, F), np.array(0.5, F)), (0, 1, 2), {}, 1),
        ("TopK", 24, (X, np.array([2])), (0,), {"axis": 1}, 2),
        ("Round", 22, (X,), (0,), {}, 1),
        ("EyeLike", 22, (X,), (0,), {"k": 1}, 1),
        ("EyeLike", 22, (X,), (), {"dtype": "kind"}, 1),
        ("EyeLike", 22, (X,), (0,), {"dtype": 7}, 1),
        ("IsInf", 20, (np.array([np.inf, 1, -np.inf], F),), (0,), {}, 1),
        ("Where", 16, (X > 0, X, X[:1]), (1, 2), {}, 1),
        ("GreaterOrEqual", 16, (X, X[:1]), (0, 1), {}, 1),
        ("LessOrEqual", 16, (X, X[:1]), (0, 1), {}, 1),
        ("Pow", 15, (np.abs(X), np.array(2, F)), (1,), {}, 1),
        ("CumSum", 14, (X, np.array(1)), (0,), {}, 1),
    ],
)
def test_bfloat16_is_computed_in_float32(
    op: str,
    opset: int,
    inputs: Sequence[np.ndarray],
    narrow: Sequence[int],
    attributes: dict[str, Any],
    outputs: int,
    newest_opset: int,
) -> None:
    """These numbers are exact in bfloat16: what ONNX Runtime computes with float32 is what is wanted."""
    plain, narrowed = (around(op, opset, inputs, narrow, attributes, kind, outputs) for kind in BOTH.values())
    feeds = {f"i{n}": array for n, array in enumerate(inputs)}
    wanted = run(to_proto(load(plain), opset=13), feeds)
    declare(narrowed, wanted)
    model = load(narrowed)
    for lower in (13, 15, 18, 21, 23, 25):
        if lower >= opset:
            break
        assert check(model, opset=lower) == []
        proto = to_proto(model, opset=lower)
        onnx.checker.check_model(proto, full_check=True)
        if lower <= newest_opset:
            compare(run(proto, feeds), wanted, 0, f"opset {lower}")
    assert "bfloat16" in str(check(model, opset=12)).lower()


def quantized(kind: int, opset: int) -> onnx.ModelProto:
    zero = helper.make_tensor("z", kind, [], [0])
    scale = numpy_helper.from_array(np.array(0.5, F), "s")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="q"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="d"),
    ]
    return finished(nodes, opset, [zero, scale])


def finished(nodes: list[onnx.NodeProto], opset: int, weights: Sequence[onnx.TensorProto] = ()) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], weights),
        opset_imports=imports,
        ir_version=helper.find_min_ir_version_for(imports),
    )


@pytest.mark.parametrize(
    ("kind", "since"),
    [("FLOAT8E4M3FN", 19), ("FLOAT8E4M3FNUZ", 19), ("FLOAT8E5M2", 19), ("FLOAT8E5M2FNUZ", 19), ("INT4", 21), ("UINT4", 21), ("FLOAT4E2M1", 23), ("INT2", 25), ("UINT2", 25)],
)  # fmt: skip
def test_types_that_an_opset_lacks_are_gaps(kind: str, since: int) -> None:
    to = getattr(TensorProto, kind)
    casts = finished(
        [helper.make_node("Cast", ["x"], ["c"], to=to, name="c"), helper.make_node("Cast", ["c"], ["y"], to=1, name="y")], 25
    )
    like = finished(
        [helper.make_node("CastLike", ["x", "k"], ["c"], name="c"), helper.make_node("Cast", ["c"], ["y"], to=1, name="y")],
        25,
        [helper.make_tensor("k", to, [1], [0])],
    )
    for original in (casts, like, quantized(to, 25)):
        model = load(original)
        for opset in (25, 23, 21, 19, 18, 15, 14, 13, 12, 11):
            gaps = check(model, opset=opset)
            assert bool(gaps) == (opset < since), f"opset {opset}: {gaps}"
            assert not gaps or kind in str(gaps).upper()


def test_rounding_and_saturation_say_nothing_of_other_types(newest_opset: int) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=10, saturate=0, round_mode="nearest", name="c"),
        helper.make_node("Cast", ["c"], ["y"], to=1, name="y"),
    ]
    x = np.array([1e6, 0.1], F)
    got = run(to_proto(load(finished(nodes, 25)), opset=18), {"x": x})
    compare(got, [x.astype(np.float16).astype(F)], 0, "")
