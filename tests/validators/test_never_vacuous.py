"""None of these may pass, whatever else is said of them."""

from __future__ import annotations

import itertools

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.errors import ExitCode, MissingRuntime
from dragoman.validators.noise import Tolerance
from dragoman.validators.parity import check_parity
from dragoman.validators.report import Verdict
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.sampling import Sample, generate

X = TensorSpec("x", "float32", (2, 4))
LOOSE = Tolerance(atol=1e-3, rtol=1e-3)
INT_MIN = np.iinfo(np.int32).min


def outcome(original, converted, samples=None, tolerance=None, graph=None):
    return check_parity(
        original, converted, graph=graph, samples=generate([X]) if samples is None else samples, tolerance=tolerance
    )


def ints(value):
    return lambda x: {"y": (x > 0).astype(np.int32) * 0 + np.int32(value) + np.arange(x.size, dtype=np.int32).reshape(x.shape)}


def calls():
    """A function that returns something else at each call."""
    counter = itertools.count()
    return lambda x: {"y": x + next(counter)}


def only_first(value):
    return lambda x: {"y": np.where(np.arange(x.size).reshape(x.shape) == 0, np.float32(value), x)}


F = np.float32
CASES = {
    "output missing": (lambda x: {"y": x, "z": x}, lambda x: {"y": x}, Verdict.CONTRACT),
    "output added": (lambda x: {"y": x}, lambda x: {"y": x, "z": x}, Verdict.CONTRACT),
    "another name": (lambda x: {"y": x}, lambda x: {"z": x}, Verdict.CONTRACT),
    "another order": (lambda x: {"y": x, "z": x}, lambda x: {"z": x, "y": x}, Verdict.CONTRACT),
    "float32 against int64": (lambda x: {"y": np.rint(x)}, lambda x: {"y": np.rint(x).astype(np.int64)}, Verdict.CONTRACT),
    "float32 against float64": (lambda x: {"y": x}, lambda x: {"y": x.astype(np.float64)}, Verdict.CONTRACT),
    "(4, 1) against (1, 4)": (lambda x: {"y": x[:1].T}, lambda x: {"y": x[:1]}, Verdict.CONTRACT),
    "broadcastable": (lambda x: {"y": x * 0 + x[:1, :1]}, lambda x: {"y": x[:1, :1]}, Verdict.CONTRACT),
    "empty against something": (lambda x: {"y": x}, lambda x: {"y": x[:0]}, Verdict.CONTRACT),
    "empty on both sides": (lambda x: {"y": x[:0]}, lambda x: {"y": x[:0]}, Verdict.INCONCLUSIVE),
    "swapped outputs": (lambda x: {"y": x, "z": 2 * x}, lambda x: {"y": 2 * x, "z": x}, Verdict.FAILED),
    "permuted classes": (lambda x: {"y": x}, lambda x: {"y": x[:, [1, 0, 2, 3]]}, Verdict.FAILED),
    "sorted": (lambda x: {"y": x}, lambda x: {"y": np.sort(x)}, Verdict.FAILED),
    "int32-min against 0": (ints(INT_MIN), ints(0), Verdict.FAILED),
    "token 150000 against 150001": (ints(150000), ints(150001), Verdict.FAILED),
    "NaN in the original": (only_first(np.nan), only_first(1.0), Verdict.FAILED),
    "NaN in the converted": (only_first(1.0), only_first(np.nan), Verdict.FAILED),
    "infinity of the other sign": (only_first(np.inf), only_first(-np.inf), Verdict.FAILED),
    "infinity against the largest": (only_first(np.inf), only_first(np.finfo(F).max), Verdict.FAILED),
    "zeros against a faint signal": (lambda x: {"y": x * F(1e-4)}, lambda x: {"y": x * 0}, Verdict.FAILED),
    "lost clamp": (lambda x: {"y": np.clip(x, 0, 6)}, lambda x: {"y": np.maximum(x, 0)}, Verdict.FAILED),
    "constant": (lambda x: {"y": x * 0 + 1}, lambda x: {"y": x * 0 + 1}, Verdict.INCONCLUSIVE),
    "all NaN": (lambda x: {"y": x * F(np.nan)}, lambda x: {"y": x * F(np.nan)}, Verdict.INCONCLUSIVE),
    "deaf to the input": (
        lambda x: {"y": x * 0 + np.arange(4, dtype=F)},
        lambda x: {"y": x * 0 + np.arange(4, dtype=F)},
        Verdict.INCONCLUSIVE,
    ),
    "nearly deaf to the input": (lambda x: {"y": F(1) + x * F(5e-9)}, lambda x: {"y": F(1) + x * F(5e-9)}, Verdict.INCONCLUSIVE),
    "random original": (calls(), lambda x: {"y": x}, Verdict.INCONCLUSIVE),
    "no output": (lambda x: {}, lambda x: {}, Verdict.INCONCLUSIVE),
}

IDENTITY = """<ir_version: 8, opset_import: ["" : 17]> g (float[2, 4] x) => (float[2, 4] y) { y = Identity(x) }"""


LOOSENED = [case for case in CASES if case not in ("zeros against a faint signal", "nearly deaf to the input")]
"""An explicit tolerance of 1e-3 says that a signal of 1e-4 doesn't matter."""


@pytest.mark.parametrize(("case", "tolerance"), [*((case, None) for case in CASES), *((case, LOOSE) for case in LOOSENED)])
def test_never_passes(case, tolerance, function_runner):
    original, converted, verdict = CASES[case]
    described = function_runner(original), function_runner(converted)
    # Without a graph there is no floor beyond a few units in the last place, and a difference of floats can't fail.
    graph = ir.from_onnx_text(IDENTITY) if case not in ("swapped outputs",) else None
    try:
        report = outcome(*described, tolerance=tolerance, graph=graph)
    finally:
        for runner in described:
            runner.close()
    assert not report.passed
    assert report.exit_code is not ExitCode.OK
    if case != "swapped outputs" or tolerance is not None:
        assert report.verdict is verdict, report.reasons


def test_the_same_function_passes(function_runner):
    model = function_runner(lambda x: {"y": x, "z": (x > 0).astype(np.int64)})
    assert outcome(model, model).passed


def test_no_sample(function_runner):
    model = function_runner(lambda x: {"y": x})
    report = outcome(model, model, samples=[])
    assert report.exit_code is ExitCode.INCONCLUSIVE
    assert report.reasons == ("no sample was run",)


def test_output_described_but_not_given(function_runner):
    full = function_runner(lambda x: {"y": x, "z": x})
    silent = function_runner(lambda x: {"y": x}, outputs=full.describe().outputs)
    for pair in ((full, silent), (silent, full)):
        report = outcome(*pair)
        assert report.verdict is Verdict.CONTRACT
        assert "no value for the output z" in report.reasons[0]


def test_shapes_that_the_description_hides(function_runner):
    """A described dynamic dimension doesn't let (4, 1) pass for (1, 4)."""
    dynamic = [TensorSpec("y", "float32", ("a", "b"))]
    row = function_runner(lambda x: {"y": x[:1]}, outputs=dynamic)
    column = function_runner(lambda x: {"y": x[:1].T}, outputs=dynamic)
    assert outcome(row, column).verdict is Verdict.CONTRACT


def test_fewer_iterations_on_one_side(function_runner):
    dynamic = [TensorSpec("y", "float32", ("steps", 4))]
    all_steps = function_runner(lambda x: {"y": x}, outputs=dynamic)
    fewer = function_runner(lambda x: {"y": x[:1]}, outputs=dynamic)
    assert outcome(all_steps, fewer).verdict is Verdict.CONTRACT


def test_constant_by_construction_is_compared(function_runner):
    """Anchors don't depend on the input in the graph either: their equality is evidence."""
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[2, 4] x) => (float[3] y) <float[3] y = {1, 2, 3}> {}'
    anchors = function_runner(lambda x: {"y": np.arange(1, 4, dtype=F)})
    assert outcome(anchors, anchors).verdict is Verdict.INCONCLUSIVE
    assert outcome(anchors, anchors, graph=ir.from_onnx_text(text)).passed


def test_one_degenerate_output_is_told(function_runner):
    model = function_runner(lambda x: {"y": x, "dead": x * 0})
    report = outcome(model, model)
    assert report.passed
    assert report.warnings[-1] == "output dead proves nothing: every element is 0.0 in every sample"


def test_without_a_graph_a_float_difference_is_not_decided(function_runner):
    """Nothing measures the noise, so nobody can say whether 1e-5 is too much."""
    report = outcome(function_runner(lambda x: {"y": x}), function_runner(lambda x: {"y": x * F(1.00001)}))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "--atol" in report.reasons[0]


def test_runtime_that_dies_half_way_keeps_what_was_measured(function_runner):
    count = itertools.count()

    def mortal(x):
        if next(count) == 2:
            raise MissingRuntime("killed")
        return {"y": x}

    model = function_runner(lambda x: {"y": x})
    report = outcome(function_runner(mortal, outputs=model.describe().outputs), model)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.exit_code is ExitCode.SOURCE_RUNTIME
    assert len(report.outputs[0].measurements) == 2
    assert "stopped after 2 samples: killed" in report.reasons[0]


def test_runtime_that_never_ran_raises(function_runner):
    def dead(x):
        raise MissingRuntime("no such runtime")

    model = function_runner(lambda x: {"y": x})
    with pytest.raises(MissingRuntime):
        outcome(function_runner(dead, outputs=model.describe().outputs), model)


def test_declared_deviations_are_told(function_runner):
    original = function_runner(lambda x: {"prob": x, "loss": x})
    converted = function_runner(lambda x: {"probability": x})
    deviations = {"renamed": {"prob": "probability"}, "dropped": {"loss": "a training loss"}}
    report = check_parity(original, converted, graph=None, samples=generate([X]), **deviations)
    assert report.passed
    assert [(s.name, s.reason) for s in report.skipped] == [("loss", "a training loss")]
    wrong = check_parity(original, converted, graph=None, samples=generate([X]), renamed={"prob": "probability", "prop": "p"})
    assert wrong.verdict is Verdict.CONTRACT


def test_sample_by_sample(function_runner):
    """A fault that one sample of many shows is a fault."""
    samples = [Sample(f"s{i}", {"x": np.full((2, 4), i, F) + np.arange(4, dtype=F)}, "by hand") for i in range(5)]
    original = function_runner(lambda x: {"y": np.where(x > 6.5, F(9), x)})
    report = outcome(original, function_runner(lambda x: {"y": x}), samples, graph=ir.from_onnx_text(IDENTITY))
    assert report.verdict is Verdict.FAILED
    assert report.outputs[0].count("differs") == 1
    assert report.outputs[0].worst.worst.index == (0, 3)


def test_random_numbers_that_happen_to_agree_prove_nothing(function_runner):
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[2, 4] x) => (float[2, 4] y) {
        noise = RandomUniformLike (x)
        up = Ceil (noise)
        y = Mul (x, up)
    }"""
    model = function_runner(lambda x: {"y": x})
    report = outcome(model, model, graph=ir.from_onnx_text(text))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reasons[0].endswith("draws random numbers, so that no two runs agree")
