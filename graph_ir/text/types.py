"""Types in the text: ``float[1,batch]``, ``seq(float)``, ``optional(int64[?])``, ``sparse_tensor(float[3])``."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.text.lexer import Tokens
from dragoman.graph_ir.text.words import CONTAINERS, DTYPES, MAX_DEPTH, RESERVED, SPARSE

Typed = tuple[ir.TypeProtocol | None, ir.Shape | None]
"""A type, and the shape of the tensors in it; None for what isn't known."""


def begins_type(tokens: Tokens) -> bool:
    """Whether a type comes next, and not a value that is called as one."""
    found = tokens.peek()
    if found.text == "?" and found.kind == "mark":
        return True
    return found.kind == "name" and found.text in RESERVED and tokens.peek(1).text not in (",", ")", "=")


def parse_type(tokens: Tokens, depth: int = 0) -> Typed:
    """A type."""
    if tokens.accept("?"):
        return None, parse_shape(tokens) if tokens.at("[") else None
    at = tokens.peek().at
    word = tokens.word("a type")
    if word in DTYPES:
        return ir.TensorType(DTYPES[word]), parse_shape(tokens)
    if word == SPARSE:
        tokens.expect("(")
        dtype, shape = parse_tensor_type(tokens)
        tokens.expect(")")
        return ir.SparseTensorType(dtype), shape
    if word not in CONTAINERS:
        tokens.fail("maps aren't read" if word == "map" else f"{word!r} isn't a type", at)
    if depth >= MAX_DEPTH:
        tokens.fail(f"types nested more than {MAX_DEPTH} deep", at)
    tokens.expect("(")
    inner, shape = parse_type(tokens, depth + 1)
    tokens.expect(")")
    if inner is None:
        tokens.fail(f"{word} of an unknown type", at)
    return CONTAINERS[word](inner), shape


def parse_tensor_type(tokens: Tokens) -> tuple[ir.DataType, ir.Shape | None]:
    """An element type and a shape."""
    at = tokens.peek().at
    word = tokens.word("an element type")
    if word not in DTYPES:
        tokens.fail(f"{word!r} isn't an element type", at)
    return DTYPES[word], parse_shape(tokens)


def parse_shape(tokens: Tokens) -> ir.Shape | None:
    """``[1,batch,?]``; nothing is a scalar's, and ``[]`` an unknown rank."""
    if not tokens.accept("["):
        return ir.Shape([])
    if tokens.accept("]"):
        return None
    dims: list[int | str | None] = []
    while not tokens.accept("]"):
        if dims:
            tokens.expect(",")
        if tokens.peek().kind == "number":
            dims.append(tokens.integer())
        elif tokens.accept("?"):
            dims.append(None)
        else:
            dims.append(tokens.name("a dimension"))
    return ir.Shape(ir.SymbolicDim(d) if not isinstance(d, int) else d for d in dims)
