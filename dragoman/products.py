"""Multiply-adds: how many a model needs in its products of matrices and convolutions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass, ShapeInferencePass

from dragoman.graph_ir.inference import evaluate, parse, symbols
from dragoman.graph_ir.traversal import parts, subgraphs, walk

Sizes = tuple[int, ...]
Counted = Callable[["_Shapes"], int]


@dataclass(frozen=True)
class Products:
    """Multiply-adds by operator, and what they stand on."""

    by_operator: dict[str, int]
    dynamic: tuple[str, ...]
    """Dynamic dimensions that were taken as 1."""
    notes: tuple[str, ...]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_operator.values())


class _UnknownShapeError(Exception):
    """A tensor's rank isn't known."""


@dataclass
class _Shapes:
    """A node's shapes, with dynamic dimensions taken as 1."""

    node: ir.Node
    dynamic: dict[str, None] = field(default_factory=dict)

    def input(self, index: int) -> Sizes:
        """An input's dimensions."""
        found = self.optional(index)
        if found is None:
            raise _UnknownShapeError
        return found

    def optional(self, index: int) -> Sizes | None:
        """An input's dimensions; None if it is left out."""
        value = self.node.inputs[index] if index < len(self.node.inputs) else None
        return None if value is None else self._sizes(value)

    def output(self, index: int = 0) -> Sizes:
        """An output's dimensions."""
        if index >= len(self.node.outputs):
            raise _UnknownShapeError
        return self._sizes(self.node.outputs[index])

    def attribute(self, name: str, default: int = 0) -> int:
        """An integer attribute."""
        found = self.node.attributes.get(name)
        return default if found is None or found.is_ref() else found.as_int()

    def _sizes(self, value: ir.Value) -> Sizes:
        shape = value.shape
        if shape is None and value.const_value is not None:
            shape = ir.Shape(value.const_value.shape.numpy())
        if shape is None:
            raise _UnknownShapeError
        return tuple(dim if isinstance(dim, int) else self._size(dim.value) for dim in shape)

    def _size(self, text: str | None) -> int:
        """A dynamic dimension: what its arithmetic gives if each name stands for 1, and never less than 1."""
        size = parse(text) if text is not None else None
        names = sorted(symbols(size)) if size is not None else ["?"]
        self.dynamic.update(dict.fromkeys(names))
        try:
            return max(evaluate(size, dict.fromkeys(names, 1)) or 1, 1) if size is not None else 1
        except (ValueError, ZeroDivisionError):  # where all names are 1 there is no such size
            return 1


# -- one function for each kind of product --------------------------------------------------------------


def _conv(weight: int) -> Counted:
    """Each output element sums over the kernel: |y| · (C / group) · k…; weights are (M, C / group, k…)."""
    return lambda s: math.prod(s.output()) * math.prod(s.input(weight)[1:])


def _conv_transpose(s: _Shapes) -> int:
    """Each input element goes through the kernel: |x| · (M / group) · k…; weights are (C, M / group, k…)."""
    return math.prod(s.input(0)) * math.prod(s.input(1)[1:])


def _matmul(s: _Shapes) -> int:
    """(…, M, K) × (…, K, N): |y| · K."""
    a = s.input(0)
    transposed = len(a) > 1 and s.attribute("transA") == 1
    return math.prod(s.output()) * (a[-2] if transposed else a[-1])


def _packed_matmul(s: _Shapes) -> int:
    """(…, K) × packed (N, K): |y| · K, which is an attribute."""
    return math.prod(s.output()) * s.attribute("K")


def _recurrent(s: _Shapes) -> int:
    """T · N steps of W (D, g·H, I) and R (D, g·H, H), g gates."""
    steps, batch, _ = s.input(0)
    return steps * batch * (math.prod(s.input(1)) + math.prod(s.input(2)))


def _attention(past: int) -> Counted:
    """Q·Kᵀ and the weights times V: T · (|Q| + |Y|), T the length of keys, past ones included. K is (…, T, d)."""

    def count(s: _Shapes) -> int:
        earlier = s.optional(past)
        length = s.input(1)[-2] + (earlier[-2] if earlier is not None else 0)
        return length * (math.prod(s.input(0)) + math.prod(s.output()))

    return count


def _attention_with_projection(s: _Shapes) -> int:
    """com.microsoft's Attention: x (N, S, I) · W (I, q + k + v), then attention; past is (2, N, h, P, d)."""
    x, w, y, past = s.input(0), s.input(1), s.output(), s.optional(4)
    queries = (w[1] - y[-1]) // 2
    length = x[1] + (past[-2] if past is not None else 0)
    return math.prod(x) * w[1] + length * (x[0] * x[1] * queries + math.prod(y))


def _grouped_attention(s: _Shapes) -> int:
    """com.microsoft's GroupQueryAttention: keys as long as those it gives, (N, h, T, d): 2 · T · |Y|."""
    return 2 * s.output(1)[-2] * math.prod(s.output())


def _einsum(s: _Shapes) -> int:
    """One multiplication for each combination of indices and each operand after the first."""
    equation = s.node.attributes["equation"].as_string().replace(" ", "")
    terms = equation.split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for index, term in enumerate(terms):
        dims = s.input(index)
        before, dots, after = term.partition("...")
        hidden = [f".{n}" for n in range(len(dims) - len(before) - len(after), 0, -1)] if dots else []
        labels = [*before, *hidden, *after]
        if len(labels) != len(dims):
            raise _UnknownShapeError
        for label, dim in zip(labels, dims, strict=True):
            sizes[label] = max(sizes.get(label, 1), dim)
    return math.prod(sizes.values()) * (len(terms) - 1)


def _unknown(_: _Shapes) -> int:
    raise _UnknownShapeError


_STANDARD: dict[str, Counted] = {
    "Conv": _conv(1),
    "ConvInteger": _conv(1),
    "QLinearConv": _conv(3),
    "DeformConv": _conv(1),
    "CausalConvWithState": _conv(1),
    "ConvTranspose": _conv_transpose,
    "Gemm": _matmul,
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "QLinearMatMul": _matmul,
    "Einsum": _einsum,
    "Attention": _attention(4),
    "LinearAttention": _unknown,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
}
_MICROSOFT: dict[str, Counted] = {
    "FusedConv": _conv(1),
    "NhwcFusedConv": _conv(1),
    "NhwcConv": _conv(1),
    "QLinearConv": _conv(3),
    "ConvTransposeWithDynamicPads": _conv_transpose,
    "FusedMatMul": _matmul,
    "FusedMatMulActivation": _matmul,
    "FusedGemm": _matmul,
    "QGemm": _matmul,
    "GemmFastGelu": _matmul,
    "MatMulInteger16": _matmul,
    "MatMulIntegerToFloat": _matmul,
    "DynamicQuantizeMatMul": _matmul,
    "MatMulNBits": _packed_matmul,
    "MatMulBnb4": _packed_matmul,
    "DynamicQuantizeLSTM": _recurrent,
    "Attention": _attention_with_projection,
    "QAttention": _unknown,
    "PackedAttention": _unknown,
    "MultiHeadAttention": _attention(6),
    "PackedMultiHeadAttention": _unknown,
    "GroupQueryAttention": _grouped_attention,
    "QMoE": _unknown,
    "MoE": _unknown,
}
_BY_DOMAIN: dict[str, dict[str, Counted]] = {
    "": _STANDARD,
    "ai.onnx": _STANDARD,
    "ai.onnx.ml": {},
    "ai.onnx.preview": {"FlexAttention": _attention(99)},
    "com.microsoft": _MICROSOFT,
    "com.microsoft.nchwc": {"Conv": _unknown},  # its tensors are in blocks, padded ones
}
"""What is counted, by domain. What isn't in the table of a domain that is here is no product."""


def count_products(model: ir.Model) -> Products:
    """Count the multiply-adds of ``model``: in functions as often as they are called, in bodies as often as they run.

    The larger branch of an If counts. What isn't known is said in ``notes``.
    """
    if any(_lacks_shapes(node) for part in parts(model) for node in walk(part)):
        model = _with_shapes(model)
    counter = _Counter(model)
    by_operator = counter.nodes(model.graph)
    return Products(dict(by_operator.most_common()), tuple(counter.dynamic), tuple(counter.notes()))


def _lacks_shapes(node: ir.Node) -> bool:
    """Whether it is a product of tensors of unknown rank."""
    if node.op_type not in _BY_DOMAIN.get(node.domain, {}):
        return False
    return any(v is not None and v.shape is None and v.const_value is None for v in (*node.inputs[:4], *node.outputs[:1]))


def _with_shapes(model: ir.Model) -> ir.Model:
    """A copy with functions in their callers' places, typed and shaped as far as onnx can tell; bodies get their shapes so."""
    try:
        copy = model.clone()
        InlinePass()(copy)
        ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(copy)
    except Exception:  # a model that onnx can't infer is shown without
        return model
    return copy


def operator_name(node: ir.Node) -> str:
    """An operator with its domain, if that isn't ONNX's."""
    return f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type


class _Counter:
    """Counts, and collects what it had to assume."""

    def __init__(self, model: ir.Model) -> None:
        self._functions = model.functions
        self._open: set[ir.OperatorIdentifier] = set()
        self._uncounted: Counter[str] = Counter()
        self._strange: Counter[str] = Counter()
        self._once: Counter[str] = Counter()
        self._at_most: Counter[str] = Counter()
        self.dynamic: dict[str, None] = {}

    def notes(self) -> Iterator[str]:
        """What the numbers leave out or assume."""
        for name, count in self._uncounted.items():
            yield f"{count} {name} not counted: the shapes aren't known"
        if self._strange:
            names = ", ".join(f"{name} × {count}" for name, count in self._strange.items())
            yield f"not counted, since only their own runtime knows what they do: {names}"
        for name, count in self._once.items():
            yield f"the bodies of {count} {name} are counted once: how often they run isn't known"
        for name, count in self._at_most.items():
            yield f"{count} {name} may stop before the last round; all rounds are counted"

    def nodes(self, graph: ir.Graph | ir.Function) -> Counter[str]:
        """Multiply-adds by operator."""
        found: Counter[str] = Counter()
        for node in graph:
            found.update(self._node(node))
        return found

    def _node(self, node: ir.Node) -> Counter[str]:
        name = operator_name(node)
        if (function := self._functions.get(node.op_identifier())) is not None and node.op_identifier() not in self._open:
            self._open.add(node.op_identifier())
            found = self.nodes(function)
            self._open.discard(node.op_identifier())
            return found
        bodies = [self.nodes(graph) for graph in subgraphs(node)]
        if bodies:
            body = max(bodies, key=lambda b: b.total())
            rounds = self._rounds(node) if body and name != "If" else 1
            return Counter({key: value * rounds for key, value in body.items()})
        table = _BY_DOMAIN.get(node.domain)
        if table is None:
            self._strange[name] += 1
            return Counter()
        count = table.get(node.op_type)
        if count is None:
            return Counter()
        shapes = _Shapes(node)
        try:
            number = count(shapes)
        except (_UnknownShapeError, IndexError, ValueError, KeyError):  # an operator that is used in a way of its own
            self._uncounted[name] += 1
            return Counter()
        if number:
            self.dynamic |= shapes.dynamic
        return Counter({name: number}) if number else Counter()

    def _rounds(self, node: ir.Node) -> int:
        """How often a body runs; 1 where only the running model knows."""
        rounds = None
        if node.op_type == "Loop" and node.domain in ("", "ai.onnx"):
            tensor = ir.convenience.get_const_tensor(node.inputs[0]) if node.inputs and node.inputs[0] is not None else None
            rounds = int(tensor.numpy().reshape(-1)[0]) if tensor is not None and tensor.size == 1 else None
            if rounds is not None and not _runs_to_the_end(node):
                self._at_most["Loop"] += 1
        elif node.op_type == "Scan" and node.domain in ("", "ai.onnx"):
            rounds = self._scanned(node)
        if rounds is None:
            self._once[operator_name(node)] += 1
        return 1 if rounds is None else max(rounds, 0)

    def _scanned(self, node: ir.Node) -> int | None:
        """The length that a Scan goes over, that of its first scanned input."""
        shapes = _Shapes(node)
        number = shapes.attribute("num_scan_inputs")
        axes = node.attributes.get("scan_input_axes")
        try:
            sizes = shapes.input(len(node.inputs) - number)
            length = sizes[axes.as_ints()[0] if axes is not None and not axes.is_ref() else 0]
        except (_UnknownShapeError, IndexError):
            return None
        self.dynamic |= shapes.dynamic
        return length


def _runs_to_the_end(loop: ir.Node) -> bool:
    """Whether the body's condition is the one that it was given, or constant."""
    body = subgraphs(loop)[0]
    condition = body.outputs[0] if body.outputs else None
    while condition is not None and (node := condition.producer()) is not None and node.op_type == "Identity":
        condition = node.inputs[0]
    if condition is None or condition in body.inputs:
        return True
    tensor = ir.convenience.get_const_tensor(condition)
    return tensor is not None and bool(tensor.numpy().reshape(-1).all())
