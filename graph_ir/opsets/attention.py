"""Attention: its windows and its padding as masks, and all of it written out."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, part_or_rest, whole
from dragoman.graph_ir.opsets.operators import cast
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    TooLittleKnownError,
    attribute,
    dtype_of,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    rank,
    sizes,
)


@lowers(25, "Attention")
def attention_without_windows(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Windows came with 25: before, they are part of the mask."""
    if max(attribute(node, "left_window_size", -1), attribute(node, "right_window_size", -1)) >= 0:
        return _with_one_mask(node, e)
    for name in ("left_window_size", "right_window_size"):
        node.attributes.pop(name, None)
    return None


@lowers(24, "Attention")
def attention_without_padding(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """The number of keys that aren't padding came with 24: before, it is part of the mask."""
    if input_at(node, 6) is not None:
        return _with_one_mask(node, e)
    node.resize_inputs(min(6, len(node.inputs)))
    return None


def _with_one_mask(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """The same attention, whose mask says all that may be attended."""
    allowed, bias = _mask(node, e)
    mask = allowed if allowed is None or bias is None else _additive(allowed, bias, needed(node, 0), e)
    mask = bias if mask is None else mask
    if input_at(node, 6) is not None:  # for each query too: ONNX Runtime doesn't broadcast that axis
        n, last = Arithmetic(e), rank(needed(node, 0)) - 2
        mask = e.op("Expand", mask, n.shape(*(n.size(needed(node, i), last) for i in (0, 1))))
    names = ("q_num_heads", "kv_num_heads", "scale", "softcap", "softmax_precision", "qk_matmul_output_mode")
    kept = {name: attribute(node, name) for name in names}
    inputs = [needed(node, 0), needed(node, 1), needed(node, 2), mask, input_at(node, 4), input_at(node, 5)]
    return e.ops("Attention", *inputs, outputs=len(node.outputs), **kept)


@lowers(23, "Attention")
def attention(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """softmax(softcap(q · kᵀ · scale) + bias) · v; a row that may attend nothing gives zeros.

    q (B, Hq, Sq, D), k (B, Hkv, Sk, D), v (B, Hkv, Sk, Dv), or (B, S, H · D) each; y is shaped as q is.
    """
    q, k, v = (_by_head(node, needed(node, i), "q_num_heads" if i == 0 else "kv_num_heads", e) for i in range(3))
    keys, values = (_after(input_at(node, 4 + i), new, e) for i, new in enumerate((k, v)))
    owners = _owners(q, k, e)
    raw = _logits(node, q, _for_each_query(keys, owners, e), e)
    capped = _capped(node, raw, e)
    bias = _bias(node, q, e)
    biased = capped if bias is None else e.op("Add", capped, bias)
    weights = _weights(node, biased, bias, e)
    told = _for_each_query(values, owners, e)
    y = e.op("MatMul", weights, cast(e, told, dtype_of(q)))
    if rank(needed(node, 0)) == 3:
        count, width = attribute(node, "q_num_heads"), sizes(y)[3]
        together = e.vector(0, 0, count * width if width is not None else -1)
        y = e.op("Reshape", e.op("Transpose", y, perm=[0, 2, 1, 3]), together)
    stages = dict(enumerate((raw, capped, biased, weights)))
    if (mode := attribute(node, "qk_matmul_output_mode", 0)) not in stages:
        raise CannotConvertError(f"qk_matmul_output_mode = {mode}")
    given = {id(value) for value in node.inputs}
    results = zip(node.outputs, (y, keys, values, stages[mode]), strict=False)
    return tuple(e.op("Identity", value) if id(value) in given and out.name else value for out, value in results)


def _by_head(node: ir.Node, x: ir.Value, count: str, e: Emitter) -> ir.Value:
    """(B, S, H · D) → (B, H, S, D), as it may be already."""
    if rank(x) == 4:
        return x
    return e.op("Transpose", heads_apart(node, x, count, e), perm=[0, 2, 1, 3])


def heads_apart(node: ir.Node, x: ir.Value, count: str, e: Emitter) -> ir.Value:
    """(B, S, H · D) → (B, S, H, D), for as many heads as the attribute ``count`` says."""
    if not (heads := attribute(node, count)):
        raise TooLittleKnownError(f"its {count} is missing")
    return e.op("Reshape", x, e.vector(0, 0, heads, part_or_rest(sizes(x)[2], heads)))


def _after(past: ir.Value | None, new: ir.Value, e: Emitter) -> ir.Value:
    return new if past is None else e.op("Concat", past, new, axis=2)


def _owners(q: ir.Value, k: ir.Value, e: Emitter) -> ir.Value | None:
    """The key head of each query head: query heads that share one stand together. None if each has its own."""
    n = Arithmetic(e)
    heads, own = n.size(q, 1), n.size(k, 1)
    if n.same(heads, own):
        return None
    return n.value(n.div(n.count(heads), n.div(heads, n.maximum(own, whole(1)))))


def _for_each_query(x: ir.Value, owners: ir.Value | None, e: Emitter) -> ir.Value:
    """(B, Hkv, S, D) → (B, Hq, S, D)."""
    return x if owners is None else e.op("Gather", x, owners, axis=1)


def _logits(node: ir.Node, q: ir.Value, keys: ir.Value, e: Emitter) -> ir.Value:
    """q · kᵀ · scale, where scale is 1 / √D if it isn't given: √scale is on both, as ONNX says, for the sake of 16 bits."""
    root = _root_of_scale(node, q, e)
    return e.op("MatMul", e.op("Mul", q, root), e.op("Mul", e.op("Transpose", keys, perm=[0, 1, 3, 2]), root))


def _root_of_scale(node: ir.Node, q: ir.Value, e: Emitter) -> ir.Value:
    scale = attribute(node, "scale")
    if scale is not None:
        if scale < 0:
            raise CannotConvertError(f"scale = {scale}")
        return e.const(math.sqrt(scale), numpy_dtype(q))
    n = Arithmetic(e)
    width = n.maximum(n.size(q, 3), whole(1))  # no elements have no products to scale
    return n.value(n.cast(n.power(n.cast(width, np.float32), -0.25), numpy_dtype(q)))


def _capped(node: ir.Node, logits: ir.Value, e: Emitter) -> ir.Value:
    """c · tanh(x / c)."""
    if (softcap := attribute(node, "softcap", 0.0)) <= 0:
        return logits
    cap = e.const(softcap, numpy_dtype(logits))
    return e.op("Mul", e.op("Tanh", e.op("Div", logits, cap)), cap)


def _weights(node: ir.Node, logits: ir.Value, bias: ir.Value | None, e: Emitter) -> ir.Value:
    """The softmax over the keys, 0 in each row whose mask allows none of them."""
    kind = dtype_of(logits)
    precision = ir.DataType(attribute(node, "softmax_precision") or kind.value)
    weights = cast(e, e.op("Softmax", cast(e, logits, precision), axis=-1), kind)
    if bias is None or input_at(node, 3) is None:
        return weights
    dtype = numpy_dtype(logits)
    best = e.op("ReduceMax", bias, e.vector(-1), keepdims=1)
    return e.op("Where", e.op("Equal", best, e.const(-np.inf, dtype)), e.const(0, dtype), weights)


def _bias(node: ir.Node, q: ir.Value, e: Emitter) -> ir.Value | None:
    """What is added to the logits: −inf where nothing may be attended."""
    allowed, bias = _mask(node, e)
    return bias if allowed is None else _additive(allowed, bias, q, e)


def _additive(allowed: ir.Value, bias: ir.Value | None, q: ir.Value, e: Emitter) -> ir.Value:
    """``bias``, or 0, where it is allowed, and −inf elsewhere."""
    dtype = numpy_dtype(q)
    return e.op("Where", allowed, e.const(0, dtype) if bias is None else bias, e.const(-np.inf, dtype))


def _mask(node: ir.Node, e: Emitter) -> tuple[ir.Value | None, ir.Value | None]:
    """Which keys a query may attend, and what is added to its logits; both broadcast to (B, Hq, Sq, Sk), None if all and nothing.

    The queries' positions p are counted from the first key; j is a key's: causal is j ≤ p, a window p − left ≤ j ≤ p + right.
    """
    mask, filled = input_at(node, 3), input_at(node, 6)
    left, right = attribute(node, "left_window_size", -1), attribute(node, "right_window_size", -1)
    if attribute(node, "is_causal", 0):
        right = 0
    n = Arithmetic(e)
    conditions: list[ir.Value] = []
    if max(left, right) >= 0 or filled is not None:
        j = n.count(_number_of_keys(node, e))
        if max(left, right) >= 0:
            p = _positions(node, e)
            if right >= 0:
                conditions.append(n.value(n.less(j, n.add(p, whole(right + 1)))))
            if left >= 0:
                conditions.append(n.value(n.less(n.sub(p, whole(left + 1)), j)))
        if filled is not None:
            conditions.append(n.value(n.less(j, n.along(filled, 0, 4))))
    bias = None
    if mask is not None:
        mask = _of_all_keys(node, mask, e)
        if mask.dtype == ir.DataType.BOOL:
            conditions.append(mask)
        else:
            bias = mask
    return (reduce(lambda a, b: e.op("And", a, b), conditions) if conditions else None), bias


def _number_of_keys(node: ir.Node, e: Emitter) -> Number:
    n = Arithmetic(e)
    k, past = needed(node, 1), input_at(node, 4)
    fresh = n.size(k, rank(k) - 2)
    return fresh if past is None else n.add(n.size(past, 2), fresh)


def _positions(node: ir.Node, e: Emitter) -> Number:
    """The queries' positions among the keys, (Sq, 1), or (B, 1, Sq, 1) if the samples have numbers of keys of their own."""
    q, past, filled = needed(node, 0), input_at(node, 4), input_at(node, 6)
    n = Arithmetic(e)
    queries = n.size(q, rank(q) - 2)
    position = n.along(n.count(queries), 0, 2)
    if filled is not None:
        return n.add(n.along(n.sub(filled, queries), 0, 4), position)
    return position if past is None else n.add(position, n.size(past, 2))


def _same_size(a: ir.Value, axis: int, b: ir.Value, other: int) -> bool:
    """Whether two dynamic dimensions have one name."""
    assert a.shape is not None and b.shape is not None
    first, second = a.shape[axis], b.shape[other]
    return isinstance(first, ir.SymbolicDim) and first.value is not None and first == second


def _of_all_keys(node: ir.Node, mask: ir.Value, e: Emitter) -> ir.Value:
    """The mask, of q's type unless it says yes or no, with −inf for the last keys if it is shorter than they are many."""
    q, k = needed(node, 0), needed(node, 1)
    if mask.dtype not in (ir.DataType.BOOL, q.dtype):
        mask = cast(e, mask, dtype_of(q))
    if input_at(node, 4) is None and _same_size(mask, -1, k, rank(k) - 2):
        return mask
    n = Arithmetic(e)
    keys, own = _number_of_keys(node, e), n.size(mask, -1)
    if n.same(keys, own):
        return mask
    if mask.dtype == ir.DataType.BOOL:
        mask = _additive(mask, None, q, e)
    pads = n.shape(*[whole(0)] * (2 * rank(mask) - 1), n.sub(keys, own))
    return e.op("Pad", mask, pads, e.const(-np.inf, numpy_dtype(q)))
