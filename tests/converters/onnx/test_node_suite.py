"""Every model of onnx's own test suite: read, written at its own and at older opsets, and run with the expected values."""

from __future__ import annotations

import onnx
import pytest

from dragoman.converters.onnx.exporter import to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.passes import optimize

from .node_tests import NodeTest, OnnxRuntime, Reference, node_tests, stored_tests

CASES = {**node_tests(), **stored_tests()}
ORT, REFERENCE = OnnxRuntime(), Reference()


def check(case: NodeTest, model: onnx.ModelProto) -> None:
    """``model`` is valid, and keeps the names and order of what goes in and out."""
    onnx.checker.check_model(model, full_check=_passes_full_check(case.model))
    weights = {tensor.name for tensor in case.model.graph.initializer}
    assert [v.name for v in model.graph.input] == [v.name for v in case.model.graph.input if v.name not in weights]
    assert [v.name for v in model.graph.output] == [v.name for v in case.model.graph.output]


def _passes_full_check(model: onnx.ModelProto) -> bool:
    """Not so MeanVarianceNormalization, whose function onnx 1.23 can't infer through."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.shape_inference.InferenceError:
        return False
    return True


def fault_of(case: NodeTest, model: onnx.ModelProto) -> str | None:
    """Why ``model`` is wrong: ONNX Runtime's word, or where it can't run the original either, the reference's."""
    fault = ORT.failure(case, model)
    if fault is None or ORT.failure(case, case.model) is None:
        return fault
    return REFERENCE.failure(case, model) if REFERENCE.failure(case, case.model) is None else None


@pytest.mark.parametrize("name", CASES)
def test_at_its_own_opset(name: str) -> None:
    """Raised to the graph's opset and lowered back, as it was and simplified: the same values wherever the original gives them."""
    case = CASES[name]
    model = load(case.model)
    for graph in (model, optimize(model)):
        written = to_proto(graph)
        check(case, written)
        assert fault_of(case, written) is None
