"""ROIPooling and PSROIPooling, against loops over their definitions and OpenCV's dnn."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.graph_ir.errors import MalformedModel

from . import fork_nets, reference_layers

ROI = 'layer {{ name: "pool" type: "ROIPooling" bottom: "x" bottom: "rois" top: "out" roi_pooling_param {{ {} }} }}'
PSROI = 'layer {{ name: "pool" type: "PSROIPooling" bottom: "x" bottom: "rois" top: "out" psroi_pooling_param {{ {} }} }}'

REGIONS = {
    "inside": [[0, 16, 16, 150, 120], [1, 3, 40, 100, 90], [0, 0, 0, 223, 175]],
    "halves": [[0, 8, 8, 24, 40], [0, 24, 8.5, 72, 56], [1, 0.5, 1.5, 2.5, 3.5], [1, 7.999999, 8.000001, 40, 40]],
    "partly outside": [[0, -40, -30, 60, 70], [0, 150, 120, 400, 300]],
    "outside": [[0, -400, -300, -100, -100], [1, 900, 900, 990, 990]],
    "small": [[0, 50, 50, 50, 50], [1, 50, 50, 51, 60], [1, 64, 64, 64.4, 64.4]],
    "swapped": [[0, 100, 100, 20, 30], [1, 100, 20, 30, 90]],
}


def regions(name):
    return np.array(REGIONS[name], np.float32)


def image(channels, height=11, width=14):
    return np.random.RandomState(channels).normal(0, 1, (2, channels, height, width)).astype(np.float32)


def roi(x, rois, pooled, scale, runner=fork_nets.run):
    found = runner(ROI.format(f"pooled_h: {pooled[0]} pooled_w: {pooled[1]} spatial_scale: {scale}"), {"x": x, "rois": rois})
    return found["out"] if isinstance(found, dict) else found


def psroi(x, rois, depth, group, scale, runner=fork_nets.run, **options):
    text = PSROI.format(f"output_dim: {depth} group_size: {group} spatial_scale: {scale}")
    found = runner(text, {"x": x, "rois": rois}, **options)
    return found["out"] if isinstance(found, dict) else found


@pytest.mark.parametrize("scale", [0.0625, 0.1, 1.0])
@pytest.mark.parametrize("pooled", [(7, 7), (1, 1), (2, 5), (6, 3)])
@pytest.mark.parametrize("name", REGIONS)
def test_roi_pooling_equals_its_definition(name, pooled, scale):
    x, rois = image(3), regions(name)
    np.testing.assert_array_equal(roi(x, rois, pooled, scale), reference_layers.roi_pooling(x, rois, pooled, scale))


@pytest.mark.parametrize("name", ["inside", "partly outside", "swapped"])
def test_roi_pooling_equals_opencv(name):
    x, rois = image(3), regions(name)
    np.testing.assert_array_equal(roi(x, rois, (7, 7), 0.0625), roi(x, rois, (7, 7), 0.0625, fork_nets.run_in_opencv))


@pytest.mark.parametrize("scale", [0.0625, 0.1, 1.0])
@pytest.mark.parametrize(("depth", "group"), [(2, 7), (5, 3), (4, 1)])
@pytest.mark.parametrize("name", REGIONS)
def test_psroi_pooling_equals_its_definition(name, depth, group, scale):
    x, rois = image(depth * group**2), regions(name)
    expected = reference_layers.psroi_pooling(x, rois, depth, group, scale)
    np.testing.assert_allclose(psroi(x, rois, depth, group, scale), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["inside", "halves", "small"])
def test_psroi_pooling_equals_opencv(name):
    x, rois = image(2 * 49)[:1], regions(name)
    rois[:, 0] = 0
    expected = psroi(x, rois, 2, 7, 0.0625, fork_nets.run_in_opencv)
    np.testing.assert_allclose(psroi(x, rois, 2, 7, 0.0625), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ["four axes", "one region", "dynamic"])
def test_shapes_of_regions(case):
    x, rois = image(9), regions("inside")
    expected = reference_layers.psroi_pooling(x, rois, 1, 3, 0.0625)
    maxima = reference_layers.roi_pooling(x, rois, (3, 3), 0.0625)
    inputs = None
    if case == "four axes":
        rois = rois.reshape(-1, 5, 1, 1)
    elif case == "one region":
        rois, expected, maxima = rois[:1], expected[:1], maxima[:1]
    else:
        inputs = {"x": ("n", 9, "h", "w"), "rois": ("r", 5)}
    np.testing.assert_allclose(psroi(x, rois, 1, 3, 0.0625, inputs=inputs), expected, rtol=1e-6, atol=1e-6)
    text = ROI.format("pooled_h: 3 pooled_w: 3 spatial_scale: 0.0625")
    np.testing.assert_array_equal(fork_nets.run(text, {"x": x, "rois": rois}, inputs=inputs)["out"], maxima)


@pytest.mark.parametrize(
    ("text", "channels", "message"),
    [
        (ROI.format("pooled_h: 3"), 9, "pooled_w"),
        (PSROI.format("output_dim: 0 group_size: 3 spatial_scale: 1"), 9, "output_dim"),
        (PSROI.format("output_dim: 2 group_size: 3 spatial_scale: 1"), 9, "18 channels"),
    ],
)
def test_settings_that_are_refused(text, channels, message):
    with pytest.raises(MalformedModel, match=message):
        fork_nets.run(text, {"x": image(channels), "rois": regions("inside")})


def test_regions_of_another_size():
    with pytest.raises(MalformedModel, match="5 values"):
        fork_nets.run(ROI.format("pooled_h: 3 pooled_w: 3"), {"x": image(3), "rois": np.zeros((2, 4), np.float32)})
