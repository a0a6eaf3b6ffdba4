"""Operators without a kernel of ours, run by ONNX's reference implementation, one node at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir

from dragoman.validators.evaluator.call import EvaluationError
from dragoman.validators.evaluator.precision import in_precision

if TYPE_CHECKING:
    from onnx.reference import ReferenceEvaluator


class Reference:
    """Single nodes as models of the reference evaluator, built when first met."""

    def __init__(self, model: ir.Model, dtype: np.dtype[Any]) -> None:
        """``model`` keeps the nodes alive; ``dtype`` is what float tensors are held in."""
        self._ir_version = model.ir_version or 10
        self._dtype = dtype
        self._sessions: dict[tuple[Any, ...], ReferenceEvaluator] = {}

    def run(
        self,
        node: ir.Node,
        attributes: Mapping[str, ir.Attr],
        domain: str,
        opsets: Mapping[str, int],
        values: Sequence[Any],
        outer: Mapping[str, Any],
    ) -> list[Any]:
        """The node's outputs, None for those it doesn't name; in float32 where the implementation takes nothing wider.

        ``outer`` is what its subgraphs capture.
        """
        feeds = {f"input_{k}": value for k, value in enumerate(values) if value is not None} | dict(outer)
        attempts = [feeds]
        if self._dtype == np.float64:
            attempts.append({name: _single(value) for name, value in feeds.items()})
        failure: Exception | None = None
        for attempt in attempts:
            try:
                session = self._session(node, attributes, domain, opsets, values, attempt)
                results = session.run(None, attempt)
            except Exception as error:
                failure = failure or error
            else:
                found = iter(results)
                return [in_precision(next(found), self._dtype) if out.name else None for out in node.outputs]
        raise EvaluationError(f"has no kernel, and ONNX's reference implementation fails: {failure}") from failure

    def _session(
        self,
        node: ir.Node,
        attributes: Mapping[str, ir.Attr],
        domain: str,
        opsets: Mapping[str, int],
        values: Sequence[Any],
        feeds: Mapping[str, Any],
    ) -> ReferenceEvaluator:
        referring = any(attribute.is_ref() for attribute in node.attributes.values())
        types = {name: _type(value) for name, value in feeds.items()}
        key = (id(node), opsets.get(domain), tuple(sorted((name, t.SerializeToString()) for name, t in types.items())))
        if not referring and key in self._sessions:
            return self._sessions[key]
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - slow to import, and seldom needed

        names = ["" if value is None else f"input_{k}" for k, value in enumerate(values)]
        outputs = [f"output_{k}" if out.name else "" for k, out in enumerate(node.outputs)]
        proto = onnx.helper.make_node(node.op_type, names, outputs, domain=domain)
        proto.attribute.extend(ir.to_proto(attribute) for attribute in attributes.values())
        inputs = [onnx.ValueInfoProto(name=name, type=value_type) for name, value_type in types.items()]
        wanted = [onnx.ValueInfoProto(name=name) for name in outputs if name]
        graph = onnx.helper.make_graph([proto], "node", inputs, wanted)
        imports = [onnx.helper.make_opsetid(name, version) for name, version in opsets.items()]
        session = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=imports, ir_version=self._ir_version))
        if not referring:
            self._sessions[key] = session
        return session


def _single(value: Any) -> Any:
    if isinstance(value, list):
        return [_single(item) for item in value]
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


def _type(value: Any) -> onnx.TypeProto:
    """The type of a value: what functions whose bodies depend on it are expanded by."""
    if isinstance(value, list):
        return onnx.helper.make_sequence_type_proto(_type(value[0]) if value else _type(np.zeros(0, np.float32)))
    if not isinstance(value, np.ndarray):
        return onnx.TypeProto()
    kind = onnx.TensorProto.STRING if value.dtype.kind in "OUS" else onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_type_proto(kind, [None] * value.ndim)
