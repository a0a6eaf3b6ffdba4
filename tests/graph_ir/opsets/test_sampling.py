"""GridSample, AffineGrid, RoiAlign and DeformConv between opsets, by ONNX Runtime at the model's own opset."""

from __future__ import annotations

import numpy as np
import pytest

from .moved_operator import computes_the_same, model_of, reason_at


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


DYNAMIC = pytest.mark.parametrize("dynamic", [(), ("x",), ("x", "grid")], ids=["static", "input", "all"])


@DYNAMIC
@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(
    ("size", "mode"),
    [
        *(((5, 4), mode) for mode in ("linear", "nearest", "cubic")),
        *(((1, 3), mode) for mode in ("linear", "nearest", "cubic")),
        *(((3, 2, 4), mode) for mode in ("linear", "nearest")),  # ONNX Runtime has no cubic sampling of volumes
    ],
    ids=str,
)
def test_grid_sample(newest_opset, size, mode, padding, corners, dynamic) -> None:
    feeds = {"x": noise(2, 3, *size), "grid": 1.5 * noise(2, *[3] * len(size), len(size), seed=1)}
    how = {"mode": mode, "padding_mode": padding, "align_corners": corners}
    model = model_of("GridSample", 20, feeds, outputs=[(np.float32, len(size) + 2)], dynamic=dynamic, **how)
    computes_the_same(newest_opset, model, feeds, (11, 12, 15, 16, 19), tolerance=5e-5)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest", None])
def test_grid_sample_of_sixteen(newest_opset, mode) -> None:
    feeds = {"x": noise(1, 2, 4, 5), "grid": np.tanh(noise(1, 3, 3, 2, seed=1))}
    how = {} if mode is None else {"mode": mode}
    computes_the_same(newest_opset, model_of("GridSample", 16, feeds, **how), feeds, (11, 16, 20, 21))


def test_grid_sample_in_double_precision() -> None:
    feeds = {"x": noise(1, 2, 4, 5).astype(np.float64), "grid": noise(1, 3, 3, 2).astype(np.float64)}
    assert "double precision" in reason_at(model_of("GridSample", 20, feeds, outputs=[(np.float64, 4)]), 15)


@pytest.mark.parametrize("computed", [False, True], ids=["constant", "computed"])
@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("size", [(3, 4), (1, 5), (2, 1), (2, 3, 4), (1, 2, 1)], ids=str)
def test_affine_grid(newest_opset, size, corners, computed) -> None:
    theta, target = noise(2, len(size), len(size) + 1), np.array([2, 3, *size])
    feeds = {"theta": theta, "size": target} if computed else {"theta": theta}
    outputs = [(np.float32, len(size) + 2)]
    model = model_of("AffineGrid", 20, feeds, {} if computed else {"size": target}, outputs=outputs, align_corners=corners)
    computes_the_same(newest_opset, model, feeds, (11, 13, 19))


@pytest.mark.parametrize("dynamic", [(), ("x", "regions", "owner")], ids=["static", "dynamic"])
@pytest.mark.parametrize("ratio", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_roi_align_of_half_pixels(newest_opset, count, ratio, dynamic) -> None:
    """Regions less than a pixel wide, outside, and with the corners swapped, too."""
    regions = np.array([[0.3, 0.2, 4.1, 3.7], [1.5, 2, 2.1, 2.2], [-3, -2, 9, 9], [5, 4, 1, 2]], np.float32)[:count]
    feeds = {"x": noise(2, 3, 6, 7), "regions": regions, "owner": np.array([0, 1, 1, 0])[:count]}
    how = {"sampling_ratio": ratio, "output_height": 3, "output_width": 2, "spatial_scale": 0.5}
    computes_the_same(newest_opset, model_of("RoiAlign", 16, feeds, dynamic=dynamic, **how), feeds, (11, 13, 15))


@pytest.mark.parametrize(("how", "reason"), [({"mode": "max", "sampling_ratio": 2}, "maximum"), ({}, "number of samples")])
def test_roi_align_that_cannot_be_said(how, reason) -> None:
    feeds = {"x": noise(1, 1, 4, 4), "regions": np.array([[0, 0, 2, 2]], np.float32), "owner": np.array([0])}
    assert reason in reason_at(model_of("RoiAlign", 16, feeds, **how), 15)


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("ratio", [0, 2])
def test_roi_align_of_ten(newest_opset, ratio, mode) -> None:
    feeds = {"x": noise(1, 2, 6, 6), "regions": np.array([[0, 0, 3, 3], [1, 1, 1.5, 4]], np.float32), "owner": np.array([0, 0])}
    model = model_of("RoiAlign", 10, feeds, sampling_ratio=ratio, mode=mode, output_height=2, output_width=3)
    computes_the_same(newest_opset, model, feeds, (11, 13, 16, 21))


@pytest.mark.parametrize("dynamic", [(), ("x",), ("x", "offset", "mask")], ids=["static", "input", "all"])
@pytest.mark.parametrize("mask", [False, True], ids=["plain", "mask"])
@pytest.mark.parametrize(("group", "parts"), [(1, 1), (2, 1), (1, 2), (2, 4)])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [((3, 3), 1, 1), ((2, 3), 2, 1), ((1, 2), 1, 2)])
def test_deform_conv(newest_opset, kernel, stride, dilation, group, parts, mask, dynamic) -> None:
    x, pads = noise(2, 4, 7, 6), (1, 0, 2, 1)
    out = [(x.shape[2 + i] + pads[i] + pads[i + 2] - dilation * (kernel[i] - 1) - 1) // stride + 1 for i in range(2)]
    taps = parts * kernel[0] * kernel[1]
    feeds = {"x": x, "offset": 2 * noise(2, 2 * taps, *out, seed=1)}
    constants = {"w": noise(6, 4 // group, *kernel, seed=2), "b": noise(6, seed=3)}
    if mask:
        feeds["mask"] = np.abs(noise(2, taps, *out, seed=4))
    names = ["x", "w", "offset", "b"] + ["mask"] * mask
    how = {"strides": [stride] * 2, "dilations": [dilation] * 2, "pads": pads, "group": group, "offset_group": parts}
    model = model_of("DeformConv", 19, feeds, constants, inputs=names, dynamic=dynamic, kernel_shape=kernel, **how)
    computes_the_same(newest_opset, model, feeds, (11, 13, 18), tolerance=1e-4)
