"""Runs the nodes of a graph in order, freeing each tensor after its last use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.traversal import graphs_of, subgraphs, walk
from dragoman.validators.degenerate import RANDOM
from dragoman.validators.evaluator.call import Array, Declined, EvaluationError, NodeCall
from dragoman.validators.evaluator.fallback import Reference
from dragoman.validators.evaluator.kernels import KERNELS
from dragoman.validators.evaluator.precision import in_precision

ROUNDED = frozenset(
    {"AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "Exp", "Gemm", "GlobalAveragePool", "LRN", "MatMul"}
    | {"Sigmoid", "Softmax", "Tanh"}
)
"""Operators whose results another implementation may round up or down; more draws of noise do so at random."""


@dataclass
class Scope:
    """The values known while a graph runs; those of the enclosing graph are reached through ``parent``."""

    values: dict[ir.Value, Any]
    attributes: Mapping[str, ir.Attr]
    """The attributes of the function call that is being run."""
    opsets: Mapping[str, int]
    parent: Scope | None = None

    def get(self, value: ir.Value) -> Any:
        """The value's tensor, in the precision it is stored in."""
        scope: Scope | None = self
        while scope is not None:
            if value in scope.values:
                return scope.values[value]
            scope = scope.parent
        if value.const_value is not None:
            return value.const_value.numpy()
        raise EvaluationError(f"nothing gives the value {value.name}")


@dataclass(frozen=True)
class Step:
    """A node, and the values that nobody uses after it."""

    node: ir.Node
    dead: tuple[ir.Value, ...]


class Evaluator:
    """Computes a graph in numpy, with every float32, float16 and bfloat16 tensor held as ``dtype``.

    float64, integer, boolean and string tensors keep their types. Weights are converted when a node uses them, one at a time.
    """

    def __init__(self, model: ir.Model, dtype: npt.DTypeLike = np.float64, *, order: int = 0) -> None:
        """``dtype`` is float32 or float64. Each ``order`` makes float32 sums in another order and rounds otherwise."""
        self.model = model
        self.order = order
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise EvaluationError(f"evaluates in float32 or float64, not in {self.dtype}")
        self._reference = Reference(model, self.dtype)
        self._plans: dict[int, list[Step]] = {}  # of the bodies of subgraphs and functions, which the model keeps alive

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Values of the top graph by name, the graph's outputs unless ``outputs`` asks for others.

        ``feeds`` gives the graph's inputs, by name; it may also give any other value, whose producer then isn't run.
        Only the nodes that the outputs need are run. Not-a-number and infinity pass through as values.

        Raises ``EvaluationError`` for an unknown name, a missing input, or an operator that can't be evaluated.
        """
        graph = self.model.graph
        named = {value.name: value for value in _values(graph)}
        unknown = [name for name in (*feeds, *(outputs or ())) if name not in named]
        if unknown:
            raise EvaluationError(f"the graph has no value named {', '.join(unknown)}")
        wanted = [named[name] for name in outputs] if outputs is not None else list(graph.outputs)
        given = {named[name]: in_precision(_fed(value), self.dtype) for name, value in feeds.items()}
        scope = Scope(given, {}, graph.opset_imports)
        with np.errstate(all="ignore"):
            self._execute(_plan(graph, wanted, given), scope)
            return {value.name or "": in_precision(scope.get(value), self.dtype) for value in wanted}

    def _execute(self, steps: Iterable[Step], scope: Scope) -> None:
        for node, dead in ((step.node, step.dead) for step in steps):
            try:
                results = self._call(node, scope)
            except EvaluationError as error:
                raise error if error.layer else _named(error.message, node) from error
            except Exception as error:
                raise _named(f"{type(error).__name__}: {error}", node) from error
            if len(results) < sum(1 for out in node.outputs if out.name):
                raise _named(f"computes {len(results)} of its {len(node.outputs)} outputs", node)
            scope.values.update(zip(node.outputs, results, strict=False))
            for value in dead:
                scope.values.pop(value, None)

    def _call(self, node: ir.Node, scope: Scope) -> Sequence[Any]:
        stored = [None if value is None else scope.get(value) for value in node.inputs]
        function = self.model.functions.get(node.op_identifier())
        attributes = _resolve(node, scope.attributes)
        if function is not None:
            return self._run_function(function, stored, attributes)
        domain = "" if node.domain == "ai.onnx" else node.domain
        version = scope.opsets.get(domain, scope.opsets.get("ai.onnx", 0) if domain == "" else 0)
        if domain == "" and node.op_type in RANDOM:
            raise EvaluationError("draws random numbers, so that no two evaluations agree")
        wanted = max((k + 1 for k, out in enumerate(node.outputs) if out.name), default=0)
        kernel = KERNELS.get(node.op_type) if domain == "" else None
        if kernel is not None:
            values = stored if kernel.storage else [in_precision(value, self.dtype) for value in stored]
            settings = {name: attribute.value for name, attribute in attributes.items()}

            def run_graph(graph: ir.Graph, args: Sequence[Any]) -> list[Any]:
                return self._run_graph(graph, args, scope)

            call = NodeCall(node.op_type, version, self.dtype, settings, wanted, run_graph, self.order)
            try:
                result = kernel.run(call, *values)
            except Declined:
                pass
            else:
                results = result if isinstance(result, tuple) else (result,)
                arrays = [_array(value) for value in results]
                return [self._nudged(arrays[0]), *arrays[1:]] if node.op_type in ROUNDED else arrays
        values = [in_precision(value, self.dtype) for value in stored]
        outer = {value.name or "": in_precision(scope.get(value), self.dtype) for value in _captured(node)}
        return self._reference.run(node, attributes, domain, {**scope.opsets, domain: version}, values, outer)

    def _nudged(self, value: Array) -> Array:
        """One unit in the last place up, down, or neither, at random but the same in each run: else equal scores stay equal."""
        if not self.order or value.dtype != np.float32:
            return value
        steps = np.random.default_rng([self.order, value.size]).integers(-1, 2, value.shape, np.int8)
        return np.asarray(value * (1 + steps * np.finfo(np.float32).eps).astype(np.float32))

    def _run_graph(self, graph: ir.Graph, args: Sequence[Any], scope: Scope) -> list[Any]:
        """Run a subgraph; ``scope`` is that of the node it belongs to."""
        if len(args) != len(graph.inputs):
            raise EvaluationError(f"its subgraph takes {len(graph.inputs)} values, not {len(args)}")
        inner = Scope(dict(zip(graph.inputs, args, strict=True)), scope.attributes, scope.opsets, scope)
        self._execute(self._body_plan(graph), inner)
        return [inner.get(value) for value in graph.outputs]

    def _run_function(self, function: ir.Function, args: Sequence[Any], attributes: Mapping[str, ir.Attr]) -> list[Any]:
        """Run a function of the model, in a scope of its own; inputs that the call leaves off are None."""
        if len(args) > len(function.inputs):
            raise EvaluationError(f"the function {function.name} takes {len(function.inputs)} inputs, not {len(args)}")
        given = dict.fromkeys(function.inputs) | dict(zip(function.inputs, args, strict=False))
        defaults = {name: a for name, a in function.attributes.items() if a.type != ir.AttributeType.UNDEFINED}
        scope = Scope(given, defaults | dict(attributes), function.opset_imports)
        self._execute(self._body_plan(function), scope)
        return [scope.get(value) for value in function.outputs]

    def _body_plan(self, body: ir.Graph | ir.Function) -> list[Step]:
        if id(body) not in self._plans:
            self._plans[id(body)] = _plan(body, list(body.outputs), {})
        return self._plans[id(body)]


def _values(graph: ir.Graph) -> Iterable[ir.Value]:
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph:
        yield from (out for out in node.outputs if out.name)


def _plan(body: ir.Graph | ir.Function, wanted: Sequence[ir.Value], given: Mapping[ir.Value, Any]) -> list[Step]:
    """The nodes that ``wanted`` needs, in order, and which values of this body die after each."""
    needed, kept = set(wanted), list[ir.Node]()
    for node in reversed(body):
        if any(out in needed and out not in given for out in node.outputs):
            kept.append(node)
            needed.update(_uses(node))
    alive, steps = set(wanted), list[Step]()
    own = {out for node in kept for out in node.outputs} | set(body.inputs)
    for node in kept:
        last = dict.fromkeys(value for value in (*_uses(node), *node.outputs) if value in own and value not in alive)
        alive.update(last)
        steps.append(Step(node, tuple(last)))
    return steps[::-1]


def _uses(node: ir.Node) -> Iterable[ir.Value]:
    yield from (value for value in node.inputs if value is not None)
    yield from _captured(node)


def _captured(node: ir.Node) -> Iterable[ir.Value]:
    """The outer values that the node's subgraphs use."""
    for graph in subgraphs(node):
        bodies = graphs_of(graph)
        inside = {value for body in bodies for value in _values(body)}
        outputs = (value for body in bodies for value in body.outputs)
        inputs = (value for inner in walk(graph) for value in inner.inputs if value is not None)
        yield from dict.fromkeys(value for value in (*outputs, *inputs) if value not in inside)


def _resolve(node: ir.Node, given: Mapping[str, ir.Attr]) -> dict[str, ir.Attr]:
    """The node's attributes; one that refers to the function call's takes its value, or is left off where the call has none."""
    resolved: dict[str, ir.Attr] = {}
    for name, attribute in node.attributes.items():
        if not attribute.is_ref():
            resolved[name] = attribute
        elif (source := given.get(attribute.ref_attr_name or "")) is not None:
            resolved[name] = ir.Attr(name, source.type, source.value)
    return resolved


def _fed(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else np.asarray(value)


def _array(value: Any) -> Any:
    return value if value is None or isinstance(value, (list, np.ndarray)) else np.asarray(value)


def _named(message: str, node: ir.Node) -> EvaluationError:
    layers = ", ".join(str(origin) for origin in origins(node))
    source = f", from {layers}" if layers else ""
    name = node.name or next((out.name for out in node.outputs if out.name), None) or "without a name"
    return EvaluationError(message, layer=f"{name} ({node.op_type}{source})")
