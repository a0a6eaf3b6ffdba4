"""Resize and Upsample between opsets: ONNX Runtime gives the numbers, at the model's own opset."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from .moved_operator import computes_the_same, model_of, reason_at

OLDER = (11, 13, 17, 18)
NONE = np.zeros(0, np.float32)


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 100 + width).standard_normal((1, 2, height, width)).astype(np.float32)


@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(2, 2), (1.5, 3), (1, 2.3)])
def test_upsample(newest_opset, scales, mode, dynamic) -> None:
    x = image(5, 7)
    full = np.array([1, 1, *scales], np.float32)
    computes_the_same(
        newest_opset, model_of("Upsample", 7, {"x": x}, dynamic=dynamic, mode=mode, scales=full.tolist()), {"x": x}, (11, 21)
    )
    computes_the_same(
        newest_opset, model_of("Upsample", 9, {"x": x}, {"s": full}, dynamic=dynamic, mode=mode), {"x": x}, (11, 21)
    )


@pytest.mark.parametrize("computed", [False, True], ids=["constant", "computed"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(2, 3), (0.5, 0.6), (0.4, 2.2), (2.7, 0.35), (1, 1 / 3), (0.75, 0.9)])
def test_resize_of_ten(newest_opset, scales, mode, computed) -> None:
    """The nearest element is the floor where an axis grows, and the ceiling where it shrinks."""
    x, s = image(7, 8), np.array([1, 1, *scales], np.float32)
    feeds = {"x": x, "s": s} if computed else {"x": x}
    computes_the_same(
        newest_opset, model_of("Resize", 10, feeds, {} if computed else {"s": s}, inputs=["x", "s"], mode=mode), feeds, (11, 21)
    )


@pytest.mark.parametrize("nearest", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
def test_tf_half_pixel_for_nn(newest_opset, nearest, dynamic) -> None:
    """Among these sizes are those whose places are halves that float32 misses, which ONNX Runtime takes for halves."""
    how = {"mode": "nearest", "coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": nearest}
    for width, out in ((7, 1), (7, 19), (9, 21), (10, 6), (10, 26), (11, 13), (13, 7), (22, 26), (23, 7), (6, 6), (5, 9)):
        x, target = image(3, width), np.array([1, 2, 4, out])
        model = model_of("Resize", 11, {"x": x}, {"r": NONE, "s": NONE, "t": target}, dynamic=dynamic, **how)
        computes_the_same(newest_opset, model, {"x": x}, (13, 21))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_tf_half_pixel_for_nn_interpolated(newest_opset, mode) -> None:
    x, s = image(6, 5), np.array([1, 1, 1.5, 0.6], np.float32)
    how = {"mode": mode, "coordinate_transformation_mode": "tf_half_pixel_for_nn"}
    computes_the_same(newest_opset, model_of("Resize", 11, {"x": x}, {"r": NONE, "s": s}, **how), {"x": x}, (13, 21))


@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
@pytest.mark.parametrize("scales", [(1.3, 2.3), (0.6, 0.35), (2, 0.7)])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_half_pixel_symmetric(newest_opset, mode, scales, dynamic) -> None:
    x, s = image(5, 7), np.array([1, 1, *scales], np.float32)
    how = {"mode": mode, "coordinate_transformation_mode": "half_pixel_symmetric"}
    model = model_of("Resize", 19, {"x": x}, {"s": s}, inputs=["x", "", "s"], dynamic=dynamic, **how)
    computes_the_same(newest_opset, model, {"x": x}, OLDER)


@pytest.mark.parametrize("exclude", [0, 1])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("scales", [(0.5, 0.5), (0.6, 0.35), (2, 0.7), (1.3, 0.4), (1.5, 2.5)])
@pytest.mark.parametrize("given", ["static", "dynamic", "computed"])
def test_antialias(newest_opset, given, scales, mode, exclude) -> None:
    """An axis whose size stays is copied, whatever its scale: 3 · 1.3 is 3."""
    x, s = image(3, 8), np.array(scales, np.float32)
    feeds = {"x": x, "s": s} if given == "computed" else {"x": x}
    how = {"mode": mode, "antialias": 1, "axes": [2, 3], "exclude_outside": exclude if mode == "cubic" else 0}
    constants = {} if given == "computed" else {"s": s}
    dynamic = () if given == "static" else ("x",)
    computes_the_same(
        newest_opset, model_of("Resize", 18, feeds, constants, inputs=["x", "", "s"], dynamic=dynamic, **how), feeds, OLDER
    )


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("given", ["static", "dynamic", "computed"])
def test_keep_aspect_ratio_policy(newest_opset, given, mode, policy) -> None:
    for shape, target in product([(5, 7), (4, 9)], [(3, 9), (7, 11), (10, 2)]):
        x, t = image(*shape), np.array(target)
        feeds = {"x": x, "t": t} if given == "computed" else {"x": x}
        how = {"mode": mode, "keep_aspect_ratio_policy": policy, "axes": [3, 2]}
        constants = {} if given == "computed" else {"t": t}
        dynamic = () if given == "static" else ("x",)
        model = model_of("Resize", 18, feeds, constants, inputs=["x", "", "", "t"], dynamic=dynamic, **how)
        computes_the_same(newest_opset, model, feeds, OLDER)


@pytest.mark.parametrize("computed", [False, True], ids=["constant", "computed"])
def test_region_of_some_axes(newest_opset, computed) -> None:
    x = image(6, 7)
    numbers = {"r": np.array([0.1, 0.2, 0.8, 1.2], np.float32), "t": np.array([4, 5])}
    how = {
        "coordinate_transformation_mode": "tf_crop_and_resize",
        "mode": "linear",
        "axes": [-1, 2],
        "extrapolation_value": 7.5,
    }
    feeds = {"x": x, **numbers} if computed else {"x": x}
    model = model_of("Resize", 18, feeds, {} if computed else numbers, inputs=["x", "r", "", "t"], dynamic=("x",), **how)
    computes_the_same(newest_opset, model, feeds, OLDER)


@pytest.mark.parametrize(
    ("how", "dtype", "reason"),
    [
        ({"mode": "linear", "antialias": 1}, np.uint8, "interpolation between integers"),
        ({"mode": "linear", "antialias": 1, "coordinate_transformation_mode": "tf_crop_and_resize"}, np.float32, "a region"),
        (
            {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "half_pixel_symmetric"},
            np.float32,
            "floor",
        ),
    ],
)
def test_what_cannot_be_said(how, dtype, reason) -> None:
    x, s = np.ones((1, 1, 4, 4), dtype), np.array([1, 1, 0.6, 0.6], np.float32)
    region = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32)
    model = model_of("Resize", 19, {"x": x}, {"r": region, "s": s}, outputs=[(dtype, 4)], **how)
    assert reason in reason_at(model, 17)
