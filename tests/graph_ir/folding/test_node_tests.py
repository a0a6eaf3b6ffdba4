"""Folding against the expected values of ONNX's own node tests, whose inputs are made constant."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

from dragoman.graph_ir.folding import FOLDABLE, fold


@cache
def cases() -> dict[str, TestCase]:
    """The node tests of one node that could be folded, newest opset only."""
    found = {}
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in FOLDABLE and nodes[0].domain == "" and case.data_sets:
            found[case.name] = case
    return found


def folded(case: TestCase) -> tuple[list[np.ndarray] | None, list[np.ndarray]]:
    model = ir.serde.deserialize_model(case.model)
    inputs, outputs = (
        [numpy_helper.to_array(a) if isinstance(a, TensorProto) else a for a in side] for side in case.data_sets[0]
    )
    for value, array in zip(model.graph.inputs, inputs, strict=True):
        if not isinstance(array, (np.ndarray, np.generic)) or array.dtype.kind in "OUS":
            return None, outputs
        value.const_value = ir.Tensor(np.asarray(array), dtype=value.dtype)
    return fold(model.graph[0], model.graph.opset_imports[""], limit=1 << 16), outputs


@pytest.mark.parametrize("operator", sorted(FOLDABLE))
def test_folded_nodes_are_what_onnx_expects(operator: str) -> None:
    count = 0
    for name, case in cases().items():
        if case.model.graph.node[0].op_type != operator:
            continue
        results, expected = folded(case)
        if results is None:
            continue
        count += 1
        assert len(results) == len(expected), name
        for result, array in zip(results, expected, strict=True):
            assert result.dtype == array.dtype, name
            assert result.shape == array.shape, name
            wide = [a.astype(np.float32) if a.dtype.kind == "V" or a.dtype.name == "bfloat16" else a for a in (result, array)]
            if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
                np.testing.assert_allclose(*wide, rtol=max(case.rtol, 1e-6), atol=case.atol, err_msg=name)
            else:
                np.testing.assert_array_equal(result, array, err_msg=name)
    assert count, "no node test folds"


def test_the_logarithm_of_a_vanishing_probability_is_finite() -> None:
    x = ir.Value(name="x", const_value=ir.Tensor(np.array([[0, 200, -300]], np.float32)))
    results = fold(ir.node("LogSoftmax", [x], outputs=[ir.Value(name="y")]), 21, limit=100)
    assert results is not None
    np.testing.assert_array_equal(results[0], np.array([[-200, 0, -500]], np.float32))
