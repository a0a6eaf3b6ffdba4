"""A Caffe network against its ONNX twin: the right one passes, every fault fails and is found in its layer."""

from __future__ import annotations

import json

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.errors import ExitCode, MissingRuntime
from dragoman.validators.localisation import TracedTensor
from dragoman.validators.noise import K
from dragoman.validators.parity import check_parity
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.runners.caffe import caffe_runner
from dragoman.validators.runners.onnxruntime import OnnxRuntimeRunner
from dragoman.validators.runners.opencv_limits import SourceLayer
from dragoman.validators.sampling import generate
from dragoman.validators.terminal import render

DATA = TensorSpec("data", "float32", (1, 3, 10, 10))
TENSORS = [("conv@conv", "conv.conv"), ("conv@bn", "conv.bn"), ("conv@scale", "conv.scale"), ("conv@clamp", "conv")]
TENSORS += [("pool@pool", "pool"), ("mean@mean", "mean"), ("fc@fc", "fc"), ("prob@prob", "prob")]
TRACED = [
    TracedTensor(source, converted, source.partition("@")[2], inputs=(TENSORS[i - 1][0],) if i else ())
    for i, (source, converted) in enumerate(TENSORS)
]


def verify(original, path, **options):
    with original, OnnxRuntimeRunner(path) as converted:
        samples = generate(converted.describe().inputs, seed=0)
        return check_parity(original, converted, graph=ir.load(path), samples=samples, tensor_map=TRACED, **options)


@pytest.fixture
def opencv(caffe_files, caffe_layers):
    pytest.importorskip("cv2", reason="OpenCV isn't installed")
    return caffe_runner(*caffe_files(), layers=caffe_layers, inputs=[DATA])


@pytest.fixture
def real_caffe(caffe_files, caffe_python):
    return caffe_runner(*caffe_files('type: "Clip" clip_param { min: 0 max: 6 }'), python=caffe_python)


@pytest.mark.parametrize("runtime", ["opencv", "real_caffe"])
def test_right_conversion_passes(runtime, request, onnx_file):
    report = verify(request.getfixturevalue(runtime), onnx_file(), layerwise=True)
    assert report.passed, render(report)
    assert report.exit_code is ExitCode.OK
    assert 0 < report.ratio < K / 2
    assert len(report.outputs[0].measurements) == 9
    assert report.localisation.departure is None
    assert report.localisation.compared == len(TRACED)
    assert {m.shape[0] for m in report.outputs[0].measurements} == {1, 2, 3}


@pytest.mark.parametrize("runtime", ["opencv", "real_caffe"])
def test_fault_fails_and_is_located(runtime, injected, guilty, request, onnx_file):
    report = verify(request.getfixturevalue(runtime), onnx_file(injected))
    assert report.exit_code is ExitCode.PARITY, render(report)
    assert report.ratio > 40
    assert report.localisation.departure.layer == guilty
    assert report.localisation.departure.inputs_agreed is (None if guilty == "conv" else True)
    assert guilty in render(report)


def test_report_is_json(opencv, onnx_file):
    document = json.loads(json.dumps(verify(opencv, onnx_file("floor")).to_json(), allow_nan=False))
    assert document["version"] == 1
    assert document["verdict"] == "failed"
    assert document["exit_code"] == 1
    assert document["original"]["runtime"] == "OpenCV dnn"
    assert document["localisation"]["departure"]["layer"] == "pool"
    assert document["outputs"][0]["measurements"][0]["basis"].startswith("float64 evaluation")


def test_the_two_caffes_agree(opencv, real_caffe):
    sample = generate([DATA])[0]
    with opencv, real_caffe:
        taps = [source for source, _ in TENSORS]
        a, b = opencv.run(sample.feeds, taps), real_caffe.run(sample.feeds, taps)
    assert set(a) == {*taps, "prob"} == set(b)
    for name in a:
        assert a[name].shape == b[name].shape
        assert abs(a[name] - b[name]).max() < 1e-5 * abs(b[name]).max()


@pytest.mark.parametrize(
    ("scores", "rows"),
    [((0.1, 0.9, 0.8, 0.2), [[0, 1, 0.9, 0.1, 0.1, 0.3, 0.3]]), ((0.9, 0.1, 0.9, 0.1), [[0, -1, -1, -1, -1, -1, -1]])],
    ids=["one box", "no box"],
)
def test_detections_are_listed_as_ssd_lists_them(scores, rows, tmp_path):
    """OpenCV pads its list with zeros up to keep_top_k; SSD's Caffe writes the boxes, or a row of -1 where there is none."""
    pytest.importorskip("cv2", reason="OpenCV isn't installed")
    shapes = {"location": (1, 8), "score": (1, 4), "prior": (1, 2, 8)}
    declared = [f'input: "{n}" input_shape {{ {" ".join(f"dim: {d}" for d in s)} }}' for n, s in shapes.items()]
    layer = """layer { name: "found" type: "DetectionOutput" bottom: "location" bottom: "score" bottom: "prior" top: "found"
      detection_output_param { num_classes: 2 share_location: true background_label_id: 0 code_type: CENTER_SIZE
        nms_param { nms_threshold: 0.45 top_k: 10 } keep_top_k: 5 confidence_threshold: 0.5 } }"""
    (tmp_path / "n.prototxt").write_text("\n".join([*declared, layer]))
    priors = np.array([[[0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.9, 0.9], [0.1, 0.1, 0.2, 0.2] * 2]], np.float32)
    feeds = {"location": np.zeros((1, 8), np.float32), "score": np.array([scores], np.float32), "prior": priors}
    attributes = {"detection_output_param": {"keep_top_k": 5, "nms_param": {"nms_threshold": 0.45}}}
    layers = [SourceLayer("found", "DetectionOutput", tuple(shapes), ("found",), attributes)]
    inputs = [TensorSpec(name, "float32", shape) for name, shape in shapes.items()]
    with caffe_runner(tmp_path / "n.prototxt", layers=layers, inputs=inputs) as runner:
        np.testing.assert_allclose(runner.run(feeds)["found"], np.array([[rows]], np.float32), atol=1e-6)


def test_a_layer_that_opencv_computes_differently_is_not_run(caffe_files, caffe_layers):
    odd = SourceLayer("norm", "LRN", ("conv",), ("norm",), {"lrn_param": {"alpha": 1.0, "k": 2.0}})
    with pytest.raises(MissingRuntime, match=r"norm \(LRN\): it ignores k(.|\n)*--source-python"):
        caffe_runner(*caffe_files(), layers=[*caffe_layers, odd], inputs=[DATA])
