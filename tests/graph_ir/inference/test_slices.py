"""Sizes of slices with every kind of limit: before, within and behind the axis, forwards and backwards, as ONNX Runtime makes them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import parser

from dragoman.graph_ir.inference import evaluate
from dragoman.graph_ir.inference.facts import is_known
from dragoman.graph_ir.inference.rules.slicing import sliced
from dragoman.graph_ir.inference.size import symbol

FAR = 1 << 62
LIMITS = (-FAR, -9, -7, -6, -1, 0, 2, 5, 6, 9, FAR)
MODEL = """<ir_version: 9, opset_import: ["": 18]>
g (float[n] x, int64[1] start, int64[1] end, int64[1] step) => (float[k] y) <int64[1] axis = {0}> {y = Slice(x, start, end, axis, step)}"""


@pytest.mark.parametrize("step", [-3, -1, 1, 2])
@pytest.mark.parametrize("size", [0, 1, 6])
def test_every_limit(size: int, step: int) -> None:
    session = onnxruntime.InferenceSession(parser.parse_model(MODEL).SerializeToString(), providers=["CPUExecutionProvider"])
    for start in LIMITS:
        for end in LIMITS:
            feeds = {"start": [start], "end": [end], "step": [step]}
            made = session.run(
                None, {"x": np.zeros(size, np.float32), **{name: np.array(value, np.int64) for name, value in feeds.items()}}
            )[0]
            assert sliced(size, start, end, step) == made.size, (start, end)
            named = sliced(symbol("n"), start, end, step)
            assert not is_known(named) or evaluate(named, {"n": size}) == made.size, (start, end, named)
