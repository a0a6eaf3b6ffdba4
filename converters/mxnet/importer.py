"""MXNet symbol → graph."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir

from dragoman.converters.mxnet.attributes import BadAttribute, parse
from dragoman.converters.mxnet.inputs import input_shape
from dragoman.converters.mxnet.params import read_params
from dragoman.converters.mxnet.symbol import Node, Symbol, read_symbol
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import OPERATORS, UNREAD, output_name
from dragoman.converters.mxnet.weights import find_weights, read_weights, variable_names
from dragoman.graph_ir import Gap, Location, Model, Origin, Source
from dragoman.graph_ir.errors import DragomanError, MalformedModel, SourceError, UnsupportedOperator, UsageError
from dragoman.graph_ir.provenance import set_source_tensors

Shapes = Mapping[str, Sequence[int | str]]


def load(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
) -> Model:
    """Read a symbol and its weights into a graph whose inputs and outputs are the symbol's own.

    ``inputs`` gives input shapes, which the files seldom say; ``outputs`` names internal outputs (``conv0_output``) to give
    instead of the symbol's. Raises ``MalformedModel``, ``UnsupportedOperator`` (every unknown operator at once) or
    ``UnsupportedAttribute``.
    """
    symbol = read_symbol(source)
    if gaps := _unknown_operators(symbol):
        raise UnsupportedOperator(gaps, location=Location(str(source)))
    weights_path = Path(weights) if weights is not None else find_weights(Path(source))
    tensors = read_weights(weights_path, symbol) if weights_path is not None else {}
    conversion = _Conversion(symbol, tensors, dict(inputs or {}), weights_path)
    for index in symbol.walk():
        conversion.convert(index)
    conversion.bind_outputs(outputs)
    g = conversion.g
    return Model(g.model(), Source("mxnet", Path(source), weights_path, "MXNet"), list(dict.fromkeys(g.notes)))


def check(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
) -> list[Gap]:
    """Everything that keeps the symbol from being converted: unknown operators, then operators with settings that can't be."""
    symbol = read_symbol(source)
    gaps = _unknown_operators(symbol)
    weights_path = Path(weights) if weights is not None else find_weights(Path(source))
    tensors = read_weights(weights_path, symbol) if weights_path is not None else {}
    conversion = _Conversion(symbol, tensors, dict(inputs or {}), weights_path)
    for index in symbol.walk():
        node = symbol.nodes[index]
        if (node.is_variable or node.op in OPERATORS) and conversion.has_inputs(index):
            try:
                conversion.convert(index)
            except DragomanError as error:
                if node.is_variable:
                    raise
                gaps.append(Gap(node.op, [node.name], error.message))
    return gaps


def runtime_settings(source: str | os.PathLike[str], *, weights: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """What MXNet needs to run the same network: the files, and what the symbol calls each array of the weights' file."""
    path = Path(weights) if weights is not None else find_weights(Path(source))
    names = variable_names(list(read_params(path)), read_symbol(source), path) if path is not None else {}
    return {"symbol": str(Path(source).resolve()), "weights": str(path.resolve()) if path is not None else None, "names": names}


def _unknown_operators(symbol: Symbol) -> list[Gap]:
    unknown: dict[str, list[str]] = {}
    for index in symbol.walk():
        node = symbol.nodes[index]
        if not node.is_variable and node.op not in OPERATORS:
            unknown.setdefault(node.op, []).append(node.name)
    return [Gap(kind, names) for kind, names in unknown.items()]


class _Conversion:
    """The symbol while it is converted: which value each output of each node is."""

    def __init__(
        self, symbol: Symbol, tensors: Mapping[str, ir.TensorProtocol], shapes: dict[str, Sequence[int | str]], weights: Path | None
    ) -> None:
        self.symbol = symbol
        self.g = SymbolBuilder(symbol.path.stem if symbol.path else "mxnet", tensors)
        self.g.numpy = symbol.numpy
        self._shapes = shapes
        self._weights_path = weights
        self._values: dict[int, tuple[ir.Value | None, ...]] = {}
        self._location = Location(str(symbol.path)) if symbol.path is not None else None
        self._read = self._variables_read()
        if unknown := sorted(set(shapes) - {n.name for n in symbol.variables()}):
            free = [n.name for n in symbol.variables() if n.name not in tensors]
            raise UsageError(f"the symbol has no input {', '.join(unknown)}; it has {', '.join(free)}")

    def _variables_read(self) -> set[int]:
        """The variables that inference needs: a loss's labels aren't."""
        needed = {head.node for head in self.symbol.heads}
        for index in self.symbol.walk():
            node = self.symbol.nodes[index]
            needed.update(ref.node for ref in node.inputs[: UNREAD.get(node.op)])
        return needed

    def has_inputs(self, index: int) -> bool:
        """Whether all that the node reads was converted."""
        node = self.symbol.nodes[index]
        return all(ref.node in self._values for ref in node.inputs[: UNREAD.get(node.op)])

    def convert(self, index: int) -> None:
        """Emit one node, and bind its outputs; every error names it."""
        node = self.symbol.nodes[index]
        if node.is_variable:
            if index in self._read:
                self._values[index] = (self._variable(index, node),)
            return
        handler = OPERATORS[node.op]
        inputs = [self._value(ref.node, ref.index) for ref in node.inputs[: UNREAD.get(node.op)]]
        fewest, most = OPERATORS.arity(node.op, before=2)
        if len(inputs) < fewest or (most is not None and len(inputs) > most):
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}" if most is not None else f"at least {fewest}"
            raise self.g.malformed(node, f"has {len(inputs)} inputs, takes {wanted}")
        origin = Origin(node.name, node.op, self._location)
        with self.g.source(origin):
            try:
                made = handler(self.g, node, *inputs, **parse(handler, node.attrs))
            except BadAttribute as error:
                raise self.g.unsupported(node, str(error)) from error
            except SourceError as error:
                if error.layer is not None:
                    raise
                raise MalformedModel(error.message, location=self._location, layer=str(origin)) from error
        values = made if isinstance(made, tuple) else (made,)
        self._values[index] = values
        for number, value in enumerate(values):
            if value is not None and value.producer() is not None:
                set_source_tensors(value, [output_name(node.op, node.name, number, len(values))])

    def _value(self, node: int, index: int) -> ir.Value:
        values = self._values[node]
        if index >= len(values) or (value := values[index]) is None:
            raise self.g.unsupported(self.symbol.nodes[node], f"its output {index} isn't made at inference")
        return value

    def _variable(self, index: int, node: Node) -> ir.Value:
        tensor = self.g.weights.get(node.name)
        if tensor is not None:
            return self.g.initializer(tensor, node.name)
        shape, dtype, note = input_shape(self.symbol, index, self._shapes.get(node.name), self.g.weights, self._weights_path)
        if note:
            self.g.notes.append(note)
        value = self.g.input(node.name, dtype, shape)
        set_source_tensors(value, [node.name])
        return value

    def bind_outputs(self, wanted: Sequence[str] | None) -> None:
        """The symbol's heads, or the internal outputs that ``wanted`` names, become the graph's outputs."""
        made: dict[str, ir.Value] = {}
        for index, values in self._values.items():
            node = self.symbol.nodes[index]
            for number, value in enumerate(values):
                name = node.name if node.is_variable else output_name(node.op, node.name, number, len(values))
                if value is not None:
                    made[name] = value
        names = list(wanted) if wanted is not None else [self._head_name(head.node, head.index) for head in self.symbol.heads]
        for name in names:
            if name not in made:
                raise UsageError(f"the symbol has no output {name!r}; it has {', '.join(list(made)[-20:])}")
            self.g.output(made[name], name)

    def _head_name(self, index: int, number: int) -> str:
        node = self.symbol.nodes[index]
        self._value(index, number)
        return node.name if node.is_variable else output_name(node.op, node.name, number, len(self._values[index]))
