"""Multi-head attention whose queries, keys and values are interleaved head by head in one tensor."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import number
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("_contrib_interleaved_matmul_selfatt_qk")
def self_attention_scores(g: SymbolBuilder, node: Node, queries_keys_values: Value, *, heads: int) -> Value:
    """(T, N, heads·3·D) → q kᵀ / √D, (N·heads, T, T). transformer.cc."""
    queries, keys = (_part(g, node, queries_keys_values, heads, index, 3) for index in (0, 1))
    return _scores(g, queries, keys)


@op("_contrib_interleaved_matmul_selfatt_valatt")
def self_attention_output(g: SymbolBuilder, node: Node, queries_keys_values: Value, attention: Value, *, heads: int) -> Value:
    """(T, N, heads·3·D), attention (N·heads, T, T) → attention times values, (T, N, heads·D). transformer.cc."""
    return _weighted(g, node, attention, _part(g, node, queries_keys_values, heads, 2, 3), heads)


@op("_contrib_interleaved_matmul_encdec_qk")
def cross_attention_scores(g: SymbolBuilder, node: Node, queries: Value, keys_values: Value, *, heads: int) -> Value:
    """(T, N, heads·D), (S, N, heads·2·D) → q kᵀ / √D, (N·heads, T, S). transformer.cc."""
    return _scores(g, _part(g, node, queries, heads, 0, 1), _part(g, node, keys_values, heads, 0, 2))


@op("_contrib_interleaved_matmul_encdec_valatt")
def cross_attention_output(g: SymbolBuilder, node: Node, keys_values: Value, attention: Value, *, heads: int) -> Value:
    """(S, N, heads·2·D), attention (N·heads, T, S) → attention times values, (T, N, heads·D). transformer.cc."""
    return _weighted(g, node, attention, _part(g, node, keys_values, heads, 1, 2), heads)


def _part(g: SymbolBuilder, node: Node, x: Value, heads: int, index: int, count: int) -> Value:
    """One of the ``count`` tensors that are interleaved: (T, N, heads·count·D) → (T, N·heads, D)."""
    g.require(node, x, ir.DataType.FLOAT, ir.DataType.FLOAT16)
    if g.rank(node, x) != 3:
        raise g.malformed(node, f"takes (length, sequences, features), not {list(dims(x))}")
    (features,) = g.sizes(node, x, (2,), "it is divided among the heads")
    if heads < 1 or features % (heads * count):
        raise g.malformed(node, f"can't divide {features} features among {heads} heads of {count} tensors")
    size = features // (heads * count)
    if count > 1:
        split = g.op("Reshape", x, g.const([0, 0, heads, count, size]))
        x = g.op("Gather", split, g.const(index), axis=3)
    return g.op("Reshape", x, g.const([0, -1, size]))


def _scores(g: SymbolBuilder, queries: Value, keys: Value) -> Value:
    size = dims(queries)[2]
    scale = number(g, queries, size**-0.5 if isinstance(size, int) else 1.0)
    scaled = g.op("Transpose", g.op("Mul", queries, scale), perm=[1, 0, 2])
    return g.op("MatMul", scaled, g.op("Transpose", keys, perm=[1, 2, 0]))


def _weighted(g: SymbolBuilder, node: Node, attention: Value, values: Value, heads: int) -> Value:
    if g.rank(node, attention) != 3:
        raise g.malformed(node, f"takes attention (sequences·heads, length, length), not {list(dims(attention))}")
    (size,) = g.sizes(node, values, (2,), "it is a head's size")
    y = g.op("MatMul", attention, g.op("Transpose", values, perm=[1, 0, 2]))
    return g.op("Reshape", g.op("Transpose", y, perm=[1, 0, 2]), g.const([0, -1, heads * size]))
