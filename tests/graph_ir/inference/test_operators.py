"""Every operator family: ONNX Runtime's shapes for several sizes of the dynamic dimensions against the inferred arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import parser

from dragoman.graph_ir.inference import evaluate, infer_shapes, parse

ort.set_default_logger_severity(4)

SIZES: Sequence[Mapping[str, int]] = (
    {"n": 1, "c": 4, "h": 7, "w": 9, "m": 5, "one": 1, "h2": 4, "w2": 6},
    {"n": 3, "c": 8, "h": 12, "w": 8, "m": 20, "one": 1, "h2": 2, "w2": 8},
    {"n": 2, "c": 5, "h": 21, "w": 33, "m": 1, "one": 2, "h2": 6, "w2": 2},
)
IMAGE = "float[n,4,h,w] x"

# name: (inputs, body, how the shapes of y, y2 … print; none where only their values are of interest)
CASES: dict[str, tuple[str, str, list[str]]] = {
    # elementwise
    "relu": (IMAGE, "y = Relu(x)", ["n,4,h,w"]),
    "add": (f"{IMAGE}, float[w] b", "y = Add(x, b)", ["n,4,h,w"]),
    "add scalar": (f"{IMAGE}, float b", "y = Mul(b, x)", ["n,4,h,w"]),
    "broadcast": ("float[n,1,w] x, float[h,1] b", "y = Sub(x, b)", ["n,h,w"]),
    "unlike names": ("float[n,h] x, float[one,h] b", "y = Add(x, b)", ["broadcast(n, one),h"]),
    "greater": (f"{IMAGE}, float[w] b", "y = Greater(x, b)", ["n,4,h,w"]),
    "where": ("bool[n,1] c1, float[h] x, float[1,1,1] b", "y = Where(c1, x, b)", ["1,n,h"]),
    "max": ("float[n,1] x, float[h] b, float[1,n,1] d", "y = Max(x, b, d)", ["1,n,h"]),
    "cast": (IMAGE, "y = Cast<to=7>(x)", ["n,4,h,w"]),
    "castlike": (f"{IMAGE}, int32[1] t", "y = CastLike(x, t)", ["n,4,h,w"]),
    "softmax": (IMAGE, "y = Softmax<axis=1>(x)", ["n,4,h,w"]),
    "clip": (IMAGE, "y = Clip(x)", ["n,4,h,w"]),
    "dropout": (IMAGE, "y, y2 = Dropout(x)", ["n,4,h,w", "n,4,h,w"]),
    "cumsum": (
        IMAGE,
        """
        a = Constant<value_int=1>()
        y = CumSum(x, a)
        """,
        ["n,4,h,w"],
    ),
    "layer norm": ("float[n,h,8] x, float[8] s", "y, y2 = LayerNormalization<axis=-1>(x, s)", ["n,h,8", "n,h,1"]),
    # convolution and pooling
    "conv": (f"{IMAGE}, float[6,4,3,3] k", "y = Conv(x, k)", ["n,6,h - 2,w - 2"]),
    "conv stride": (
        f"{IMAGE}, float[6,4,3,3] k",
        "y = Conv<strides=[2,3], pads=[1,1,1,1]>(x, k)",
        ["n,6,(h + 1)//2,(w + 2)//3"],
    ),
    "conv dilated": (
        f"{IMAGE}, float[6,2,3,2] k",
        "y = Conv<dilations=[2,3], group=2, pads=[1,0,2,1]>(x, k)",
        ["n,6,h - 1,w - 2"],
    ),
    "conv same": (
        f"{IMAGE}, float[6,4,3,3] k",
        'y = Conv<strides=[2,2], auto_pad="SAME_LOWER">(x, k)',
        ["n,6,(h + 1)//2,(w + 1)//2"],
    ),
    "conv valid": (
        f"{IMAGE}, float[6,4,3,3] k",
        'y = Conv<strides=[2,2], auto_pad="VALID">(x, k)',
        ["n,6,(h + 1)//2 - 1,(w + 1)//2 - 1"],
    ),
    "conv 1d": ("float[n,4,h] x, float[5,4,4] k", "y = Conv<strides=[3]>(x, k)", ["n,5,(h + 2)//3 - 1"]),
    "conv 3d": ("float[n,2,h,w,5] x, float[5,2,1,3,3] k", "y = Conv(x, k)", ["n,5,h,w - 2,3"]),
    "pool": (
        IMAGE,
        "y, y2 = MaxPool<kernel_shape=[3,2], strides=[2,2]>(x)",
        ["n,4,(h + 1)//2 - 1,w//2", "n,4,(h + 1)//2 - 1,w//2"],
    ),
    "pool ceil": (IMAGE, "y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)", []),
    "pool ceil padded": (IMAGE, "y = MaxPool<kernel_shape=[2,2], strides=[3,3], pads=[1,1,1,1], ceil_mode=1>(x)", []),
    "pool ceil average": (IMAGE, "y = AveragePool<kernel_shape=[2,3], strides=[2,4], pads=[0,1,1,1], ceil_mode=1>(x)", []),
    "pool dilated": (IMAGE, "y = MaxPool<kernel_shape=[3,2], dilations=[2,3]>(x)", ["n,4,h - 4,w - 3"]),
    "pool same": (
        IMAGE,
        'y = AveragePool<kernel_shape=[3,3], strides=[2,3], auto_pad="SAME_UPPER">(x)',
        ["n,4,(h + 1)//2,(w + 2)//3"],
    ),
    "lp pool": (IMAGE, "y = LpPool<kernel_shape=[2,2]>(x)", ["n,4,h - 1,w - 1"]),
    "global pool": (IMAGE, "y = GlobalAveragePool(x)", ["n,4,1,1"]),
    "conv transpose": (
        f"{IMAGE}, float[4,3,3,3] k",
        "y = ConvTranspose<strides=[2,3], pads=[1,0,1,1], output_padding=[1,0]>(x, k)",
        ["n,3,2*h,3*w - 1"],
    ),
    "conv transpose group": (
        f"{IMAGE}, float[4,3,2,3] k",
        "y = ConvTranspose<group=2, dilations=[2,1]>(x, k)",
        ["n,6,h + 2,w + 2"],
    ),
    "conv transpose same": (
        f"{IMAGE}, float[4,3,3,3] k",
        'y = ConvTranspose<strides=[2,2], auto_pad="SAME_UPPER">(x, k)',
        ["n,3,2*h,2*w"],
    ),
    # shape
    "transpose": (IMAGE, "y = Transpose<perm=[0,2,3,1]>(x)", ["n,h,w,4"]),
    "transpose reversed": (IMAGE, "y = Transpose(x)", ["w,h,4,n"]),
    "flatten": (IMAGE, "y = Flatten(x)", ["n,4*h*w"]),
    "flatten negative": (IMAGE, "y = Flatten<axis=-1>(x)", ["4*h*n,w"]),
    "flatten 0": (IMAGE, "y = Flatten<axis=0>(x)", ["1,4*h*n*w"]),
    "reshape": (
        IMAGE,
        """
        s = Constant<value_ints=[0,-1,2]>()
        y = Reshape(x, s)
        """,
        ["n,2*h*w,2"],
    ),
    "reshape quotient": (
        "float[n,12,h] x",
        """
        s = Constant<value_ints=[-1,3,0]>()
        y = Reshape(x, s)
        """,
        ["4*n,3,h"],
    ),
    "reshape heads": (
        "float[n,h,12] x",
        """
        s = Constant<value_ints=[0,0,3,-1]>()
        y = Reshape(x, s)
        """,
        ["n,h,3,4"],
    ),
    "squeeze": ("float[1,3,1,2] x", "y = Squeeze(x)", ["3,2"]),
    "squeeze axes": (
        "float[1,n,1,h] x",
        """
        a = Constant<value_ints=[-2]>()
        y = Squeeze(x, a)
        """,
        ["1,n,h"],
    ),
    "unsqueeze": (
        "float[n,h] x",
        """
        a = Constant<value_ints=[0,-1]>()
        y = Unsqueeze(x, a)
        """,
        ["1,n,h,1"],
    ),
    "expand": (
        "float[n,1] x",
        """
        s = Constant<value_ints=[2,1,5]>()
        y = Expand(x, s)
        """,
        ["2,n,5"],
    ),
    "tile": (
        "float[n,h] x",
        """
        r = Constant<value_ints=[2,3]>()
        y = Tile(x, r)
        """,
        ["2*n,3*h"],
    ),
    "depth to space": (IMAGE, "y = DepthToSpace<blocksize=2>(x)", ["n,1,2*h,2*w"]),
    "space to depth": ("float[n,3,h2,w2] x", "y = SpaceToDepth<blocksize=2>(x)", ["n,12,h2//2,w2//2"]),
    "concat": (f"{IMAGE}, float[n,3,h,w] z", "y = Concat<axis=1>(x, z)", ["n,7,h,w"]),
    "concat names": ("float[n,h] x, float[n,w] z", "y = Concat<axis=-1>(x, z, x)", ["n,2*h + w"]),
    "split": (IMAGE, "y, y2 = Split<num_outputs=2, axis=1>(x)", ["n,2,h,w", "n,2,h,w"]),
    "split uneven": (
        "float[n,h] x",
        "y, y2, y3 = Split<num_outputs=3, axis=1>(x)",
        ["n,(h + 2)//3", "n,(h + 2)//3", "n,h - 2*((h + 2)//3)"],
    ),
    "split sizes": (
        IMAGE,
        """
        s = Constant<value_ints=[1,3]>()
        y, y2 = Split<axis=1>(x, s)
        """,
        ["n,1,h,w", "n,3,h,w"],
    ),
    "pad": (
        IMAGE,
        """
        p = Constant<value_ints=[0,0,1,2,0,0,3,-1]>()
        y = Pad(x, p)
        """,
        ["n,4,h + 4,w + 1"],
    ),
    "pad axes": (
        IMAGE,
        """
        p = Constant<value_ints=[1,2]>()
        a = Constant<value_ints=[-1]>()
        y = Pad(x, p, , a)
        """,
        ["n,4,h,w + 3"],
    ),
    # slices
    "slice": (
        IMAGE,
        """
        s = Constant<value_ints=[1]>()
        e = Constant<value_ints=[-1]>()
        a = Constant<value_ints=[2]>()
        y = Slice(x, s, e, a)
        """,
        ["n,4,max(h - 2, 0),w"],
    ),
    "slice last": (
        IMAGE,
        """
        s = Constant<value_ints=[-2]>()
        e = Constant<value_ints=[9223372036854775807]>()
        a = Constant<value_ints=[3]>()
        y = Slice(x, s, e, a)
        """,
        ["n,4,h,min(w, 2)"],
    ),
    "slice step": (
        IMAGE,
        """
        s = Constant<value_ints=[1,0]>()
        e = Constant<value_ints=[1000,6]>()
        a = Constant<value_ints=[2,3]>()
        t = Constant<value_ints=[2,3]>()
        y = Slice(x, s, e, a, t)
        """,
        [],
    ),
    "slice back": (
        IMAGE,
        """
        s = Constant<value_ints=[-1]>()
        e = Constant<value_ints=[-9223372036854775807]>()
        a = Constant<value_ints=[2]>()
        t = Constant<value_ints=[-1]>()
        y = Slice(x, s, e, a, t)
        """,
        ["n,4,h,w"],
    ),
    "slice back steps": (
        IMAGE,
        """
        s = Constant<value_ints=[5,-2]>()
        e = Constant<value_ints=[0,1]>()
        a = Constant<value_ints=[2,3]>()
        t = Constant<value_ints=[-2,-3]>()
        y = Slice(x, s, e, a, t)
        """,
        [],
    ),
    "gather": ("float[n,h,8] x, int64[w,2] i", "y = Gather<axis=1>(x, i)", ["n,w,2,8"]),
    "gather elements": ("float[n,h] x, int64[n,w] i", "y = GatherElements<axis=1>(x, i)", ["n,w"]),
    "gather nd": ("float[n,h,8] x, int64[w,2] i", "y = GatherND(x, i)", ["w,8"]),
    "scatter elements": ("float[n,h] x, int64[n,1] i, float[n,1] u", "y = ScatterElements<axis=1>(x, i, u)", ["n,h"]),
    "scatter nd": ("float[n,h] x, int64[1,2] i, float[1] u", "y = ScatterND(x, i, u)", ["n,h"]),
    "top k": (
        "float[n,h] x",
        """
        k = Constant<value_ints=[3]>()
        y, y2 = TopK(x, k)
        """,
        ["n,3", "n,3"],
    ),
    "one hot": (
        "int64[n,h] x",
        """
        d = Constant<value_int=7>()
        v = Constant<value_floats=[0.0,1.0]>()
        y = OneHot<axis=1>(x, d, v)
        """,
        ["n,7,h"],
    ),
    # linear
    "matmul": ("float[n,1,h,5] x, float[w,5,c] z", "y = MatMul(x, z)", ["n,w,h,c"]),
    "matmul vector": ("float[5] x, float[n,5,h] z", "y = MatMul(x, z)", ["n,h"]),
    "matmul column": ("float[n,h,5] x, float[5] z", "y = MatMul(x, z)", ["n,h"]),
    "gemm": ("float[5,n] x, float[h,5] z, float[h] b", "y = Gemm<transA=1, transB=1>(x, z, b)", ["n,h"]),
    "einsum": ("float[n,h,5] x, float[n,5,w] z", 'y = Einsum<equation="bij,bjk->kb">(x, z)', ["w,n"]),
    "einsum dots": ("float[n,1,h,5] x, float[1,w,5,3] z", 'y = Einsum<equation="...ij,...jk">(x, z)', ["n,w,h,3"]),
    "einsum implicit": ("float[h,n] x, float[n,w] z", 'y = Einsum<equation="ba,ac">(x, z)', ["h,w"]),
    # reductions
    "reduce": (
        IMAGE,
        """
        a = Constant<value_ints=[-1,1]>()
        y = ReduceMean(x, a)
        """,
        ["n,1,h,1"],
    ),
    "reduce dropped": (
        IMAGE,
        """
        a = Constant<value_ints=[2]>()
        y = ReduceSum<keepdims=0>(x, a)
        """,
        ["n,4,w"],
    ),
    "reduce all": (IMAGE, "y = ReduceMax<keepdims=0>(x)", [""]),
    "reduce noop": (IMAGE, "y = ReduceSum<noop_with_empty_axes=1>(x)", ["n,4,h,w"]),
    "argmax": (IMAGE, "y = ArgMax<axis=-1, keepdims=0>(x)", ["n,4,h"]),
    # resizing
    "resize scales": (
        IMAGE,
        """
        s = Constant<value_floats=[1.0,1.0,2.0,1.5]>()
        y = Resize<mode="nearest">(x, , s)
        """,
        ["n,4,2*h,w + w//2"],
    ),
    "resize down": (
        IMAGE,
        """
        s = Constant<value_floats=[1.0,1.0,0.5,0.25]>()
        y = Resize<mode="linear">(x, , s)
        """,
        ["n,4,h//2,w//4"],
    ),
    "resize sizes": (
        IMAGE,
        """
        i = Constant<value_ints=[5,6]>()
        y = Resize<axes=[2,3]>(x, , , i)
        """,
        ["n,4,5,6"],
    ),
    "grid sample": (f"{IMAGE}, float[n,5,c,2] g", "y = GridSample(x, g)", ["n,4,5,c"]),
    "upsampled like": (
        f"{IMAGE}, float[n,4,c,7] z",
        """
        t = Shape<start=2>(z)
        y = Resize<axes=[2,3], mode="nearest">(x, , , t)
        """,
        ["n,4,c,7"],
    ),
    # recurrent
    "lstm": (
        "float[h,n,5] x, float[1,16,5] k, float[1,16,4] r",
        "y, y2, y3 = LSTM<hidden_size=4>(x, k, r)",
        ["h,1,n,4", "1,n,4", "1,n,4"],
    ),
    "gru": (
        "float[h,n,5] x, float[2,12,5] k, float[2,12,4] r",
        'y, y2 = GRU<hidden_size=4, direction="bidirectional">(x, k, r)',
        ["h,2,n,4", "2,n,4"],
    ),
    # quantised
    "quantize": (f"{IMAGE}, float s, uint8 z", "y = QuantizeLinear(x, s, z)", ["n,4,h,w"]),
    "dynamic quantize": (IMAGE, "y, y2, y3 = DynamicQuantizeLinear(x)", ["n,4,h,w", "", ""]),
    # signal
    "dft": (
        "float[n,h,1] x",
        """
        a = Constant<value_int=1>()
        y = DFT<onesided=1>(x, , a)
        """,
        ["n,h//2 + 1,2"],
    ),
    "stft": (
        "float[n,h,1] x",
        """
        s = Constant<value_int=2>()
        l = Constant<value_int=4>()
        y = STFT(x, s, , l)
        """,
        ["n,h//2 - 1,3,2"],
    ),
    # making
    "eye like": ("float[h,w] x", "y = EyeLike(x)", ["h,w"]),
    "range": (
        IMAGE,
        """
        s = Shape<start=2, end=3>(x)
        z = Constant<value_int=1>()
        d = Constant<value_int=2>()
        q = Squeeze(s)
        y = Range(z, q, d)
        """,
        ["h//2"],
    ),
    # arithmetic on shapes
    "shape of": (IMAGE, "y = Shape(x)", ["4"]),
    "flattened by shape": (
        IMAGE,
        """
        s = Shape(x)
        i = Constant<value_ints=[0]>()
        b = Gather(s, i)
        m = Constant<value_ints=[-1]>()
        t = Concat<axis=0>(b, m)
        y = Reshape(x, t)
        """,
        ["n,4*h*w"],
    ),
    "merged by product": (
        IMAGE,
        """
        s = Shape<start=2>(x)
        p = ReduceProd(s)
        b = Shape<start=0, end=2>(x)
        t = Concat<axis=0>(b, p)
        y = Reshape(x, t)
        """,
        ["n,4,h*w"],
    ),
    "heads": (
        "float[n,h,12] x",
        """
        s = Shape(x)
        z = Constant<value_int=0>()
        o = Constant<value_int=1>()
        b = Gather(s, z)
        l = Gather(s, o)
        a = Constant<value_ints=[0]>()
        b1 = Unsqueeze(b, a)
        l1 = Unsqueeze(l, a)
        k = Constant<value_ints=[3,4]>()
        t = Concat<axis=0>(b1, l1, k)
        r = Reshape(x, t)
        y = Transpose<perm=[0,2,1,3]>(r)
        """,
        ["n,3,h,4"],
    ),
    "half of the width": (
        IMAGE,
        """
        s = Shape<start=3>(x)
        t = Constant<value_ints=[2]>()
        q = Div(s, t)
        z = Constant<value_ints=[0]>()
        a = Constant<value_ints=[3]>()
        y = Slice(x, z, q, a)
        """,
        ["n,4,h,w//2"],
    ),
    "doubled by floats": (
        IMAGE,
        """
        s = Shape<start=2>(x)
        f = Cast<to=1>(s)
        t = Constant<value_float=2.0>()
        d = Mul(f, t)
        i = Cast<to=7>(d)
        y = Resize<axes=[2,3]>(x, , , i)
        """,
        ["n,4,2*h,2*w"],
    ),
    "constant of shape": (
        IMAGE,
        """
        s = Shape<end=2>(x)
        y = ConstantOfShape(s)
        """,
        ["n,4"],
    ),
    "expanded like": (
        "float[n,1] x, float[n,h] z",
        """
        s = Shape(z)
        y = Expand(x, s)
        """,
        ["n,h"],
    ),
    "expand by where": (
        "float[n,1] x",
        """
        two = Constant<value_ints=[2]>()
        c1 = Constant<value_ints=[1,-1]>()
        o = Constant<value_ints=[-1]>()
        u = ConstantOfShape(two)
        m = Equal(c1, o)
        one = Constant<value_ints=[1]>()
        w1 = Where(m, one, c1)
        w2 = Expand(w1, two)
        y = Expand(x, w2)
        """,
        ["n,1"],
    ),
    "tiled by shape": (
        "float[h,5] x, float[n,3] z",
        """
        s = Shape<end=1>(z)
        o = Constant<value_ints=[1]>()
        r = Concat<axis=0>(s, o)
        y = Tile(x, r)
        """,
        ["h*n,5"],
    ),
    "top k of a shape": (
        "float[n,h] x, float[m,2] z",
        """
        s = Shape<end=1>(z)
        l = Shape<start=1>(x)
        k = Min(s, l)
        y, y2 = TopK(x, k)
        """,
        ["n,min(h, m)", "n,min(h, m)"],
    ),
    "size": (
        IMAGE,
        """
        s = Size(x)
        a = Constant<value_ints=[0]>()
        t = Unsqueeze(s, a)
        y = Reshape(x, t)
        """,
        ["4*h*n*w"],
    ),
    "padded to even": (
        IMAGE,
        """
        s = Shape<start=3>(x)
        t = Constant<value_ints=[2]>()
        r = Mod(s, t)
        z = Constant<value_ints=[0,0,0,0,0,0,0]>()
        p = Concat<axis=0>(z, r)
        y = Pad(x, p)
        """,
        ["n,4,h,2*w - 2*(w//2)"],
    ),
    "arange": (
        "int64[n,h] x",
        """
        z = Constant<value_int=0>()
        o = Constant<value_int=1>()
        s = Shape(x)
        l = Gather(s, o)
        r = Range(z, l, o)
        a = Constant<value_ints=[0]>()
        y = Unsqueeze(r, a)
        """,
        ["1,h"],
    ),
    "one hot of a size": (
        "int64[n,2] x, float[h] z",
        """
        s = Shape(z)
        v = Constant<value_floats=[0.0,1.0]>()
        y = OneHot(x, s, v)
        """,
        ["n,2,h"],
    ),
    "split by sizes": (
        "float[n,h] x",
        """
        s = Shape<start=1>(x)
        o = Constant<value_ints=[3]>()
        r = Sub(s, o)
        t = Concat<axis=0>(o, r)
        y, y2 = Split<axis=1>(x, t)
        """,
        ["n,3", "n,h - 3"],
    ),
}


def model_of(inputs: str, body: str, opset: int = 20) -> onnx.ModelProto:
    """The network of ``body``, in ONNX's textual form; its outputs y, y2 … have no declared types."""
    lines = [f"  {line.strip()}" for line in body.strip().splitlines()]
    made = [name.strip() for line in lines for name in line.split("=")[0].split(",")]
    outputs = ", ".join(name for name in ("y", "y2", "y3") if name in made)
    text = f'<ir_version: 9, opset_import: ["": {opset}]>\ng ({inputs}) => ({outputs}) {{\n' + "\n".join(lines) + "\n}"
    return parser.parse_model(text)


def inferred(proto: onnx.ModelProto) -> ir.Model:
    model = ir.serde.deserialize_model(proto)
    infer_shapes(model)
    return model


def feeds_of(proto: onnx.ModelProto, sizes: Mapping[str, int]) -> dict[str, np.ndarray[Any, Any]]:
    """Positive floats and zeros, which every index may be, in the inputs' shapes."""
    source = np.random.default_rng(0)
    feeds = {}
    for value in proto.graph.input:
        kind = value.type.tensor_type
        shape = [d.dim_value if d.HasField("dim_value") else sizes[d.dim_param] for d in kind.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        floating = np.issubdtype(dtype, np.floating)
        feeds[value.name] = np.asarray(source.uniform(0.1, 1, shape) if floating else np.zeros(shape)).astype(dtype)
    return feeds


def shown(value: ir.Value) -> str:
    assert value.shape is not None
    return ",".join(str(size) for size in value.shape)


@pytest.mark.parametrize("name", CASES)
def test_against_onnxruntime(name: str) -> None:
    inputs, body, expected = CASES[name]
    proto = model_of(inputs, body)
    model = inferred(proto)
    if expected:
        assert [shown(value) for value in model.graph.outputs] == expected
    for value, declared in zip(model.graph.outputs, proto.graph.output, strict=True):
        assert value.dtype is not None
        declared.type.CopyFrom(onnx.helper.make_tensor_type_proto(int(value.dtype), None))
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for sizes in SIZES:
        results = session.run(None, feeds_of(proto, sizes))
        for value, result in zip(model.graph.outputs, results, strict=True):
            assert value.shape is not None and value.dtype is not None
            found = [d if isinstance(d, int) else evaluate(parse(d.value or "?"), sizes) for d in value.shape]
            assert found == list(result.shape), (sizes, shown(value))
            assert value.dtype.numpy() == result.dtype
