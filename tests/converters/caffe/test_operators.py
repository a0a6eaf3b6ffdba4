"""Every recorded case: the files are written, converted and run in ONNX Runtime; the expected numbers are Caffe's own."""

import json
import os
import subprocess
from pathlib import Path

import cases
import numpy as np
import onnxruntime
import pytest

import dragoman
from dragoman.converters.caffe.writer import write_caffemodel
from dragoman.graph_ir.errors import DragomanError

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
CAFFE_PYTHON = os.environ.get("DRAGOMAN_CAFFE_PYTHON")
EXACT = (
    "BatchReindex",
    "Concat",
    "Crop",
    "Filter",
    "Flatten",
    "Permute",
    "Reshape",
    "ShuffleChannel",
    "Silence",
    "Slice",
    "Split",
    "Tile",
)
"""Layers that move values and don't compute: equal to the last bit."""


class Recording:
    """One family's cases, and what Caffe gave for them."""

    def __init__(self, family, folder=RECORDED):
        self.family = family
        self.cases = cases.load(family)
        self.entries = json.loads((folder / f"{family}.json").read_text())
        with np.load(folder / f"{family}.npz", allow_pickle=False) as stored:
            values = stored["values"]
        self.outputs = {}
        start = 0
        for case_id, entry in self.entries.items():
            arrays = {}
            for name, shape in entry.get("outputs", {}).items():
                count = int(np.prod(shape))
                arrays[name] = values[start : start + count].reshape(shape)
                start += count
            self.outputs[case_id] = arrays
        assert start == values.size


RECORDINGS = {family: Recording(family) for family in (*cases.FAMILIES, *cases.OPENCV_FAMILIES)}
ALL = [(family, case_id) for family, recording in RECORDINGS.items() for case_id in recording.cases]


def arrays_of(case, entry):
    """The weights as a caffemodel holds them: for each layer its name, type and arrays."""
    made = {}
    for layer, described in entry["params"].items():
        for index, shape in enumerate(described["blobs"]):
            made[f"{layer}/{index}"] = (
                made[shape["as"]].reshape(shape["shape"])
                if isinstance(shape, dict)
                else case.parameter(layer, described["type"], index, shape)
            )
    return [(layer, d["type"], [made[f"{layer}/{i}"] for i in range(len(d["blobs"]))]) for layer, d in entry["params"].items()]


def convert(case, entry, folder, weights=None):
    """The case's files in ``folder``, converted; the ONNX file."""
    prototxt = folder / "net.prototxt"
    prototxt.write_text(case.prototxt)
    if weights is None:
        weights = folder / "net.caffemodel"
        write_caffemodel(weights, [("data", "Input", []), *(arrays_of(case, entry) if "params" in entry else [])])
    return dragoman.convert(prototxt, folder / "net.onnx", weights=weights, inputs=case.shapes or None, verify=False).path


def outputs_of(path, case, entry):
    """What ONNX Runtime gives, in the model's order; data sets' labels and the like aren't fed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = {value.name: case.input(value.name, entry["inputs"][value.name]) for value in session.get_inputs()}
    results = dict(zip((value.name for value in session.get_outputs()), session.run(None, feeds), strict=True))
    return {name: value.copy() for name, value in results.items()}  # ONNX Runtime 1.23 gives views of the feeds


def assert_close(actual, expected, tolerance):
    """Equal NaN and infinities; elsewhere within ``tolerance`` times the largest value, the scale at which float32 rounds."""
    assert actual.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.where(finite, 0, actual), np.where(finite, 0, expected))
    scale = float(np.abs(expected[finite]).max(initial=0))
    np.testing.assert_allclose(actual[finite], expected[finite], rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(("family", "case_id"), ALL, ids=[f"{family}-{case_id}" for family, case_id in ALL])
def test_equals_caffe(family, case_id, tmp_path):
    recording = RECORDINGS[family]
    case = recording.cases[case_id]
    entry = recording.entries[case_id]
    assert entry["digest"] == case.digest, "the case has changed since it was recorded: run record.py"
    if case.refused:
        with pytest.raises(DragomanError):
            convert(case, entry, tmp_path)
        return
    actual = outputs_of(convert(case, entry, tmp_path), case, entry)
    expected = recording.outputs[case_id]
    assert list(actual) == list(expected)
    for name, array in expected.items():
        assert_close(actual[name], array, 0 if case_id.split(",")[0] in EXACT and family != "training" else case.tolerance)


def test_every_case_is_recorded():
    for recording in RECORDINGS.values():
        assert list(recording.entries) == list(recording.cases)


@pytest.mark.skipif(not CAFFE_PYTHON, reason="DRAGOMAN_CAFFE_PYTHON names no interpreter with real Caffe")
def test_the_recording_is_what_caffe_gives(tmp_path):
    families = [f for f in cases.FAMILIES if f not in cases.OPENCV_FAMILIES]
    subprocess.run(
        [CAFFE_PYTHON, HERE / "record.py", "--out", tmp_path, "--models", tmp_path / "models", *families], check=True
    )
    for family in families:
        stored, live = RECORDINGS[family], Recording(family, tmp_path)
        assert live.entries == stored.entries
        for case_id, outputs in live.outputs.items():
            for name, array in outputs.items():
                assert_close(array, stored.outputs[case_id][name], stored.cases[case_id].tolerance)
    convert_saved(tmp_path)


def convert_saved(folder):
    """Every tenth network that Caffe saved itself converts to the same numbers."""
    for family in cases.FAMILIES:
        recording = RECORDINGS[family]
        for case in list(recording.cases.values())[::10]:
            saved = folder / "models" / f"{case.digest}.caffemodel"
            if not saved.exists():
                continue
            entry = recording.entries[case.id]
            actual = outputs_of(convert(case, entry, folder, saved), case, entry)
            for name, array in recording.outputs[case.id].items():
                assert_close(actual[name], array, case.tolerance)
