"""Graph → MXNet symbol and parameters."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from dragoman.converters.mxnet.emitters.normalization import is_layer_norm
from dragoman.converters.mxnet.emitters.resize import is_native
from dragoman.converters.mxnet.emitters.table import EMITTERS, OPSET
from dragoman.converters.mxnet.params import LIST_MAGIC, V2
from dragoman.converters.mxnet.symbol import Ref, read_symbol
from dragoman.converters.mxnet.symbol_writer import TYPE_FLAGS, CannotEmitError, SymbolWriter, document
from dragoman.converters.mxnet.table import output_name
from dragoman.graph_ir import Gap, Model
from dragoman.graph_ir.errors import TargetError, UnsupportedOperator
from dragoman.graph_ir.files import AtomicFiles, same_file
from dragoman.graph_ir.opsets import convert_opset, rewrite
from dragoman.graph_ir.opsets.resize import by_gather
from dragoman.graph_ir.passes.editing import attribute
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.writer import Progress, copy_tensor

_CPU = 1


def save(model: Model, path: str | os.PathLike[str], *, progress: Progress | None = None) -> Path:
    """Write ``PREFIX-symbol.json`` and ``PREFIX-0000.params``, which MXNet 1.9.1 loads; ``model`` itself stays as it is.

    MXNet calls an output after the node that makes it: an output of another form of name is ``NAME_output`` there. Raises
    ``UnsupportedOperator`` (every gap at once) or ``TargetError``.
    """
    target, weights = files(path)
    sources = [path for path in (model.source.path, model.source.weights, *model.source.files) if path is not None]
    if any(same_file(path, file) for path in sources for file in (target, weights)):
        raise TargetError(f"can't write {target}: the source's weights are in it, or in {weights.name}")
    writer, heads, gaps = _emit(model)
    if gaps:
        raise UnsupportedOperator(gaps)
    with AtomicFiles() as pair:  # the parameters first: nobody reads them before the symbol is there
        stream, symbol = pair.open(weights), pair.open(target)
        _write_params(writer, stream, progress)
        symbol.write(document(writer.nodes, heads).encode())
    return target


def files(path: str | os.PathLike[str]) -> list[Path]:
    """A symbol that is written, and its parameters."""
    target = Path(path)
    prefix = target.name.removesuffix(".json").removesuffix("-symbol")
    return [target, target.with_name(f"{prefix}-0000.params")]


def count_nodes(path: str | os.PathLike[str]) -> int:
    """Operators of the symbol in a file; variables aside."""
    return sum(not node.is_variable for node in read_symbol(path).nodes)


def check(model: Model) -> list[Gap]:
    """Every operator that ``save`` couldn't express, with the source layers that need it."""
    return _emit(model)[2]


def _emit(model: Model) -> tuple[SymbolWriter, list[Ref], list[Gap]]:
    copy = model.ir.clone()
    if copy.functions:
        InlinePass()(copy)
    older = [Gap(gap.operator, gap.layers, _LACKING) for gap in convert_opset(copy, OPSET, keep=_is_kept)]
    rewrite(copy, [node for node in copy.graph if node.op_type == "Resize" and not is_native(node)], by_gather)
    writer, gaps = SymbolWriter(), _Gaps()
    for index, value in enumerate(copy.graph.inputs):
        with gaps.of("Input", [value.name or ""], [value], writer):
            writer.input(value, index)
    for node in copy.graph:
        if node.op_type == "Constant":  # its readers take it as a parameter
            continue
        layers = [origin.layer for origin in origins(node)] or [node.name or node.op_type]
        with gaps.of(node.op_type, layers, node.outputs, writer):
            if node.domain not in ("", "ai.onnx") or node.op_type not in EMITTERS:
                raise CannotEmitError(_LACKING)
            writer.emit(node, EMITTERS[node.op_type])
    heads = []
    for value in copy.graph.outputs:
        with gaps.of("Output", [value.name or ""], (), writer):
            heads.append(writer.head(value, output_name))
    known = {gap.operator for gap in older}
    return writer, heads, older + [gap for gap in gaps.found() if gap.operator not in known]


_LACKING = "MXNet has nothing like it"


def _is_kept(node: ir.Node) -> bool:
    """Whether MXNet has a newer operator as such."""
    if node.op_type == "Gelu":
        return bool(attribute(node, "approximate", "none") == "none")
    return node.op_type == "LayerNormalization" and is_layer_norm(node)


class _Gaps:
    """What can't be expressed, by operator and reason."""

    def __init__(self) -> None:
        self._layers: dict[tuple[str, str], list[str]] = {}

    @contextmanager
    def of(self, operator: str, layers: Sequence[str], values: Iterable[ir.Value], writer: SymbolWriter) -> Iterator[None]:
        """Note what the block can't emit, and let the nodes behind it be tried all the same."""
        try:
            yield
        except CannotEmitError as reason:
            self._layers.setdefault((operator, reason.message), []).extend(layers)
            for value in values:
                writer.stand_in(value)

    def found(self) -> list[Gap]:
        return [Gap(operator, list(dict.fromkeys(layers)), reason) for (operator, reason), layers in self._layers.items()]


def _write_params(writer: SymbolWriter, stream: IO[bytes], progress: Progress | None) -> None:
    """MXNet's list of arrays: all of them, then their names. See params.py for the format."""
    tensors = writer.params
    total, done = sum(tensor.nbytes for tensor in tensors.values()), 0
    stream.write(struct.pack("<3Q", LIST_MAGIC, 0, len(tensors)))
    for tensor in tensors.values():
        shape = tensor.shape.numpy()
        stream.write(struct.pack(f"<Iii{len(shape)}q3i", V2, 0, len(shape), *shape, _CPU, 0, TYPE_FLAGS[tensor.dtype]))
        copy_tensor(tensor, tensor.nbytes, stream)
        done += tensor.nbytes
        if progress is not None:
            progress(done, total)
    stream.write(struct.pack("<Q", len(tensors)))
    for name in tensors:
        encoded = f"{'aux' if name in writer.states else 'arg'}:{name}".encode()
        stream.write(struct.pack("<Q", len(encoded)) + encoded)
