"""ONNX's own operator tests, at float32: every operator's inputs, and the outputs that its definition demands."""

from __future__ import annotations

import importlib
import pkgutil
import warnings

import numpy as np
import onnx
import onnx.backend.test.case.node as node_cases
import onnx_ir as ir
import pytest

from dragoman.validators.evaluator import EvaluationError, Evaluator

# Their cases take 15 seconds to build; pooling is compared with ONNX Runtime instead.
SLOW_TO_BUILD = frozenset({"averagepool", "maxpool", "lppool"})
# Cases that ONNX Runtime answers as we do, and otherwise than the case.
DISPUTED = frozenset(
    {
        "test_maxunpool_export_with_output_shape",  # indices count in the output given, not in the one inferred
        "test_resize_downsample_scales_linear_align_corners",  # the resized length is an integer
        "test_resize_downsample_scales_cubic_align_corners",
    }
)
# The expected values are rounded to these types; the evaluator's are not.
ROUNDING = {"float16": 2e-3, "bfloat16": 1.6e-2}


def _cases() -> list[node_cases.TestCase]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.iter_modules(node_cases.__path__):
            if module.name not in SLOW_TO_BUILD:
                importlib.import_module(f"{node_cases.__name__}.{module.name}")
    left_out = ("test_image_decoder", *SLOW_TO_BUILD)  # decoding images needs a library of its own
    return [case for case in node_cases._NodeTestCases if not case.name.startswith(left_out) and case.name not in DISPUTED]


def _is_random(case: node_cases.TestCase) -> bool:
    dropped = case.name.startswith("test_training_dropout") and "zero_ratio" not in case.name
    return dropped or case.name.startswith("test_bernoulli")


CASES = _cases()


def _array(value: object) -> object:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _evaluate(model: onnx.ModelProto, values: list[object], dtype: type = np.float32) -> list[object]:
    names = [value.name for value in model.graph.input]
    found = Evaluator(ir.from_proto(model), dtype).run(dict(zip(names, map(_array, values), strict=False)))
    return [found[value.name] for value in model.graph.output]


def _compare(actual: object, expected: object, rtol: float, atol: float) -> None:
    if isinstance(expected, list):
        assert isinstance(actual, list)
        for a, e in zip(actual, expected, strict=True):
            _compare(a, e, rtol, atol)
        return
    if expected is None:
        assert actual is None
        return
    e, a = np.asarray(_array(expected)), np.asarray(actual)
    assert a.shape == e.shape
    if e.dtype.name in ("float16", "bfloat16", "float32"):
        assert a.dtype == np.float32
        rtol = max(rtol, ROUNDING.get(e.dtype.name, 0.0))
        np.testing.assert_allclose(a, e.astype(np.float32), rtol=rtol, atol=atol)
    elif e.dtype.kind in "OUS":
        assert a.astype(str).tolist() == e.astype(str).tolist()
    elif e.dtype == np.float64:
        np.testing.assert_allclose(a, e, rtol=rtol, atol=atol)
    else:
        assert a.dtype == e.dtype
        np.testing.assert_array_equal(a.astype(np.float64), e.astype(np.float64))


def test_most_cases_are_there() -> None:
    assert len(CASES) > 1200


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if not _is_random(c)])
def test_equals_the_definition(case: node_cases.TestCase) -> None:
    for inputs, outputs in case.data_sets:
        for actual, expected in zip(_evaluate(case.model, inputs), outputs, strict=True):
            _compare(actual, expected, case.rtol, case.atol)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if _is_random(c)])
def test_random_operators_are_refused(case: node_cases.TestCase) -> None:
    with pytest.raises(EvaluationError, match="random"):
        _evaluate(case.model, case.data_sets[0][0])
