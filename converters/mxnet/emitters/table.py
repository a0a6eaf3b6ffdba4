"""The table of emitters, filled by the modules beside it.

An emitter is ``(w: SymbolWriter, node: ir.Node) → the outputs``: one ``Ref`` or a tuple of them. It gets nodes of opset ``OPSET``, and
of the newer operators in ``KEPT``; everything else was lowered before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import onnx_ir as ir

from dragoman.converters.handlers import HandlerTable
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import SymbolWriter

OPSET = 13
"""Newer operators are decomposed into this opset's, except those that MXNet has."""

Emitter: TypeAlias = Callable[[SymbolWriter, ir.Node], Ref | tuple[Ref, ...]]

EMITTERS = HandlerTable("dragoman.converters.mxnet.emitters")


def emits(*op_types: str) -> Callable[[Emitter], Emitter]:
    """Decorator: the function emits these ONNX operators."""
    return EMITTERS.op(*op_types)


def emits_each(operators: Mapping[str, str], make: Callable[[str], Emitter]) -> None:
    """ONNX operators that differ in nothing but which MXNet operator they are."""
    for op_type, operator in operators.items():
        EMITTERS.op(op_type)(make(operator))
