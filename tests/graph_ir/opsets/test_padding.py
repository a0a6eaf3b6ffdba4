"""Pad and CenterCropPad between opsets, by ONNX Runtime at the model's own opset."""

from __future__ import annotations

import numpy as np
import pytest

from .moved_operator import computes_the_same, model_of, reason_at

X = np.arange(2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6)
GIVEN = pytest.mark.parametrize("given", ["constant", "dynamic", "computed"])


def parts(given: str, numbers: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], tuple[str, ...]]:
    """Feeds, constants, and the inputs of unknown size."""
    feeds = {"x": X, **numbers} if given == "computed" else {"x": X}
    return feeds, {} if given == "computed" else numbers, () if given == "constant" else ("x",)


@GIVEN
@pytest.mark.parametrize(
    "pads", [(0, 2, 3, 0, 1, 4), (0, -1, 2, 0, 2, -3), (0, -2, 0, 0, -1, 0), (0, 13, 0, 1, 0, 7), (0,) * 6], ids=str
)
def test_wrap(newest_opset, pads, given) -> None:
    """Around more than once; negative pads crop first."""
    feeds, constants, dynamic = parts(given, {"pads": np.array(pads)})
    model = model_of("Pad", 19, feeds, constants, dynamic=dynamic, outputs=[(np.float32, 3)], mode="wrap")
    computes_the_same(newest_opset, model, feeds, (11, 13, 18, 21), tolerance=0)


@GIVEN
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
@pytest.mark.parametrize("axes", [(1, 2), (-1, 0), (2,)], ids=str)
def test_axes(newest_opset, axes, mode, given) -> None:
    pads = np.array([1, 0, -2, 1][: 2 * len(axes)])
    feeds, constants, dynamic = parts(given, {"pads": pads, "axes": np.array(axes)})
    names = ["x", "pads", "", "axes"]
    model = model_of("Pad", 19, feeds, constants, inputs=names, dynamic=dynamic, outputs=[(np.float32, 3)], mode=mode)
    computes_the_same(newest_opset, model, feeds, (11, 13, 17, 18, 21), tolerance=0)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_pad_of_two(newest_opset, mode) -> None:
    model = model_of("Pad", 7, {"x": X}, outputs=[(np.float32, 3)], mode=mode, pads=[0, 1, 2, 0, -1, 3], value=1.5)
    computes_the_same(newest_opset, model, {"x": X}, (11, 13, 21), tolerance=0)


@GIVEN
@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 5, 6), None), ((2, 8, 3), None), ((2, 2, 9), None), ((4, 3), (-1, 1)), ((7,), (2,))]
)
def test_center_crop_pad(newest_opset, shape, axes, given) -> None:
    feeds, constants, dynamic = parts(given, {"shape": np.array(shape)})
    how = {} if axes is None else {"axes": axes}
    model = model_of("CenterCropPad", 18, feeds, constants, dynamic=dynamic, outputs=[(np.float32, 3)], **how)
    computes_the_same(newest_opset, model, feeds, (11, 13, 17), tolerance=0)


def test_image_decoder() -> None:
    model = model_of("ImageDecoder", 20, {"x": np.zeros(9, np.uint8)}, outputs=[(np.uint8, 3)])
    assert "image files" in reason_at(model, 19)
