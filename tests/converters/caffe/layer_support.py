"""Converts recorded cases with other input shapes, and small networks, and runs them in ONNX Runtime."""

from functools import lru_cache

import numpy as np
import onnx
from test_operators import Recording, arrays_of, assert_close, outputs_of

from dragoman.converters.caffe import importer
from dragoman.converters.caffe.writer import write_caffemodel
from dragoman.graph_ir.writer import write_onnx


@lru_cache
def recording(family):
    return Recording(family)


def load(prototxt, folder, *, weights=None, inputs=None):
    """The network as our model, checked and written to ``net.onnx``."""
    path = folder / "net.prototxt"
    path.write_text(prototxt)
    model = importer.load(path, weights=weights, inputs=inputs)
    write_onnx(model.ir, folder / "net.onnx")
    onnx.checker.check_model(str(folder / "net.onnx"), full_check=True)
    return model


def check_recorded(family, case_id, folder, inputs=None):
    """With ``inputs`` as the inputs' shapes the case still gives what Caffe gave. The model."""
    case, entry = recording(family).cases[case_id], recording(family).entries[case_id]
    weights = write_caffemodel(folder / "net.caffemodel", arrays_of(case, entry)) if entry["params"] else None
    model = load(case.prototxt, folder, weights=weights, inputs=inputs)
    actual = outputs_of(folder / "net.onnx", case, entry)
    for name, expected in recording(family).outputs[case_id].items():
        assert_close(actual[name], expected, case.tolerance)
    return model


def check_given(case, expected, folder):
    """A network without weights gives ``expected``, by output, within what six decimals say."""
    model = load(case.prototxt, folder)
    shapes = {value.name: [int(d) for d in value.shape] for value in model.graph.inputs}
    actual = outputs_of(folder / "net.onnx", case, {"inputs": shapes})
    assert list(actual) == list(expected)
    for name, values in expected.items():
        assert actual[name].shape == np.shape(values)
        np.testing.assert_allclose(actual[name], values, rtol=1e-6, atol=2e-6)
