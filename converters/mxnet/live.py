"""MXNet objects in memory as graphs: Gluon blocks, symbols, modules. Nothing is written, and MXNet is whoever made them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.converters.mxnet.importer import dtypes_of, load_arrays
from dragoman.converters.mxnet.symbol import parse_symbol
from dragoman.graph_ir import Model
from dragoman.graph_ir.errors import MalformedModel, UsageError
from dragoman.graph_ir.tensors import DerivedTensor

Shapes = Mapping[str, Sequence[int | str]]
_TRACED = ("_cached_graph", "_in_format", "_out_format")


@dataclass(frozen=True)
class Live:
    """A network in this process: MXNet's symbol of it, and its arrays; ``block`` runs it, where it is one of Gluon's."""

    symbol: Any
    arrays: Mapping[str, Any]
    block: Any = None
    inputs: tuple[str, ...] = ()
    """What the block takes, in order."""
    numpy_arrays: bool = False


def load(
    source: Any,
    *,
    weights: Any = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    example_inputs: Any = None,
    input_dtype: Sequence[str] = (),
) -> Model:
    """A graph of a ``HybridBlock``, a ``Symbol`` (``weights`` maps names to arrays) or a bound ``Module``.

    ``example_inputs`` is an array, a list of them in order, or a table by name: they give the inputs' types, and the shapes that
    ``inputs`` doesn't give. A block whose parameters wait for their shapes is called with
    them once.
    """
    if hasattr(source, "hybrid_forward"):
        live, given = _block(source, example_inputs)
    elif hasattr(source, "get_params"):
        live = _module(source)
        bound = {d.name: np.empty(d.shape, d.dtype) for d in source.data_shapes}
        given = bound | _examples(example_inputs, list(bound))
    else:
        live = Live(source, {_plain(name): array for name, array in (weights or {}).items()})
        free = [name for name in source.list_inputs() if name not in live.arrays]
        given = _examples(example_inputs, free)
    if weights is not None and not isinstance(weights, Mapping):
        raise UsageError("the weights of a network in memory are its own, or a table of arrays by name")
    symbol = parse_symbol(live.symbol.tojson())
    tensors = {name: _tensor(name, array) for name, array in live.arrays.items()}
    shapes = {**{name: tuple(array.shape) for name, array in given.items()}, **(inputs or {})}
    dtypes = {name: ir.DataType.from_numpy(np.dtype(array.dtype)) for name, array in given.items()} | dtypes_of(input_dtype)
    return load_arrays(symbol, tensors, inputs=shapes, outputs=outputs, dtypes=dtypes, live=live)


def _plain(name: str) -> str:
    return name.partition(":")[2] if name.startswith(("arg:", "aux:")) else name


def _tensor(name: str, array: Any) -> ir.TensorProtocol:
    """An array that is taken out of MXNet when it is asked for."""
    if isinstance(array, np.ndarray):
        return ir.Tensor(array, name=name)
    if getattr(array, "stype", "default") != "default":
        array = array.tostype("default")
    return DerivedTensor(array.asnumpy, ir.DataType.from_numpy(np.dtype(array.dtype)), array.shape, name=name)


def _examples(given: Any, names: Sequence[str]) -> dict[str, Any]:
    """Arrays by input name, of one, several or a table."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    several = _several(given)
    if len(several) > len(names):
        raise UsageError(f"{len(several)} example inputs for {len(names)} inputs ({', '.join(names)})")
    return dict(zip(names, several, strict=False))


def _module(module: Any) -> Live:
    if not module.binded or not module.params_initialized:
        raise UsageError("the module isn't bound, or has no parameters yet: bind it and set them first")
    arguments, states = module.get_params()
    return Live(module.symbol, {**arguments, **states})


def _block(block: Any, example_inputs: Any) -> tuple[Live, dict[str, Any]]:
    """A block's symbol; the block stays as it was."""
    if example_inputs is None:
        raise UsageError("a Gluon block is traced with its inputs: give example_inputs, an array for each of its inputs")
    mx = sys.modules["mxnet"]
    numpy_arrays = bool(mx.util.is_np_array())
    array = mx.np.array if numpy_arrays else mx.nd.array
    plain = [a.asnumpy() if hasattr(a, "asnumpy") else np.asarray(a) for a in _several(example_inputs)]
    arguments = [array(a, dtype=a.dtype) for a in plain]
    before = {name: block.__dict__[name] for name in _TRACED if name in block.__dict__}
    try:
        if any(parameter._deferred_init for parameter in block.collect_params().values()):
            block(*arguments)
            mx.nd.waitall()  # MXNet tells of failures when it is waited for
        variables, symbol = block._get_graph(*arguments)
    except Exception as error:
        raise MalformedModel(f"the block can't be called with these inputs: {type(error).__name__}: {error}") from error
    finally:
        if not before.get("_cached_graph") and not getattr(block, "_active", False):
            block.__dict__.update(before)
    arrays = {name: parameter.data(parameter.list_ctx()[0]) for name, parameter in block.collect_params().items()}
    names = tuple(variable.name for variable in variables)
    if len(names) != len(plain):
        raise UsageError(f"the block takes {len(names)} inputs ({', '.join(names)}), {len(plain)} were given")
    return Live(symbol, arrays, block, names, numpy_arrays), dict(zip(names, plain, strict=True))


def _several(given: Any) -> list[Any]:
    """One array, several, or a table of them, as a list."""
    if isinstance(given, Mapping):
        return list(given.values())
    return list(given) if isinstance(given, (list, tuple)) else [given]
