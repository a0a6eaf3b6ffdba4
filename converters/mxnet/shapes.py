"""The shapes of variables, as MXNet's infer_shape finds them: both ways through the operators that say something of their inputs.

A shape is a tuple of sizes, of names of dynamic dimensions, and of None for what isn't known yet; None where not even the rank is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx_ir as ir

from dragoman.converters.mxnet.attributes import Ints, convert
from dragoman.converters.mxnet.hints import dims_of
from dragoman.converters.mxnet.symbol import Node, Symbol

Dim = int | str | None
Shape = tuple[Dim, ...] | None
Shapes = list[Shape]
Rule = Callable[[Node, Shapes, Shapes], None]
"""Fills in what it can of an operator's inputs and outputs."""

UNARY = frozenset(
    {
        *("Activation", "BatchNorm", "BlockGrad", "Cast", "Dropout", "GroupNorm", "IdentityAttachKLSparseReg", "InstanceNorm", "LRN"),
        *("L2Normalization", "LayerNorm", "LeakyReLU", "MakeLoss", "SoftmaxActivation", "SoftmaxOutput", "_copy", "amp_cast", "clip"),
        *("abs", "cbrt", "ceil", "cos", "erf", "exp", "expm1", "fix", "floor", "gamma", "gammaln", "hard_sigmoid", "identity", "log"),
        *("log1p", "log2", "log10", "log_softmax", "logical_not", "negative", "ones_like", "rcbrt", "reciprocal", "relu", "rint"),
        *("round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "smooth_l1", "softmax", "softmin", "softsign", "sqrt", "square", "tan"),
        *("tanh", "trunc", "zeros_like", "_npx_relu", "_npx_sigmoid", "_contrib_div_sqrt_dim", "SequenceMask", "SequenceReverse"),
        *(f"_{name}_scalar" for name in ("plus", "minus", "rminus", "mul", "div", "rdiv", "power", "rpower", "maximum", "minimum")),
    }
)
"""Operators whose output has the shape of their first input."""
_ALIKE = frozenset(
    {
        *("elemwise_add", "elemwise_sub", "elemwise_mul", "elemwise_div", "_plus", "_Plus", "_minus", "_Minus", "_mul", "_Mul", "_div"),
        *("_Div", "_maximum", "_minimum", "_power", "_mod", "_hypot", "_equal", "_not_equal", "_greater", "_lesser", "_grad_add"),
        *("add_n", "ElementWiseSum", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "_Maximum", "_Minimum"),
    }
)
_FILLED = frozenset({"_zeros", "_ones", "_full"})


def _merge(one: Shape, other: Shape) -> Shape:
    """What both say together; where they contradict each other the first is kept: the operator's handler will complain."""
    if one is None or other is None or len(one) != len(other):
        return one if one is not None else other
    return tuple(b if a is None else a for a, b in zip(one, other, strict=True))


def _number(node: Node, name: str, default: int) -> int:
    text = node.attrs.get(name, "")
    return int(text) if text.lstrip("-").isdecimal() else default


def _alike(node: Node, ins: Shapes, outs: Shapes) -> None:
    shape = outs[0]
    for one in ins:
        shape = _merge(shape, one)
    ins[:] = [shape] * len(ins)
    outs[0] = shape


def _unary(node: Node, ins: Shapes, outs: Shapes) -> None:
    ins[0] = outs[0] = _merge(ins[0], outs[0])
    if node.op.startswith("Sequence"):
        _lengths(node, ins, outs)


def _lengths(node: Node, ins: Shapes, outs: Shapes) -> None:
    """A sequence operator's lengths: one for each sequence of the batch."""
    data = ins[0]
    if len(ins) > 1 and data is not None and len(data) > 1:
        ins[1] = _merge(ins[1], (data[1 - _number(node, "axis", 0)],))


def _dense(node: Node, ins: Shapes, outs: Shapes) -> None:
    """FullyConnected: the batch is the same before and after."""
    if node.attrs.get("flatten", "True") not in ("True", "1", "true"):
        if ins[0] is not None:
            outs[0] = _merge(outs[0], (*ins[0][:-1], _number(node, "num_hidden", 0)))
        return
    batch = (ins[0] or (None,))[0] if outs[0] is None or outs[0][0] is None else outs[0][0]
    outs[0] = _merge(outs[0], (batch, _number(node, "num_hidden", 0)))
    weight = ins[1] if len(ins) > 1 else None
    if ins[0] is not None and ins[0]:
        ins[0] = (_merge(ins[0][:1], (batch,)) or ()) + ins[0][1:]
        if len(ins[0]) == 2 and weight is not None:
            ins[0] = _merge(ins[0], (None, weight[1]))


def _concat(node: Node, ins: Shapes, outs: Shapes) -> None:
    """Concat: all but one dimension are alike; that one is the sum."""
    known = next((len(s) for s in (*ins, outs[0]) if s is not None), None)
    axis = _number(node, "dim", 1)
    if known is None or not -known <= axis < known:
        return
    axis %= known
    common: Shape = (None,) * known
    for shape in (*ins, outs[0]):
        common = _merge(common, shape)
    assert common is not None
    sizes = [s[axis] if s is not None and len(s) == known else None for s in ins]
    numbers = [size for size in sizes if isinstance(size, int)]
    total = sum(numbers) if len(numbers) == len(sizes) else None
    ins[:] = [_merge(s, (*common[:axis], size, *common[axis + 1 :])) for s, size in zip(ins, sizes, strict=True)]
    outs[0] = _merge(outs[0], (*common[:axis], total, *common[axis + 1 :]))


def _split(node: Node, ins: Shapes, outs: Shapes) -> None:
    """SliceChannel: equal parts along one axis, which ``squeeze_axis`` drops."""
    axis, parts = _number(node, "axis", 1), _number(node, "num_outputs", 1)
    squeezed = node.attrs.get("squeeze_axis", "False") in ("True", "1", "true")
    data, shared = ins[0], outs[0]
    for out in outs:
        shared = _merge(shared, out)
    if data is not None and -len(data) <= axis < len(data):
        axis %= len(data)
        size = data[axis]
        middle = () if squeezed else ((size // parts if isinstance(size, int) else None),)
        shared = _merge(shared, (*data[:axis], *middle, *data[axis + 1 :]))
    elif data is None and shared is not None and axis >= 0:
        size = parts if squeezed else shared[axis] if axis < len(shared) else None
        whole = size * parts if isinstance(size, int) and not squeezed else size if squeezed else None
        ins[0] = (*shared[:axis], whole, *shared[axis if squeezed else axis + 1 :])
    outs[:] = [shared] * len(outs)


def _embedding(node: Node, ins: Shapes, outs: Shapes) -> None:
    if ins[0] is not None:
        outs[0] = _merge(outs[0], (*ins[0], _number(node, "output_dim", 0)))
    elif outs[0] is not None:
        ins[0] = outs[0][:-1]


def _expand(node: Node, ins: Shapes, outs: Shapes) -> None:
    axis = _number(node, "axis", 0)
    if ins[0] is not None:
        axis %= len(ins[0]) + 1
        outs[0] = _merge(outs[0], (*ins[0][:axis], 1, *ins[0][axis:]))
    elif outs[0]:
        axis %= len(outs[0])
        ins[0] = (*outs[0][:axis], *outs[0][axis + 1 :])


def _recurrent(node: Node, ins: Shapes, outs: Shapes) -> None:
    """RNN: data (T, N, I); states (layers · directions, N, state_size), with a projection the hidden one is narrower."""
    data = ins[0]
    batch = data[1] if data is not None and len(data) == 3 else None
    for place in (2, 3):
        state = ins[place] if place < len(ins) else None
        if batch is None and state is not None and len(state) == 3:
            batch = state[1]
    twice = node.attrs.get("bidirectional", "False") in ("True", "1", "true")
    size, layers = _number(node, "state_size", 0), _number(node, "num_layers", 1) * (2 if twice else 1)
    hidden = _number(node, "projection_size", size)
    count = 2 if node.attrs.get("mode") == "lstm" else 1
    for place in range(2, min(len(ins), 2 + count)):
        ins[place] = _merge(ins[place], (layers, batch, hidden if place == 2 else size))
    if 2 + count < len(ins):
        ins[2 + count] = _merge(ins[2 + count], (batch,))
    if data is not None and len(data) == 3:
        outs[0] = _merge(outs[0], (data[0], batch, hidden * (2 if twice else 1)))
        ins[0] = (data[0], batch, data[2])


def _pick(node: Node, ins: Shapes, outs: Shapes) -> None:
    """pick: the places are the data without its axis, even where ``keepdims`` has the output keep it."""
    text = node.attrs.get("axis", "-1")
    if ins[0] is None or text == "None" or not -len(ins[0]) <= int(text) < len(ins[0]):
        return
    axis = int(text) % len(ins[0])
    ins[1] = _merge(ins[1], (*ins[0][:axis], *ins[0][axis + 1 :]))


def _filled(node: Node, ins: Shapes, outs: Shapes) -> None:
    outs[0] = _merge(_sizes(node.attrs.get("shape", "")), outs[0])


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(UNARY, _unary),
    **dict.fromkeys(_ALIKE, _alike),
    **dict.fromkeys(_FILLED, _filled),
    "FullyConnected": _dense,
    "Concat": _concat,
    "concat": _concat,
    "SliceChannel": _split,
    "split": _split,
    "Embedding": _embedding,
    "expand_dims": _expand,
    "RNN": _recurrent,
    "SequenceLast": _lengths,
    "pick": _pick,
}


def _sizes(text: str, least: int = 1) -> Shape:
    """A shape as text; sizes below ``least`` aren't known: 0 was "to be inferred" before there were numpy shapes."""
    try:
        return tuple(size if size >= least else None for size in convert(text, Ints)) if text not in ("", "None") else None
    except ValueError:
        return None


def is_partial(symbol: Symbol, node: Node) -> bool:
    """Whether a node makes a tensor whose shape has to be inferred."""
    return node.op in _FILLED and not node.inputs and not symbol.numpy and None in (_sizes(node.attrs.get("shape", "")) or ())


def hinted(symbol: Symbol, node: Node) -> Shape:
    """A variable's shape as the file has it, None where it doesn't say."""
    return dims_of(node) or _sizes(node.hints.get("__shape__", ""), 0 if symbol.numpy else 1) or None


class Inference:
    """What is known of every tensor's shape so far."""

    def __init__(
        self, symbol: Symbol, weights: Mapping[str, ir.TensorProtocol], given: Mapping[str, Sequence[int | str]]
    ) -> None:
        """``given`` comes first, then the weights and the file's own hints."""
        self._symbol = symbol
        known = _RULES.keys() - _FILLED if symbol.numpy else _RULES.keys()
        self._order = [index for index in symbol.walk() if symbol.nodes[index].op in known]
        self._known: dict[tuple[int, int], Shape] = {}
        for index in symbol.walk():
            node = symbol.nodes[index]
            if not node.is_variable:
                continue
            tensor = weights.get(node.name)
            own = tuple(tensor.shape.numpy()) if tensor is not None else hinted(symbol, node)
            self._known[index, 0] = tuple(given[node.name]) if node.name in given else own
        self._settle()

    def learn(self, index: int, shapes: Sequence[Shape]) -> None:
        """The shapes of a node's outputs, found in another way."""
        for number, shape in enumerate(shapes):
            self._known[index, number] = _merge(shape, self._known.get((index, number)))

    def ask(self, index: int) -> Shape:
        """What is known of a variable, from all that was learnt."""
        if not is_complete(self._known.get((index, 0))):
            self._settle()
        return self._known.get((index, 0))

    def _settle(self) -> None:
        """Go over the operators, forwards and backwards, until nothing new is found."""
        order = self._order
        for _ in range(len(order) + 1):
            before = dict(self._known)
            for index in (*order, *reversed(order)):
                self._apply(index)
            if self._known == before:
                return

    def _apply(self, index: int) -> None:
        node = self._symbol.nodes[index]
        keys = [(ref.node, ref.index) for ref in node.inputs]
        count = _number(node, "num_outputs", 1) if _RULES[node.op] is _split else 1
        ins: Shapes = [self._known.get(key) for key in keys]
        outs: Shapes = [self._known.get((index, number)) for number in range(min(count, 1 << 12))]
        try:
            _RULES[node.op](node, ins, outs)
        except (ValueError, IndexError, ZeroDivisionError):
            return  # it isn't as its operator demands: its handler will say how
        for key, shape in zip((*keys, *((index, number) for number in range(len(outs)))), (*ins, *outs), strict=True):
            if shape is not None:
                self._known[key] = _merge(self._known.get(key), shape)


def is_complete(shape: Shape) -> bool:
    """Whether every dimension is a size or a name."""
    return shape is not None and None not in shape
