"""Every operator that changed between opsets: built at the graph's own, written at others, and run in ONNX Runtime at both."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.graph_ir import IR_OPSET, Builder, Model, Source
from dragoman.graph_ir.opsets import NEWEST

OPSETS = (11, 12, 13, 15, 17, 18, 21, 22, NEWEST)


@dataclass(frozen=True)
class Case:
    """A graph on inputs; ``oldest`` is the first opset that has it, ``runs_until`` the last that ONNX Runtime runs it in."""

    name: str
    build: Callable[..., ir.Value | tuple[ir.Value, ...]]
    inputs: tuple[np.ndarray, ...]
    oldest: int = 11
    dynamic: tuple[int, ...] = ()
    opset: int = IR_OPSET
    runs_until: int = NEWEST


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ints(*values: int, dtype: type = np.int64) -> np.ndarray:
    return np.array(values, dtype)


X = floats(2, 4, 5, 6)
REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
)  # fmt: skip
UNARY = (
    "Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "Identity", "LeakyRelu", "Neg", "Relu", "Round", "Selu",
    "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu", "GlobalAveragePool", "GlobalMaxPool",
)  # fmt: skip


def pool(kind: str, **attributes: object) -> Callable[..., ir.Value]:
    return lambda g, x: g.op(kind, x, **attributes)


def resize(g: Builder, x: ir.Value, *, scales: object = None, sizes: object = None, **attributes: object) -> ir.Value:
    given = [None if v is None else g.const(np.array(v, t)) for v, t in ((scales, np.float32), (sizes, np.int64))]
    return g.op("Resize", x, None, *(given if sizes is not None else given[:1]), **attributes)


def recurrent(kind: str, gates: int) -> Callable[..., tuple[ir.Value, ...]]:
    def build(g: Builder, x: ir.Value) -> tuple[ir.Value, ...]:
        w, r = (g.const(floats(1, gates * 3, n, seed=n)) for n in (4, 3))
        bias = g.const(np.zeros((1, 2 * gates * 3), np.float32))
        return g.ops(kind, x, w, r, bias, outputs=2, hidden_size=3)

    return build


def branch(g: Builder, x: ir.Value) -> ir.Value:
    """If, whose branches hold operators that change."""
    graphs = []
    for axis in (1, 2):
        data = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(X.shape))
        axes = ir.Value(name=f"axes{axis}", const_value=ir.Tensor(ints(axis)), type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([1]))
        node = ir.node("ReduceMean", [x, axes], num_outputs=1)
        node.outputs[0].name = f"mean{axis}"
        node.outputs[0].type = data.type
        total = ir.node("ReduceSum", [node.outputs[0]], {"keepdims": 0})
        total.outputs[0].name, total.outputs[0].type, total.outputs[0].shape = f"out{axis}", data.type, ir.Shape([])
        graphs.append(ir.Graph([], [total.outputs[0]], nodes=[node, total], initializers=[axes], name=f"branch{axis}"))
    condition = g.op("Greater", g.op("ReduceMax", x, keepdims=0), g.const(0.0))
    out = ir.node("If", [condition], {"then_branch": graphs[0], "else_branch": graphs[1]}, name="if")
    out.outputs[0].name, out.outputs[0].type, out.outputs[0].shape = "if", ir.TensorType(ir.DataType.FLOAT), ir.Shape([])
    g.graph.append(out)
    return out.outputs[0]


CASES = [
    *(Case(kind, lambda g, x, kind=kind: g.op(kind, x), (np.abs(X) if kind == "Sqrt" else X,)) for kind in UNARY),
    *(
        Case(f"{kind}-{axes}-{keep}", lambda g, x, k=kind, a=axes, d=keep: g.op(k, x, g.const(list(a)) if a else None, keepdims=d), (X,))
        for kind in REDUCTIONS
        for axes, keep in (((1, -1), 1), ((2,), 0), ((), 0))
    ),
    Case("ReduceLogSum", lambda g, x: g.op("ReduceLogSum", x, g.const([1])), (np.abs(X),)),
    Case("ReduceMean-noop", lambda g, x: g.op("ReduceMean", x, noop_with_empty_axes=1), (X,)),
    Case("ReduceL1-noop", lambda g, x: g.op("ReduceL1", x, noop_with_empty_axes=1), (X,)),
    Case("Split-even", lambda g, x: g.ops("Split", x, outputs=2, axis=1, num_outputs=2), (X,)),
    Case("Split-uneven", lambda g, x: g.ops("Split", x, outputs=2, axis=2, num_outputs=2), (X,)),
    Case("Split-sizes", lambda g, x: g.ops("Split", x, g.const([1, 3]), outputs=2, axis=1), (X,)),
    Case("Squeeze", lambda g, x: g.op("Squeeze", x, g.const([1])), (floats(3, 1, 2),)),
    Case("Squeeze-all", lambda g, x: g.op("Squeeze", x), (floats(3, 1, 2, 1),)),
    Case("Unsqueeze", lambda g, x: g.op("Unsqueeze", x, g.const([0, -1])), (X,)),
    *(
        Case(f"{kind}-{axis}", lambda g, x, k=kind, a=axis: g.op(k, x, axis=a), (X,))
        for kind in ("Softmax", "LogSoftmax", "Hardmax")
        for axis in (0, 1, 2, 3, -1)
    ),
    Case("Softmax-ones-after", lambda g, x: g.op("Softmax", x, axis=1), (floats(2, 5, 1, 1),)),
    Case("Pad-axes", lambda g, x: g.op("Pad", x, g.const([1, 0, 2, 1]), None, g.const([3, 1])), (X,)),
    Case("Pad-value", lambda g, x: g.op("Pad", x, g.const([0, 0, 1, 2, 0, 0, 0, 1]), g.const(3.0)), (X,)),
    Case("Pad-reflect", lambda g, x: g.op("Pad", x, g.const([0, 0, 1, 2, 0, 0, 0, 1]), mode="reflect"), (X,)),
    Case("Pad-wrap", lambda g, x: g.op("Pad", x, g.const([0, 0, 1, 2, 0, 0, 0, 1]), mode="wrap"), (X,)),
    Case("Resize-scales", lambda g, x: resize(g, x, scales=[1, 1, 2, 2], mode="linear"), (X,)),
    Case("Resize-sizes", lambda g, x: resize(g, x, sizes=[2, 4, 7, 9], mode="linear", coordinate_transformation_mode="align_corners"), (X,)),
    Case("Resize-axes", lambda g, x: resize(g, x, scales=[2, 3], axes=[2, 3], mode="nearest"), (X,)),
    Case("Resize-axes-sizes", lambda g, x: resize(g, x, sizes=[7, 9], axes=[2, 3], mode="linear"), (X,), dynamic=(0,)),
    Case("Resize-asymmetric", lambda g, x: resize(g, x, scales=[1, 1, 2, 2], coordinate_transformation_mode="asymmetric", nearest_mode="floor"), (X,)),
    Case("Resize-antialias", lambda g, x: resize(g, x, scales=[1, 1, 0.5, 0.5], mode="linear", antialias=1), (X,)),
    Case("Clip", lambda g, x: g.op("Clip", x, g.const(-0.5), g.const(0.5)), (X,)),
    Case("Clip-int", lambda g, x: g.op("Clip", x, g.const(2), g.const(5)), (np.arange(9),)),
    Case("Max-int", lambda g, x: g.op("Max", x, g.const(3), g.const(5)), (np.arange(9),)),
    Case("Min-float", lambda g, x: g.op("Min", x, g.const(0.25)), (X,)),
    Case("GreaterOrEqual", lambda g, x: g.op("GreaterOrEqual", x, g.const(0.0)), (np.array([-1, 0, 1, np.nan], np.float32),)),
    Case("LessOrEqual", lambda g, x: g.op("LessOrEqual", x, g.const(0.0)), (np.array([-1, 0, 1, np.nan], np.float32),)),
    Case("Reshape", lambda g, x: g.op("Reshape", x, g.const([0, -1])), (X,)),
    Case("Reshape-allowzero", lambda g, x: g.op("Reshape", x, g.const([8, -1]), allowzero=1), (X,)),
    Case("Reshape-empty", lambda g, x: g.op("Reshape", x, g.const([0, 3]), allowzero=1), (floats(0, 4),)),
    Case("Shape-range", lambda g, x: g.op("Shape", x, start=1, end=-1), (X,), dynamic=(0, 2)),
    Case("Shape-all", lambda g, x: g.op("Shape", x), (X,), dynamic=(0, 2)),
    Case("BatchNormalization", lambda g, x: g.op("BatchNormalization", x, *(g.const(np.abs(floats(4, seed=i))) for i in range(4))), (X,)),
    Case("InstanceNormalization", lambda g, x: g.op("InstanceNormalization", x, g.const(floats(4)), g.const(floats(4))), (X,)),
    Case("LayerNormalization", lambda g, x: g.op("LayerNormalization", x, g.const(floats(5, 6)), g.const(floats(5, 6)), axis=2), (X,)),
    Case("LayerNormalization-plain", lambda g, x: g.op("LayerNormalization", x, g.const(floats(6))), (X,)),
    Case("RMSNormalization", lambda g, x: g.op("RMSNormalization", x, g.const(floats(6))), (X,)),
    Case("GroupNormalization", lambda g, x: same_shape(g.op("GroupNormalization", x, g.const(floats(4)), g.const(floats(4)), num_groups=2), x), (X,)),
    Case("LRN", lambda g, x: g.op("LRN", x, size=3), (X,)),
    Case("Conv", lambda g, x: g.op("Conv", x, g.const(floats(3, 4, 3, 3)), g.const(floats(3)), pads=[1, 1, 1, 1]), (X,)),
    Case("ConvTranspose", lambda g, x: g.op("ConvTranspose", x, g.const(floats(4, 3, 3, 3)), strides=[2, 2]), (X,)),
    Case("Gemm", lambda g, x: g.op("Gemm", x, g.const(floats(6, 3)), g.const(floats(3))), (floats(4, 6),)),
    Case("MatMul", lambda g, x: g.op("MatMul", x, g.const(floats(6, 3))), (X,)),
    Case("PRelu", lambda g, x: g.op("PRelu", x, g.const(floats(4, 1, 1))), (X,)),
    Case("MaxPool", pool("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), (X,)),
    Case("MaxPool-ceil", pool("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), (X,), dynamic=(0, 2, 3)),
    Case("MaxPool-ceil-drop", pool("MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1), (X,)),
    Case("MaxPool-ceil-drop-gaps", pool("MaxPool", kernel_shape=[2, 2], strides=[4, 3], pads=[1, 1, 1, 1], ceil_mode=1), (X,)),
    Case("MaxPool-ceil-drop-dynamic", pool("MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1), (X,), dynamic=(2,)),
    Case("MaxPool-indices", lambda g, x: g.ops("MaxPool", x, outputs=2, kernel_shape=[2, 2], strides=[2, 2]), (X,)),
    Case("MaxPool-dilated", pool("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), (X,)),
    Case("AveragePool", pool("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), (X,)),
    Case("AveragePool-ceil", pool("AveragePool", kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1), (X,)),
    Case("AveragePool-ceil-drop", pool("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1), (X,)),
    Case("AveragePool-ceil-count", pool("AveragePool", kernel_shape=[2, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1), (X,)),
    Case("AveragePool-dilated", pool("AveragePool", kernel_shape=[2, 2], dilations=[2, 2]), (X,)),
    Case("AveragePool-not-dilated", pool("AveragePool", kernel_shape=[2, 2], dilations=[1, 1]), (X,)),
    Case("TopK", lambda g, x: g.ops("TopK", x, g.const([3]), outputs=2, axis=-1), (X,)),
    Case("ArgMax", lambda g, x: g.op("ArgMax", x, axis=2), (X,)),
    Case("ArgMax-last", lambda g, x: g.op("ArgMax", x, axis=-1, select_last_index=1), (ints(1, 3, 3, 0, 2, 2, 2, 1).reshape(2, 4).astype(np.float32),)),
    Case("ArgMin-last", lambda g, x: g.op("ArgMin", x, axis=1, select_last_index=1, keepdims=0), (ints(1, 3, 1, 0, 2, 0, 2, 1).reshape(2, 4).astype(np.float32),), dynamic=(1,)),
    Case("NonMaxSuppression", lambda g, b, s: g.op("NonMaxSuppression", b, s, g.const([5]), g.const([0.5]), g.const([0.1])), (np.sort(np.abs(floats(1, 8, 4)), axis=-1), np.abs(floats(1, 2, 8)))),
    Case("Gather", lambda g, x: g.op("Gather", x, g.const([2, 0]), axis=1), (X,)),
    Case("GatherND", lambda g, x: g.op("GatherND", x, g.const([[0, 1], [1, 2]])), (X,)),
    Case("GatherND-batch", lambda g, x: g.op("GatherND", x, g.const([[1], [2]]), batch_dims=1), (X,), dynamic=(0,)),
    Case("GatherND-batches", lambda g, x: g.op("GatherND", x, g.const(np.arange(2 * 4 * 3 * 1).reshape(2, 4, 3, 1) % 5), batch_dims=2), (X,)),
    Case("GatherElements", lambda g, x: g.op("GatherElements", x, g.const([[0, 1], [1, 0]]), axis=1), (floats(2, 3),)),
    Case("ScatterND", lambda g, x: g.op("ScatterND", x, g.const([[1], [2]]), g.const(floats(2, 3))), (floats(4, 3),)),
    Case("ScatterND-add", lambda g, x: g.op("ScatterND", x, g.const([[1], [1]]), g.const(floats(2, 3)), reduction="add"), (floats(4, 3),)),
    Case("ScatterND-max", lambda g, x: g.op("ScatterND", x, g.const([[1], [1]]), g.const(floats(2, 3)), reduction="max"), (floats(4, 3),)),
    Case("ScatterElements", lambda g, x: g.op("ScatterElements", x, g.const([[1, 2]]), g.const(floats(1, 2)), axis=1), (floats(1, 4),)),
    Case("HardSwish", lambda g, x: g.op("HardSwish", x), (4 * X,)),
    Case("Mish", lambda g, x: g.op("Mish", x), (X,)),
    Case("Gelu", lambda g, x: g.op("Gelu", x), (X,)),
    Case("Gelu-tanh", lambda g, x: g.op("Gelu", x, approximate="tanh"), (X,)),
    Case("Swish", lambda g, x: g.op("Swish", x, alpha=1.5), (X,), opset=24, runs_until=23),
    Case("Celu", lambda g, x: g.op("Celu", x, alpha=0.7), (X,)),
    Case("CumSum", lambda g, x: g.op("CumSum", x, g.const(1)), (X,)),
    Case("Where", lambda g, x: g.op("Where", g.op("Greater", x, g.const(0.0)), x, g.const(2.0)), (X,)),
    Case("Cast", lambda g, x: g.op("Cast", x, to=ir.DataType.INT32.value), (X,)),
    Case("Cast-saturate", lambda g, x: g.op("Cast", x, to=ir.DataType.FLOAT16.value, saturate=1), (X,)),
    Case("CastLike", lambda g, x: g.op("CastLike", x, g.op("Shape", x)), (X,), dynamic=(0,)),
    Case("Constant-ints", lambda g, x: g.op("Gather", x, g.op("Constant", value_ints=[1, 0]), axis=1), (X,)),
    Case("Constant-float", lambda g, x: g.op("Mul", x, g.op("Constant", value_float=2.5)), (X,)),
    Case("ConstantOfShape", lambda g, x: g.op("ConstantOfShape", g.op("Shape", x), value=ir.Tensor(np.array([2.0], np.float32))), (X,), dynamic=(0,)),
    Case("If", branch, (X,)),
    Case("LSTM", recurrent("LSTM", 4), (floats(5, 2, 4),)),
    Case("GRU", recurrent("GRU", 3), (floats(5, 2, 4),)),
    Case("RNN", recurrent("RNN", 1), (floats(5, 2, 4),)),
    Case("Dropout", lambda g, x: g.op("Dropout", x, g.const(0.3)), (X,)),
    Case("Range", lambda g, x: g.op("Range", g.const(0), g.op("Squeeze", g.op("Shape", x, start=0, end=1)), g.const(2)), (X,), dynamic=(0,)),
    Case("Mod", lambda g, x: g.op("Mod", x, g.const(3)), (np.arange(-5, 6),)),
    Case("Mod-float", lambda g, x: g.op("Mod", x, g.const(0.3), fmod=1), (X,)),
    Case("Pow", lambda g, x: g.op("Pow", x, g.const(2.0)), (X,)),
    Case("Pow-int", lambda g, x: g.op("Pow", x, g.const(3)), (X,)),
    Case("Add-int", lambda g, x: g.op("Add", x, g.const(3)), (np.arange(4),)),
    Case("Equal", lambda g, x: g.op("Equal", x, g.const(3)), (np.arange(4),)),
    Case("GridSample", lambda g, x, grid: g.op("GridSample", x, grid, mode="linear"), (X, np.tanh(floats(2, 3, 3, 2)))),
    Case("GridSample-cubic", lambda g, x, grid: g.op("GridSample", x, grid, mode="cubic"), (X, np.tanh(floats(2, 3, 3, 2)))),
    Case("RoiAlign", lambda g, x, r: g.op("RoiAlign", x, r, g.const([0, 1]), output_height=2, output_width=2, coordinate_transformation_mode="output_half_pixel"), (X, np.array([[0, 0, 3, 3], [1, 1, 4, 4]], np.float32)), runs_until=21),
    Case("RoiAlign-half", lambda g, x, r: g.op("RoiAlign", x, r, g.const([0, 1]), output_height=2, output_width=2), (X, np.array([[0, 0, 3, 3], [1, 1, 4, 4]], np.float32)), oldest=16, runs_until=21),
    Case("MaxRoiPool", lambda g, x, r: g.op("MaxRoiPool", x, r, pooled_shape=[2, 2]), (X, np.array([[0, 0, 0, 3, 3], [1, 1, 1, 4, 4]], np.float32)), runs_until=21),
    Case("DepthToSpace", lambda g, x: g.op("DepthToSpace", x, blocksize=2), (X,)),
    Case("SpaceToDepth", lambda g, x: g.op("SpaceToDepth", x, blocksize=2), (floats(1, 2, 4, 4),)),
    Case("Einsum", lambda g, x: g.op("Einsum", x, x, equation="nchw,nchw->nc"), (X,)),
    Case("Trilu", lambda g, x: g.op("Trilu", x, g.const(1), upper=1), (X,)),
    Case("Trilu-lower", lambda g, x: g.op("Trilu", x, upper=0), (X,)),
    Case("Flatten", lambda g, x: g.op("Flatten", x, axis=2), (X,)),
    Case("Transpose", lambda g, x: g.op("Transpose", x, perm=[0, 2, 3, 1]), (X,)),
    Case("Slice", lambda g, x: g.op("Slice", x, g.const([1]), g.const([4]), g.const([2]), g.const([2])), (X,)),
    Case("Concat", lambda g, x: g.op("Concat", x, x, axis=1), (X,)),
    Case("Expand", lambda g, x: g.op("Expand", x, g.const([3, 2, 1, 1, 1])), (X,)),
    Case("Tile", lambda g, x: g.op("Tile", x, g.const([1, 2, 1, 1])), (X,)),
    Case("OneHot", lambda g, x: g.op("OneHot", x, g.const(5), g.const([0.0, 1.0])), (np.arange(4),)),
    Case("NonZero", lambda g, x: g.op("NonZero", g.op("Relu", x)), (X,)),
]  # fmt: skip


def model_of(case: Case) -> Model:
    g = Builder(case.name, opset=case.opset)
    inputs = []
    for number, array in enumerate(case.inputs):
        shape = [f"d{i}" if i in case.dynamic and number == 0 else size for i, size in enumerate(array.shape)]
        inputs.append(g.input(f"in{number}", ir.DataType.from_numpy(array.dtype), shape))
    found = case.build(g, *inputs)
    for number, value in enumerate(found if isinstance(found, tuple) else (found,)):
        g.output(value, f"out{number}")
    return Model(g.model(), Source("test"))


def run(proto: onnx.ModelProto, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {f"in{i}": array for i, array in enumerate(arrays)})


def original(model: Model, case: Case) -> list[np.ndarray]:
    """The outputs at the opset that the case was built at, by ONNX's reference where ONNX Runtime doesn't have its operator."""
    if case.opset > IR_OPSET:
        return ReferenceEvaluator(to_proto(model, opset=case.opset)).run(None, {f"in{i}": a for i, a in enumerate(case.inputs)})
    return run(to_proto(model, opset=min(case.opset, case.runs_until)), case.inputs)


def same_shape(value: ir.Value, like: ir.Value) -> ir.Value:
    """``value`` with the shape that onnx's inference doesn't give it."""
    value.shape = like.shape
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_opset_computes_the_same(case: Case, newest_opset: int) -> None:
    model = model_of(case)
    expected = original(model, case)
    for opset in OPSETS:
        if opset < case.oldest:
            assert check(model, opset=opset), f"opset {opset} was thought to lack this"
            continue
        assert check(model, opset=opset) == []
        proto = to_proto(model, opset=opset)
        assert {entry.domain: entry.version for entry in proto.opset_import}[""] == opset
        onnx.checker.check_model(proto, full_check=True)
        if opset > min(case.runs_until, newest_opset):
            continue
        for got, wanted in zip(run(proto, case.inputs), expected, strict=True):
            assert got.dtype == wanted.dtype
            assert got.shape == wanted.shape
            exact = {"rtol": 0, "atol": 0} if wanted.dtype.kind != "f" else {"rtol": 1e-5, "atol": 1e-6}
            np.testing.assert_allclose(got, wanted, **exact, err_msg=f"opset {opset}")
