"""Operators that onnx has forgotten: ONNX Runtime runs them, and says what they give."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.errors import UnsupportedOperator

from .moved_operator import computes_the_same, model_of

X = {"x": np.random.default_rng(0).standard_normal((2, 3, 6, 5)).astype(np.float32)}

CASES = {
    "Affine": {"alpha": 2.0, "beta": 0.5},
    "ScaledTanh": {"alpha": 2.0, "beta": 0.5},
    "ParametricSoftplus": {"alpha": 2.0, "beta": -0.5},
    "ImageScaler": {"scale": 2.0, "bias": [0.1, 0.2, 0.3]},
    "Crop": {"border": [1, 2, 0, 1]},
    "Crop-scale": {"border": [1, 2, 0, 0], "scale": [3, 2]},
    "ThresholdedRelu": {"alpha": 0.3},
    "MeanVarianceNormalization": {},
    "MeanVarianceNormalization-across": {"across_channels": 1, "normalize_variance": 0},
}


@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
@pytest.mark.parametrize(("name", "opset"), [(name, o) for name in CASES for o in (7, 8, 9) if o < 9 or "Mean" not in name])
def test_raised(name: str, opset: int, dynamic: tuple[str, ...], newest_opset: int) -> None:
    computes_the_same(newest_opset, model_of(name.partition("-")[0], opset, X, dynamic=dynamic, **CASES[name]), X, (11, 13, 17, 21, 25))


def test_opset_10_has_none_of_them() -> None:
    with pytest.raises(UnsupportedOperator, match="ImageScaler"):
        load(model_of("ImageScaler", 10, X, scale=1.0, bias=[0.1, 0.2, 0.3]))
