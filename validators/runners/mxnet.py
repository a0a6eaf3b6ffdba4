"""MXNet, in a process of its own: this interpreter, or another one that has it. What is in memory runs here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from dragoman.graph_ir.errors import MissingRuntime
from dragoman.validators.runners.base import Array, Description, Feeds, RunnerBase, TensorSpec, check_feeds
from dragoman.validators.runners.process import ProcessRunner
from dragoman.validators.runtimes import HOW_TO_GET
from dragoman.validators.worker import MXNet, Refused


def mxnet_runner(
    settings: Mapping[str, Any],
    *,
    inputs: Sequence[TensorSpec],
    python: str | Sequence[str] | None = None,
    timeout: float = 600.0,
) -> ProcessRunner:
    """A runner of a symbol: ``settings`` name its files, and the symbol's variable of each array in the weights' file.

    ``python`` is an interpreter or command prefix with mxnet; without it this one is asked. Raises ``MissingRuntime`` if it has
    none. Taps are internal outputs (``conv0_output``).
    """
    options = {**settings, "inputs": [{"name": s.name, "dtype": s.dtype, "shape": list(s.shape or ())} for s in inputs]}
    try:
        return ProcessRunner("mxnet", options, python or sys.executable, timeout=timeout)
    except MissingRuntime as error:
        if python is None and "can't import mxnet" in error.message:
            raise MissingRuntime(f"nothing here runs MXNet: {HOW_TO_GET['mxnet']}") from error
        raise


class Network(Protocol):
    """A network in this process."""

    symbol: Any
    arrays: Mapping[str, Any]
    block: Any
    inputs: tuple[str, ...]
    numpy_arrays: bool


class LiveRunner(RunnerBase):
    """A network in this process: a Gluon block is called itself, and what only its symbol has is computed from that."""

    def __init__(self, network: Network, inputs: Sequence[TensorSpec]) -> None:
        """``inputs`` are those of the network's graph."""
        self._network = network
        self._specs = tuple(inputs)
        self._mx = sys.modules["mxnet"]
        adapter: Any = MXNet
        self._adapter = adapter.__new__(adapter)  # its symbol and arrays aren't read from files
        self._adapter.mx = self._mx
        arrays = {name: self._on_cpu(array) for name, array in network.arrays.items()}
        described = [{"name": s.name, "dtype": s.dtype, "shape": list(s.shape or ())} for s in inputs]
        self._adapter.hold(network.symbol, arrays, described)

    def _on_cpu(self, array: Any) -> Any:
        if isinstance(array, np.ndarray):
            return self._mx.nd.array(array, dtype=array.dtype)
        dense = array.as_nd_ndarray() if hasattr(array, "as_nd_ndarray") else array
        return dense.tostype("default").as_in_context(self._mx.cpu())

    def describe(self) -> Description:
        """The network's inputs and outputs, and MXNet's version."""
        found = self._adapter.describe()
        outputs = tuple(TensorSpec(o["name"], o["dtype"]) for o in found["outputs"])
        return Description("MXNet", found["version"], self._specs, outputs, details={"numpy": np.__version__})

    def run(self, feeds: Feeds, taps: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs by name, and the symbol's internal outputs that ``taps`` names."""
        check_feeds(feeds, [TensorSpec(s.name, s.dtype) for s in self._specs])
        try:
            found = self._called(feeds) if self._network.block is not None else {}
            return {**self._adapter.run(feeds, taps), **found} if taps or not found else found
        except Refused as error:
            raise MissingRuntime(str(error)) from error
        except Exception as error:
            raise MissingRuntime(f"MXNet can't run the network: {error}") from error

    def _called(self, feeds: Feeds) -> dict[str, Array]:
        array = self._mx.np.array if self._network.numpy_arrays else self._mx.nd.array
        context = next(iter(self._network.arrays.values())).context if self._network.arrays else self._mx.cpu()
        given = [array(feeds[name], dtype=feeds[name].dtype, ctx=context) for name in self._network.inputs if name in feeds]
        values = _flat(self._network.block(*given))
        return dict(zip(self._adapter.outputs, [value.asnumpy() for value in values], strict=True))


def _flat(values: Any) -> list[Any]:
    return [leaf for value in values for leaf in _flat(value)] if isinstance(values, (list, tuple)) else [values]
