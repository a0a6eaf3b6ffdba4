"""Strings, which no older operator puts together or takes apart."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, lowers

_DONE = {"StringConcat": "joins strings", "StringSplit": "splits strings", "RegexFullMatch": "matches strings"}


@lowers(20, *_DONE)
def strings(node: ir.Node, e: Emitter) -> None:
    """Before 20 strings were looked up, compared and cast only."""
    raise CannotConvertError(f"it: none of its operators {_DONE[node.op_type]}")
