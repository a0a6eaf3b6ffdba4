"""What every pass must keep: names, numbers, validity and provenance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.graph_ir import Builder, Model, Origin, Source
from dragoman.graph_ir.passes import Pass
from dragoman.graph_ir.provenance import origins, set_origins, set_source_tensors


def run(model: ir.Model, feeds: dict[str, np.ndarray], wanted: list[str]) -> dict[str, np.ndarray]:
    """The values called ``wanted``, by ONNX Runtime without its own optimisations."""
    proto = ir.serde.serialize_model(model)
    onnx.checker.check_model(proto, full_check=True)
    present = {value.name for value in proto.graph.output}
    for value in proto.graph.value_info:
        if value.name in wanted and value.name not in present:
            proto.graph.output.append(value)
            present.add(value.name)
    for node in proto.graph.node:
        node.name = ""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(wanted, session.run(wanted, feeds), strict=True))


@pytest.fixture
def apply() -> Callable[..., list[str]]:
    """``apply(build, feeds, *passes)`` builds a graph, runs passes, checks what they must keep, and gives the operators left.

    ``build(g, **inputs)`` returns the outputs by name. Every value that isn't a constant is a source tensor, and must hold the
    same numbers as before wherever provenance still says that it does.
    """

    def check(build: Callable[..., dict[str, ir.Value]], feeds: dict[str, np.ndarray], *passes: Pass) -> list[str]:
        g = Builder("g")
        inputs = {name: g.input(name, ir.DataType.from_numpy(array.dtype), array.shape) for name, array in feeds.items()}
        outputs = build(g, **inputs)
        for name, value in outputs.items():
            g.output(value, name)
        model = Model(g.model(), Source("test"))
        for node in model.graph:
            set_origins(node, [Origin(node.outputs[0].name or "", node.op_type)])
            for out in node.outputs:
                set_source_tensors(out, [out.name or ""])
        sources = [out.name or "" for node in model.graph for out in node.outputs]
        before = run(model.ir, feeds, list(dict.fromkeys([*sources, *outputs])))
        for step in passes:
            step(model.ir)

        assert [value.name for value in model.graph.inputs] == list(feeds)
        assert [value.name for value in model.graph.outputs] == list(outputs)
        assert all(origins(node) for node in model.graph)
        kept = {source: name for source, name in model.tensor_map().items() if source in sources}
        assert set(outputs) <= set(kept) | set(feeds)
        after = feeds | run(model.ir, feeds, [name for name in dict.fromkeys([*kept.values(), *outputs]) if name not in feeds])
        for source, name in kept.items():
            np.testing.assert_allclose(after[name], before[source], rtol=1e-4, atol=1e-5, err_msg=source)
        assert [step(model.ir) for step in passes] == [False] * len(passes), "a second run finds more to do"
        return [node.op_type for node in model.graph]

    return check


def same_numbers(before: list[np.ndarray], after: list[np.ndarray], *, exact: bool = True) -> None:
    for a, b in zip(before, after, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if exact:
            np.testing.assert_array_equal(a, b)
            if a.dtype.kind == "f":
                np.testing.assert_array_equal(np.signbit(a) & ~np.isnan(a), np.signbit(b) & ~np.isnan(b))
        else:
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


@pytest.fixture
def rewrite_text() -> Callable[..., ir.Model]:
    """``rewrite_text(text, feeds, *passes)`` reads a graph in ONNX's text form, runs passes, and compares in ONNX Runtime, bit
    for bit; each feed is an array for each input, or several are a list of such. The graph is given back.
    """

    def check(text: str, feeds: list[np.ndarray] | list[list[np.ndarray]], *passes: Pass, opset: int = 21, exact: bool = True) -> ir.Model:
        proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}, "local": 1]>\n{text}')
        proto = onnx.shape_inference.infer_shapes(proto, data_prop=True)
        onnx.checker.check_model(proto, full_check=True)
        model = ir.serde.deserialize_model(proto)
        for node in model.graph.all_nodes():
            set_origins(node, [Origin(node.outputs[0].name or "", node.op_type)])
            set_source_tensors(node.outputs[0], [node.outputs[0].name or ""])
        for step in passes:
            step(model)
        assert [step(model) for step in passes] == [False] * len(passes), "a second run finds more to do"
        assert all(origins(node) for node in model.graph.all_nodes() if node.op_type != "Constant")
        after = ir.serde.serialize_model(model)
        onnx.checker.check_model(after, full_check=True)
        for side in ("input", "output"):
            names = [[value.name for value in getattr(graph, side)] for graph in (proto.graph, after.graph)]
            assert names[0] == names[1]
        sessions = []
        for each in (proto, after):
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.intra_op_num_threads = 1
            sessions.append(onnxruntime.InferenceSession(each.SerializeToString(), options, providers=["CPUExecutionProvider"]))
        for feed in feeds if feeds and isinstance(feeds[0], list) else [feeds]:
            named = dict(zip([value.name for value in proto.graph.input], feed, strict=True))
            same_numbers(*(session.run(None, named) for session in sessions), exact=exact)
        return model

    return check

