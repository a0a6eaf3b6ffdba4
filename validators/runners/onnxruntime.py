"""ONNX Runtime, in this process, on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dragoman.graph_ir.errors import DragomanError, MissingRuntime, TargetError
from dragoman.graph_ir.protobuf import key, varint
from dragoman.validators.runners.base import Array, Description, Feeds, RunnerBase, TensorSpec, check_feeds

FATAL = 4
"""ONNX Runtime's level for logging only what ends the process."""

DTYPES: Mapping[str, str] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
    "tensor(string)": "str",
    "tensor(bool)": "bool",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class OnnxRuntimeRunner(RunnerBase):
    """An ONNX file in an ``InferenceSession`` with the default graph optimisations."""

    def __init__(self, path: str | Path, *, role: Literal["source", "target"] = "target") -> None:
        """Load ``path``. Failures are a ``TargetError``, or for the source of a comparison a ``MissingRuntime``."""
        self.path = Path(path)
        self._error: type[DragomanError] = TargetError if role == "target" else MissingRuntime
        try:
            import onnxruntime  # noqa: PLC0415 - slow to import, and not everyone who verifies needs it
        except ImportError as failure:
            raise self._error(f"ONNX Runtime can't be imported ({failure}): pip install onnxruntime") from failure
        self._ort = onnxruntime
        self._session: Any = self._load(str(self.path))
        self._tapped: tuple[tuple[str, ...], Any] = ((), None)
        self._description = Description(
            runtime="ONNX Runtime",
            version=onnxruntime.__version__,
            inputs=tuple(map(self._spec, self._session.get_inputs())),
            outputs=tuple(map(self._spec, self._session.get_outputs())),
            precisions=("float32", "float64"),
            details={"numpy": np.__version__},
        )

    def _options(self) -> Any:
        options = self._ort.SessionOptions()
        options.log_severity_level = FATAL
        # A model given as bytes has no folder of its own: its external tensors are beside the file.
        folder = str(self.path.resolve().parent)
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
        return options

    def _load(self, model: str | bytes) -> Any:
        try:
            return self._ort.InferenceSession(model, self._options(), providers=["CPUExecutionProvider"])
        except Exception as failure:
            raise self._error(f"ONNX Runtime can't load {self.path}: {_plain(failure)}") from failure

    def _spec(self, node: Any) -> TensorSpec:
        if node.type not in DTYPES:
            raise self._error(f"{self.path}: {node.name} is a {node.type}, not a tensor")
        return TensorSpec(node.name, DTYPES[node.type], tuple(node.shape))

    def describe(self) -> Description:
        """The model's inputs and outputs, and ONNX Runtime's version."""
        return self._description

    def run(self, feeds: Feeds, taps: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs by name, and the intermediate tensors of ``taps``."""
        if self._session is None:
            raise self._error(f"{self.path} is closed")
        check_feeds(feeds, self._description.inputs)
        outputs = [spec.name for spec in self._description.outputs]
        given = {name: value for name, value in feeds.items() if name in taps}
        inner = tuple(dict.fromkeys(tap for tap in taps if tap not in outputs and tap not in given))
        session = self._with_outputs(inner) if inner else self._session
        names = [*outputs, *inner]
        quiet = self._ort.RunOptions()
        quiet.log_severity_level = FATAL
        try:
            values = session.run(names, dict(feeds), quiet)
        except Exception as failure:
            raise self._error(f"ONNX Runtime can't run {self.path}: {_plain(failure)}") from failure
        # An output that is an input: ONNX Runtime 1.23 gives a view of memory that it has freed.
        passed = {name: value.copy() for name, value in feeds.items() if name in outputs}
        return {**dict(zip(names, values, strict=True)), **given, **passed}

    def _with_outputs(self, names: tuple[str, ...]) -> Any:
        """A session whose graph also outputs ``names``.

        Parts of a protobuf message that are given twice are merged, lists by appending: the model's bytes followed by a
        model that holds nothing but the new outputs are the model with these outputs. Nothing is parsed or copied for it.
        """
        if self._tapped[0] != names:
            self._tapped = ((), None)  # free the last one before the next takes its memory
            try:
                content = self.path.read_bytes()
            except OSError as failure:
                raise self._error(f"can't read {self.path}: {failure.strerror}") from failure
            self._tapped = (names, self._load(content + _extra_outputs(names)))
        return self._tapped[1]

    def close(self) -> None:
        """Free the sessions."""
        self._session = None
        self._tapped = ((), None)


def _extra_outputs(names: Sequence[str]) -> bytes:
    """A serialized ``ModelProto`` whose graph (field 7) has outputs (field 12) with only names (field 1)."""
    return _field(7, b"".join(_field(12, _field(1, name.encode())) for name in names))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return key(number, 2) + varint(len(content)) + content


def _plain(failure: Exception) -> str:
    """ONNX Runtime's message without its code prefix and its C++ call site."""
    text = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
    return text.rpartition("[ONNXRuntimeError] : ")[2]
