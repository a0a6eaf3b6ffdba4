"""DepthToSpace, SpaceToDepth and Col2Im between opsets, by ONNX Runtime at the model's own opset."""

from __future__ import annotations

import numpy as np
import pytest

from .moved_operator import computes_the_same, model_of


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("opset", "how"), [(7, {}), (11, {"mode": "CRD"}), (11, {"mode": "DCR"}), (13, {"mode": "CRD"})])
def test_depth_to_space(newest_opset, opset, how) -> None:
    x = noise(2, 8, 2, 3)
    computes_the_same(
        newest_opset, model_of("DepthToSpace", opset, {"x": x}, blocksize=2, **how), {"x": x}, (11, 13, 21), tolerance=0
    )


@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_space_to_depth(newest_opset, mode, dynamic) -> None:
    x = noise(2, 3, 4, 6)
    model = model_of("SpaceToDepth", 28, {"x": x}, dynamic=dynamic, blocksize=2, mode=mode)
    computes_the_same(newest_opset, model, {"x": x}, (11, 13, 27), tolerance=0)


@pytest.mark.parametrize("given", ["constant", "dynamic", "computed"])
@pytest.mark.parametrize(
    ("image", "block", "how"),
    [
        ((5, 6), (2, 3), {}),
        ((5, 7), (3, 2), {"strides": [2, 3]}),
        ((5, 5), (2, 2), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
        ((6, 7), (2, 3), {"dilations": [2, 2]}),
        ((4, 5, 3), (2, 1, 2), {"strides": [1, 2, 1]}),
        ((9,), (3,), {"strides": [2], "pads": [1, 1]}),
    ],
)
def test_col2im(newest_opset, image, block, how, given) -> None:
    dims = len(image)
    strides, dilations, pads = (
        how.get(k, d) for k, d in (("strides", [1] * dims), ("dilations", [1] * dims), ("pads", [0] * 2 * dims))
    )
    reach = [dilations[i] * (block[i] - 1) + 1 for i in range(dims)]
    columns = [(image[i] + pads[i] + pads[i + dims] - reach[i]) // strides[i] + 1 for i in range(dims)]
    x, numbers = noise(2, 3 * int(np.prod(block)), int(np.prod(columns))), {"image": np.array(image), "block": np.array(block)}
    feeds = {"x": x, **numbers} if given == "computed" else {"x": x}
    model = model_of(
        "Col2Im",
        18,
        feeds,
        {} if given == "computed" else numbers,
        dynamic=() if given == "constant" else ("x",),
        outputs=[(np.float32, dims + 2)],
        **how,
    )
    computes_the_same(newest_opset, model, feeds, (11, 13, 17))
