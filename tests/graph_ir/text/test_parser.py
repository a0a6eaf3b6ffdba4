"""Texts that aren't models: one message with line and column each, and never anything else. Texts as ONNX writes them."""

from __future__ import annotations

import random

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from dragoman.graph_ir.errors import MalformedModel, TargetError
from dragoman.graph_ir.text import parse_model, print_model

HEAD = '<ir_version: 10, opset_import: ["": 21]>\n'
GOOD = (
    HEAD
    + """g (float[N,3] x) => (float[N,3] y)
<float[3] w = {1.0, 2.0, 3.0}>
{
   [add] h = Add (x, w)  #: float[N,3]; from "fc" (Linear) at "m":1
   y = Neg (h)
}
"""
)
MALFORMED = {
    "empty": ("", 1, 1, "'<' expected, not the end of the text"),
    "no ir_version": ('<opset_import: ["": 21]> g () => () {}', 1, 1, "no ir_version"),
    "unknown entry": ("<ir_versio: 10>", 1, 2, "ir_versio isn't one of"),
    "entry twice": ("<ir_version: 10, ir_version: 10>", 1, 18, "ir_version is there twice"),
    "domain twice": ('<ir_version: 10, opset_import: ["": 1, "": 2]>', 1, 40, "'' is there twice"),
    "negative version": ("<ir_version: -10>", 1, 14, "a number between 0"),
    "huge number": ("<ir_version: " + "9" * 10_000 + ">", 1, 14, "a number between 0"),
    "fraction": ("<ir_version: 1.5>", 1, 14, "a whole number expected, not '1.5'"),
    "open string": (GOOD.replace('"fc"', '"fc').replace('"m"', "m"), 5, 46, "a string that doesn't end"),
    "odd character": (GOOD.replace("Neg", "N$g"), 6, 9, "'$' has no meaning here"),
    "cut": (GOOD[:-3], 6, 15, "a name or '=' expected, not the end of the text"),
    "undefined value": (GOOD.replace("(h)", "(q)"), 6, 4, "q is read, but nothing makes it"),
    "value made twice": (GOOD.replace("h = Add", "x = Add"), 5, 4, "x is made twice"),
    "weight twice": (GOOD.replace("<float[3] w", "<float[3] w = {1.0, 1.0, 1.0}, float[3] w"), 3, 41, "w has values already"),
    "output of nothing": (GOOD.replace("y = Neg", "z = Neg"), 2, 33, "y is declared, but nothing makes it"),
    "too few elements": (GOOD.replace(", 3.0}", "}"), 3, 11, "2 elements where shape [3] has 3"),
    "no number": (GOOD.replace("2.0,", "two,"), 3, 11, "two isn't a number"),
    "dynamic weight": (GOOD.replace("float[3] w", "float[N] w"), 3, 11, "dimensions that are numbers"),
    "untyped weight": (GOOD.replace("float[3] w", "w"), 3, 2, "a tensor with values has an element type"),
    "too large": (GOOD.replace("float[3] w", "int8[3] w").replace("2.0", "200").replace(".0", ""), 3, 10, "200 isn't a value of int8"),
    "other file": (GOOD.replace("{1.0, 2.0, 3.0}", '["location": "/etc/passwd"]'), 3, 11, "other files aren't opened"),
    "wrong bytes": (GOOD.replace("{1.0, 2.0, 3.0}", '["base64": "AAAA"]'), 3, 11, "3 bytes can't be float of shape [3]"),
    "no base64": (GOOD.replace("{1.0, 2.0, 3.0}", '["base64": "!!!!"]'), 3, 11, ""),
    "huge shape": (GOOD.replace("float[3] w", "float[99999999999,99999999999] w"), 3, 33, "3 elements where"),
    "unknown type": (GOOD.replace("float[N,3] x", "flaot[N,3] x"), 2, 9, "',' or ')' expected, not '['"),
    "map": (GOOD.replace("float[N,3] x", "map(int64, float) x"), 2, 4, "maps aren't read"),
    "attribute type": (GOOD.replace("Neg (h)", "Neg <a: flot = 1> (h)"), 6, 16, "'flot' isn't an attribute's type"),
    "attribute twice": (GOOD.replace("Neg (h)", "Neg <a = 1, a = 2> (h)"), 6, 20, "attribute a is there twice"),
    "attribute of nothing": (GOOD.replace("Neg (h)", "Neg <a = > (h)"), 6, 17, "a value expected"),
    "empty list of no type": (GOOD.replace("Neg (h)", "Neg <a = []> (h)"), 6, 17, "a value expected"),
    "reference of no type": (GOOD.replace("Neg (h)", "Neg <a = @b> (h)"), 6, 17, "the type goes before"),
    "int of 65 bits": (GOOD.replace("Neg (h)", "Neg <a = 9223372036854775808> (h)"), 6, 17, "a number between"),
    "sparse attribute": (GOOD.replace("Neg (h)", "Neg <a: sparse_tensor = 1> (h)"), 6, 32, "sparse_tensor attributes aren't read"),
    "no commas": (GOOD.replace("(x, w)", "(x w)"), 5, 21, "',' or ')' expected, not 'w'"),
    "note of nothing": (GOOD.replace("; from", "; frm"), 5, 41, "'frm' means nothing in a note"),
    "note of another": (GOOD.replace("; from", '; value q doc "d"; from'), 5, 4, "value q, which the node doesn't have"),
    "types of nobody": (GOOD.replace("#: float[N,3]", "#: float, float"), 5, 4, "2 types for 1 outputs"),
    "note in the middle": (GOOD.replace("h = Add", "h = #: float\n Add"), 5, 14, "an operator expected"),
    "code of no character": (GOOD.replace('"fc"', '"\\u{110000}"'), 5, 46, "the code of no character"),
    "function twice": (
        GOOD + '<domain: "d", opset_import: ["": 21]> f (a) => (b) { b = Neg (a) }\n' * 2, 9, 1, "function d.f is there twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_text(kind: str) -> None:
    text, line, column, message = MALFORMED[kind]
    with pytest.raises(MalformedModel) as raised:
        parse_model(text, file="net.txt")
    assert str(raised.value).startswith(f"net.txt:{line}: column {column}: "), str(raised.value)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_good_text_is_good() -> None:
    model = parse_model(GOOD)
    assert [node.op_type for node in model.graph] == ["Add", "Neg"]
    onnx.checker.check_model(ir.serde.serialize_model(model), full_check=True)


def test_order_of_nodes_is_free() -> None:
    """A value may be read before it is made, by a subgraph too; the graph is what was written, and onnx's checker judges it."""
    text = HEAD + (
        "g (bool c) => (float y) { y = If <t: graph = a () => (u) { u = Neg (h) }, e: graph = b () => (u) { u = Abs (h) }> (c)\n"
        "h = Foo (k) k = Bar () }"
    )
    model = parse_model(text)
    maker = next(node for node in model.graph if node.op_type == "Foo").outputs[0]
    assert {use.node.op_type for use in maker.uses()} == {"Neg", "Abs"}
    assert print_model(parse_model(print_model(model))) == print_model(model)


@pytest.mark.parametrize("depth", [65, 10_000])
@pytest.mark.parametrize("kind", ["graph", "type", "lists"])
def test_deep_nesting_is_an_error(kind: str, depth: int) -> None:
    if kind == "graph":
        text = HEAD + "g () => () { " + "y = If <b: graph = b () => () { " * depth
    elif kind == "type":
        text = HEAD + "g (" + "seq(" * depth
    else:
        text = HEAD + "g () => () { y = F <a = " + "[" * depth
    with pytest.raises(MalformedModel):
        parse_model(text)


def test_deep_graphs_are_printed_up_to_the_same_depth() -> None:
    def nested(depth: int) -> ir.Model:
        graph = ir.Graph([], [], nodes=[], name="g0")
        for level in range(depth):
            node = ir.Node("", "If", [], [ir.AttrGraph("b", graph)], num_outputs=1)
            graph = ir.Graph([], [], nodes=[node], name=f"g{level + 1}")
        graph.opset_imports[""] = 21
        return ir.Model(graph, ir_version=10)

    text = print_model(nested(64))
    assert print_model(parse_model(text)) == text
    for depth in (65, 3000):
        with pytest.raises(TargetError, match="nested more than 64 deep"):
            print_model(nested(depth))


def test_long_text_is_read_in_linear_time() -> None:
    nodes = "\n".join(f'   ["n{i}"] v{i + 1} = Add (v{i}, v{i})  #: float[3]' for i in range(20_000))
    model = parse_model(HEAD + f"g (float[3] v0) => (float[3] v20000) {{\n{nodes}\n}}")
    assert model.graph.num_nodes() == 20_000
    with pytest.raises(MalformedModel, match="a string that doesn't end"):
        parse_model(HEAD + 'g () => () { y = F <s = "' + "a\\" * 1_000_000)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_text_is_a_message(seed: int) -> None:
    """Cut, doubled, changed and mixed: read, or refused with a place."""
    chance = random.Random(seed)
    texts = [GOOD, ONNX_TEXT, NESTED]
    for _ in range(800):
        text = chance.choice(texts)
        start, length = chance.randrange(len(text)), chance.randrange(1, 12)
        how = chance.randrange(4)
        if how == 0:
            text = text[:start] + text[start + length :]
        elif how == 1:
            text = text[:start] + chance.choice('<>(){}[],:;=.@?"#\\ \n1a-') + text[start:]
        elif how == 2:
            source = chance.randrange(len(text))
            text = text[:start] + text[source : source + 20] + text[start + length :]
        else:
            text = text[:start]
        try:
            parse_model(text)
        except MalformedModel as error:
            assert ": column " in str(error)  # both are right


# -- ONNX's own syntax ----------------------------------------------------------------------------------

ONNX_TEXT = """
<
  ir_version: 10,
  opset_import: ["" : 21, "local" : 1],
  producer_name: "p", metadata_props: ["a": "b"]
>
agraph (float[N, 128] X, float[128,10] W, float[10] B = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9.5}, bool c) => (float[N, ?] C)
<float16[2] half = {15360, 16384}, int64 k = {3}, float[N,10] T, float[] unused>
{
   # a comment
   T = MatMul(X, W)
   [sum] S = Add(T, B)
   "u/1", = local.act <slope = 0.5, axes = [1, 2], names: strings = ["a"], t = float[2] {1, 2}, e: ints = []> (S, , half)
   unused = If (c) <then_branch = then_g () => (float[] q) { q = Neg("u/1") }, else_branch: graph = g2 () => (r) { r = Abs(S) }>
   C = Softmax("u/1")
}
<domain: "local", opset_import: ["" : 21], doc_string: "f">
act <bias: float = 1.0, slope> (x, y, z) => (w) { w = LeakyRelu <alpha: float = @slope> (x) }
"""
NESTED = """<ir_version: 10, opset_import: ["": 21]>
g (bool c, seq(float[?]) s, optional(int4["a b"]) o) => (y)
<float[2] w = ["base64": "AACAPwAAAEA="], string[1] t = {"a\\n\\x41\\u{1F600}"}, float[0] z = {}>
{
   y = If <
      then_branch: graph = a () => (u) { u = Add (w, w)  #: float[2]; source u = "u"; doc "d"
      },
      else_branch: graph = b () => (u) <float[2] v = ["from": "weights", "sha256": "ab"]> { u = Neg (v) }
   > (c)
   q = Foo <ts: tensors = [float {1}, int8[1] n {-3}], tp: type_proto = seq(float[]), gs: graphs = [b () => () {}]> (s, o, t)
}
"""


def test_what_onnx_reads_means_the_same_here() -> None:
    """ONNX's own parser is the authority; half floats are bits there, and values with a point are ours alone."""
    theirs = ir.serde.deserialize_model(onnx.parser.parse_model(ONNX_TEXT))
    ours = parse_model(ONNX_TEXT)
    assert print_model(ours) == print_model(theirs)
    half = ours.graph.initializers["half"].const_value
    assert half is not None
    assert half.numpy().tolist() == [1.0, 2.0]


def test_what_onnx_prints_is_read() -> None:
    proto = helper.make_model(
        helper.make_graph(
            [helper.make_node("Conv", ["x/0", "w"], ["y 1"], name="n/1", pads=[1, 1, 1, 1], auto_pad="NOTSET")], "g/1",
            [helper.make_tensor_value_info("x/0", TensorProto.FLOAT, ["batch*2", 1, None, 5])],
            [helper.make_tensor_value_info("y 1", TensorProto.FLOAT, None)],
            [helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 1, 2], np.array([0.5, 1e-7], np.float32))],
        ),
        opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name='quo"te',
    )  # fmt: skip
    assert print_model(parse_model(onnx.printer.to_text(proto))) == print_model(ir.serde.deserialize_model(proto))
