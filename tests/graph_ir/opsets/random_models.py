"""Random small models of any opset from 7 on, whose operators are written in that opset's own form.

Each node is run in ONNX Runtime as it is added, so that its successors know what they get, and one that it doesn't run isn't added.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

_MOST = 3000
"""Elements of a value."""

_LARGEST = 1e3


def run(model: onnx.ModelProto, feeds: dict[str, Array]) -> list[Array]:
    """What ONNX Runtime gives, without its optimisations."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)  # type: ignore[no-any-return]


def _read(node: onnx.NodeProto) -> set[str]:
    """What a node, and its subgraphs, read."""
    return {*node.input, *(name for a in node.attribute for inner in a.g.node for name in _read(inner))}


class Maker:
    """A graph that grows; ``values`` are float32 tensors by name."""

    def __init__(self, seed: int, opset: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, Array] = {}
        self.values: dict[str, Array] = {}
        self.others: dict[str, Array] = {}
        self.inputs: dict[str, Array] = {}
        for name, shape in (("x", (2, 4, 6, 5)), ("z", (1, 4, 1, 5))):
            self.inputs[name] = self.values[name] = self.floats(*shape)
        self._count = 0

    # -- what templates use

    def floats(self, *shape: int) -> Array:
        return self.rng.standard_normal(shape).astype(np.float32)

    def chance(self) -> bool:
        return bool(self.rng.integers(2))

    def number(self, low: int, high: int) -> int:
        """Up to ``high``, which is included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def axis(self, x: str, *, since: int = 11) -> int:
        """An axis of ``x``, negative at times, where the operator takes that since an opset."""
        rank = self.values[x].ndim
        return self.number(-rank if self.opset >= since else 0, rank - 1)

    def axes(self, x: str, *, since: int = 11) -> list[int]:
        rank = self.values[x].ndim
        chosen = sorted(self.rng.choice(rank, self.number(1, rank), replace=False).tolist())
        return [a - rank if self.opset >= since and self.chance() else a for a in chosen]

    def weight(self, array: Array) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = array
        return name

    def ints(self, *values: int) -> str:
        return self.weight(np.array(values, np.int64))

    def node(self, op: str, inputs: list[str], count: int = 1, **attributes: Any) -> list[str]:
        """Add a node; its float results join the values, others are cast to join them."""
        names = [f"v{self._count + i}" for i in range(count)]
        made = helper.make_node(op, inputs, names, **{k: v for k, v in attributes.items() if v is not None})
        known = self.values | self.others
        results = run(self._model([made], known, names), {k: v for k, v in known.items() if k in _read(made)})
        if any(a.size > _MOST or not a.size or not np.isfinite(a.astype(np.float64)).all() or abs(a).max() > _LARGEST for a in results):
            raise ValueError(op)
        self._count += count
        self.nodes.append(made)
        for name, array in zip(names, results, strict=True):
            if array.dtype == np.float32:
                self.values[name] = array
            else:
                self.nodes.append(helper.make_node("Cast", [name], [f"{name}f"], to=TensorProto.FLOAT))
                self.values[f"{name}f"] = array.astype(np.float32)
                self.others[name] = array
        return names

    def model(self) -> onnx.ModelProto:
        """The whole: what no node reads is an output; some or all dimensions of the inputs may be dynamic."""
        read = {name for node in self.nodes for name in _read(node)}
        outputs = [name for name in self.values if name not in read and name not in self.inputs]
        model = self._model(self.nodes, self.inputs, outputs)
        if self.chance():
            for value in model.graph.input:
                for axis, size in enumerate(value.type.tensor_type.shape.dim):
                    if self.chance():
                        size.dim_param = f"{value.name}{axis}"
        return model

    def _model(self, nodes: list[onnx.NodeProto], inputs: dict[str, Array], outputs: list[str]) -> onnx.ModelProto:
        used = {name for node in nodes for name in _read(node)}
        given = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), list(a.shape))
            for name, a in inputs.items()
            if name in used
        ]
        made = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * self.values[name].ndim)
            if name in self.values
            else onnx.ValueInfoProto(name=name)
            for name in outputs
        ]
        weights = [numpy_helper.from_array(a, name) for name, a in self.weights.items() if name in used]
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        graph = helper.make_graph(nodes, "random", given, made, weights)
        return helper.make_model(graph, opset_imports=imports, ir_version=8 if self.opset < 21 else 10)


Template = Callable[[Maker, str], Any]
TEMPLATES: list[tuple[int, Template]] = []
"""What a node may be: the first opset, and what adds it for a value."""


def since(opset: int) -> Callable[[Template], Template]:
    def register(template: Template) -> Template:
        TEMPLATES.append((opset, template))
        return template

    return register


@since(7)
def unary(m: Maker, x: str) -> None:
    table = {
        "Relu": 7, "Sigmoid": 7, "Tanh": 7, "Abs": 7, "Neg": 7, "Floor": 7, "Ceil": 7, "Softplus": 7, "Softsign": 7, "Selu": 7, "Elu": 7,
        "LeakyRelu": 7, "HardSigmoid": 7, "Sin": 7, "Cos": 7, "Atan": 7, "Exp": 7, "Identity": 7, "Sinh": 9, "Asinh": 9, "Erf": 9,
        "Sign": 9, "IsNaN": 9, "ThresholdedRelu": 10, "IsInf": 10, "Round": 11, "Celu": 12, "HardSwish": 14, "Mish": 18, "Gelu": 20,
        "Swish": 24,
    }  # fmt: skip
    m.node(m.pick(*(op for op, first in table.items() if first <= m.opset)), [x])


@since(7)
def binary(m: Maker, x: str) -> None:
    op = m.pick("Add", "Sub", "Mul", "PRelu", *(["Max", "Min", "Mean", "Sum"] if m.opset >= 8 else []), "Equal" if m.opset >= 11 else "Add")
    other = m.pick("z", x) if m.values[x].ndim == 4 else x
    m.node(op, [x, other])


@since(7)
def compared(m: Maker, x: str) -> None:
    op = m.pick("Greater", "Less", *(["GreaterOrEqual", "LessOrEqual"] if m.opset >= 12 else []))
    if m.opset >= 9:
        m.node(op, [x, m.weight(m.floats(1))])


@since(7)
def clip(m: Maker, x: str) -> None:
    low, high = -0.5, 0.75
    if m.opset < 11:
        m.node("Clip", [x], min=low if m.chance() else None, max=high if m.chance() else None)
    else:
        bounds = [m.weight(np.array(v, np.float32)) if m.chance() else "" for v in (low, high)]
        m.node("Clip", [x, *bounds])


@since(7)
def softmax(m: Maker, x: str) -> None:
    m.node(m.pick("Softmax", "LogSoftmax", "Hardmax"), [x], axis=m.axis(x) if m.chance() else None)


@since(7)
def reduction(m: Maker, x: str) -> None:
    op = f"Reduce{m.pick('Sum', 'Mean', 'Max', 'Min', 'L1', 'L2', 'SumSquare', 'LogSumExp', 'Prod')}"
    axes = m.axes(x) if m.chance() else None
    keep = m.pick(None, 0, 1)
    if m.opset >= (13 if op == "ReduceSum" else 18):
        noop = m.pick(None, 0, 1)
        m.node(op, [x] if axes is None else [x, m.ints(*axes)], keepdims=keep, noop_with_empty_axes=noop)
    else:
        m.node(op, [x], axes=axes, keepdims=keep)


@since(7)
def extremum(m: Maker, x: str) -> None:
    last = m.pick(None, 0, 1) if m.opset >= 12 else None
    m.node(m.pick("ArgMax", "ArgMin"), [x], axis=m.axis(x), keepdims=m.pick(None, 0, 1), select_last_index=last)


@since(7)
def unsqueeze_and_back(m: Maker, x: str) -> None:
    axis = m.number(0, m.values[x].ndim)
    how: Callable[[str, str], list[str]]
    if m.opset >= 13:
        how = lambda op, v: m.node(op, [v, m.ints(axis)])  # noqa: E731
    else:
        how = lambda op, v: m.node(op, [v], axes=[axis])  # noqa: E731
    (wider,) = how("Unsqueeze", x)
    if m.chance():
        how("Squeeze", wider)


@since(7)
def cut(m: Maker, x: str) -> None:
    axis = m.axis(x, since=10)
    start, end = m.number(-3, 2), m.pick(2, -1, 1 << 40, 4)
    if m.opset < 10:
        m.node("Slice", [x], axes=[axis], starts=[start], ends=[end])
    else:
        step = [m.ints(m.pick(1, 2))] if m.chance() else []
        m.node("Slice", [x, m.ints(start), m.ints(end), m.ints(axis), *step])


@since(7)
def pad(m: Maker, x: str) -> None:
    rank = m.values[x].ndim
    pads = m.rng.integers(0, 3, 2 * rank).tolist()
    mode = m.pick("constant", "edge", "reflect", *(["wrap"] if m.opset >= 19 else []))
    if m.opset < 11:
        m.node("Pad", [x], pads=pads, mode=mode, value=0.5 if m.chance() else None)
    elif m.opset >= 18 and m.chance():
        axes = m.axes(x)
        chosen = m.rng.integers(0, 3, 2 * len(axes)).tolist()
        m.node("Pad", [x, m.ints(*chosen), "", m.ints(*axes)], mode=mode)
    else:
        m.node("Pad", [x, m.ints(*pads), *([m.weight(np.array(0.5, np.float32))] if m.chance() else [])], mode=mode)


@since(7)
def split(m: Maker, x: str) -> None:
    axis = m.axis(x)
    size = m.values[x].shape[axis]
    parts = [1, size - 1]
    if size > 1 and m.chance():
        if m.opset < 13:
            m.node("Split", [x], 2, axis=axis, split=parts)
        else:
            m.node("Split", [x, m.ints(*parts)], 2, axis=axis)
    elif size > 1 and (size % 2 == 0 or m.opset >= 18):
        m.node("Split", [x], 2, axis=axis, num_outputs=2 if m.opset >= 18 else None)


@since(7)
def top(m: Maker, x: str) -> None:
    axis = m.axis(x)
    if m.opset < 10:
        m.node("TopK", [x], 2, axis=axis, k=1)
    else:
        m.node("TopK", [x, m.ints(m.number(1, 2))], 2, axis=axis, largest=m.pick(0, 1) if m.opset >= 11 else None)


@since(7)
def scaled(m: Maker, x: str) -> None:
    if m.values[x].ndim != 4:
        return
    scales = np.array([1, 1, m.pick(1.0, 2.0, 1.5), m.pick(1.0, 2.0)], np.float32)
    mode = m.pick("nearest", "linear")
    if m.opset < 9:
        m.node("Upsample", [x], mode=mode, scales=scales.tolist())
    elif m.opset == 9:
        m.node("Upsample", [x, m.weight(scales)], mode=mode)
    elif m.opset == 10:
        m.node("Resize", [x, m.weight(scales)], mode=mode)
    else:
        how = m.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        roi = m.weight(np.zeros(0, np.float32)) if m.opset < 13 else ""
        nearest = m.pick("floor", "ceil", "round_prefer_floor") if mode == "nearest" else None
        kept = {"mode": mode, "coordinate_transformation_mode": how, "nearest_mode": nearest}
        if m.opset >= 18 and m.chance():
            m.node("Resize", [x, "", "", m.ints(7, 4)], axes=[2, -1], antialias=m.pick(0, 1) if mode == "linear" else 0, **kept)
        else:
            m.node("Resize", [x, roi, m.weight(scales)], **kept)


@since(7)
def pooled(m: Maker, x: str) -> None:
    if m.values[x].ndim != 4:
        return
    op = m.pick("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool")
    if op.startswith("Global"):
        m.node(op, [x])
        return
    window: dict[str, Any] = {"kernel_shape": [m.number(1, 3), m.number(1, 3)], "strides": [m.number(1, 3), m.number(1, 2)]}
    if m.chance():
        window["auto_pad"] = m.pick("SAME_UPPER", "SAME_LOWER", "VALID")
    else:
        window["pads"] = [m.number(0, k - 1) for k in window["kernel_shape"] * 2]
        window["ceil_mode"] = m.pick(0, 1) if m.opset >= (18 if op == "LpPool" else 10) else None
    if op == "AveragePool":
        window["count_include_pad"] = m.pick(0, 1)
    m.node(op, [x], **window)


@since(7)
def normalized(m: Maker, x: str) -> None:
    shape = m.values[x].shape
    if len(shape) != 4:
        return
    per_channel = [m.weight(np.abs(m.floats(shape[1])) + np.float32(0.5)) for _ in range(4)]
    op = m.pick("BatchNormalization", "InstanceNormalization", "LRN", "LpNormalization")
    if op == "BatchNormalization":
        m.node(op, [x, *per_channel], epsilon=0.01)
    elif op == "InstanceNormalization":
        m.node(op, [x, *per_channel[:2]])
    elif op == "LRN":
        m.node(op, [x], size=3)
    else:
        m.node(op, [x], axis=m.axis(x), p=m.pick(1, 2))


@since(9)
def normalized_over_channels(m: Maker, x: str) -> None:
    if m.values[x].ndim == 4:
        m.node("MeanVarianceNormalization", [x], axes=[0, 2, 3] if m.chance() else [0, 1, 2, 3])


@since(17)
def layer_normalized(m: Maker, x: str) -> None:
    shape = m.values[x].shape
    axis = m.number(-len(shape), len(shape) - 1)
    m.node("LayerNormalization", [x, *(m.weight(m.floats(*shape[axis:])) for _ in range(m.number(1, 2)))], axis=axis)


@since(18)
def group_normalized(m: Maker, x: str) -> None:
    shape = m.values[x].shape
    if len(shape) == 4 and shape[1] % 2 == 0:
        size = shape[1] if m.opset >= 21 else 2
        m.node("GroupNormalization", [x, m.weight(m.floats(size)), m.weight(m.floats(size))], num_groups=2)


@since(7)
def dropped(m: Maker, x: str) -> None:
    if m.opset < 12:
        m.node("Dropout", [x], ratio=0.25)
    else:
        m.node("Dropout", [x, m.weight(np.array(0.25, np.float32))])


@since(7)
def convolved(m: Maker, x: str) -> None:
    shape = m.values[x].shape
    if len(shape) == 4:
        kernel = m.weight(m.floats(3, shape[1], 2, 2) / np.float32(4))
        m.node("Conv", [x, kernel, *([m.weight(m.floats(3))] if m.chance() else [])], pads=[1, 0, 1, 0])


@since(7)
def multiplied(m: Maker, x: str) -> None:
    size = m.values[x].shape[-1]
    if m.chance():
        m.node("MatMul", [x, m.weight(m.floats(size, 3) / np.float32(size))])
        return
    (flat,) = m.node("Flatten", [x], axis=m.number(0, m.values[x].ndim))
    rows = m.values[flat].shape[1]
    bias = [m.weight(m.floats(3))] if m.opset < 11 or m.chance() else []
    m.node("Gemm", [flat, m.weight(m.floats(rows, 3) / np.float32(rows)), *bias], alpha=0.5)


@since(7)
def recurrent(m: Maker, x: str) -> None:
    if m.values[x].ndim != 3:
        return
    op, gates = m.pick(("LSTM", 4), ("GRU", 3), ("RNN", 1))
    size = m.values[x].shape[2]
    weights = [m.weight(m.floats(1, gates * 2, width) / np.float32(2)) for width in (size, 2)]
    layout = m.pick(0, 1) if m.opset >= 14 else None
    m.node(op, [x, *weights, m.weight(m.floats(1, gates * 4))], 2, hidden_size=2, layout=0 if layout else layout)


@since(7)
def moved(m: Maker, x: str) -> None:
    array = m.values[x]
    match m.number(0, 4):
        case 0:
            m.node("Transpose", [x], perm=m.rng.permutation(array.ndim).tolist())
        case 1:
            m.node("Reshape", [x, m.ints(0, -1) if array.ndim > 1 else m.ints(-1, 1)])
        case 2:
            m.node("Reshape", [x, m.ints(2, -1, 2)])
        case 3:
            m.node("Tile", [x, m.ints(*m.rng.integers(1, 3, array.ndim).tolist())])
        case _:
            m.node("Concat", [x, x], axis=m.axis(x))


@since(7)
def gathered(m: Maker, x: str) -> None:
    axis = m.axis(x)
    m.node("Gather", [x, m.ints(0, 0, *([-1] if m.opset >= 11 else []))], axis=axis)


@since(9)
def scattered(m: Maker, x: str) -> None:
    array = m.values[x]
    shape = [1] * array.ndim
    op = "Scatter" if m.opset < 11 else "ScatterElements"
    reduction = m.pick(None, "none", "add", *(["max"] if m.opset >= 18 else [])) if m.opset >= 16 else None
    m.node(op, [x, m.weight(np.zeros(shape, np.int64)), m.weight(m.floats(*shape))], axis=m.axis(x), reduction=reduction)


@since(9)
def chosen(m: Maker, x: str) -> None:
    m.node("Where", [m.weight(m.rng.integers(0, 2, m.values[x].shape).astype(bool)), x, m.weight(m.floats(1))])


@since(11)
def cumulated(m: Maker, x: str) -> None:
    m.node("CumSum", [x, m.ints(m.axis(x))], exclusive=m.pick(0, 1), reverse=m.pick(0, 1))


@since(14)
def triangle(m: Maker, x: str) -> None:
    if m.values[x].ndim > 1:
        m.node("Trilu", [x, *([m.weight(np.array(m.number(-2, 2), np.int64))] if m.chance() else [])], upper=m.pick(0, 1))


@since(7)
def shape_of(m: Maker, x: str) -> None:
    part = {"start": m.number(-2, 1), "end": m.pick(None, 2, -1)} if m.opset >= 15 and m.chance() else {}
    m.node("Shape", [x], **part)


@since(7)
def depth_to_space(m: Maker, x: str) -> None:
    shape = m.values[x].shape
    if len(shape) == 4 and shape[1] % 4 == 0:
        m.node("DepthToSpace", [x], blocksize=2, mode=m.pick("DCR", "CRD") if m.opset >= 11 else None)
    elif len(shape) == 4 and shape[2] % 2 == shape[3] % 2 == 0:
        m.node("SpaceToDepth", [x], blocksize=2)


@since(7)
def of_microsoft(m: Maker, x: str) -> None:
    """Which are passed on as they are."""
    m.node("Gelu", [x], domain="com.microsoft")


@since(7)
def of_another_type(m: Maker, x: str) -> None:
    """Types that some operators came to late; not float16, which ONNX Runtime rounds to or not as the nodes stand."""
    dtype = np.dtype(m.pick("float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "bool"))
    (a,) = m.node("Cast", [x], to=helper.np_dtype_to_tensor_dtype(dtype))
    b = m.weight(np.array([m.number(1, 3)]).astype(dtype))
    table: dict[str, int] = {"Add": 7, "Sub": 7, "Mul": 7, "Div": 7, "Max": 8, "Min": 8, "Equal": 7, "Greater": 9, "Less": 9, "Pow": 7}
    table |= {"Mod": 10, "GreaterOrEqual": 12, "LessOrEqual": 12, "BitwiseAnd": 18, "BitwiseXor": 18, "And": 7, "Xor": 7, "PRelu": 7}
    unary = {"Relu": 7, "Abs": 7, "Neg": 7, "Sign": 9, "Identity": 7, "Softmax": 7, "ReduceSum": 7, "ReduceMax": 7, "ReduceMean": 7}
    unary |= {"ArgMax": 7, "NonZero": 9, "Round": 11, "IsNaN": 9, "CumSum": 11, "BitwiseNot": 18, "Gelu": 20, "Mish": 18, "Not": 7}
    fitting = [op for op, first in (table | unary).items() if first <= m.opset]
    for _ in range(3):  # most don't take most types
        with suppress(Exception):
            op = m.pick(*fitting)
            kept = {"fmod": int(dtype.kind == "f")} if op == "Mod" else {}
            (a,) = m.node(op, [a, b] if op in table else [a, m.ints(0)] if op == "CumSum" else [a], **kept)
            dtype = (m.others.get(a, m.values.get(a))).dtype  # type: ignore[union-attr]  # one of them has it
            b = m.weight(np.array([m.number(1, 3)]).astype(dtype))


@since(7)
def branched(m: Maker, x: str) -> None:
    """Both branches read values around them; their operators are of the opset's own form too."""
    shape = m.values[x].shape
    if len(shape) != 4:
        return
    axes = (["axes"], {}) if m.opset >= 13 else ([], {"axes": [1]})
    constant = [helper.make_node("Constant", [], ["axes"], value=numpy_helper.from_array(np.array([1])))] if m.opset >= 13 else []
    branches = {}
    for name, op in (("then_branch", "ReduceSum"), ("else_branch", "ReduceMax")):
        inner, attributes = (axes if op == "ReduceSum" else ([], {"axes": [1]})) if m.opset < 18 else (["axes"], {})
        nodes = [
            *(constant if inner else []),
            helper.make_node(op, [x, *inner], [f"{name}_s"], **attributes),
            helper.make_node("Softmax", [f"{name}_s"], [f"{name}_y"], axis=1),
        ]
        shape_out = [shape[0], 1, *shape[2:]]
        branches[name] = helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, shape_out)])
    m.node("If", [m.weight(np.array(m.chance()))], **branches)


def random_model(seed: int, opset: int, size: int = 8) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """About ``size`` nodes, and the inputs that they were made with."""
    m = Maker(seed, opset)
    templates = [template for first, template in TEMPLATES if first <= opset]
    for _ in range(size):
        names = list(m.values)
        with suppress(Exception):  # of ONNX Runtime, or too large: the template's nodes until then stay
            m.pick(*templates)(m, names[m.number(max(0, len(names) - 4), len(names) - 1)])
    if not m.nodes:
        m.node("Relu", ["x"])
    model = m.model()
    given = {value.name for value in model.graph.input}
    return model, {name: array for name, array in m.inputs.items() if name in given}
