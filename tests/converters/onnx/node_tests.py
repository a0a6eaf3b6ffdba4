"""onnx's own test models with their expected values, and how a runtime's results are held against them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)

RTOL, ATOL = 1e-3, 1e-5
"""What onnx's own runner demands of a backend, where a case doesn't say."""

_SPECTRA, _ROUNDING = ("test_dft", "test_stft"), 2e-4
"""Zeros that are sums of terms up to 100 in float32: onnx's tolerance is less than their last bits, and ONNX Runtime's own are 1.4e-4."""


@dataclass(frozen=True)
class NodeTest:
    """A model, and what it gives for some inputs, both in the order of the graph's."""

    name: str
    model: onnx.ModelProto
    data: Sequence[tuple[Sequence[Any], Sequence[Any]]]
    rtol: float = RTOL
    atol: float = ATOL


class Runtime(ABC):
    """Runs models, and says how their results differ from what is expected."""

    @abstractmethod
    def outputs(self, model: onnx.ModelProto, inputs: Sequence[Any]) -> list[Any]:
        """What the model gives, in order."""

    def failure(self, case: NodeTest, model: onnx.ModelProto) -> str | None:
        """Why ``model`` doesn't give what ``case`` expects; None if it does."""
        for inputs, expected in case.data:
            try:
                found = self.outputs(model, inputs)
            except Exception as error:
                return f"fails: {error}"
            if len(found) != len(expected):
                return f"gives {len(found)} outputs, not {len(expected)}"
            for got, wanted in zip(found, expected, strict=True):
                if not same(got, wanted, case.rtol, case.atol):
                    return f"gives {got}, not {wanted}"
        return None


class OnnxRuntime(Runtime):
    """ONNX Runtime on one thread of the CPU."""

    def __init__(self, *, optimized: bool = True) -> None:
        """Not ``optimized``, it runs the graph as it is, and is ready sooner."""
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = 1
        if not optimized:
            self._options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL

    def outputs(self, model: onnx.ModelProto, inputs: Sequence[Any]) -> list[Any]:
        session = onnxruntime.InferenceSession(model.SerializeToString(), self._options, providers=["CPUExecutionProvider"])
        names = [value.name for value in model.graph.input]
        results: list[Any] = session.run(None, dict(zip(names, inputs, strict=False)))
        return results


class Reference(Runtime):
    """onnx's reference implementation: the types that ONNX Runtime lacks."""

    def outputs(self, model: onnx.ModelProto, inputs: Sequence[Any]) -> list[Any]:
        names = [value.name for value in model.graph.input]
        results: list[Any] = list(ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=False))))
        return results


def same(a: Any, b: Any, rtol: float, atol: float) -> bool:
    """Whether two results are equal: exactly in structure, dtype and shape, and floats within the tolerances."""
    if isinstance(a, list) or isinstance(b, list):
        return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(
            same(x, y, rtol, atol) for x, y in zip(a, b, strict=True)
        )
    if a is None or b is None:
        return a is b
    a, b = (numpy_helper.to_array(x) if isinstance(x, TensorProto) else x for x in (a, b))
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "OUST" or b.dtype.kind in "OUST":
        return _text(a) == _text(b)
    if a.dtype.kind not in "fcV" and b.dtype.kind not in "fcV":
        return bool(np.array_equal(a, b))
    if "c" not in (a.dtype.kind, b.dtype.kind):
        a, b = a.astype(np.float64), b.astype(np.float64)
    return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


def _text(array: np.ndarray) -> list[str]:
    return [x.decode() if isinstance(x, bytes) else str(x) for x in array.ravel()]


@cache
def node_tests() -> dict[str, NodeTest]:
    """The cases that the installed onnx makes, by name."""
    from onnx.backend.test.case.node import collect_testcases

    cases = {}
    for case in collect_testcases(None):
        atol = _ROUNDING if case.name.startswith(_SPECTRA) else ATOL
        cases[case.name] = NodeTest(case.name, case.model, case.data_sets or [], case.rtol, max(case.atol, atol))
    return cases


@cache
def stored_tests() -> dict[str, NodeTest]:
    """The models that onnx carries as files: converted from PyTorch at opset 6 and 7, and simple graphs."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data"
    cases = {}
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for home in sorted((folder / kind).iterdir()):
            model = onnx.load(home / "model.onnx")
            weights = {tensor.name for tensor in model.graph.initializer}
            fed = [value for value in model.graph.input if value.name not in weights]
            data = [(list(_read(d, "input", fed)), list(_read(d, "output", model.graph.output))) for d in sorted(home.glob("test_data*"))]
            cases[home.name] = NodeTest(home.name, model, data)
    return cases


def _read(folder: Path, kind: str, values: Sequence[onnx.ValueInfoProto]) -> Iterator[Any]:
    for number, value in enumerate(values):
        content = (folder / f"{kind}_{number}.pb").read_bytes()
        if value.type.WhichOneof("value") == "sequence_type":
            yield numpy_helper.to_list(onnx.SequenceProto.FromString(content))
        elif value.type.WhichOneof("value") == "optional_type":
            yield numpy_helper.to_optional(onnx.OptionalProto.FromString(content))
        else:
            yield numpy_helper.to_array(onnx.TensorProto.FromString(content))
