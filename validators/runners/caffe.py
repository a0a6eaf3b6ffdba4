"""Caffe: the real one in any interpreter that has pycaffe, else OpenCV's dnn for the layers that it computes alike."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dragoman.graph_ir.errors import MissingRuntime
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.runners.opencv_limits import SourceLayer, deviations
from dragoman.validators.runners.process import ProcessRunner

HOW_TO_GET = "pip install 'dragoman[caffe]' for OpenCV's, or give an interpreter that has real Caffe with --source-python"


def caffe_runner(
    prototxt: str | Path,
    weights: str | Path | None = None,
    *,
    python: str | Sequence[str] | None = None,
    layers: Iterable[SourceLayer] | None = None,
    inputs: Sequence[TensorSpec] = (),
    phase: str = "TEST",
    timeout: float = 600.0,
) -> ProcessRunner:
    """A runner of a Caffe network.

    ``python`` is an interpreter or command prefix with pycaffe; without it OpenCV runs the network, which needs ``layers``
    (after phase rules, upgraded to V2 names) and ``inputs`` with shapes. Raises ``MissingRuntime`` if neither can.
    """
    if python is not None:
        options = {"prototxt": _absolute(prototxt), "weights": _absolute(weights), "phase": phase}
        return ProcessRunner("caffe", options, python, timeout=timeout)
    if layers is None:
        raise MissingRuntime("OpenCV can't be told to run this network without its layers; " + HOW_TO_GET)
    options = _opencv_options(prototxt, weights, list(layers), inputs)
    try:
        return ProcessRunner("opencv", options, sys.executable, timeout=timeout)
    except MissingRuntime as error:
        if "can't import cv2" in error.message or "no Caffe reader" in error.message:
            raise MissingRuntime(f"nothing here runs Caffe: {HOW_TO_GET}\n{error.message}") from error
        raise


def _opencv_options(
    prototxt: str | Path, weights: str | Path | None, layers: list[SourceLayer], inputs: Sequence[TensorSpec]
) -> dict[str, Any]:
    """The worker's options, once it is sure that OpenCV computes what Caffe does."""
    reasons = [f"  layer {layer.name} ({layer.type}): {reason}" for layer, reason in deviations(layers, _ranks(inputs))]
    if any(len(spec.shape or ()) < 2 for spec in inputs):
        reasons.append("  a 1-D input: it makes 1-D tensors 2-D")
    if weights is not None and str(weights).endswith((".h5", ".hdf5")):
        reasons.append("  HDF5 weights: it reads only binary ones")
    if reasons:
        raise MissingRuntime(
            "OpenCV's dnn doesn't compute this network as Caffe does:\n"
            + "\n".join(reasons)
            + "\nrun it with real Caffe: --source-python /path/to/python, or dragoman doctor --add caffe=/path/to/python"
        )
    return {
        "prototxt": _absolute(prototxt),
        "weights": _absolute(weights),
        "layers": [{"name": la.name, "type": la.type, "tops": list(la.tops)} for la in layers if la.type != "Input"],
        "inputs": [{"name": s.name, "shape": [d if isinstance(d, int) else 1 for d in s.shape or ()]} for s in inputs],
        "outputs": network_outputs(layers),
    }


def network_outputs(layers: Sequence[SourceLayer]) -> list[str]:
    """The blobs that no layer takes, in Caffe's order: sorted by name, as its set of blobs is."""
    left: set[str] = set()
    for layer in layers:
        left -= set(layer.bottoms)
        left |= set(layer.tops)
    return sorted(left, key=lambda name: name.encode())


def _ranks(inputs: Sequence[TensorSpec]) -> list[int]:
    return [len(spec.shape or ()) for spec in inputs]


def _absolute(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path).resolve())
