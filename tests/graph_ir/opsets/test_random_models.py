"""Random models of old and new opsets, raised and lowered: ONNX Runtime gives the same before and after."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dragoman.converters.onnx.exporter import to_proto
from dragoman.converters.onnx.importer import load

from .random_models import random_model, run

SEEDS = 300
_NEWEST = 25
"""The newest opset that ONNX Runtime has kernels of for everything in here."""


def passes_full_check(model: onnx.ModelProto) -> bool:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError):  # GroupNormalization-18 is withdrawn
        return False
    return True


@pytest.mark.parametrize("start", range(0, SEEDS, 20))
def test_the_same_at_every_opset(start: int) -> None:
    for seed in range(start, start + 20):
        rng = np.random.default_rng(seed)
        opset = int(rng.integers(7, _NEWEST))
        targets = {max(opset, 11), *rng.integers(11, _NEWEST, 3).tolist()}
        proto, feeds = random_model(seed, opset)
        wanted = run(proto, feeds)
        model = load(proto)
        for target in sorted(targets):
            what = f"seed {seed} from opset {opset} at {target}"
            written = to_proto(model, opset=target)
            onnx.checker.check_model(written, full_check=passes_full_check(proto))
            for a, b in zip(wanted, run(written, feeds), strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype), what
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5 * max(1.0, abs(a).max()), err_msg=what)
