"""Transposes moved and cancelled: operator by operator, and in random networks that are channels-last at heart."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.graph_ir import Builder
from dragoman.graph_ir.opsets import convert_opset
from dragoman.graph_ir.passes.transposes import cancel_transposes

TO_FIRST, TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = {"x": floats(2, 5, 6, 4)}


def conv(g: Builder, x: ir.Value, channels: int, *, window: int = 1, stride: int = 1, seed: int = 1) -> ir.Value:
    """A convolution of channels-last images, as exporters of TensorFlow write it: pads so that the size stays."""
    inner = x.shape[3]
    weight = floats(channels, inner, window, window, seed=seed) / inner
    pads = [window // 2] * 4
    y = g.op("Conv", g.op("Transpose", x, perm=TO_FIRST), g.const(weight), strides=[stride, stride], pads=pads)
    return g.op("Transpose", y, perm=TO_LAST)


BETWEEN: dict[str, Callable[[Builder, ir.Value], ir.Value]] = {
    "nothing": lambda g, x: x,
    "relu": lambda g, x: g.op("Relu", x),
    "clip": lambda g, x: g.op("Clip", x, g.const(0.0), g.const(6.0)),
    "bias": lambda g, x: g.op("Add", x, g.const(floats(4))),
    "bias-left": lambda g, x: g.op("Sub", g.const(floats(1, 4)), x),
    "full-constant": lambda g, x: g.op("Mul", x, g.const(floats(5, 6, 4))),
    "row-constant": lambda g, x: g.op("Mul", x, g.const(floats(6, 1))),
    "prelu": lambda g, x: g.op("PRelu", x, g.const(floats(1, 1, 4))),
    "where": lambda g, x: g.op("Where", g.op("Greater", x, g.const(floats(4))), x, g.const(0.5)),
    "softmax": lambda g, x: g.op("Softmax", x, axis=-1),
    "softmax-height": lambda g, x: g.op("Softmax", x, axis=1),
    "concat": lambda g, x: g.op("Concat", x, g.op("Relu", x), axis=3),
    "concat-constant": lambda g, x: g.op("Concat", x, g.const(floats(2, 5, 6, 3)), axis=-1),
    "concat-height": lambda g, x: g.op("Concat", x, x, axis=1),
    "split": lambda g, x: g.op("Mul", *g.ops("Split", x, g.const([2, 2]), outputs=2, axis=3)),
    "slice": lambda g, x: g.op("Slice", x, g.const([1, 0]), g.const([5, 3]), g.const([1, -1])),
    "slice-all": lambda g, x: g.op("Slice", x, g.const([0, 1, 0, 0]), g.const([2, 4, 6, 3])),
    "slice-steps": lambda g, x: g.op("Slice", x, g.const([5, 0]), g.const([-9, 4]), g.const([2, 3]), g.const([-2, 2])),
    "pad": lambda g, x: g.op("Pad", x, g.const([0, 1, 2, 0, 0, 0, 1, 3])),
    "pad-axes": lambda g, x: g.op("Pad", x, g.const([1, 2, 0, 3]), g.const(2.0), g.const([1, -1])),
    "pad-reflect": lambda g, x: g.op("Pad", x, g.const([0, 1, 2, 0, 0, 0, 1, 0]), mode="reflect"),
    "mean": lambda g, x: g.op("Mul", x, g.op("ReduceMean", x, g.const([1, 2]))),
    "max-channel": lambda g, x: g.op("Mul", x, g.op("ReduceMax", x, g.const([-1]))),
    "mean-all": lambda g, x: g.op("Mul", x, g.op("ReduceMean", x)),
    "mean-squeezed": lambda g, x: g.op("Add", x, g.op("Unsqueeze", g.op("ReduceMean", x, g.const([1]), keepdims=0), g.const([1]))),
    "squeeze": lambda g, x: g.op("Unsqueeze", g.op("Relu", g.op("Squeeze", g.op("ReduceSum", x, g.const([2])), g.const([2]))), g.const([2])),
    "gather-vector": lambda g, x: g.op("Gather", x, g.const([3, 0, 1]), axis=3),
    "gather-number": lambda g, x: g.op("Add", x, g.op("Unsqueeze", g.op("Gather", x, g.const(1), axis=2), g.const([2]))),
    "resize": lambda g, x: g.op("Resize", x, None, g.const(np.float32([1, 2, 1.5, 1])), mode="linear"),
    "resize-sizes": lambda g, x: g.op("Resize", x, None, None, g.const([2, 7, 9, 4]), mode="nearest", coordinate_transformation_mode="asymmetric"),
    "resize-axes": lambda g, x: g.op("Resize", x, None, g.const(np.float32([2, 3])), axes=[1, 2], mode="nearest"),
    "tile": lambda g, x: g.op("Tile", x, g.const([1, 1, 2, 3])),
    "expand": lambda g, x: g.op("Expand", g.op("ReduceMax", x, g.const([1])), g.const([2, 3, 6, 4])),
    "cumsum": lambda g, x: g.op("CumSum", x, g.const(1)),
    "top-k": lambda g, x: g.ops("TopK", x, g.const([2]), outputs=2, axis=-1)[0],
    "matmul-rows": lambda g, x: g.op("Mul", x, g.const(2.0)),
    "merge-split": lambda g, x: g.op("Reshape", g.op("Relu", g.op("Reshape", x, g.const([2, 30, 4]))), g.const([2, 5, 6, 4])),
    "merge-split-other": lambda g, x: g.op("Reshape", g.op("Relu", g.op("Reshape", x, g.const([2, -1, 4]))), g.const([0, 3, 10, 4])),
    "split-channels": lambda g, x: g.op("Reshape", g.op("Relu", g.op("Reshape", x, g.const([2, 5, 6, 2, 2]))), g.const([2, 5, 6, 4])),
    "residual": lambda g, x: g.op("Add", x, g.op("Relu", conv(g, x, 4))),
    "dense": lambda g, x: g.op("Concat", x, (y := g.op("Relu", conv(g, x, 3))), g.op("Tanh", conv(g, y, 2)), axis=3),
    "squeeze-excite": lambda g, x: g.op("Mul", x, g.op("Sigmoid", conv(g, g.op("ReduceMean", x, g.const([1, 2])), 4))),
    "sum-of-three": lambda g, x: g.op("Sum", x, g.op("Relu", x), g.op("Exp", x)),
    "shape": lambda g, x: g.op("Mul", x, g.op("Cast", g.op("Unsqueeze", g.op("Shape", g.op("Relu", x), start=1, end=2), g.const([0, 1, 2])), to=1)),
    "is-nan": lambda g, x: g.op("Where", g.op("IsNaN", x), g.const(floats(4)), x),
    "cast": lambda g, x: g.op("Cast", g.op("Cast", x, to=ir.DataType.FLOAT16.value), to=ir.DataType.FLOAT.value),
}  # fmt: skip


@pytest.mark.parametrize("name", BETWEEN)
def test_transposes_go_past_an_operator_between_two_convolutions(apply, name: str) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = BETWEEN[name](g, conv(g, x, 4))
        return {"y": conv(g, y, 3, seed=2)}

    left = apply(build, X, cancel_transposes)
    assert left.count("Transpose") == 2, left


ENDS: dict[str, Callable[[Builder, ir.Value], ir.Value]] = {
    "pooled": lambda g, x: g.op("ReduceMean", x, g.const([1, 2]), keepdims=0),
    "arg-max": lambda g, x: g.op("ArgMax", x, axis=-1, keepdims=0),
    "arg-max-kept-size": lambda g, x: g.op("Flatten", g.op("ReduceMax", x, g.const([1, 2]))),
    "flatten-gemm": lambda g, x: g.op("Gemm", g.op("Flatten", x), g.const(floats(120, 7)), g.const(floats(7))),
    "reshape-relu-gemm": lambda g, x: g.op("Gemm", g.op("Relu", g.op("Reshape", x, g.const([-1, 120]))), g.const(floats(7, 120)), transB=1),
    "reshape-matmul": lambda g, x: g.op("MatMul", g.op("Reshape", x, g.const([0, -1])), g.const(floats(120, 3))),
    "sum-all": lambda g, x: g.op("ReduceSum", x, keepdims=0),
    "gather-position": lambda g, x: g.op("Gather", g.op("Gather", x, g.const(2), axis=1), g.const(-1), axis=1),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_no_transpose_is_left_where_images_end(apply, name: str) -> None:
    left = apply(lambda g, x: {"y": ENDS[name](g, conv(g, x, 4))}, X, cancel_transposes)
    assert left.count("Transpose") == 1, left


KEPT: dict[str, tuple[Callable[[Builder, ir.Value], dict[str, ir.Value]], int]] = {
    "output between": (lambda g, x: {"y": g.op("Relu", z := conv(g, x, 4)), "z": z}, 3),
    "two outputs of the same": (lambda g, x: {"y": (z := conv(g, x, 4)), "z": g.op("Identity", z)}, 2),
    "flattened for two": (lambda g, x: {"y": g.op("Gemm", f := g.op("Flatten", conv(g, x, 4)), g.const(floats(120, 7))), "z": g.op("Relu", f)}, 2),
    "flattened and shifted": (lambda g, x: {"y": g.op("Gemm", g.op("Add", g.op("Flatten", conv(g, x, 4)), g.const(floats(120))), g.const(floats(120, 7)))}, 2),
    "transA": (lambda g, x: {"y": g.op("Gemm", g.op("Flatten", conv(g, x, 4)), g.const(floats(2, 7)), transA=1)}, 2),
    "reshape across": (lambda g, x: {"y": g.op("Reshape", conv(g, x, 4), g.const([2, 15, 8]))}, 2),
    "norm over channels": (lambda g, x: {"y": g.op("LayerNormalization", conv(g, x, 4), g.const(floats(4)))}, 2),
    "broadcast of a row": (lambda g, x: {"y": g.op("Add", conv(g, x, 4), g.op("ReduceMax", x, g.const([0, 1, 2]), keepdims=0))}, 2),
    "nothing to gain": (lambda g, x: {"y": g.op("Transpose", g.op("Relu", x), perm=TO_FIRST), "z": g.op("Relu", x)}, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_what_has_to_stay(apply, name: str) -> None:
    build, number = KEPT[name]
    assert apply(build, X, cancel_transposes).count("Transpose") <= number


def test_size_one_axes_are_reshaped(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op("Sigmoid", g.op("Transpose", g.op("Relu", x), perm=TO_LAST))}

    assert apply(build, {"x": floats(3, 4, 1, 1)}, cancel_transposes) == ["Relu", "Reshape", "Sigmoid"]
    assert apply(build, {"x": floats(1, 1, 4, 3)}, cancel_transposes) == ["Relu", "Reshape", "Sigmoid"]
    assert apply(build, {"x": floats(1, 2, 4, 3)}, cancel_transposes) == ["Relu", "Transpose", "Sigmoid"]


def test_attention_heads_keep_their_transposes_apart(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        q, k, v = (g.op("Transpose", g.op("Reshape", g.op("MatMul", x, g.const(floats(8, 8, seed=i))), g.const([2, 5, 2, 4])), perm=[0, 2, 1, 3]) for i in range(3))
        weights = g.op("Softmax", g.op("MatMul", g.op("Mul", q, g.const(0.5)), g.op("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
        return {"y": g.op("Reshape", g.op("Transpose", g.op("MatMul", weights, v), perm=[0, 2, 1, 3]), g.const([2, 5, 8]))}

    assert apply(build, {"x": floats(2, 5, 8)}, cancel_transposes).count("Transpose") == 4


def test_video_and_sequences(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        def conv1d(x: ir.Value, seed: int) -> ir.Value:
            return g.op("Transpose", g.op("Conv", g.op("Transpose", x, perm=[0, 2, 1]), g.const(floats(4, 4, 3, seed=seed)), pads=[1, 1]), perm=[0, 2, 1])

        y = g.op("Relu", conv1d(x, 1))
        y = g.op("Add", y, conv1d(g.op("Mul", y, g.const(floats(4))), 2))
        return {"y": g.op("ReduceMax", y, g.const([1]), keepdims=0)}

    assert apply(build, {"x": floats(2, 6, 4)}, cancel_transposes).count("Transpose") == 1


@pytest.mark.parametrize("axis", [None, -1, 3])
def test_quantised_pairs(axis: int | None) -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, X["x"].shape)
    scale, zero = (np.float32(0.1), np.uint8(128)) if axis is None else (np.abs(floats(4)), np.uint8([1, 2, 3, 4]))
    y = g.op("QuantizeLinear", conv(g, x, 4), g.const(scale), g.const(zero), axis=axis)
    y = g.op("DequantizeLinear", y, g.const(scale), g.const(zero), axis=axis)
    g.output(conv(g, y, 3, seed=2), "y")
    model, results = g.model(), []
    for change in (False, True):
        if change:
            assert cancel_transposes(model)
        lowered = model.clone()
        assert not convert_opset(lowered, 21)  # ONNX Runtime's newest QuantizeLinear
        proto = ir.serde.serialize_model(lowered).SerializeToString()
        results.append(onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"]).run(None, X)[0])
    assert [node.op_type for node in model.graph].count("Transpose") == 2
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("already", [0, 1])
def test_gemm_reads_its_left_matrix_transposed(apply, already: int) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Tanh", g.op("Transpose", x, perm=[1, 0]))
        return {"y": g.op("Gemm", y, g.const(floats(3, 5)), transA=already)}

    assert apply(build, {"x": floats(3, 4) if not already else floats(4, 3)}, cancel_transposes) == ["Tanh", "Gemm"]


def test_constants_are_transposed_when_they_are_written(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        node = ir.node("Transpose", [g.const(floats(5, 4))], {"perm": [1, 0]})
        node.outputs[0].name, node.outputs[0].type, node.outputs[0].shape = "t", x.type, ir.Shape([4, 5])
        g.graph.append(node)
        return {"y": g.op("MatMul", x, node.outputs[0])}

    assert apply(build, X, cancel_transposes) == ["MatMul"]


def test_subgraphs_on_their_own_and_what_they_read_outside() -> None:
    """The branches cancel what is in them; the value that they read from outside keeps the frame that they want."""
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, X["x"].shape)
    y = g.op("Relu", conv(g, x, 4))
    positive = g.op("Greater", g.op("ReduceSum", x, keepdims=0), g.const(0.0))
    branches = []
    for seed in (5, 6):
        with g.subgraph(f"branch{seed}") as body:
            body.outputs.append(conv(g, g.op("Tanh", conv(g, y, 4, seed=seed)), 4, seed=seed))
            branches.append(body)
    chosen = g.op("If", positive, then_branch=branches[0], else_branch=branches[1])
    g.output(conv(g, g.op("Add", chosen, y), 3, seed=7), "z")
    model, results = g.model(), []
    for change in (False, True):
        if change:
            assert cancel_transposes(model)
            assert not cancel_transposes(model)
        proto = ir.serde.serialize_model(model).SerializeToString()
        session = onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"])
        results.append([session.run(None, {"x": sign * np.abs(X["x"])})[0] for sign in (1, -1)])
    assert [[node.op_type for node in body].count("Transpose") for body in branches] == [2, 2]
    assert [node.op_type for node in model.graph].count("Transpose") <= 4
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


def test_dynamic_sizes() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, ("n", "h", "w", 4))
    y = g.op("Relu", conv(g, g.op("Add", conv(g, x, 4), x), 4))
    y = g.op("Concat", y, conv(g, y, 3), axis=-1)
    g.output(g.op("ReduceMean", y, g.const([1, 2]), keepdims=0), "y")
    model, results = g.model(), []
    for change in (False, True):
        if change:
            assert cancel_transposes(model)
        session = onnxruntime.InferenceSession(ir.serde.serialize_model(model).SerializeToString(), providers=["CPUExecutionProvider"])
        results.append(session.run(None, X)[0])
    assert [node.op_type for node in model.graph].count("Transpose") == 1
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


# -- random networks -------------------------------------------------------------------------------------


def random_network(rng: np.random.Generator, g: Builder, inputs: list[ir.Value]) -> tuple[dict[str, ir.Value], int]:
    """Channels-last images through random operators; outputs, and how many of them are images."""
    images = list(inputs)
    size = len(images) + int(rng.integers(6, 16))
    while len(images) < size:
        x = images[int(rng.integers(max(0, len(images) - 4), len(images)))]
        channels = x.shape[3]
        kind = int(rng.integers(0, 14))
        seed = int(rng.integers(1 << 30))
        if kind < 4:
            y = conv(g, x, int(rng.integers(2, 6)), window=int(rng.choice([1, 3])), seed=seed)
        elif kind == 4:
            y = g.op(str(rng.choice(["Relu", "Sigmoid", "Tanh", "Neg", "HardSwish"])), x)
        elif kind == 5:
            y = g.op(str(rng.choice(["Add", "Mul", "Sub"])), x, g.const(floats(channels, seed=seed)))
        elif kind in (6, 7):
            same = [i for i in images if list(i.shape) == list(x.shape)]
            y = g.op("Add", x, same[int(rng.integers(len(same)))])
        elif kind == 8:
            same = [i for i in images if list(i.shape[:3]) == list(x.shape[:3]) and i.shape[3] + channels < 9]
            y = g.op("Concat", x, *same[-2:][:1], axis=int(rng.choice([3, -1])))
        elif kind == 9:
            y = g.op("Pad", x, g.const([0, 1, 0, 0, 0, 0, 1, 0]))
        elif kind == 10:
            y = g.op("Mul", x, g.op("Sigmoid", conv(g, g.op("ReduceMean", x, g.const([1, 2])), channels, seed=seed)))
        elif kind == 11:
            y = g.op("Softmax", x, axis=int(rng.choice([-1, 1, 3])))
        elif kind == 12:
            y = g.op("Transpose", g.op("MaxPool", g.op("Transpose", x, perm=TO_FIRST), kernel_shape=[2, 2], pads=[0, 0, 1, 1]), perm=TO_LAST)
        elif x.shape[1] > 3:
            y = g.op("Slice", x, g.const([1]), g.const([x.shape[1]]), g.const([1]))
        else:
            y = g.op("Reshape", g.op("Relu", g.op("Reshape", x, g.const([x.shape[0], -1, channels]))), g.const(list(x.shape)))
        images.append(y)
    outputs, wide = {}, 0
    for index, x in enumerate([i for i in images if not i.uses() and i not in inputs] or [images[-1]]):
        kind = int(rng.integers(0, 4))
        if kind == 0:
            y = g.op("Gemm", g.op("Flatten", x), g.const(floats(int(np.prod(x.shape[1:])), 3)))
        elif kind == 1:
            y = g.op("ReduceMean", x, g.const([1, 2]), keepdims=0)
        else:
            y, wide = x, wide + 1
        outputs[f"y{index}"] = y
    return outputs, wide


@pytest.mark.parametrize("seed", range(60))
def test_random_channels_last_networks_have_transposes_at_the_edges_only(apply, seed: int) -> None:
    rng = np.random.default_rng(seed)
    limits = []

    def build(g: Builder, **inputs: ir.Value) -> dict[str, ir.Value]:
        outputs, wide = random_network(rng, g, list(inputs.values()))
        before = sum(node.op_type == "Transpose" for node in g.graph)
        limits.extend([len(inputs) + wide, before])
        return outputs

    feeds = {f"x{i}": floats(2, 5, 6, int(rng.integers(1, 5)), seed=seed + i) for i in range(int(rng.integers(1, 3)))}
    left = apply(build, feeds, cancel_transposes)
    assert left.count("Transpose") <= min(limits), left


def random_graph(rng: np.random.Generator, g: Builder, x: ir.Value) -> dict[str, ir.Value]:
    """Operators of every kind that has a rule, with random transposes in between."""
    values = [x]
    for _ in range(int(rng.integers(4, 14))):
        x = values[int(rng.integers(max(0, len(values) - 3), len(values)))]
        shape = [int(d) for d in x.shape]
        rank, seed = len(shape), int(rng.integers(1 << 30))
        axis = int(rng.integers(rank)) if rank else 0
        kind = int(rng.integers(0, 20)) if rank else 0
        if kind < 6 and rank > 1:
            y = g.op("Transpose", x, perm=[int(a) for a in rng.permutation(rank)])
        elif kind == 6:
            y = g.op("Add", x, g.const(floats(*shape[axis:], seed=seed)))
        elif kind == 7:
            same = [v for v in values if [int(d) for d in v.shape] == shape]
            y = g.op("Mul", x, same[int(rng.integers(len(same)))])
        elif kind == 8:
            y = g.op("ReduceMean", x, g.const([axis - rank]), keepdims=int(rng.integers(2)))
        elif kind == 9 and rank < 5:
            y = g.op("Unsqueeze", x, g.const([int(rng.integers(rank + 1))]))
        elif kind == 10 and 1 in shape:
            y = g.op("Squeeze", x, g.const([shape.index(1)]))
        elif kind == 11:
            y = g.op("Gather", x, g.const(int(rng.integers(shape[axis])) if rng.integers(2) else [0, shape[axis] - 1]), axis=axis)
        elif kind == 12:
            y = g.op("Softmax", x, axis=axis - rank)
        elif kind == 13:
            y = g.op("Concat", x, g.op("Neg", x), axis=axis)
        elif kind == 14:
            y = g.op("Slice", x, g.const([-1]), g.const([-9]), g.const([axis]), g.const([-1]))
        elif kind == 15 and rank > 1:
            at = int(rng.integers(rank - 1))
            y = g.op("Reshape", x, g.const([*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]]))
        elif kind == 16 and rank < 5 and any(d % 2 == 0 for d in shape):
            at = next(i for i, d in enumerate(shape) if d % 2 == 0)
            y = g.op("Reshape", x, g.const([*shape[:at], 2, shape[at] // 2, *shape[at + 1 :]]))
        elif kind == 17 and rank > 1:
            y = g.op("MatMul", x, g.const(floats(shape[-1], 4, seed=seed) / 3))
        elif kind == 18 and rank > 2:
            y = g.op("MatMul", x, g.op("Transpose", x, perm=[*range(rank - 2), rank - 1, rank - 2]))
        elif kind == 19 and rank > 1:
            y = g.op("Pad", x, g.const([1, 0]), g.const(0.5), g.const([axis]))
        else:
            y = g.op("Tanh", x)
        values.append(y if np.prod(y.shape) < 2000 else g.op("Tanh", x))
    ends = [v for v in values[1:] if not v.uses()]
    return {f"y{index}": v for index, v in enumerate(ends)} | ({"z": values[2]} if values[2] not in ends and rng.integers(2) else {})


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_keep_their_numbers_and_never_get_more_transposes(apply, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before: list[int] = []

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        outputs = random_graph(rng, g, x)
        before.append(sum(node.op_type == "Transpose" for node in g.graph))
        return outputs

    left = apply(build, {"x": floats(2, 3, *(int(d) for d in rng.integers(1, 5, size=int(rng.integers(1, 3)))), seed=seed)}, cancel_transposes)
    assert left.count("Transpose") <= before[0], left
