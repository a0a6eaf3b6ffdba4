"""A model file loaded in its own runtime: where formats and runners meet."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import onnx_ir as ir

from dragoman.converters.formats import Format
from dragoman.graph_ir.errors import MissingRuntime, UsageError
from dragoman.graph_ir.model import Model, dims
from dragoman.validators.runners.base import Runner, TensorSpec
from dragoman.validators.sampling import NoSamples


@dataclass(frozen=True)
class RunRequest:
    """A model to be run: its files (no path: it is in memory), how its reader was told to read it, and the graph that was read
    (None if it wasn't).
    """

    path: Path | None
    weights: Path | None
    format: Format
    role: Literal["source", "target"]
    python: str | None = None
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    model: Model | None = None

    @property
    def file(self) -> Path:
        """The path, where there is one."""
        if self.path is None:
            raise UsageError("the network is in memory, not in a file")
        return self.path


def open_runner(request: RunRequest) -> Runner:
    """Load a model in the runtime of its format. Raises ``MissingRuntime`` or ``TargetError``, saying how to get what is
    missing.
    """
    try:
        opener = _OPENERS[request.format.name]
    except KeyError:
        raise MissingRuntime(
            f"nothing here runs {request.format.title}: {request.format.runtime or 'no runtime is known'}"
        ) from None
    return opener(request)


def _open_onnx(request: RunRequest) -> Runner:
    from dragoman.validators.runners.onnxruntime import OnnxRuntimeRunner  # noqa: PLC0415

    return OnnxRuntimeRunner(request.file, role=request.role)


def _open_caffe(request: RunRequest) -> Runner:
    from dragoman.validators.runners.caffe import caffe_runner  # noqa: PLC0415
    from dragoman.validators.runners.opencv_limits import SourceLayer  # noqa: PLC0415
    from dragoman.validators.runtimes import command_for  # noqa: PLC0415

    python: Sequence[str] | None = shlex.split(request.python) if request.python else command_for("caffe")
    settings = request.format.module("importer").layer_settings(request.file, weights=request.weights, **request.reader_options)
    training = [s for s in settings if python and TRAINING.search(s["type"])]
    if training:
        named = ", ".join(f"{s['name']} ({s['type']})" for s in training[:4])
        raise MissingRuntime(
            f"this is a training network: in Caffe its layers {named} read data or compute losses, where the converted model takes"
            " inputs and gives scores; verify with the deploy form of the prototxt, which has Input and Softmax layers"
        )
    prototxt = request.file
    weights = request.weights
    if prototxt.suffix.lower() == ".caffemodel":
        raise MissingRuntime(
            "Caffe runs a network from its prototxt: give that as the source, and the caffemodel with --weights"
        )
    return caffe_runner(
        prototxt,
        weights,
        python=python,
        layers=[SourceLayer(**s) for s in settings],
        inputs=input_specs(request.model) if request.model is not None else (),
        phase=str(request.reader_options.get("phase", "TEST")),
    )


TRAINING = re.compile(r"Loss$|Data$|^Accuracy$|^HDF5Output$")
"""Layers whose inference form is another layer, or none."""


def _open_mxnet(request: RunRequest) -> Runner:
    from dragoman.validators.runners.mxnet import LiveRunner, mxnet_runner  # noqa: PLC0415
    from dragoman.validators.runtimes import command_for  # noqa: PLC0415

    if request.model is not None and request.model.source.live is not None:
        return LiveRunner(request.model.source.live, input_specs(request.model))
    own = request.python if request.role == "source" else None
    python: Sequence[str] | None = shlex.split(own) if own else command_for("mxnet")
    settings = request.format.module("importer").runtime_settings(request.file, weights=request.weights)
    if request.model is not None:
        settings["heads"] = [value.name for value in request.model.graph.outputs]
    try:
        return mxnet_runner(settings, inputs=input_specs(request.model) if request.model is not None else (), python=python)
    except MissingRuntime:
        if request.role == "source" or request.model is None:
            raise
    from dragoman.read_back import ReadBackRunner  # noqa: PLC0415

    return ReadBackRunner(request.model, request.format.title)


_OPENERS: Mapping[str, Callable[[RunRequest], Runner]] = {"caffe": _open_caffe, "mxnet": _open_mxnet, "onnx": _open_onnx}


def input_specs(model: Model) -> tuple[TensorSpec, ...]:
    """The inputs of a graph, as runners describe them."""
    return tuple(map(_spec, model.graph.inputs))


def _spec(value: ir.Value) -> TensorSpec:
    if value.type is not None and not isinstance(value.type, ir.TensorType):
        raise NoSamples(f"input {value.name} is a {value.type}: only tensors can be fed")
    dtype = value.dtype.numpy().name if value.dtype is not None else "float32"
    shape = None if value.shape is None else dims(value)
    return TensorSpec(value.name or "", "str" if dtype.startswith(("str", "object")) else dtype, shape)


def as_path(value: str | os.PathLike[str] | None) -> Path | None:
    """A path, or None."""
    return None if value is None else Path(value)


def need_path(model: Model, what: str) -> Path:
    """Where a model was read from; a graph made in memory has no original to run."""
    if model.source.path is None:
        raise UsageError(f"{what} was made in memory: it has no file to run")
    return model.source.path
