"""The walk over a graph: rules, then what they leave to onnx, then what the model declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import onnx
import onnx_ir as ir

from dragoman.graph_ir.errors import MalformedModel
from dragoman.graph_ir.inference.call import Call, Result, UnknownError
from dragoman.graph_ir.inference.control import CONTROL
from dragoman.graph_ir.inference.facts import (
    Fact,
    OptionalOf,
    SequenceOf,
    Tensor,
    from_type,
    holds_elements,
    innermost,
    show,
    to_type,
    without_elements,
)
from dragoman.graph_ir.inference.fallback import definition, infer_by_onnx
from dragoman.graph_ir.inference.join import join
from dragoman.graph_ir.inference.merge import ConflictError, merge
from dragoman.graph_ir.inference.naming import Naming
from dragoman.graph_ir.inference.signature import MisfitError, signature
from dragoman.graph_ir.inference.table import tables
from dragoman.graph_ir.inference.values import declared, loosely, write_fact
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.traversal import subgraphs, walk

_FIRST = 7
"""The first opset whose operators the rules describe: before, some broadcast by attribute."""

_DEEPEST = 100
"""Graphs within graphs, and functions that call functions."""

_NONE: Mapping[str, ir.Attr | None] = {}
"""The attributes of no function call: the graph's own nodes have them."""

_SENSELESS = (ArithmeticError, LookupError, ValueError, TypeError)
"""What arithmetic on attributes that contradict the operator's definition raises."""

class Engine:
    """What is known of the values of one model, as far as the walk has come."""

    def __init__(
        self,
        opsets: Mapping[str, int],
        functions: Mapping[ir.OperatorIdentifier, ir.Function] | None = None,
        taken: Iterable[str] = (),
        *,
        strict: bool = False,
    ) -> None:
        """``opsets`` are the graph's; ``taken`` are the names that dimensions have already."""
        self.facts: dict[ir.Value, Fact | None] = {}
        self.names = Naming(taken)
        self._functions = functions or {}
        self._opsets = opsets
        self._parameters = _NONE
        self._rules, self._contents = tables()
        self._depth = 0
        self._strict = strict
        self._in_function: dict[ir.Value, Fact | None] = {}

    # -- values -----------------------------------------------------------------------------------

    def known(self, value: ir.Value) -> Fact | None:
        """What is known of a value that nodes read."""
        if value not in self.facts:
            self.facts[value] = self.declared(value)
        return self.facts[value]

    def declared(self, value: ir.Value) -> Fact | None:
        """What the model says of a value, its unknown dimensions named."""
        tensor = value.const_value
        if tensor is not None and not value.is_graph_input():
            return Tensor(tensor.dtype, tuple(tensor.shape.numpy()), constant=tensor)
        return self.names.named(value, declared(value))

    # -- nodes ------------------------------------------------------------------------------------

    def graph(self, nodes: Iterable[ir.Node]) -> None:
        """Every node, in order."""
        for node in nodes:
            self.node(node)

    def node(self, node: ir.Node) -> None:
        """The outputs of a node whose inputs are known."""
        c = Call(node, [None if v is None else self.known(v) for v in node.inputs], self._opset(node.domain), self._parameters)
        try:
            results = self._results(c)
        except MisfitError as error:
            raise _misfit(c, str(error)) from error
        for index, (value, result) in enumerate(zip_longest(node.outputs, results[: len(node.outputs)])):
            said = None if value.type is None and value.shape is None else self._said(value)
            try:
                fact = merge(said, result, self.names.is_invented)
            except ConflictError as error:
                raise _error(node, f"its output {value.name or index} is {error}") from error
            fact = self.names.named(value, fact)
            if index == 0:
                fact = self._filled(c, fact)
            self.facts[value] = fact
            if self._strict and (fact is None or to_type(fact) is None):
                raise _error(node, f"nothing is known of its output {value.name or index}")

    def _said(self, value: ir.Value) -> Fact | None:
        """What the model declares of a node's output; in functions, whose calls may differ in shape, the type only."""
        return from_type(value.type, None) if self._parameters is not _NONE else declared(value)

    def _opset(self, domain: str) -> int:
        return self._opsets.get(_plain(domain), 1)

    def _results(self, c: Call) -> Sequence[Fact | None]:
        node = c.node
        domain = _plain(node.domain)
        if (function := self._functions.get(node.op_identifier())) is not None:
            try:
                return self._called(c, function)
            except UnknownError:
                return [None for _ in node.outputs]
        known = signature(node.op_type, c.opset, domain)
        if known is not None:
            c.bound = known.bind(c.facts)
        try:
            if not domain and (control := CONTROL.get(node.op_type)) is not None:
                return control(c, self)
            rule = None if c.opset < _FIRST and not domain else self._rules.get((domain, node.op_type))
            found: Result = rule(c) if rule is not None else None
        except UnknownError:
            found = None
        except _SENSELESS as error:
            raise MisfitError(f"its attributes make no sense: {error}") from error
        if found is None or isinstance(found, (Tensor, SequenceOf, OptionalOf)):
            results: Sequence[Fact | None] = [found]
        else:
            results = found
        if known is None:
            return results
        if found is None and not subgraphs(node):
            results = self._by_onnx(c, known.schema)
        padded = [*results, *(None for _ in node.outputs[len(results) :])]
        completed: list[Fact | None] = []
        for index, result in enumerate(padded):
            if (result is None or (isinstance(result, Tensor) and result.dtype is None)) and (
                dtype := known.output_dtype(index, c.bound)
            ) is not None:
                result = Tensor(dtype) if result is None else replace(result, dtype=dtype)  # noqa: PLW2901
            completed.append(result)
        return completed

    def _by_onnx(self, c: Call, schema: onnx.defs.OpSchema) -> Sequence[Fact | None]:
        """What onnx says of an operator without a rule, or else the body that defines it."""
        try:
            results: Sequence[Fact | None] = infer_by_onnx(c, schema, self._opsets)
        except UnknownError:
            results = []
        if len(results) == len(c.node.outputs) and all(isinstance(r, Tensor) and r.dims is not None for r in results):
            return results
        function = definition(c, schema)
        if function is None:
            return results
        try:
            return self._called(c, function)
        except MalformedModel:  # onnx's bodies don't always fit all the types that the operator takes
            return results

    def _filled(self, c: Call, fact: Fact | None) -> Fact | None:
        """``fact`` with its elements, where they can be followed."""
        if not isinstance(fact, Tensor) or fact.constant is not None or not holds_elements(fact.dtype, fact.dims):
            return fact
        entry = self._contents.get((_plain(c.node.domain), c.node.op_type))
        if entry is None or fact.elements is not None:
            return fact
        try:
            elements = entry(c, fact)
        except UnknownError:
            return fact
        except (MisfitError, *_SENSELESS) as error:
            raise _misfit(c, str(error)) from error
        return replace(fact, elements=elements) if elements is not None and elements.shape == fact.dims else fact

    # -- graphs inside ----------------------------------------------------------------------------

    def body(self, graph: ir.Graph, given: Sequence[Fact | None], *, lenient: bool = False) -> list[Fact | None]:
        """The outputs of a body whose inputs are ``given``; ``lenient``: it never runs, so it may be wrong."""
        self._enter(graph.name or "a body")
        try:
            for value, fact in zip(graph.inputs, given, strict=False):
                try:
                    self.facts[value] = self.names.named(value, merge(loosely(value, fact), fact, self.names.is_invented))
                except ConflictError as error:
                    raise MisfitError(f"gives its body's input {value.name} what is {error}") from error
            self.graph(graph)
        except MalformedModel:
            if not lenient:
                raise
        finally:
            self._depth -= 1
        return [self.known(value) for value in graph.outputs]

    def refined(self, value: ir.Value, given: Fact | None) -> Fact | None:
        """``given`` with what a body declares of its input, unless they contradict each other."""
        try:
            return self.names.named(value, merge(declared(value), given, self.names.is_invented))
        except ConflictError:
            return given

    def _enter(self, name: str) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._depth -= 1
            raise MisfitError(f"{name} is nested more than {_DEEPEST} deep")

    def _called(self, c: Call, function: ir.Function) -> Sequence[Fact | None]:
        """The outputs of a function's body for this call."""
        parameters: dict[str, ir.Attr | None] = dict(function.attributes.items())
        for name in c.node.attributes:
            parameters[name] = c.attr(name)
        for name in function.attributes:
            if name not in c.node.attributes and function.attributes[name].value is None:
                parameters[name] = None
        if len(c.facts) > len(function.inputs):
            c.fail(f"takes {len(function.inputs)} inputs, got {len(c.facts)}")
        outer = self._parameters, self._opsets
        self._enter(function.name)
        self._parameters = parameters
        self._opsets = {_plain(domain): version for domain, version in function.opset_imports.items()}
        try:
            for value, fact in zip_longest(function.inputs, c.facts):
                self.facts[value] = fact
            with self.names.afresh():
                self.graph(function)
            results = [self.facts.get(value) for value in function.outputs]
            values = [*function.inputs, *(value for node in walk(function) for value in node.outputs)]
            for value in values:
                fact = without_elements(self.facts.pop(value, None))
                self._in_function[value] = join(self._in_function[value], fact) if value in self._in_function else fact
        finally:
            self._depth -= 1
            self._parameters, self._opsets = outer
        return results

    # -- the result -------------------------------------------------------------------------------

    def write(self, model: ir.Model) -> None:
        """Put what is known into the model: inputs stay as they are, and outputs keep the names of their dimensions."""
        outputs = set(model.graph.outputs)
        inputs = set(model.graph.inputs)
        for value, fact in (self.facts | self._in_function).items():
            if value not in inputs and value.const_value is None:
                write_fact(value, fact, keep_names=value in outputs)


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _misfit(c: Call, message: str) -> MalformedModel:
    parts = []
    for value, fact in zip(c.node.inputs, c.facts, strict=True):
        if value is None:
            continue
        tensor = innermost(fact)
        dtype = tensor.dtype.name if tensor is not None and tensor.dtype is not None else "?"
        shape = show(tensor.dims) if tensor is not None and tensor.dims is not None else "?"
        parts.append(f"{value.name} {dtype} {shape}")
    return _error(c.node, f"the inputs don't fit: {', '.join(parts)} ({message})")


def _error(node: ir.Node, message: str) -> MalformedModel:
    """An error that names the node, by its source layer if it has one."""
    found = origins(node)
    if not found:
        name = node.name or next((out.name for out in node.outputs if out.name), "")
        return MalformedModel(f"{node.op_type} {name}: {message}" if name else f"{node.op_type}: {message}")
    return MalformedModel(f"{node.op_type}: {message}", location=found[0].location, layer=str(found[0]))
