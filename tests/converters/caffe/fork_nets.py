"""Runs small networks of forks' layers: converted, in ONNX Runtime; and as they are, in OpenCV's dnn."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from dragoman.converters.caffe.importer import load
from dragoman.converters.caffe.writer import write_caffemodel
from dragoman.graph_ir.writer import write_onnx

Arrays = Mapping[str, np.ndarray]


def prototxt(layer: str, shapes: Mapping[str, Sequence[int]]) -> str:
    """A network of inputs and the layers in ``layer``."""
    inputs = []
    for name, shape in shapes.items():
        dims = " ".join(f"dim: {d}" for d in shape)
        inputs.append(f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}')
    return "\n".join([*inputs, layer])


def convert(text: str, folder: Path, blobs: Mapping[str, Sequence[np.ndarray]] | None = None, **options):
    """The converted model's path, checked in full, and the model."""
    (folder / "net.prototxt").write_text(text)
    weights = (
        write_caffemodel(folder / "net.caffemodel", [(name, "", arrays) for name, arrays in blobs.items()]) if blobs else None
    )
    model = load(folder / "net.prototxt", weights=weights, **options)
    path = write_onnx(model.ir, folder / "net.onnx")
    onnx.checker.check_model(str(path), full_check=True)
    return path, model


def session(path: Path) -> ort.InferenceSession:
    """ONNX Runtime's, on one core."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(layer: str, feeds: Arrays, blobs: Mapping[str, Sequence[np.ndarray]] | None = None, **options) -> dict[str, np.ndarray]:
    """What the converted network of ``layer`` gives for ``feeds``, by output name."""
    with tempfile.TemporaryDirectory() as folder:
        text = prototxt(layer, {name: array.shape for name, array in feeds.items()})
        runner = session(convert(text, Path(folder), blobs, **options)[0])
    wanted = {i.name for i in runner.get_inputs()}
    names = [o.name for o in runner.get_outputs()]
    return dict(zip(names, runner.run(names, {k: v for k, v in feeds.items() if k in wanted}), strict=True))


def run_in_opencv(layer: str, feeds: Arrays, blobs: Mapping[str, Sequence[np.ndarray]] | None = None) -> np.ndarray:
    """What OpenCV's dnn makes of the same files."""
    import cv2

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "net.prototxt").write_text(prototxt(layer, {name: array.shape for name, array in feeds.items()}))
        write_caffemodel(folder / "net.caffemodel", [(name, "", arrays) for name, arrays in (blobs or {}).items()])
        net = cv2.dnn.readNetFromCaffe(str(folder / "net.prototxt"), str(folder / "net.caffemodel"))
    for key, value in feeds.items():
        net.setInput(value, key)
    return net.forward()
