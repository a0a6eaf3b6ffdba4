"""The shapes that a user wants a model's inputs to have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import onnx

from dragoman.graph_ir.errors import UsageError
from dragoman.graph_ir.inference import Dim, parse, substitute, symbols


def reshape_inputs(graph: onnx.GraphProto, wanted: Mapping[str, Sequence[int | str]]) -> None:
    """Give inputs new shapes, and forget the shapes that followed from the old ones.

    A dimension that gets another size or name gets it in all other inputs too. Raises ``UsageError`` for inputs that the model
    doesn't have, or that have another number of dimensions.
    """
    known = {value.name: value for value in graph.input}
    pairs = [pair for name, shape in wanted.items() for pair in _set(known, name, shape)]
    renamed = {old: parse(new) if isinstance(new, str) else new for old, new in _agreed(pairs).items()}
    for value in graph.input:
        if value.name not in wanted:
            for shape in _shapes(value.type):
                _rename(shape, renamed)
    del graph.value_info[:]
    for output in graph.output:
        if output.type.WhichOneof("value") == "tensor_type":
            for dim in output.type.tensor_type.shape.dim:
                dim.Clear()


def _set(known: Mapping[str, onnx.ValueInfoProto], name: str, shape: Sequence[int | str]) -> list[tuple[str, int | str]]:
    """Set one shape; what named dimensions became."""
    if name not in known:
        raise UsageError(f"the model has no input {name!r}; it has {', '.join(known)}")
    kind = known[name].type
    if kind.WhichOneof("value") != "tensor_type":
        raise UsageError(f"input {name} isn't a tensor; it has no shape")
    old = kind.tensor_type.shape.dim
    if kind.tensor_type.HasField("shape") and len(old) != len(shape):
        raise UsageError(f"input {name} has {len(old)} dimensions, not {len(shape)}")
    pairs = [(dim.dim_param, new) for dim, new in zip(old, shape, strict=False) if dim.dim_param]
    kind.tensor_type.ClearField("shape")
    kind.tensor_type.shape.SetInParent()
    for size in shape:
        _write(kind.tensor_type.shape.dim.add(), size)
    return pairs


def _agreed(pairs: Iterable[tuple[str, int | str]]) -> dict[str, int | str]:
    """What each name became, unless it became several things: then others keep it."""
    found: dict[str, set[int | str]] = {}
    for old, new in pairs:
        found.setdefault(old, set()).add(new)
    return {old: next(iter(new)) for old, new in found.items() if len(new) == 1 and old not in new}


def _shapes(kind: onnx.TypeProto) -> Iterator[onnx.TensorShapeProto]:
    """The shape of a type, or of what it holds."""
    case = kind.WhichOneof("value")
    if case in ("tensor_type", "sparse_tensor_type"):
        yield getattr(kind, case).shape
    elif case in ("sequence_type", "optional_type"):
        yield from _shapes(getattr(kind, case).elem_type)


def _rename(shape: onnx.TensorShapeProto, renamed: Mapping[str, Dim]) -> None:
    for dim in shape.dim:
        if dim.dim_param and symbols(size := parse(dim.dim_param)) & renamed.keys():
            new = substitute(size, renamed)
            _write(dim, new if isinstance(new, int) else str(new))


def _write(dim: onnx.TensorShapeProto.Dimension, size: int | str) -> None:
    if isinstance(size, str):
        dim.dim_param = size
    else:
        dim.dim_value = size
