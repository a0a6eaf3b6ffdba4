"""The one way to emit operators: checked against the schema, typed and shaped at once, folded where constant."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from dragoman.graph_ir.errors import MalformedModel
from dragoman.graph_ir.folding import fold
from dragoman.graph_ir.inference import NodeInference
from dragoman.graph_ir.model import DOMAIN, IR_OPSET, dims, static_dims
from dragoman.graph_ir.provenance import Origin, set_origins

SMALL = 1 << 16
"""Elements up to which a result is folded."""

Dim = int | str | None


class Builder:
    """Builds one graph, node by node; ``op`` is its heart."""

    def __init__(self, name: str, *, opset: int = IR_OPSET) -> None:
        """``name`` is the graph's."""
        self.graph = ir.Graph([], [], nodes=[], name=name, opset_imports={"": opset})
        self.functions: dict[ir.OperatorIdentifier, ir.Function] = {}
        self._opset = opset
        self._origin: Origin | None = None
        self._named: dict[str, ir.Value | None] = {}
        self._nodes: set[str] = set()
        self._inference = NodeInference({"": opset}, self.functions)
        self._shared: dict[int, ir.Value] = {}

    # -- provenance -------------------------------------------------------------------------------

    @contextmanager
    def source(self, origin: Origin) -> Iterator[None]:
        """What is emitted inside comes from ``origin``; errors name it."""
        previous, self._origin = self._origin, origin
        try:
            yield
        finally:
            self._origin = previous

    @contextmanager
    def subgraph(self, name: str) -> Iterator[ir.Graph]:
        """What is emitted inside is the body of a Scan, Loop or If; it may use the values outside. Its outputs are the
        caller's to append.
        """
        outer, self.graph = self.graph, ir.Graph([], [], nodes=[], name=name)
        try:
            yield self.graph
        finally:
            self.graph = outer

    def input_named(self, name: str) -> ir.Value | None:
        """The graph input called ``name``, if there is one."""
        holder = self._named.get(name)
        return holder if holder is not None and holder.is_graph_input() else None

    def unique(self, name: str) -> str:
        """``name``, or ``name`` with the first number that makes it unlike every other value's."""
        candidate = _apart(name, self._named)
        self._named[candidate] = None
        return candidate

    def _node_name(self, name: str) -> str:
        """The same for nodes, whose names must differ too; unlike a value's, a node's is never changed."""
        candidate = _apart(name, self._nodes)
        self._nodes.add(candidate)
        return candidate

    def rename(self, value: ir.Value, name: str) -> None:
        """Give ``value`` exactly ``name``; the value that has it gets another, unless it is an input: an input keeps its
        name.
        """
        holder = self._named.get(name)
        if holder is value:
            return
        if holder is not None:
            if holder.is_graph_input():
                raise self._fail("rename", f"{name} is the name of an input")
            self._named.pop(name)
            producer = holder.producer()
            self._bind(holder, self.unique(f"{name}/{producer.op_type if producer is not None else 'const'}"))
        if self._named.get(value.name or "") is value:
            self._named.pop(value.name or "")
        self._bind(value, name)

    def _bind(self, value: ir.Value, name: str) -> None:
        value.name = name
        self._named[name] = value

    # -- leaves -----------------------------------------------------------------------------------

    def input(self, name: str, dtype: ir.DataType, shape: Sequence[Dim]) -> ir.Value:
        """A graph input."""
        value = ir.Value(type=ir.TensorType(dtype), shape=ir.Shape(shape))
        self._bind(value, name)
        self._inference.take(d for d in shape if isinstance(d, str))
        self.graph.inputs.append(value)
        return value

    def output(self, value: ir.Value, name: str) -> ir.Value:
        """Make ``value`` the graph output ``name``; what the outside already knows by another name passes through Identity."""
        if (value.is_graph_input() and value.name != name) or value.is_graph_output() or value.const_value is not None:
            value = self.op("Identity", value)
        self.rename(value, name)
        self.graph.outputs.append(value)
        return value

    def initializer(self, tensor: ir.TensorProtocol, name: str) -> ir.Value:
        """A weight. The same tensor object given again is the same value: shared weights are stored once."""
        if (shared := self._shared.get(id(tensor))) is not None:
            return shared
        value = ir.Value(type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.shape.numpy()), const_value=tensor)
        self._bind(value, self.unique(name))
        tensor.name = value.name
        self.graph.initializers.add(value)
        self._shared[id(tensor)] = value
        return value

    def const(self, array: npt.ArrayLike, dtype: npt.DTypeLike | None = None, *, name: str | None = None) -> ir.Value:
        """A constant made here; Python ints are int64, floats float32."""
        values = np.asarray(array)
        if dtype is None and not isinstance(array, (np.ndarray, np.generic)):
            dtype = {"f": np.float32, "i": np.int64}.get(values.dtype.kind) if values.size else np.int64
        values = np.array(values, dtype=dtype or values.dtype, order="C")
        return self.initializer(ir.Tensor(values), name or f"{self._origin.layer if self._origin else 'const'}/const")

    # -- operators --------------------------------------------------------------------------------

    def op(
        self, op_type: str, *inputs: ir.Value | None, domain: str = "", name: str | None = None, **attributes: Any
    ) -> ir.Value:
        """Emit an operator with one output; attributes that are None are left out."""
        return self.ops(op_type, *inputs, outputs=1, domain=domain, name=name, **attributes)[0]

    def ops(
        self, op_type: str, *inputs: ir.Value | None, outputs: int, domain: str = "", name: str | None = None, **attributes: Any
    ) -> tuple[ir.Value, ...]:
        """Emit an operator with several outputs, all of them typed and shaped."""
        given = {key: value for key, value in attributes.items() if value is not None}
        base = name or (f"{self._origin.layer}/{op_type}" if self._origin else op_type)
        node = ir.node(op_type, list(inputs), given, domain=domain, num_outputs=outputs, name=self._node_name(base))
        for out in node.outputs:
            self._bind(out, self.unique(base))
        if self._origin is not None:
            set_origins(node, [self._origin])
        self._infer(node)
        if (folded := self._folded(node)) is not None:
            for index in range(len(node.inputs)):  # it doesn't read them any more: they may be dead
                node.replace_input_with(index, None)
            return folded
        self.graph.append(node)
        return tuple(node.outputs)

    def call(
        self, function: ir.Function, *inputs: ir.Value | None, shapes: Sequence[Sequence[Dim]], dtypes: Sequence[ir.DataType]
    ) -> tuple[ir.Value, ...]:
        """Call a function of the ``dragoman`` domain; its outputs' shapes and dtypes are the caller's to say."""
        self.functions[function.identifier()] = function
        self.graph.opset_imports.setdefault(DOMAIN, 1)
        base = f"{self._origin.layer}/{function.name}" if self._origin else function.name
        node = ir.Node(
            DOMAIN, function.name, list(inputs), num_outputs=len(shapes), overload=function.overload, name=self._node_name(base)
        )
        for out, shape, dtype in zip(node.outputs, shapes, dtypes, strict=True):
            self._bind(out, self.unique(base))
            out.type, out.shape = ir.TensorType(dtype), ir.Shape(shape)
        if self._origin is not None:
            set_origins(node, [self._origin])
        self.graph.append(node)
        return tuple(node.outputs)

    def model(self, *, producer: str = "dragoman") -> ir.Model:
        """What was built."""
        return ir.Model(self.graph, ir_version=10, producer_name=producer, functions=list(self.functions.values()))

    # -- shapes -----------------------------------------------------------------------------------

    def shape(self, value: ir.Value) -> ir.Value:
        """The dimensions as an int64 vector: a constant if all are known."""
        known = static_dims(value)
        return self.const(np.array(known, np.int64)) if known is not None else self.op("Shape", value)

    def dim(self, value: ir.Value, axis: int) -> ir.Value:
        """One dimension as an int64 vector of one element: a constant if it is known."""
        size = dims(value)[axis]
        axis %= len(dims(value))
        return self.const([size]) if isinstance(size, int) else self.op("Shape", value, start=axis, end=axis + 1)

    def reshape(self, value: ir.Value, shape: Sequence[Dim], *, source: ir.Value | None = None) -> ir.Value:
        """Reshape to ints, to names of dynamic dimensions of ``value`` or ``source``, and None for the one dimension that is
        what remains.
        """
        if value.shape is not None and tuple(shape) == dims(value) and None not in shape:
            return value
        own = dims(value) if value.shape is not None else ()
        kept = [i for i, d in enumerate(shape) if isinstance(d, str) and own[i : i + 1] == (d,)]
        moved = [i for i, d in enumerate(shape) if isinstance(d, str) and i not in kept]
        rest = [i for i, d in enumerate(shape) if d is None]
        if not rest and len(moved) == 1:  # one dimension may be left to ONNX to work out
            rest, moved = moved, []
        if len(rest) > 1:
            raise self._fail("Reshape", f"two dimensions of {list(shape)} are unknown")
        plan = [0 if i in kept else -1 if i in rest else d for i, d in enumerate(shape)]
        if 0 in shape:
            if kept or moved or rest:
                raise self._fail("Reshape", f"a shape with an empty dimension can't be dynamic too: {list(shape)}")
            target = self.const(np.array(shape, np.int64))
        elif moved:
            known = {d: (v, i) for v in (source, value) if v is not None for i, d in enumerate(dims(v))}
            if lost := [d for d in plan if isinstance(d, str) and d not in known]:
                raise self._fail("Reshape", f"{', '.join(lost)} in {list(shape)} can't be read from {list(own)}")
            target = self.op(
                "Concat", *(self.dim(*known[d]) if isinstance(d, str) else self.const([d or 0]) for d in plan), axis=0
            )
        else:
            target = self.const(np.array(plan, np.int64))
        out = self.op("Reshape", value, target, allowzero=1 if 0 in shape else None)
        inferred = dims(out) if out.shape is not None else (None,) * len(shape)
        out.shape = ir.Shape([d if d is not None else inferred[i] for i, d in enumerate(shape)])
        return out

    def reshape_like(self, value: ir.Value, model: ir.Value) -> ir.Value:
        """Reshape to the shape of ``model``, which has as many elements."""
        if value.shape is not None and dims(value) == dims(model):
            return value
        out = self.op("Reshape", value, self.shape(model), allowzero=1 if 0 in dims(model) else None)
        out.shape = model.shape
        return out

    # -- inference and folding --------------------------------------------------------------------

    def _fail(self, op_type: str, message: str) -> MalformedModel:
        origin = self._origin
        text = f"{op_type}: {message}"
        return MalformedModel(text, location=origin.location if origin else None, layer=str(origin) if origin else None)

    def _infer(self, node: ir.Node) -> None:
        try:
            schema = _schema(node.op_type, self._opset, node.domain)
        except onnx.defs.SchemaError as error:
            raise self._fail(node.op_type, f"no such operator in opset {self._opset}") from error
        unknown = sorted(set(node.attributes) - set(schema.attributes))
        missing = sorted(k for k, a in schema.attributes.items() if a.required and k not in node.attributes)
        if unknown or missing:
            raise self._fail(node.op_type, f"attributes unknown: {unknown}, missing: {missing}")
        if not schema.min_input <= len(node.inputs) <= schema.max_input:
            raise self._fail(node.op_type, f"takes {schema.min_input} to {schema.max_input} inputs, got {len(node.inputs)}")
        self._inference.infer(node)

    def _folded(self, node: ir.Node) -> tuple[ir.Value, ...] | None:
        arrays = fold(node, self._opset, limit=SMALL)
        if arrays is None:
            return None
        return tuple(
            self.initializer(ir.Tensor(np.asarray(a)), out.name or "folded")
            for a, out in zip(arrays, node.outputs, strict=True)
        )


@cache
def _schema(op_type: str, opset: int, domain: str) -> onnx.defs.OpSchema:
    return onnx.defs.get_schema(op_type, opset, domain)


def _apart(name: str, taken: Container[str]) -> str:
    """``name``, or ``name`` with the first number that isn't taken."""
    candidate, n = name, 0
    while candidate in taken:
        n += 1
        candidate = f"{name}_{n}"
    return candidate


def attributes_of(node: ir.Node) -> Mapping[str, Any]:
    """A node's attributes as plain Python values."""
    return {name: attr.value for name, attr in node.attributes.items()}
