"""Every model of onnx's own test suite: read, written at its own and at older opsets, and run with the expected values."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from dragoman.converters.onnx.exporter import to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.passes import optimize

from .lowered import OPSETS, Tally, head, passes_full_check, versions
from .node_tests import NodeTest, OnnxRuntime, Reference, node_tests, stored_tests

CASES = {**node_tests(), **stored_tests()}
ORT, REFERENCE = OnnxRuntime(), Reference()


def check(case: NodeTest, model: onnx.ModelProto) -> None:
    """``model`` is valid, and keeps the names and order of what goes in and out."""
    onnx.checker.check_model(model, full_check=passes_full_check(case.model))
    weights = {tensor.name for tensor in case.model.graph.initializer}
    assert [v.name for v in model.graph.input] == [v.name for v in case.model.graph.input if v.name not in weights]
    assert [v.name for v in model.graph.output] == [v.name for v in case.model.graph.output]


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


PAGE = Path(__file__).parents[3] / "docs" / "opsets.md"
RENEW = "run python docs/opset_tables.py"


@pytest.mark.parametrize("opset", OPSETS)
def test_at_older_opsets(opset: int) -> None:
    """Every model is right or, for a reason that the table of limits gives, refused; and docs/opsets.md counts them."""
    tally = Tally(opset)
    assert not tally.wrong
    page = PAGE.read_text(encoding="utf-8")
    if f"({versions()})" in page:
        assert tally.row() in page.splitlines(), RENEW


def test_the_page_says_what_is_refused() -> None:
    """Its counts are those of one pair of versions."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert all(line in lines for line in head() if line.startswith("| ")), RENEW
