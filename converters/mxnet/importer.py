"""MXNet symbol → graph."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.converters.mxnet.dtypes import Types
from dragoman.converters.mxnet.emit import emit_node, inputs_read
from dragoman.converters.mxnet.hints import output_of, place_of
from dragoman.converters.mxnet.inputs import UnknownShape, inputs_of, nodes_read, require_weights, unknown_shapes
from dragoman.converters.mxnet.params import read_params
from dragoman.converters.mxnet.shapes import Inference, is_complete, is_partial
from dragoman.converters.mxnet.symbol import Node, Symbol, read_symbol
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import OPERATORS, UNREAD, output_name
from dragoman.converters.mxnet.weights import add_parameters, find_weights, read_weights, variable_names
from dragoman.graph_ir import Gap, Location, Model, Origin, Source, dims
from dragoman.graph_ir.errors import DragomanError, MalformedModel, UnsupportedOperator, UsageError
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.provenance import set_source_tensors

Shapes = Mapping[str, Sequence[int | str]]


def load(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    input_dtype: Sequence[str] = (),
) -> Model:
    """Read a symbol and its weights into a graph whose inputs and outputs are the symbol's own.

    ``inputs`` gives input shapes, which the files seldom say; ``input_dtype`` types (``data:float16``) where they differ from what
    the files say; ``outputs`` names internal outputs (``conv0_output``) to give instead of the symbol's. Raises ``MalformedModel``,
    ``UnsupportedOperator`` (every unknown operator at once) or ``UnsupportedAttribute``.
    """
    symbol = read_symbol(source)
    if gaps := _unknown_operators(symbol):
        raise UnsupportedOperator(gaps, location=Location(str(source)))
    weights_path, tensors = _weights(Path(source), weights, symbol)
    conversion = _Conversion(symbol, tensors, inputs or {}, dtypes_of(input_dtype), weights_path)
    return conversion.model(outputs, Source("mxnet", Path(source), weights_path, "MXNet"))


def load_arrays(
    symbol: Symbol,
    arrays: Mapping[str, ir.TensorProtocol],
    *,
    inputs: Shapes,
    outputs: Sequence[str] | None = None,
    dtypes: Mapping[str, ir.DataType] | None = None,
    live: Any = None,
) -> Model:
    """The same from what is in memory already; ``arrays`` by the symbol's names, ``live`` is what can run it."""
    if gaps := _unknown_operators(symbol):
        raise UnsupportedOperator(gaps)
    conversion = _Conversion(symbol, arrays, inputs, dtypes or {}, None)
    return conversion.model(outputs, Source("mxnet", None, None, "MXNet", live=live))


def check(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    input_dtype: Sequence[str] = (),
) -> list[Gap]:
    """Everything that keeps the symbol from being converted: unknown operators, then operators with settings that can't be."""
    symbol = read_symbol(source)
    gaps = _unknown_operators(symbol)
    try:
        weights_path, tensors = _weights(Path(source), weights, symbol)
        conversion = _Conversion(symbol, tensors, inputs or {}, dtypes_of(input_dtype), weights_path)
    except DragomanError:
        if gaps:
            return gaps  # which operators are unknown, a symbol says alone
        raise
    for index in nodes_read(symbol, UNREAD):
        node = symbol.nodes[index]
        if not node.is_variable and node.op in OPERATORS and conversion.has_inputs(index):
            try:
                conversion.convert(index)
            except UnknownShape:
                if gaps:
                    return gaps
                raise
            except DragomanError as error:
                gaps.append(Gap(node.op, [node.name], error.message))
    return gaps


def runtime_settings(source: str | os.PathLike[str], *, weights: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """What MXNet needs to run the same network: the files, and what the symbol calls each array of the weights' file."""
    path = Path(weights) if weights is not None else find_weights(Path(source))
    symbol = read_symbol(source)
    names = variable_names(read_params(path), symbol, path) if path is not None else {}
    said = {output_name(node.op, node.name, 0, 1): name for node in symbol.nodes if (name := output_of(node)) is not None}
    weights_file = str(path.resolve()) if path is not None else None
    return {"symbol": str(Path(source).resolve()), "weights": weights_file, "names": names, "outputs": said}


def _weights(
    source: Path, weights: str | os.PathLike[str] | None, symbol: Symbol
) -> tuple[Path | None, dict[str, ir.TensorProtocol]]:
    path = Path(weights) if weights is not None else find_weights(source)
    if path is None:
        add_parameters(symbol, ())
        return None, {}
    return path, read_weights(path, symbol)


def dtypes_of(options: Sequence[str]) -> dict[str, ir.DataType]:
    """``data:float16`` and the like."""
    found = {}
    for option in options:
        name, _, dtype = option.rpartition(":")
        try:
            found[name] = ir.DataType.from_numpy(np.dtype(dtype))
        except TypeError:
            raise UsageError(f"{option!r}: write NAME:DTYPE, such as data:float16") from None
    return found


def _unknown_operators(symbol: Symbol) -> list[Gap]:
    unknown: dict[str, list[str]] = {}
    for node in _operators(symbol):
        if node.op not in OPERATORS:
            unknown.setdefault(node.op, []).append(node.name)
    return [Gap(kind, names) for kind, names in unknown.items()]


def _operators(symbol: Symbol) -> Iterator[Node]:
    """Every node that computes something, those of loops and conditions too."""
    for index in nodes_read(symbol, UNREAD):
        node = symbol.nodes[index]
        if not node.is_variable:
            yield node
        for inner in node.subgraphs:
            yield from _operators(inner)


def _keep_what_is_read(model: ir.Model) -> None:
    """What lies past the outputs goes, and with it inputs that only it reads, such as a label."""
    remove_dead_code(model)
    for value in [value for value in model.graph.inputs if not value.uses() and not value.is_graph_output()]:
        model.graph.inputs.remove(value)


class _Conversion:
    """The symbol while it is converted: which value each output of each node is."""

    def __init__(
        self,
        symbol: Symbol,
        tensors: Mapping[str, ir.TensorProtocol],
        shapes: Shapes,
        dtypes: Mapping[str, ir.DataType],
        weights: Path | None,
    ) -> None:
        self.symbol = symbol
        self.g = SymbolBuilder(symbol.path.stem if symbol.path else "mxnet", tensors)
        self.g.numpy = symbol.numpy
        self._values: dict[int, tuple[ir.Value | None, ...]] = {}
        self._location = Location(str(symbol.path)) if symbol.path is not None else None
        self._inputs = inputs_of(symbol, UNREAD)
        self._check_given({*shapes, *dtypes}, shapes, tensors)
        self.g.notes += require_weights(symbol, self._inputs, tensors, shapes, weights)
        self._shapes = Inference(symbol, tensors, shapes)
        self._types = Types(symbol, tensors, dtypes)
        self._learns = bool(self._unshaped())

    def _check_given(self, names: Collection[str], shapes: Shapes, tensors: Mapping[str, ir.TensorProtocol]) -> None:
        variables = [node.name for node in self.symbol.variables()]
        if unknown := sorted(set(names) - set(variables)):
            free = [name for name in variables if name not in tensors]
            raise UsageError(f"the symbol has no input {', '.join(unknown)}; it has {', '.join(free) or 'none'}")
        other = {n: tuple(tensors[n].shape.numpy()) for n in names if n in tensors}
        if fixed := sorted(n for n, shape in other.items() if tuple(shapes.get(n, shape)) != shape):
            raise UsageError(f"{', '.join(fixed)} can't be an input of this shape: the weights have values for it")

    def _unshaped(self) -> list[int]:
        """The inputs, and tensors like an RNN's first state, whose shapes aren't known yet."""
        waiting = [i for i, node in enumerate(self.symbol.nodes) if is_partial(self.symbol, node)]
        waiting += [i for i in self._inputs if self.symbol.nodes[i].name not in self.g.weights]
        return [index for index in waiting if not is_complete(self._shapes.ask(index))]

    def model(self, outputs: Sequence[str] | None, source: Source) -> Model:
        """All of it converted."""
        for index in nodes_read(self.symbol, UNREAD):
            self.convert(index)
        self.bind_outputs(outputs)
        self._sort_inputs()
        made = self.g.model()
        if outputs is not None:
            _keep_what_is_read(made)
        return Model(made, source, list(dict.fromkeys(self.g.notes)))

    def has_inputs(self, index: int) -> bool:
        """Whether all that the node reads was converted."""
        nodes = self.symbol.nodes
        return all(ref.node in self._values or nodes[ref.node].is_variable for ref in inputs_read(nodes[index]))

    def convert(self, index: int) -> None:
        """Emit one node, and bind its outputs; every error names it. Variables are made when they are first read: their shapes may
        follow from what their readers' other inputs have.
        """
        node = self.symbol.nodes[index]
        if node.is_variable:
            return
        if is_partial(self.symbol, node):
            self._values[index] = (self._filled(index, node),)
            return
        inputs = [self._value(ref.node, ref.index) for ref in inputs_read(node)]
        values = emit_node(self.g, node, inputs, self._location)
        self._values[index] = values
        if self._learns:
            self._shapes.learn(index, [dims(value) if value is not None and value.shape is not None else None for value in values])
        for number, value in enumerate(values):
            if value is not None and value.producer() is not None:
                set_source_tensors(value, [output_name(node.op, node.name, number, len(values))])

    def _value(self, node: int, index: int) -> ir.Value:
        if node not in self._values:
            self._values[node] = (self._variable(node, self.symbol.nodes[node]),)
        values = self._values[node]
        if index >= len(values) or (value := values[index]) is None:
            raise self.g.unsupported(self.symbol.nodes[node], f"its output {index} isn't made at inference")
        return value

    def _variable(self, index: int, node: Node) -> ir.Value:
        tensor = self.g.weights.get(node.name)
        if tensor is not None:
            return self.g.initializer(tensor, node.name)
        shape = self._shapes.ask(index)
        if shape is None or not is_complete(shape):
            missing = [i for i in self._unshaped() if self.symbol.nodes[i].is_variable]
            raise unknown_shapes(self.symbol, missing, [self._shapes.ask(i) for i in missing], self.g.weights)
        value = self.g.input(node.name, self._types.variable(index), shape)
        set_source_tensors(value, [node.name])
        return value

    def _filled(self, index: int, node: Node) -> ir.Value:
        """Zeros or ones whose shape follows from their readers: the first state of an unrolled RNN."""
        shape = self._shapes.ask(index)
        if shape is None or not is_complete(shape):
            raise self.g.malformed(node, f"has the shape {node.attrs.get('shape')}, and nothing says the rest of it")
        dtype = self._types.variable(index).numpy()
        with self.g.source(Origin(node.name, node.op, self._location)):
            fill = self.g.const(np.array([float(node.attrs.get("value", node.op == "_ones"))], dtype))
            sizes = [self.g.const([size]) if isinstance(size, int) else self._size(size) for size in shape]
            value = self.g.op("ConstantOfShape", self.g.op("Concat", *sizes, axis=0), value=fill.const_value)
        return value

    def _size(self, name: str | None) -> ir.Value:
        """A dynamic dimension, from an input that has it."""
        for index in self._inputs:
            shape = self._shapes.ask(index) or ()
            if name in shape and self.symbol.nodes[index].name not in self.g.weights:
                return self.g.dim(self._value(index, 0), shape.index(name))
        raise MalformedModel(f"no input has the dimension {name}", location=self._location)

    def _sort_inputs(self) -> None:
        """The symbol's order, or the one that it says; variables are made as they are needed."""
        graph = self.g.graph
        made = {value.name: value for value in graph.inputs}
        graph.inputs.clear()
        nodes = [self.symbol.nodes[index] for index in self._inputs]
        places = [place_of(node) for node in nodes]
        if None not in places:
            nodes = [node for _, node in sorted(zip(places, nodes, strict=True), key=lambda item: item[0] or 0)]
        graph.inputs.extend(made.pop(node.name) for node in nodes if node.name in made)

    def bind_outputs(self, wanted: Sequence[str] | None) -> None:
        """The symbol's heads, or the internal outputs that ``wanted`` names, become the graph's outputs."""
        places = [(head.node, head.index) for head in self.symbol.heads] if wanted is None else self._places(wanted)
        taken: set[str] = set()
        for place in places:
            value = self._value(*place)
            name = own = self._name(*place)
            number = 0
            while name in taken:
                number += 1
                name = f"{own}_{number}"
            if number:
                self.g.notes.append(f"two outputs are called {own}; one of them is {name} now")
            taken.add(name)
            self.g.output(value, name)

    def _places(self, wanted: Sequence[str]) -> list[tuple[int, int]]:
        made = {
            self._name(index, number): (index, number)
            for index, values in self._values.items()
            for number, value in enumerate(values)
            if value is not None
        }
        if unknown := [name for name in wanted if name not in made]:
            raise UsageError(f"the symbol has no output {', '.join(unknown)}; it has {', '.join(list(made)[-20:])}")
        return [made[name] for name in wanted]

    def _name(self, index: int, number: int) -> str:
        node = self.symbol.nodes[index]
        if number == 0 and (said := output_of(node)) is not None:
            return said
        return node.name if node.is_variable else output_name(node.op, node.name, number, len(self._values[index]))
