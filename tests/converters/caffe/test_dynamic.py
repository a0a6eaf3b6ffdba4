"""Recorded cases converted with dynamic sizes: what the layers must work out in the graph."""

import numpy as np
import onnxruntime
import pytest
from layer_support import check_recorded

from dragoman.conversion import load, outline
from dragoman.converters.caffe import zoo
from dragoman.converters.onnx.exporter import to_proto
from dragoman.graph_ir.inference import evaluate, parse, symbols

IMAGE = ("batch", "channels", "height", "width")


@pytest.mark.parametrize(
    ("family", "case_id", "inputs"),
    [
        ("activation", "Power,power=3,scale=0,shift=3", {"data": ("batch", "steps", "features")}),
        ("conv", "Convolution,5-axes-from-2", {"data": ("batch", "frames", 2, "height", "width")}),
        ("conv", "Deconvolution,5-axes-from-2", {"data": ("batch", "frames", 2, "height", "width")}),
        (
            "dense",
            "InnerProduct,shape=2x3x4,num_output=5,transpose=False,bias_term=True,axis=2",
            {"data": ("steps", "batch", 4)},
        ),
        ("elementwise", "in-place,on-shared-memory", {"data": IMAGE}),
        ("pooling", "Pooling,mask,kernel_size=3,stride=2,pad=1,ties=False", {"data": IMAGE}),
        ("pooling", "Pooling,mask,kernel_size=3,stride=3,pad=2,ties=True", {"data": IMAGE}),
        ("pooling", "Pooling,mask,kernel_size=2,stride=3,pad=0,ties=True", {"data": IMAGE}),
        ("pooling", "Pooling,mask,asymmetric", {"data": IMAGE}),
        ("pooling", "Pooling,mask,global", {"data": IMAGE}),
        ("shape", "Slice,axis=0,tops=2", {"data": IMAGE}),
        ("shape", "Slice,axis=2,tops=3", {"data": IMAGE}),
        ("shape", "Slice,points=1x3,axis=-1", {"data": IMAGE}),
    ],
)
def test_gives_what_caffe_gave(family, case_id, inputs, tmp_path):
    check_recorded(family, case_id, tmp_path, inputs)


POOL = """name: "pool" input: "data" input_shape {{ dim: 1 dim: 2 dim: {0} dim: {1} }}
layer {{ name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param {{ pool: {2} {3} }} }}"""
SETTINGS = [
    "kernel_size: 2 stride: 2",
    "kernel_size: 3 stride: 2",
    "kernel_size: 3 stride: 2 pad: 1",
    "kernel_size: 2 stride: 3",
    "kernel_size: 5 stride: 2 pad: 4",
    "kernel_size: 3 stride: 3 pad: 2",
    "kernel_size: 7 stride: 5",
    "kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 0",
    "kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR",
]


@pytest.mark.parametrize("method", ["MAX", "AVE"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_pooling_of_any_size_is_that_of_each_size(method, setting, tmp_path):
    """Sizes that are known go another way, which the recorded cases hold to Caffe; shapes are arithmetic on the input's own."""
    path = tmp_path / "net.prototxt"
    path.write_text(POOL.format(9, 9, method, setting))
    dynamic = load(path, inputs={"data": ("n", 2, "h", "w")})
    for value in (out for node in dynamic.graph for out in node.outputs):
        for size in value.shape:
            assert isinstance(size, int) or symbols(parse(size.value)) <= {"n", "h", "w"}, value
    session = onnxruntime.InferenceSession(to_proto(dynamic).SerializeToString(), providers=["CPUExecutionProvider"])
    for height, width in [(7, 7), (7, 12), (8, 9), (9, 8), (11, 10), (13, 16)]:
        path.write_text(POOL.format(height, width, method, setting))
        static = onnxruntime.InferenceSession(to_proto(load(path)).SerializeToString(), providers=["CPUExecutionProvider"])
        x = np.random.default_rng(height * width).standard_normal((1, 2, height, width)).astype(np.float32)
        (wanted,), (found,) = static.run(None, {"data": x}), session.run(None, {"data": x})
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
        said = [evaluate(parse(str(d)), {"n": 1, "h": height, "w": width}) for d in dynamic.graph.outputs[0].shape]
        assert said == list(wanted.shape)


@pytest.mark.parametrize("name", ["squeezenet", "mobilenet", "fcn8s"])
def test_networks_name_no_dimension_of_their_own(name, tmp_path):
    prototxt, _ = zoo.write(name, tmp_path, size=64)
    model = outline(prototxt, inputs={"data": ("n", 3, "h", "w")})
    shapes = [value.shape for node in model.graph for value in node.outputs]
    assert {symbol for shape in shapes for d in shape if not isinstance(d, int) for symbol in symbols(parse(d.value))} <= {*"nhw"}
