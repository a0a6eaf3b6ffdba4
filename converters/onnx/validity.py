"""Whether a message is a valid ONNX model: onnx's checker, on a copy without weights, and what it would die of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import onnx
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto

from dragoman.converters.onnx.messages import attribute_tensors, scopes
from dragoman.converters.onnx.order import misplaced

_SMALL = 1 << 16
"""Bytes up to which an initializer is shown to the checker and to shape inference as values, not only as a shape."""
_CALLS = 1 << 20
"""Calls that functions may come to when every call is replaced by the body; a few functions that double each other are billions."""
_CALL_DEPTH = 100

_FORGOTTEN = frozenset({"ThresholdedRelu", "MeanVarianceNormalization"})
"""Operators that onnx had before the first version that it still knows."""

Identifier = tuple[str, str, str]


def light(proto: ModelProto) -> ModelProto:
    """The model with big initializers as inputs and no values in other places, for onnx's checker and inference."""
    result = ModelProto(ir_version=proto.ir_version)
    result.opset_import.extend(proto.opset_import)
    result.functions.extend(proto.functions)
    graph = result.graph
    graph.node.extend(proto.graph.node)
    graph.input.extend(proto.graph.input)
    graph.output.extend(proto.graph.output)
    graph.value_info.extend(proto.graph.value_info)
    taken = {value.name for value in graph.input}
    for tensor in proto.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL and tensor.ByteSize() <= _SMALL:
            graph.initializer.append(tensor)
        elif tensor.name not in taken:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    for scope in scopes(result):
        if isinstance(scope, GraphProto):
            scope.name = scope.name or "graph"
            _hide(scope.initializer)
    _hide(attribute_tensors(result))
    return result


def _hide(tensors: Iterable[TensorProto]) -> None:
    """Say of external tensors that they are at #, where the checker doesn't look."""
    for tensor in tensors:
        if tensor.data_location == TensorProto.EXTERNAL:
            del tensor.external_data[:]
            tensor.external_data.add(key="location", value="#")


def check(model: ModelProto) -> None:
    """Raise ``ValueError`` (onnx's ``ValidationError``) for what isn't a valid model."""
    _check_calls(model)
    with _withdrawn_set_aside(model):
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError as error:
            found = misplaced(model) if "topologically sorted" in str(error) else None
            if found is None:
                raise
            raise ValueError(found) from error


@contextmanager
def _withdrawn_set_aside(model: ModelProto) -> Iterator[None]:
    """The checker refuses operators that an opset withdraws (GroupNormalization-18), or had as experimental ones that onnx has
    forgotten; runtimes run them."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    found: list[NodeProto] = []
    for scope in scopes(model):
        if isinstance(scope, FunctionProto):
            continue
        for node in scope.node:
            if node.domain in ("", "ai.onnx") and _is_withdrawn(node.op_type, versions.get(node.domain, 0)):
                found.append(node)
    before = [node.domain for node in found]
    if found:
        model.opset_import.add(domain="dragoman.withdrawn", version=1)
    for node in found:
        node.domain = "dragoman.withdrawn"
    try:
        yield
    finally:
        for node, domain in zip(found, before, strict=True):
            node.domain = domain
        if found:
            del model.opset_import[-1]


@cache
def _is_withdrawn(op_type: str, version: int) -> bool:
    try:
        return bool(onnx.defs.get_schema(op_type, version, "").deprecated)
    except onnx.defs.SchemaError:
        return op_type in _FORGOTTEN


def _check_calls(model: ModelProto) -> None:
    """Functions that call themselves, or each other very often: onnx would follow the calls until the process dies."""
    functions: dict[Identifier, FunctionProto] = {(f.domain, f.name, f.overload): f for f in model.functions}
    if len(functions) < len(model.functions):
        twice = Counter((f.domain, f.name, f.overload) for f in model.functions).most_common(1)[0][0]
        raise ValueError(f"there are two functions {'::'.join(filter(None, twice))}")
    called = {identifier: _called(function.node, functions) for identifier, function in functions.items()}
    cost: dict[Identifier, tuple[int, int]] = {}
    for start in functions:
        path: list[Identifier] = [start]
        while path:
            at = path[-1]
            waiting = [callee for callee in called[at] if callee not in cost]
            if not waiting:
                cost[at] = _cost(called[at], cost)
                path.pop()
            elif waiting[0] in path:
                names = " → ".join(name for _, name, _ in [*path[path.index(waiting[0]) :], waiting[0]])
                raise ValueError(f"function {waiting[0][1]} calls itself: {names}")
            else:
                path.append(waiting[0])
    depth, calls = _cost(_called(model.graph.node, functions), cost)
    if depth > _CALL_DEPTH or calls > _CALLS:
        raise ValueError(f"its functions call each other {depth - 1} deep, {calls} times in all; that isn't followed")


def _called(body: Iterable[NodeProto], functions: dict[Identifier, FunctionProto]) -> list[Identifier]:
    """The functions that a body's nodes call, those in subgraphs too, once for each call."""
    found: list[Identifier] = []
    pending = list(body)
    while pending:
        node = pending.pop()
        if (identifier := (node.domain, node.op_type, node.overload)) in functions:
            found.append(identifier)
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                pending.extend(graph.node)
    return found


def _cost(called: list[Identifier], cost: dict[Identifier, tuple[int, int]]) -> tuple[int, int]:
    """How deep and how often functions are called by a body that calls these, itself included."""
    return 1 + max((cost[callee][0] for callee in called), default=0), 1 + sum(cost[callee][1] for callee in called)
