"""Graphs in graphs, in the main graph and in functions."""

from __future__ import annotations

import onnx
import onnx_ir as ir
import pytest

from dragoman.graph_ir.traversal import graphs_of, parts, subgraphs, walk

TEXT = """
<ir_version: 9, opset_import: ["" : 18, "local" : 1]>
g (bool c, float[2] x) => (float[2] y) {
  a = Relu(x)
  b = If(c) <
    then_branch = outer () => (float[2] t) {
      p = Abs(a)
      t = If(c) <then_branch = inner () => (float[2] u) { u = Neg(p) }, else_branch = other () => (float[2] v) { v = Exp(p) }>
    },
    else_branch = last () => (float[2] w) { w = Sqrt(a) }
  >
  y = local.f(c, b)
}
<domain: "local", opset_import: ["" : 18]>
f (c, x) => (y) {
  y = If(c) <then_branch = yes () => (r) { r = Sin(x) }, else_branch = no () => (s) { s = Cos(x) }>
}
"""


@pytest.fixture
def model() -> ir.Model:
    return ir.serde.deserialize_model(onnx.parser.parse_model(TEXT))


def test_every_node_comes_before_what_is_inside_it(model: ir.Model) -> None:
    main, function = parts(model)
    assert [node.op_type for node in walk(main)] == ["Relu", "If", "Abs", "If", "Neg", "Exp", "Sqrt", "f"]
    assert [node.op_type for node in walk(function)] == ["If", "Sin", "Cos"]


def test_every_graph_comes_before_what_is_inside_it(model: ir.Model) -> None:
    main, function = parts(model)
    assert [graph.name for graph in graphs_of(main)] == ["g", "outer", "last", "inner", "other"]
    assert [graph.name for graph in graphs_of(function)[1:]] == ["yes", "no"]
    assert graphs_of(main)[0] is main


def test_subgraphs_of_one_node(model: ir.Model) -> None:
    relu, branch = list(model.graph)[:2]
    assert not subgraphs(relu)
    assert [graph.name for graph in subgraphs(branch)] == ["outer", "last"]
