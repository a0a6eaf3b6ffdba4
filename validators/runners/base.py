"""What every runner offers: one protocol, so that the comparison never knows which runtime computed a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from dragoman.graph_ir.errors import ContractMismatch

Array = npt.NDArray[Any]
Feeds = Mapping[str, Array]
Dim = int | str | None


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: numpy's name of its dtype, and its dimensions.

    A dimension is an int, the name of a dynamic one, or None where the runtime doesn't say; ``shape`` is None where even the
    rank isn't known before a run.
    """

    name: str
    dtype: str
    shape: tuple[Dim, ...] | None = None

    def __str__(self) -> str:
        """Name, dtype and dimensions."""
        return f"{self.name} {self.dtype} {self.dims}"

    @property
    def dims(self) -> str:
        """The dimensions as text."""
        if self.shape is None:
            return "of unknown shape"
        return "(" + ", ".join("?" if dim is None else str(dim) for dim in self.shape) + ")"


@dataclass(frozen=True)
class Description:
    """A loaded model as its runtime sees it."""

    runtime: str
    """The runtime's name, for people: "Caffe", "OpenCV dnn", "ONNX Runtime"."""
    version: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precisions: tuple[str, ...] = ("float32",)
    """The floating dtypes in which this runtime can compute."""
    ordered: bool = True
    """Whether the order of the outputs is part of the contract: Caffe sorts its outputs by name, the file has no order."""
    details: Mapping[str, str] = field(default_factory=dict)
    """More versions: of the interpreter, of numpy."""


@runtime_checkable
class Runner(Protocol):
    """A model loaded in its runtime."""

    def describe(self) -> Description:
        """The model's inputs, outputs and runtime."""

    def run(self, feeds: Feeds, taps: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs by name, and the intermediate tensors that ``taps`` names.

        Raises ``ContractMismatch`` for feeds that don't fit the inputs, and the runner's own error where the runtime fails.
        """

    def close(self) -> None:
        """Free the model and what runs it; may be called twice."""


class RunnerBase:
    """``with`` for runners."""

    def close(self) -> None:
        """Nothing to free unless a runner says so."""

    def __enter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - Self needs Python 3.11
        """The runner itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the runner."""
        self.close()


def check_feeds(feeds: Feeds, specs: Sequence[TensorSpec]) -> None:
    """Raise ``ContractMismatch`` unless ``feeds`` are exactly the inputs ``specs``: names, dtypes, ranks, fixed dimensions."""
    wanted = {spec.name for spec in specs}
    if missing := sorted(wanted - feeds.keys()):
        raise ContractMismatch(f"no value for the input {', '.join(missing)}; given: {', '.join(sorted(feeds)) or 'nothing'}")
    if extra := sorted(feeds.keys() - wanted):
        raise ContractMismatch(f"the model has no input {', '.join(extra)}; its inputs: {'; '.join(map(str, specs))}")
    for spec in specs:
        check_tensor(feeds[spec.name], spec)


def check_tensor(value: Array, spec: TensorSpec) -> None:
    """Raise ``ContractMismatch`` unless ``value`` has the dtype and the shape of ``spec``."""
    if dtype_name(value) != spec.dtype:
        raise ContractMismatch(f"input {spec.name} is {spec.dtype}, given {dtype_name(value)}")
    if spec.shape is not None and not shape_fits(value.shape, spec.shape):
        raise ContractMismatch(f"input {spec} can't take a value of shape {value.shape}")


def shape_fits(shape: Sequence[int], dims: Sequence[Dim]) -> bool:
    """Whether ``shape`` has the rank of ``dims`` and equals it wherever a dimension is a number."""
    return len(shape) == len(dims) and all(not isinstance(d, int) or d == n for n, d in zip(shape, dims, strict=True))


def dtype_name(value: Array) -> str:
    """numpy's name of the dtype, with every kind of text called ``str``."""
    return "str" if value.dtype.kind in "OUST" else np.dtype(value.dtype).name
