"""Where OpenCV isn't Caffe. The expectations were found by running both; with real Caffe at hand they are found again."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.graph_ir.errors import MissingRuntime
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.runners.caffe import caffe_runner, network_outputs
from dragoman.validators.runners.opencv_limits import RULES, SourceLayer, deviations

ALIKE = [
    ("AbsVal", {}),
    ("BNLL", {}),
    ("ELU", {"elu_param": {"alpha": 0.3}}),
    ("Exp", {"exp_param": {"base": 2.0, "scale": 0.5, "shift": 0.3}}),
    ("Flatten", {"flatten_param": {"axis": 2, "end_axis": 3}}),
    ("LRN", {"lrn_param": {"alpha": 1.0, "local_size": 3, "beta": 0.5}}),
    ("LRN", {"lrn_param": {"alpha": 1.0, "k": 3.0, "norm_region": "WITHIN_CHANNEL"}}),
    ("MVN", {"mvn_param": {"across_channels": True, "normalize_variance": False}}),
    ("Pooling", {"pooling_param": {"pool": "AVE", "kernel_size": 3, "stride": 2, "pad": 1}}),
    ("Pooling", {"pooling_param": {"pool": "MAX", "kernel_h": 2, "kernel_w": 3, "stride_h": 2, "stride_w": 3}}),
    ("Pooling", {"pooling_param": {"pool": "AVE", "global_pooling": True}}),
    ("Power", {"power_param": {"power": 2.0, "scale": 0.5, "shift": 3.0}}),
    ("ReLU", {"relu_param": {"negative_slope": 0.1}}),
    ("Reshape", {"reshape_param": {"axis": 1, "shape": {"dim": [-1]}}}),
    ("Softmax", {"softmax_param": {"axis": -1}}),
    ("Swish", {}),
]

DIFFERENT = [
    ("LRN", {"lrn_param": {"alpha": 1.0, "k": 2.0}}, "it ignores k"),
    ("LRN", {"lrn_param": {"local_size": 3}}, "default of alpha"),
    ("MVN", {"mvn_param": {"eps": 0.1}}, "under the root"),
    ("Pooling", {"pooling_param": {"pool": "MAX", "kernel_size": 3, "stride": 5}}, "stride larger than the kernel"),
    ("Reshape", {"reshape_param": {"shape": {"dim": -1}}}, "1-D outputs"),
    ("Flatten", {"flatten_param": {"axis": 0}}, "1-D outputs"),
    ("Swish", {"swish_param": {"beta": 0.5}}, "it ignores beta"),
    ("Log", {"log_param": {"scale": -2.0}}, "scale and shift"),
]

REFUSED = [
    ("ArgMax", {}, "no such layer"),
    ("Concat", {"concat_param": {"concat_dim": 0}}, "ignores concat_dim"),
    ("Slice", {"slice_param": {"slice_dim": 0, "slice_point": 1}}, "ignores slice_dim"),
    ("Slice", {}, "equal parts"),
    ("Convolution", {"convolution_param": {"kernel_size": [3, 3, 3]}}, "N-D"),
    ("Deconvolution", {"convolution_param": {"kernel_size": 3, "dilation": [2]}}, "dilation"),
    ("Deconvolution", {"convolution_param": {"kernel_size": 1, "pad": 1}}, "outside of its buffers"),
    ("InnerProduct", {"inner_product_param": {"transpose": True}}, "transpose"),
    ("Pooling", {"pooling_param": {"pool": "STOCHASTIC", "kernel_size": 2}}, "stochastic"),
    ("Pooling", {"pooling_param": {"kernel_size": 2, "round_mode": "FLOOR"}}, "round_mode"),
    ("BatchNorm", {"batch_norm_param": {"use_global_stats": False}}, "own statistics"),
    ("Scale", {"scale_param": {"axis": -1}}, "from the end"),
    ("Permute", {"permute_param": {"order": [0, 2]}}, "every axis"),
    ("LSTM", {}, "no such layer"),
    ("InnerProduct", {"inner_product_param": {"axis": -3}}, "1-D outputs"),
    ("ConvolutionDepthwise", {"convolution_param": {"num_output": 6}}, "one group for each"),
    ("PriorBox", {"prior_box_param": {"min_size": 25.6, "variance": 0.1, "clip": False}}, "fractions"),
    ("PriorBox", {"prior_box_param": {"min_size": 25}}, "defaults"),
    ("PriorBox", {"prior_box_param": {"min_size": 25, "variance": 0.1, "clip": False, "img_size": 300}}, "step"),
    ("DetectionOutput", {"detection_output_param": {"keep_top_k": 100}}, "defaults"),
    ("DetectionOutput", {"detection_output_param": {"keep_top_k": 9, "nms_param": {"nms_threshold": 0.4, "eta": 0.9}}}, "eta"),
    (
        "DetectionOutput",
        {"detection_output_param": {"keep_top_k": 9, "nms_param": {"nms_threshold": 0.4}, "code_type": "CORNER_SIZE"}},
        "code_type",
    ),
]


def layer(kind, attributes, **more):
    tops = ("a", "b") if kind == "Slice" else ("y",)
    return SourceLayer("the", kind, ("x",), tops, attributes, **more)


def test_working_in_place():
    """OpenCV has one tensor for all tops of a Split, and writes a sum over a term that it still reads."""
    split, relu = SourceLayer("split", "Split", ("x",), ("a", "b")), SourceLayer("relu", "ReLU", ("a",), ("a",))
    ((found, reason),) = deviations([split, relu], [4])
    assert found is relu
    assert "Split" in reason
    assert deviations([split, SourceLayer("relu", "ReLU", ("a",), ("c",))], [4]) == []
    assert deviations([SourceLayer("sum", "Eltwise", ("x", "y"), ("z",))], [4]) == []
    ((_, reason),) = deviations([SourceLayer("sum", "Eltwise", ("x", "y"), ("x",))], [4])
    assert "overwrites" in reason


@pytest.mark.parametrize(("kind", "attributes"), ALIKE)
def test_alike_is_run(kind, attributes):
    assert deviations([layer(kind, attributes)], [4]) == []


@pytest.mark.parametrize(("kind", "attributes", "reason"), DIFFERENT + REFUSED)
def test_different_is_not_run(kind, attributes, reason):
    ((_, found),) = deviations([layer(kind, attributes)], [4])
    assert reason in found


def test_what_depends_on_more_than_attributes():
    assert deviations([layer("MVN", {})], [3])
    assert deviations([layer("ReLU", {}), layer("ReLU", {})])
    assert deviations([layer("Deconvolution", {"convolution_param": {"kernel_size": 3}}, blobs=0)])
    assert deviations([SourceLayer("s", "Scale", ("x", "y"), ("z",), {"scale_param": {"bias_term": True}})])
    assert "LSTM" not in RULES


def test_outputs_are_in_caffes_order():
    split = SourceLayer("s", "Slice", ("x",), ("z", "b", "B"))
    assert network_outputs([split, SourceLayer("r", "ReLU", ("z",), ("z",)), SourceLayer("e", "Silence", ("b",), ())]) == [
        "B",
        "z",
    ]


def text(value):
    if isinstance(value, dict):
        return " ".join(f"{k} {{ {text(v)} }}" if isinstance(v, dict) else field(k, v) for k, v in value.items())
    raise TypeError(value)


def field(key, value):
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{key}: {str(v).lower() if isinstance(v, bool) else v}" for v in values)


def measured(kind, attributes):
    """A layer that can be computed in both Caffes."""
    return next(k for k, entry in enumerate([*ALIKE, *DIFFERENT]) if entry[:2] == (kind, attributes))


@pytest.fixture(scope="module")
def both(tmp_path_factory, caffe_python):
    """All the layers, side by side in one network, in both Caffes: the OpenCV one in spite of its limits."""
    pytest.importorskip("cv2", reason="OpenCV isn't installed")
    prototxt = tmp_path_factory.mktemp("caffe") / "n.prototxt"
    lines = ['layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 dim: 9 dim: 11 } } }']
    layers = []
    for k, (kind, attributes, *_) in enumerate([*ALIKE, *DIFFERENT]):
        lines.append(f'layer {{ name: "l{k}" type: "{kind}" bottom: "x" top: "y{k}" {text(attributes)} }}')
        layers.append(SourceLayer(f"l{k}", "AbsVal", ("x",), (f"y{k}",)))
    prototxt.write_text("\n".join(lines))
    inputs = [TensorSpec("x", "float32", (2, 4, 9, 11))]
    x = np.random.default_rng(0).standard_normal((2, 4, 9, 11)).astype(np.float32) * 3
    with caffe_runner(prototxt, python=caffe_python) as real, caffe_runner(prototxt, layers=layers, inputs=inputs) as opencv:
        return real.run({"x": x}), opencv.run({"x": x})


def error(both, kind, attributes):
    """The largest relative difference of the two Caffes; infinite for another shape, NaN for NaN."""
    real, opencv = (side[f"y{measured(kind, attributes)}"] for side in both)
    return abs(real - opencv).max() / abs(real).max() if real.shape == opencv.shape else np.inf


@pytest.mark.parametrize(("kind", "attributes"), ALIKE)
def test_alike_is_alike(kind, attributes, both):
    assert error(both, kind, attributes) <= 2e-5


@pytest.mark.parametrize(("kind", "attributes", "reason"), DIFFERENT)
def test_different_is_different(kind, attributes, reason, both):
    assert not error(both, kind, attributes) <= 1e-3


def test_one_dimensional_inputs_and_hdf5_are_not_run(tmp_path):
    plain = [SourceLayer("the", "AbsVal", ("x",), ("y",))]
    with pytest.raises(MissingRuntime, match="1-D input"):
        caffe_runner(tmp_path / "n", layers=plain, inputs=[TensorSpec("x", "float32", (3,))])
    with pytest.raises(MissingRuntime, match="HDF5"):
        caffe_runner(tmp_path / "n", tmp_path / "w.caffemodel.h5", layers=plain, inputs=[TensorSpec("x", "float32", (3, 2))])
    with pytest.raises(MissingRuntime, match="without its layers"):
        caffe_runner(tmp_path / "n")
