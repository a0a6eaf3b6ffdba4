"""onnx's node tests written at older opsets: what becomes of each, and the page that counts them."""

from __future__ import annotations

from collections import Counter
from functools import cache

import onnx
import onnxruntime

from dragoman.converters.onnx.exporter import to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.errors import UnsupportedOperator
from dragoman.graph_ir.model import Model

from .node_tests import NodeTest, OnnxRuntime, Reference, node_tests
from .opset_limits import LIMITS, SETTINGS, Limit, limits_of, nodes

OPSETS = (23, 21, 18, 17, 15, 13, 11)

PASSED, REFUSED, WRONG = "passed", "refused", "wrong"
REFERENCE, UNCHECKED = "passed by the reference", "valid, but no runtime runs it"

_DRAWING = frozenset({"Bernoulli", "RandomUniformLike", "Dropout"})
"""Operators whose results are other ones each time."""

ORT, REFERENCE_RUNTIME = OnnxRuntime(optimized=False), Reference()


@cache
def _model(name: str) -> Model:
    return load(node_tests()[name].model)


@cache
def runs(name: str) -> bool:
    """Whether ONNX Runtime gives the expected values for the original."""
    return ORT.failure(node_tests()[name], node_tests()[name].model) is None


def passes_full_check(model: onnx.ModelProto) -> bool:
    """Not so MeanVarianceNormalization, whose function onnx 1.23 can't infer through."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.shape_inference.InferenceError:
        return False
    return True


def outcome(case: NodeTest, opset: int) -> tuple[str, str]:
    """What becomes of a case at ``opset``, and why."""
    limits = limits_of(case.model, opset)
    try:
        written = to_proto(_model(case.name), opset=opset)
    except UnsupportedOperator as error:
        return (REFUSED, limits[0].what) if limits else (WRONG, f"refused: {error}")
    if limits:
        return WRONG, f"not refused, and opset {opset} doesn't have {limits[0].what}"
    try:
        onnx.checker.check_model(written, full_check=passes_full_check(case.model))
    except Exception as error:
        return WRONG, f"not valid: {error}"
    if not runs(case.name) and any(node.op_type in _DRAWING for node in nodes(case.model)):
        return UNCHECKED, ""
    fault = ORT.failure(case, written)
    if fault is None:
        return PASSED, ""
    if runs(case.name):
        return WRONG, fault
    if (fault := REFERENCE_RUNTIME.failure(case, written)) is None:
        return REFERENCE, ""
    lacking = fault.startswith("fails") or REFERENCE_RUNTIME.failure(case, case.model) is not None
    return (UNCHECKED, "") if lacking else (WRONG, fault)


class Tally:
    """Every case at one opset."""

    def __init__(self, opset: int) -> None:
        """Writes and runs them all."""
        self.opset = opset
        self.wrong: dict[str, str] = {}
        self.counts: Counter[tuple[bool, str]] = Counter()
        for name, case in node_tests().items():
            result, why = outcome(case, opset)
            self.counts[runs(name), result] += 1
            if result == WRONG:
                self.wrong[name] = why

    def row(self) -> str:
        """The opset's line of the page."""
        of_ort = sum(count for (ran, _), count in self.counts.items() if ran)
        rest = sum(self.counts.values()) - of_ort
        cells = [f"{self.counts[True, PASSED]} of {of_ort}", self.counts[True, REFUSED], rest]
        cells += [self.counts[False, result] for result in (PASSED, REFERENCE, UNCHECKED, REFUSED)]
        return f"| {self.opset} | {' | '.join(map(str, cells))} |"


def versions() -> str:
    """What the page's counts hold for."""
    return f"onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}"


def _limit_row(limit: Limit) -> str:
    return f"| {limit.what} | {limit.since} | {limit.why} |"


def head() -> list[str]:
    """What the page says before the counts."""
    return [
        "# Opsets",
        "",
        "Written by `python docs/opset_tables.py`; tests hold it and the code together.",
        "",
        "`dragoman convert model.onnx out.onnx --opset N` writes any opset from 11 to the newest. What an older opset lacks is made up of",
        "what it has. Models come in at any opset from 1 on. Refused, with the operator and its nodes in the message, is what needs:",
        "",
        "| what | since opset | why |",
        "| --- | --- | --- |",
        *map(_limit_row, LIMITS),
        "",
        "A few settings are refused too, where what is written instead wouldn't give the same numbers:",
        "",
        *(f"- {line}" for line in SETTINGS),
        "",
        f"## onnx's {len(node_tests())} node tests at older opsets",
        "",
        "Each test's model is read, written at the opset, held against `onnx.checker`'s full check, and run with the expected values: in",
        "ONNX Runtime where that runs the original, else in it or in onnx's reference evaluator if one of them can. The refused ones are",
        f"those of the table above. ({versions()})",
        "",
        "| opset | right, of those that ONNX Runtime runs | refused | it doesn't run | right in it | right in the reference "
        "| valid only | refused |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]


def page() -> str:
    """The whole page."""
    return "\n".join([*head(), *(Tally(opset).row() for opset in OPSETS), ""])
