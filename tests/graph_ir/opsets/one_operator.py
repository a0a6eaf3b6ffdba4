"""Models of one operator: what ONNX Runtime says of them at their own opset, and of what they become at others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.converters.onnx.importer import load

Arrays = Sequence[np.ndarray | None]
LOWER = (11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 25)


@dataclass(frozen=True)
class Case:
    """An operator of ``opset`` on inputs (None is left out); those in ``constant`` are initializers, the others are fed.

    Without ``static`` no dimension is known. ``oldest`` is the first opset that can say it. ``reference``: ONNX Runtime lacks
    the operator at its own opset, and onnx's reference evaluator says what it computes; ``runs_until`` is the last opset at which
    it has it.
    """

    name: str
    op: str
    inputs: Arrays
    attributes: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 25
    outputs: int = 1
    constant: tuple[int, ...] = ()
    static: bool = False
    oldest: int = 11
    reference: bool = False
    runs_until: int = 28
    tolerance: float = 0.0

    def __str__(self) -> str:
        return f"{self.op}-{self.name}"


def model_of(case: Case) -> onnx.ModelProto:
    names = [f"i{n}" if array is not None else "" for n, array in enumerate(case.inputs)]
    values, weights = [], []
    for n, (name, array) in enumerate(zip(names, case.inputs, strict=True)):
        if array is None:
            continue
        if n in case.constant:
            weights.append(numpy_helper.from_array(array, name))
            continue
        shape = list(array.shape) if case.static else [f"d{n}_{axis}" for axis in range(array.ndim)]
        values.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape))
    outputs = [f"o{n}" for n in range(case.outputs)]
    node = helper.make_node(case.op, names, outputs, name="node", **case.attributes)
    graph = helper.make_graph([node], "g", values, [onnx.ValueInfoProto(name=name) for name in outputs], weights)
    imports = [helper.make_opsetid("", case.opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=max(4, helper.find_min_ir_version_for(imports)))
    return onnx.shape_inference.infer_shapes(model)


def feeds_of(case: Case) -> dict[str, np.ndarray]:
    return {f"i{n}": a for n, a in enumerate(case.inputs) if a is not None and n not in case.constant}


def run(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(feeds))


def declare(model: onnx.ModelProto, wanted: Sequence[Any]) -> None:
    """Give every tensor that ``model`` outputs its type and rank, where onnx doesn't infer them."""
    for output, array in zip(model.graph.output, wanted, strict=True):
        if isinstance(array, np.ndarray) and not output.type.tensor_type.HasField("shape"):
            kind = TensorProto.STRING if array.dtype.kind in "OUS" else helper.np_dtype_to_tensor_dtype(array.dtype)
            shape = [f"{output.name}_{axis}" for axis in range(array.ndim)]
            output.CopyFrom(helper.make_tensor_value_info(output.name, kind, shape))


def compare(got: Any, wanted: Any, tolerance: float, what: str) -> None:
    if isinstance(wanted, list):
        assert len(got) == len(wanted), what
        for a, b in zip(got, wanted, strict=True):
            compare(a, b, tolerance, what)
        return
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert (got.shape, got.dtype.kind) == (wanted.shape, wanted.dtype.kind), what
    assert wanted.dtype.kind in "OUS" or got.dtype == wanted.dtype, what
    if wanted.dtype.kind in "OUSbiu" or not tolerance:
        np.testing.assert_array_equal(got, wanted, err_msg=what)
    else:
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance, err_msg=what)


def check_lowered(case: Case, newest: int, opsets: Sequence[int] = LOWER) -> None:
    """At every opset below the case's own: the same numbers, or a gap below ``oldest``."""
    proto, feeds = model_of(case), feeds_of(case)
    if case.reference or case.opset > newest:
        wanted = list(ReferenceEvaluator(proto).run(None, feeds))
    else:
        wanted = run(proto, feeds)
    declare(proto, wanted)
    model = load(proto)
    for opset in (*(o for o in opsets if o < case.opset), 28):
        if opset < case.oldest:
            gaps = check(model, opset=opset)
            assert [gap.operator for gap in gaps] == [case.op], f"opset {opset}: {gaps}"
            assert list(gaps[0].layers) == ["node"]
            continue
        assert check(model, opset=opset) == []
        lowered = to_proto(model, opset=opset)
        onnx.checker.check_model(lowered, full_check=True)
        if opset > min(newest, case.runs_until) or (opset == 28 and case.reference):
            continue
        compare(run(lowered, feeds), wanted, case.tolerance, f"opset {opset}")


def check_raised(case: Case, newest: int) -> None:
    """At the newest opset that ONNX Runtime reads: what it computes at the case's own."""
    proto, feeds = model_of(case), feeds_of(case)
    wanted = run(proto, feeds)
    declare(proto, wanted)
    raised = to_proto(load(proto), opset=min(newest, case.runs_until))
    onnx.checker.check_model(raised, full_check=True)
    compare(run(raised, feeds), wanted, case.tolerance, "raised")
