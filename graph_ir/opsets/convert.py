"""The walk from one opset to another."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache

import onnx
import onnx_ir as ir

from dragoman.graph_ir import Gap, opsets
from dragoman.graph_ir.inference import dimension_names
from dragoman.graph_ir.opsets.schemas import REVIEWED, left_over, same_form, schema, takes_all, version, wrong_types
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, Step, Target, lowering_step, raising_step
from dragoman.graph_ir.passes.editing import Names, replace_value
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.traversal import parts, walk

OLDEST = 11
"""The oldest opset that is written."""

NEWEST: int = min(onnx.defs.onnx_opset_version(), REVIEWED)
"""The newest opset that is written: the installed onnx's, if its changes have been read."""


Keep = Callable[[ir.Node], bool]


def convert_opset(model: ir.Model, opset: int, *, keep: Keep = lambda node: False) -> list[Gap]:
    """Rewrite ``model`` in place for ``opset``: graph, subgraphs, functions. What can't be is returned, and stays as it was.

    A target that isn't ONNX may have newer operators too: nodes for which ``keep`` holds are left alone.
    """
    _load_steps()
    gaps = _Gaps()
    names = Names(parts(model))
    dimensions = dimension_names(model)
    for function in model.functions.values():
        calls = [node for node in _all_nodes(model) if node.op_identifier() == function.identifier()]
        layers = list(dict.fromkeys(layer for call in calls for layer in _layers(call))) or [function.name]
        _convert(function.graph, opset, names, dimensions, gaps, keep, function_layers=layers)
        function.opset_imports[""] = opset
    _convert(model.graph, opset, names, dimensions, gaps, keep, function_layers=None)
    model.graph.opset_imports[""] = opset
    return gaps.found()


def rewrite(model: ir.Model, nodes: Iterable[ir.Node], step: Step) -> None:
    """Put what ``step`` makes in the place of ``nodes`` of the main graph, for a target that lacks what they do.

    A node of which too little is known stays as it is.
    """
    opset = model.graph.opset_imports[""]
    target = Target(opset, Names(parts(model)), dimension_names(model))
    for node in nodes:
        with contextlib.suppress(CannotConvertError):
            results = step(node, Emitter(node, model.graph, target, in_function=False))
            if results is not None:
                _replace(node, results if isinstance(results, tuple) else (results,))


@lru_cache(maxsize=1)
def _load_steps() -> None:
    for info in pkgutil.iter_modules(opsets.__path__):
        importlib.import_module(f"{opsets.__name__}.{info.name}")


class _Gaps:
    def __init__(self) -> None:
        self._layers: dict[tuple[str, str], list[str]] = {}

    def add(self, operator: str, reason: str, layers: list[str]) -> None:
        self._layers.setdefault((operator, reason), []).extend(layers)

    def found(self) -> list[Gap]:
        return [Gap(operator, list(dict.fromkeys(layers)), reason) for (operator, reason), layers in self._layers.items()]


def _convert(
    graph: ir.Graph,
    opset: int,
    names: Names,
    dimensions: set[str],
    gaps: _Gaps,
    keep: Keep,
    *,
    function_layers: list[str] | None,
) -> None:
    start = graph.opset_imports.get("", opset)
    if opset == start:
        return
    nodes = _standard_nodes(graph)
    left = {node for node in nodes if keep(node)}
    down = opset < start
    for at in range(start, opset, -1) if down else range(start, opset):
        newer, older = (at, at - 1) if down else (at + 1, at)
        target = Target(older if down else newer, names, dimensions)
        changing = {op_type for op_type in {node.op_type for node in nodes} if _changes(op_type, newer, older, down=down)}
        rewritten = False
        for node in nodes if changing else ():
            if node.op_type not in changing or node in left:
                continue
            try:
                rewritten |= _move(node, newer, older, target, in_function=function_layers is not None)
            except CannotConvertError as reason:
                left.add(node)
                gaps.add(node.op_type, reason.reason(opset), function_layers or _layers(node))
        if rewritten:
            nodes = _standard_nodes(graph)
    for node in nodes:
        if node in left:
            continue
        if version(node.op_type, opset) is None:
            gaps.add(node.op_type, CannotConvertError("it").reason(opset), function_layers or _layers(node))
        elif not takes_all(node.op_type, start, opset) and (wrong := wrong_types(node, opset)):
            gaps.add(node.op_type, f"opset {opset} doesn't {wrong}", function_layers or _layers(node))


@cache
def _changes(op_type: str, newer: int, older: int, *, down: bool) -> bool:
    """An operator that neither opset has (an experimental one, of onnx before 1.6) changes if there is a step for it."""
    if version(op_type, newer) is None and version(op_type, older) is None:
        return (lowering_step if down else raising_step)(op_type, newer) is not None
    return version(op_type, newer) != version(op_type, older)


def _move(node: ir.Node, newer: int, older: int, target: Target, *, in_function: bool) -> bool:
    """Take one node over one opset's edge. True if a step had a hand in it: there may be other nodes now."""
    down = target.opset == older
    changed = version(node.op_type, newer)
    step = (lowering_step if down else raising_step)(node.op_type, changed if changed is not None else newer)
    if step is not None:
        assert node.graph is not None
        graph = node.graph if isinstance(node.graph, ir.Graph) else node.graph.graph
        results = step(node, Emitter(node, graph, target, in_function=in_function))
        if results is not None:
            _replace(node, results if isinstance(results, tuple) else (results,))
            return True
    source = newer if down else older
    if schema(node.op_type, target.opset) is None:
        raise CannotConvertError("it")
    if not same_form(node.op_type, source, target.opset) and (left := left_over(node, source, target.opset)):
        raise CannotConvertError(" and ".join(left))
    return step is not None


def _replace(node: ir.Node, results: tuple[ir.Value, ...]) -> None:
    for old, new in zip(node.outputs, results, strict=True):
        if old.name:
            replace_value(old, new)
        elif not new.uses() and not new.is_graph_output():  # an output that is left out has no name
            new.name, new.type, new.shape = old.name, None, None
    assert node.graph is not None
    inputs = [value for value in node.inputs if value is not None]
    node.graph.remove(node, safe=True)
    for value in inputs:
        _drop_idle_constant(value)


def _drop_idle_constant(value: ir.Value) -> None:
    """A constant that became an attribute, and that nobody else reads, goes."""
    if value.uses() or value.is_graph_output() or value.is_graph_input():
        return
    producer = value.producer()
    if value.is_initializer() and value.graph is not None and value.name:
        value.graph.initializers.pop(value.name, None)
    elif producer is not None and producer.op_type == "Constant" and producer.graph is not None:
        producer.graph.remove(producer, safe=True)


def _standard_nodes(graph: ir.Graph) -> list[ir.Node]:
    return [node for node in walk(graph) if node.domain in ("", "ai.onnx")]


def _all_nodes(model: ir.Model) -> Iterator[ir.Node]:
    for part in parts(model):
        yield from walk(part)


def _layers(node: ir.Node) -> list[str]:
    return [origin.layer for origin in origins(node)] or [node.name or node.op_type]
