"""The passes that move no numbers: dead code, identities, duplicates, constants, transposes, reshapes, padding."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.converters.onnx.exporter import to_proto
from dragoman.graph_ir import DOMAIN, Builder, Model, Source
from dragoman.graph_ir.passes import optimize
from dragoman.graph_ir.passes.constants import fold_constants
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.passes.duplicate_weights import share_duplicate_weights
from dragoman.graph_ir.passes.identities import remove_identities
from dragoman.graph_ir.passes.padding import fold_padding
from dragoman.graph_ir.passes.reshapes import merge_reshapes
from dragoman.graph_ir.passes.transposes import cancel_transposes

X = {"x": np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)}
W = np.random.default_rng(1).standard_normal((6, 3, 3, 3)).astype(np.float32)


def test_dead_nodes_weights_and_functions_go(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        g.op("Sigmoid", g.op("Mul", x, g.const(3.0)))
        g.const(np.ones(5, np.float32), name="unused")
        return {"y": g.op("Relu", x)}

    assert apply(build, X, remove_dead_code) == ["Relu"]


def test_dead_weights_go() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (2,))
    g.const(np.ones(5, np.float32), name="unused")
    g.output(g.op("Add", x, g.const(1.0, name="used")), "y")
    model = g.model()
    assert remove_dead_code(model)
    assert list(model.graph.initializers) == ["used"]


def test_a_function_that_is_not_called_goes() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (2,))
    g.output(g.op("Relu", x), "y")
    body = Builder("body")
    body.output(body.op("Relu", body.input("a", ir.DataType.FLOAT, (2,))), "b")
    function = ir.Function(DOMAIN, "F", graph=body.graph, attributes=[])
    g.functions[function.identifier()] = function
    model = g.model()
    assert remove_dead_code(model)
    assert not model.functions


def test_identities_go_between_nodes(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Relu", g.op("Identity", x))
        return {"y": g.op("Identity", g.op("Dropout", g.op("Identity", y), g.const(0.5)))}

    assert apply(build, X, remove_identities) == ["Relu"]


@pytest.mark.parametrize("reader", ["input", "second output"])
def test_an_identity_between_two_names_stays(apply, reader: str) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        if reader == "input":
            return {"y": g.op("Identity", x)}
        y = g.op("Relu", x)
        return {"y": y, "z": g.op("Identity", y)}

    assert "Identity" in apply(build, X, remove_identities)


def test_an_identity_that_a_subgraph_reads() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (2,))
    same = g.op("Identity", x)
    branches = []
    for name in ("Relu", "Neg"):
        node = ir.node(name, [same])
        node.outputs[0].name, node.outputs[0].type, node.outputs[0].shape = f"{name}_out", same.type, ir.Shape([2])
        branches.append(ir.Graph([], [node.outputs[0]], nodes=[node], name=name))
    chosen = ir.node("If", [g.op("Greater", g.op("ReduceMax", x, keepdims=0), g.const(0.0))], dict(zip(("then_branch", "else_branch"), branches, strict=True)))
    chosen.outputs[0].type, chosen.outputs[0].shape = same.type, ir.Shape([2])
    g.graph.append(chosen)
    g.output(chosen.outputs[0], "y")
    model = g.model()
    assert remove_identities(model)
    assert all(branch[0].inputs[0] is x for branch in branches)


def test_equal_small_weights_are_shared(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op("Mul", g.op("Add", x, g.const(2.0)), g.const(2.0)), "z": g.op("Add", x, g.const([2.0]))}

    apply(build, X, share_duplicate_weights)


def test_duplicates_by_value_whatever_their_size() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (2, 2000))
    big = np.ones((2000,), np.float32)
    g.output(g.op("Add", g.op("Add", x, g.const(big)), g.const(big.copy())), "y")
    g.output(g.op("Add", g.op("Add", x, g.const(1.0)), g.const(1.0)), "z")
    g.output(g.op("Add", x, g.const([1.0])), "w")
    model = g.model()
    assert share_duplicate_weights(model)
    assert sorted(value.const_value.size for value in model.graph.initializers.values()) == [1, 1, 2000]


def test_constants_are_folded_within_bounds(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        three = g.op("Constant", value_float=3.0)
        shape = ir.node("Shape", [x], {"start": 2}, name="shape")
        shape.outputs[0].name, shape.outputs[0].type, shape.outputs[0].shape = "s", ir.TensorType(ir.DataType.INT64), ir.Shape([2])
        g.graph.append(shape)
        size = ir.node("ReduceProd", [shape.outputs[0]], {"keepdims": 0}, name="prod")
        size.outputs[0].name, size.outputs[0].type, size.outputs[0].shape = "p", ir.TensorType(ir.DataType.INT64), ir.Shape([])
        g.graph.append(size)
        total = g.op("Cast", size.outputs[0], to=ir.DataType.FLOAT.value)
        return {"y": g.op("Mul", g.op("Mul", x, total), three)}

    assert [op for op in apply(build, X, fold_constants) if op != "Constant"] == ["Mul", "Mul"]


def test_big_constants_stay_computed() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (300, 300))
    big = g.const(np.ones((300, 300), np.float32))
    node = ir.node("Exp", [big], name="exp")
    node.outputs[0].name, node.outputs[0].type, node.outputs[0].shape = "e", big.type, big.shape
    g.graph.append(node)
    g.output(g.op("Add", x, node.outputs[0]), "y")
    assert not fold_constants(g.model())


@pytest.mark.parametrize(
    ("perms", "left"),
    [
        (([0, 2, 3, 1], [0, 3, 1, 2]), []),
        (([0, 2, 3, 1], [0, 2, 3, 1]), ["Transpose"]),
        (([0, 2, 3, 1], [0, 2, 3, 1], [0, 2, 3, 1]), []),
        ((None, None), []),
        (([0, 1, 2, 3],), []),
    ],
)
def test_transposes_cancel(apply, perms, left: list[str]) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Relu", x)
        for perm in perms:
            y = g.op("Transpose", y, perm=perm)
        return {"y": g.op("Sigmoid", y), "z": y}

    assert apply(build, X, cancel_transposes, remove_dead_code) == ["Relu", *left, "Sigmoid"]


def test_a_transpose_that_others_read_stays_for_them(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Transpose", x, perm=[0, 2, 3, 1])
        return {"y": g.op("Relu", g.op("Transpose", y, perm=[0, 3, 1, 2])), "z": g.op("Exp", y)}

    assert sorted(apply(build, X, cancel_transposes, remove_dead_code)) == ["Exp", "Relu", "Transpose"]


@pytest.mark.parametrize(
    ("shapes", "left"),
    [
        (([6, 20], [3, 40]), 1),
        (([6, 20], [-1]), 1),
        (([2, 60], [0, 5, -1]), 1),
        (([6, 20], [0, 5, 4]), 1),
        (([6, 20], [2, 3, 4, 5]), 0),
        (([2, 3, 4, 5],), 0),
    ],
)
def test_reshapes_merge(apply, shapes: tuple[list[int], ...], left: int) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Relu", x)
        for shape in shapes:
            y = g.op("Reshape", y, g.const(shape))
        return {"y": g.op("Sigmoid", y)}

    assert apply(build, X, merge_reshapes, remove_dead_code) == ["Relu", *["Reshape"] * left, "Sigmoid"]


def test_a_flatten_before_a_reshape_goes(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op("Reshape", g.op("Flatten", g.op("Unsqueeze", x, g.const([0]))), g.const([2, 60]))}

    assert apply(build, X, merge_reshapes, remove_dead_code) == ["Reshape"]


@pytest.mark.parametrize(
    ("pads", "axes", "value", "mode", "folds"),
    [
        ([0, 0, 1, 2, 0, 0, 3, 0], None, None, "constant", True),
        ([1, 2, 0, 1], [2, 3], None, "constant", True),
        ([1, 2, 0, 1], [-1, -2], 0.0, None, True),
        ([1, 2, 0, 1], [2, 3], 1.0, "constant", False),
        ([1, 2, 0, 1], [2, 3], None, "edge", False),
        ([1, 1, 0, 0], [0, 2], None, "constant", False),
        ([-1, 2, 0, 1], [2, 3], None, "constant", False),
    ],
)
@pytest.mark.parametrize("auto_pad", [None, "VALID", "SAME_UPPER"])
def test_padding_folds_into_conv(apply, pads, axes, value, mode, folds: bool, auto_pad: str | None) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        fill = None if value is None else g.const(value)
        y = g.op("Pad", x, g.const(pads), fill, None if axes is None else g.const(axes), mode=mode)
        conv = {"auto_pad": auto_pad} if auto_pad else {"pads": [1, 0, 0, 1]}
        return {"y": g.op("Conv", y, g.const(W), strides=[2, 1], **conv)}

    folds = folds and auto_pad != "SAME_UPPER"
    assert apply(build, X, fold_padding) == (["Conv"] if folds else ["Pad", "Conv"])


def test_padding_that_others_read_stays(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Pad", x, g.const([0, 0, 1, 1, 0, 0, 1, 1]))
        return {"y": g.op("Conv", y, g.const(W)), "z": g.op("Relu", y)}

    assert apply(build, X, fold_padding) == ["Pad", "Conv", "Relu"]


def test_optimize_leaves_its_model_alone() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (1, 3, 8, 8))
    y = g.op("Mul", g.op("Conv", x, g.const(W)), g.const(np.full((6, 1, 1), 2, np.float32)))
    g.output(g.op("Identity", y), "y")
    model = Model(g.model(), Source("test"), ["a note"])
    before = ir.serde.serialize_model(model.ir).SerializeToString(deterministic=True)
    result = optimize(model)
    assert [node.op_type for node in result.graph] == ["Conv"]
    assert (result.source, result.notes) == (model.source, model.notes)
    assert ir.serde.serialize_model(model.ir).SerializeToString(deterministic=True) == before


def test_optimize_in_place_is_the_same() -> None:
    def made() -> Model:
        g = Builder("g")
        x = g.input("x", ir.DataType.FLOAT, (1, 3, 8, 8))
        y = g.op("Mul", g.op("Conv", x, g.const(W)), g.const(np.full((6, 1, 1), 2, np.float32)))
        g.output(g.op("Identity", y), "y")
        return Model(g.model(), Source("test"))

    model = made()
    assert optimize(model, in_place=True) is model
    copy = optimize(made())
    assert to_proto(model).SerializeToString() == to_proto(copy).SerializeToString()
    assert [node.op_type for node in model.graph] == ["Conv"]
