"""A tensor's values in the text: elements in braces, bytes, or a reference to where they are."""

from __future__ import annotations

import base64

import onnx_ir as ir

from dragoman.graph_ir.text.elements import from_bytes, parse_elements
from dragoman.graph_ir.text.lexer import Tokens
from dragoman.graph_ir.text.weights import Weights, absent, digest


def parse_values(
    tokens: Tokens, weights: Weights | None, dtype: ir.DataType, shape: ir.Shape | None, name: str, at: int
) -> ir.TensorProtocol | None:
    """``{1.0, 2.0}``, ``["base64": "…"]``, ``["from": "weights", "name": "…", "sha256": "…"]``; None for ``[]``: no values at all.

    A tensor's ``shape`` has numbers only.
    """
    if tokens.at("["):
        entries = _entries(tokens)
        if not entries:
            return None
    else:
        entries = {}
    if dtype == ir.DataType.UNDEFINED or shape is None or not all(isinstance(d, int) and d >= 0 for d in shape):
        tokens.fail("a tensor with values has an element type, and dimensions that are numbers", at)
    dims = tuple(int(d) for d in shape)  # type: ignore[arg-type]  # they are numbers
    try:
        if not entries:
            return parse_elements(tokens.elements(), dtype, dims)
        if "base64" in entries:
            return from_bytes(base64.b64decode(entries["base64"], validate=True), dtype, dims)
    except (ValueError, OverflowError) as error:
        tokens.fail(str(error), at)
    if entries.get("from") != "weights":
        tokens.fail('values are elements in braces, "base64", or "from": "weights"; other files aren\'t opened', at)
    return _referred(tokens, weights, entries, dtype, dims, entries.get("name", name), at)


def _entries(tokens: Tokens) -> dict[str, str]:
    tokens.expect("[")
    found: dict[str, str] = {}
    while not tokens.accept("]"):
        if found:
            tokens.expect(",")
        key = tokens.string()
        tokens.expect(":")
        found[key] = tokens.string()
    return found


def _referred(
    tokens: Tokens,
    weights: Weights | None,
    entries: dict[str, str],
    dtype: ir.DataType,
    dims: tuple[int, ...],
    name: str,
    at: int,
) -> ir.TensorProtocol:
    if weights is None:
        return absent(name, dtype, dims)
    if name not in weights:
        tokens.fail(f"the weights have no {name!r}", at)
    found = weights[name]
    if found.dtype != dtype or tuple(found.shape.numpy()) != dims:
        given = f"{found.dtype.name.lower()}{list(found.shape.numpy())}"
        tokens.fail(f"{name} is {given} in the weights, {dtype.name.lower()}{list(dims)} in the text", at)
    if "sha256" in entries and digest(found) != entries["sha256"]:
        tokens.fail(f"{name} has other values in the weights than the text was made of", at)
    return found
