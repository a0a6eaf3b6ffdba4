"""Optionals: a tensor or sequence that is known to be there is taken for what it is."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, input_at, lowers, needed

_READERS = ("OptionalGetElement", "OptionalHasElement")


@lowers(18, "OptionalGetElement")
def element_of_no_optional(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 18 only an optional had an element: anything else is its own."""
    x = needed(node, 0)
    return None if isinstance(x.type, ir.OptionalType) else e.op("Identity", x)


@lowers(18, "OptionalHasElement")
def presence_of_no_optional(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 18 only an optional was asked: what is left out isn't there, anything else is."""
    x = input_at(node, 0)
    return None if x is not None and isinstance(x.type, ir.OptionalType) else e.const(x is not None, np.bool_)


@lowers(15, "Optional")
def optional_that_is_there(node: ir.Node, e: Emitter) -> ir.Value:
    """Before 15 there were no optionals: one that is made of a value and only asked for it is that value."""
    x, made = input_at(node, 0), node.outputs[0]
    read = all(use.node.op_type in _READERS and not use.node.domain for use in made.uses())
    if x is None or made.is_graph_output() or not read:
        raise CannotConvertError("an optional value")
    made.type = x.type
    return e.op("Identity", x)


@lowers(15, *_READERS)
def element_that_is_there(node: ir.Node, e: Emitter) -> ir.Value:
    """What ``optional_that_is_there`` left of an optional."""
    x = needed(node, 0)
    if isinstance(x.type, ir.OptionalType):
        raise CannotConvertError("an optional value")
    return e.op("Identity", x) if node.op_type == "OptionalGetElement" else e.const(True, np.bool_)
