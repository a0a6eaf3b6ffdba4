"""Text → graph. ONNX's own textual syntax, and ours where that ends; see docs/text-form.md for the grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import onnx_ir as ir

from dragoman.graph_ir.errors import DragomanError
from dragoman.graph_ir.text.attributes import AttributeParser
from dragoman.graph_ir.text.lexer import Tokens
from dragoman.graph_ir.text.remarks import Note, parse_note
from dragoman.graph_ir.text.tensors import parse_values
from dragoman.graph_ir.text.types import Typed, begins_type, parse_type
from dragoman.graph_ir.text.weights import Weights, named_tensors
from dragoman.graph_ir.text.words import MAX_DEPTH

T = TypeVar("T")


def parse_model(text: str, weights: Weights | ir.Model | None = None, *, file: str = "text") -> ir.Model:
    """The graph that ``text`` says.

    ``weights`` gives the values that the text refers to: tensors by the names of ``named_tensors``, or the model that was
    printed. Without them such tensors have a type and a shape only, and raise ``MalformedModel`` when their values are asked for.
    Raises ``MalformedModel`` with line and column; ``file`` is what it calls the text.
    """
    given = named_tensors(weights) if isinstance(weights, ir.Model) else weights
    return _Parser(Tokens(text, file), given).model()


@dataclass
class _Scope:
    """The names of one graph: values, and those that were read before they were made."""

    values: dict[str, ir.Value] = field(default_factory=dict)
    awaited: dict[str, tuple[ir.Value, int]] = field(default_factory=dict)


@dataclass
class _Declaration:
    """A value in a graph's head: its name, type and note, and its values if it is a weight."""

    name: str
    typed: Typed
    at: int
    note: Note = field(default_factory=Note)
    is_weight: bool = False
    tensor: ir.TensorProtocol | None = None

    def describe(self, value: ir.Value) -> None:
        """``value`` is the one that is declared: it has this type and note."""
        kind, shape = self.typed
        if kind is not None or shape is not None:
            value.type, value.shape = kind, shape
        self.note.describe(value)

    def fill(self, value: ir.Value) -> None:
        """``value`` has these values."""
        value.const_value = self.tensor
        if self.tensor is not None:
            self.tensor.name = self.name
            self.note.describe_tensor(self.tensor)


class _Parser:
    def __init__(self, tokens: Tokens, weights: Weights | None) -> None:
        self._tokens = tokens
        self._weights = weights
        self._scopes: list[_Scope] = []
        self._attributes = AttributeParser(tokens, weights, self._graph)

    # -- models and functions ---------------------------------------------------------------------------

    def model(self) -> ir.Model:
        """The whole text."""
        tokens = self._tokens
        entries = self._entries("ir_version", "opset_import", "producer_name", "producer_version", "domain", "model_version",
                                "doc_string", "metadata_props")  # fmt: skip
        if "ir_version" not in entries:
            tokens.fail("the head has no ir_version", 0)
        graph = self._graph(0)
        graph.opset_imports.update(entries.pop("opset_import", {}))
        functions: dict[ir.OperatorIdentifier, ir.Function] = {}
        while tokens.peek().kind != "end":
            at = tokens.peek().at
            function = self._function()
            if function.identifier() in functions:
                tokens.fail(f"function {function.domain}.{function.name} is there twice", at)
            functions[function.identifier()] = function
        return ir.Model(graph, functions=list(functions.values()), **entries)

    def _entries(self, *known: str) -> dict[str, Any]:
        """``<word: value, …>``."""
        tokens = self._tokens
        found: dict[str, Any] = {}
        tokens.expect("<")
        while not tokens.accept(">"):
            if found:
                tokens.expect(",")
            at = tokens.peek().at
            word = tokens.word("an entry such as ir_version")
            if word not in known or word in found:
                tokens.fail(f"{word} is there twice" if word in found else f"{word} isn't one of {', '.join(known)}", at)
            tokens.expect(":")
            if word in ("ir_version", "model_version"):
                found[word] = tokens.integer(least=0)
            elif word == "opset_import":
                found[word] = dict(self._pairs(tokens.integer))
            elif word == "metadata_props":
                found[word] = dict(self._pairs(tokens.string))
            else:
                found[word] = tokens.string()
        return found

    def _pairs(self, value: Callable[[], T]) -> Iterator[tuple[str, T]]:
        """``["key": value, …]``, each key once."""
        tokens = self._tokens
        tokens.expect("[")
        seen: set[str] = set()
        while not tokens.accept("]"):
            if seen:
                tokens.expect(",")
            at = tokens.peek().at
            name = tokens.string()
            if name in seen:
                tokens.fail(f"{name!r} is there twice", at)
            seen.add(name)
            tokens.expect(":")
            yield name, value()

    def _function(self) -> ir.Function:
        tokens = self._tokens
        at = tokens.peek().at
        entries = self._entries("domain", "opset_import", "overload", "doc_string")
        name = tokens.name("a function's name")
        parameters = self._attributes.parameters()
        scope = self._enter()
        inputs, outputs, note = self._head()
        graph = self._body(name, inputs, outputs, depth=0)
        self._leave(scope)
        graph.doc_string = entries.get("doc_string")
        graph.opset_imports.update(entries.get("opset_import", {}))
        graph.metadata_props.update(note.metadata)
        function: ir.Function = self._build(
            at, ir.Function, entries.get("domain", ""), name, entries.get("overload", ""), graph=graph, attributes=parameters
        )
        return function

    # -- graphs -------------------------------------------------------------------------------------------

    def _graph(self, depth: int) -> ir.Graph:
        """``name (inputs) => (outputs) <weights> { nodes }``."""
        tokens = self._tokens
        if depth > MAX_DEPTH:
            tokens.fail(f"graphs nested more than {MAX_DEPTH} deep")
        name = tokens.name("a graph's name")
        scope = self._enter()
        inputs, outputs, note = self._head()
        graph = self._body(name, inputs, outputs, depth=depth)
        self._leave(scope)
        graph.doc_string = note.doc
        graph.metadata_props.update(note.metadata)
        return graph

    def _head(self) -> tuple[list[tuple[_Declaration, ir.Value]], list[_Declaration], Note]:
        """``(inputs) => (outputs)`` and the note on it, which stands after a parenthesis."""
        note = Note()
        inputs = []
        for declared in self._declarations(note):
            value = self._define(declared.name, declared.at)
            declared.describe(value)
            inputs.append((declared, value))
        self._tokens.expect("=>")
        outputs = self._declarations(Note())
        note.update(parse_note(self._tokens))
        return inputs, outputs, note

    def _declarations(self, note: Note) -> list[_Declaration]:
        """``(type name, …)``; ``note`` takes the one that stands after the opening parenthesis."""
        self._tokens.expect("(")
        note.update(parse_note(self._tokens))
        return self._list(")")

    def _list(self, stop: str) -> list[_Declaration]:
        """Declarations up to ``stop``, with commas between them; a note stands at the end of the line, after the comma."""
        tokens = self._tokens
        found: list[_Declaration] = []
        while not tokens.accept(stop):
            if found:
                if not tokens.accept(","):
                    tokens.unexpected(f"',' or {stop!r}")
                found[-1].note.update(parse_note(tokens))
            declared = self._declaration()
            declared.note.update(parse_note(tokens))
            found.append(declared)
        return found

    def _declaration(self) -> _Declaration:
        tokens = self._tokens
        typed: Typed = parse_type(tokens) if begins_type(tokens) else (None, None)
        at = tokens.peek().at
        declared = _Declaration(tokens.name("a value's name"), typed, at)
        if tokens.accept("="):
            kind, shape = typed
            if isinstance(kind, ir.TensorType):
                declared.tensor = parse_values(tokens, self._weights, kind.dtype, shape, declared.name, at)
            elif parse_values(tokens, self._weights, ir.DataType.UNDEFINED, shape, declared.name, at) is not None:
                tokens.fail(f"{declared.name}: an element type and a shape go before values", at)
            declared.is_weight = True
        return declared

    def _body(
        self, name: str, inputs: list[tuple[_Declaration, ir.Value]], outputs: list[_Declaration], *, depth: int
    ) -> ir.Graph:
        """``<weights and types> { nodes }``, and the graph of it all."""
        tokens = self._tokens
        at = tokens.peek().at
        entries = self._list(">") if tokens.accept("<") else []
        given = {value.name: value for _, value in inputs}
        weights: dict[str, ir.Value] = {}
        for declared in [d for d, _ in inputs if d.is_weight] + [d for d in entries if d.is_weight]:
            value = given.get(declared.name)
            if declared.name in weights:
                tokens.fail(f"{declared.name} has values already", declared.at)
            if value is None:
                value = self._define(declared.name, declared.at)
                declared.describe(value)
            declared.fill(value)
            weights[declared.name] = value
        tokens.expect("{")
        nodes: list[ir.Node] = []
        while not tokens.accept("}"):
            nodes.append(self._node(depth))
        results = [self._known(declared) for declared in outputs]
        types = [(declared, self._known(declared)) for declared in entries if not declared.is_weight]
        for declared, value in [*types, *zip(outputs, results, strict=True)]:
            declared.describe(value)
        ins = [value for _, value in inputs]
        return self._build(at, ir.Graph, ins, results, nodes=nodes, initializers=list(weights.values()), name=name or None)

    def _known(self, declared: _Declaration) -> ir.Value:
        found = next((s.values[declared.name] for s in reversed(self._scopes) if declared.name in s.values), None)
        if found is None:
            self._tokens.fail(f"{declared.name} is declared, but nothing makes it", declared.at)
        return found

    # -- nodes --------------------------------------------------------------------------------------------

    def _node(self, depth: int) -> ir.Node:
        """``[name] outputs = domain.Operator:overload <attributes> (inputs)``."""
        tokens = self._tokens
        at = tokens.peek().at
        name = ""
        if tokens.accept("["):
            name = "" if tokens.at("]") else tokens.name("a node's name")
            tokens.expect("]")
        made = self._names("=")
        tokens.expect("=")
        domain, op_type, overload = self._operator()
        attributes = self._attributes.attributes(depth)
        tokens.expect("(")
        inputs = [self._read(n, at) for n in self._names(")")]
        tokens.expect(")")
        if not attributes:  # ONNX's own printer puts graphs last
            attributes = self._attributes.attributes(depth)
        outputs = [self._define(out, at) if out else ir.Value(name="") for out in made]
        node: ir.Node = self._build(
            at, ir.Node, domain, op_type, inputs, attributes, overload=overload, outputs=outputs, name=name
        )
        note = parse_note(tokens)
        if wrong := note.apply(node):
            tokens.fail(wrong, at)
        return node

    def _names(self, stop: str) -> list[str]:
        """Names with commas between them; nothing between two commas is a name left out."""
        tokens = self._tokens
        found: list[str] = []
        while not tokens.at(stop):
            if tokens.at(","):
                found.append("")
            else:
                found.append(tokens.name(f"a name or {stop!r}"))
            if not tokens.accept(",") and not tokens.at(stop):
                tokens.unexpected(f"',' or {stop!r}")
        return found

    def _operator(self) -> tuple[str, str, str]:
        tokens = self._tokens
        parts = [tokens.name("an operator")]
        while tokens.accept("."):
            parts.append(tokens.name("an operator"))
        overload = tokens.name("an overload") if tokens.accept(":") else ""
        return ".".join(parts[:-1]), parts[-1], overload

    # -- names --------------------------------------------------------------------------------------------

    def _enter(self) -> _Scope:
        self._scopes.append(_Scope())
        return self._scopes[-1]

    def _leave(self, scope: _Scope) -> None:
        """What is still awaited may be made by the graph around, later; at the outermost it isn't made at all."""
        self._scopes.pop()
        for name, (value, at) in scope.awaited.items():
            if not self._scopes:
                self._tokens.fail(f"{name} is read, but nothing makes it", at)
            outer = self._scopes[-1].awaited.setdefault(name, (value, at))[0]
            if outer is not value:
                ir.convenience.replace_all_uses_with(value, outer)

    def _define(self, name: str, at: int) -> ir.Value:
        scope = self._scopes[-1]
        if name in scope.values:
            self._tokens.fail(f"{name} is made twice", at)
        value = scope.awaited.pop(name)[0] if name in scope.awaited else ir.Value(name=name)
        scope.values[name] = value
        return value

    def _read(self, name: str, at: int) -> ir.Value | None:
        if not name:
            return None
        for scope in reversed(self._scopes):
            if name in scope.values:
                return scope.values[name]
        return self._scopes[-1].awaited.setdefault(name, (ir.Value(name=name), at))[0]

    def _build(self, at: int, make: Callable[..., T], *args: Any, **named: Any) -> T:
        """What onnx_ir makes of the parts, or says against them."""
        try:
            return make(*args, **named)
        except DragomanError:
            raise
        except (ValueError, TypeError) as error:
            self._tokens.fail(str(error).splitlines()[0], at)
