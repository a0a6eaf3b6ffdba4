"""One node at its own opset, computed by ONNX Runtime or onnx's reference, and again at every opset that it is written at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir import Model, Source
from dragoman.graph_ir.opsets import NEWEST, OLDEST, convert_opset

Arrays = Sequence[np.ndarray | None]
TARGETS = (11, 12, 13, 15, 17, 20, 22, 23, 24, 26)
"""Opsets on both sides of most edges; conversion passes through the others."""

SomeOpsets = Callable[..., None]


def one_node(
    op_type: str,
    inputs: Arrays,
    *,
    outputs: Sequence[str] = ("y",),
    opset: int = NEWEST,
    dynamic: bool | Sequence[int] = False,
    **attributes: object,
) -> onnx.ModelProto:
    """A model of one node; an input or output that is left out is None or "". ``dynamic`` hides the dimensions, of some inputs."""
    names = [f"x{i}" if array is not None else "" for i, array in enumerate(inputs)]
    node = helper.make_node(op_type, names, list(outputs), **attributes)
    values = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(array.dtype),
            [
                f"{name}_{axis}" if dynamic is True or (dynamic and index in dynamic) else n
                for axis, n in enumerate(array.shape)
            ],
        )
        for index, (name, array) in enumerate(zip(names, inputs, strict=True))
        if array is not None
    ]
    graph = helper.make_graph([node], "one_node", values, [onnx.ValueInfoProto(name=name) for name in outputs if name])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    proto.ir_version = helper.find_min_ir_version_for(list(proto.opset_import), ignore_unknown=True)
    return proto


def typed(proto: onnx.ModelProto, outputs: Sequence[np.ndarray]) -> onnx.ModelProto:
    """``proto`` with the types and ranks that its outputs turned out to have."""
    for value, array in zip(proto.graph.output, outputs, strict=True):
        dims = [f"{value.name}_{axis}" for axis in range(array.ndim)]
        value.CopyFrom(helper.make_tensor_value_info(value.name, helper.np_dtype_to_tensor_dtype(array.dtype), dims))
    return proto


def run(proto: onnx.ModelProto, inputs: Arrays) -> list[np.ndarray]:
    """The outputs in ONNX Runtime, without its own rewriting."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, _feeds(inputs))


def reference(proto: onnx.ModelProto, inputs: Arrays) -> list[np.ndarray]:
    """The outputs by onnx's reference."""
    return ReferenceEvaluator(proto).run(None, _feeds(inputs))


def _feeds(inputs: Arrays) -> dict[str, np.ndarray]:
    return {f"x{i}": array for i, array in enumerate(inputs) if array is not None}


def _assert_same(got: Sequence[np.ndarray], wanted: Sequence[np.ndarray], what: str) -> None:
    assert len(got) == len(wanted)
    for mine, theirs in zip(got, wanted, strict=True):
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape), what
        tolerance = {"f2": (2e-3, 2e-3), "f4": (1e-5, 1e-5), "f8": (1e-6, 1e-6)}.get(theirs.dtype.str[1:], (0, 0))
        np.testing.assert_allclose(mine, theirs, *tolerance, err_msg=what)


def _assert_nothing_idle(graph: onnx.GraphProto) -> None:
    """Each node and initializer is read by someone."""
    read: set[str] = {value.name for value in graph.output}
    graphs = [graph]
    for part in graphs:
        for node in part.node:
            read.update(node.input)
            graphs += [attribute.g for attribute in node.attribute if attribute.HasField("g")]
            read.update(value.name for a in node.attribute if a.HasField("g") for value in a.g.output)
    for part in graphs:
        assert not [tensor.name for tensor in part.initializer if tensor.name not in read]
        assert not [node.output[0] for node in part.node if not read & set(node.output)]


@pytest.fixture
def same_below(newest_opset: int) -> SomeOpsets:
    """Checks that a node of a new opset computes the same at every older one from ``oldest`` on, where ONNX Runtime runs it.

    The numbers are ONNX Runtime's, and those of onnx's reference where it can't run the node; ``by_reference`` if it errs.
    """

    def assert_same_below(
        op_type: str,
        inputs: Arrays,
        *,
        opset: int = NEWEST,
        oldest: int = OLDEST,
        by_reference: bool = False,
        runs_from: int = OLDEST,
        runs_until: int = NEWEST,
        **attributes: object,
    ) -> None:
        proto = one_node(op_type, inputs, opset=opset, **attributes)
        ours = by_reference or opset > min(newest_opset, runs_until)
        expected = (reference if ours else run)(proto, inputs)
        model = load(typed(proto, expected))
        for target in (target for target in TARGETS if target < opset):
            if target < oldest:
                assert check(model, opset=target), f"opset {target} was thought to lack this"
                continue
            assert check(model, opset=target) == []
            written = to_proto(model, opset=target)
            onnx.checker.check_model(written, full_check=True)
            _assert_nothing_idle(written.graph)
            if runs_from <= target <= min(newest_opset, runs_until) and not (by_reference and target >= 23):
                _assert_same(run(written, inputs), expected, f"opset {target}")

    return assert_same_below


@pytest.fixture
def same_raised(newest_opset: int) -> SomeOpsets:
    """Checks that a node of an old opset computes in ONNX Runtime at ``targets`` what it did at its own."""

    def assert_same_raised(
        op_type: str, inputs: Arrays, *, opset: int, targets: Sequence[int] = (NEWEST, 21, 13), **attributes: object
    ) -> None:
        proto = one_node(op_type, inputs, opset=opset, **attributes)
        expected = run(proto, inputs)
        inferred = onnx.shape_inference.infer_shapes(typed(proto, expected))
        model = Model(ir.serde.deserialize_model(inferred), Source("onnx"))
        assert convert_opset(model.ir, NEWEST) == []
        for target in targets:
            written = to_proto(model, opset=target)
            onnx.checker.check_model(written, full_check=True)
            _assert_nothing_idle(written.graph)
            if target <= newest_opset:
                _assert_same(run(written, inputs), expected, f"opset {target}")

    return assert_same_raised


@pytest.fixture
def one_at() -> Callable[..., list[np.ndarray]]:
    """The outputs of a node of opset ``source``, written at ``target``, in ONNX Runtime."""

    def outputs_at(
        target: int, op_type: str, inputs: Arrays, *, source: int | None = None, **attributes: object
    ) -> list[np.ndarray]:
        proto = one_node(op_type, inputs, opset=source or target, **attributes)
        if source is None:
            return run(proto, inputs)
        written = to_proto(load(onnx.shape_inference.infer_shapes(proto)), opset=target)
        onnx.checker.check_model(written, full_check=True)
        _assert_nothing_idle(written.graph)
        return run(written, inputs)

    return outputs_at
