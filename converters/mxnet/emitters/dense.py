"""Products of matrices."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import SymbolWriter, derived, known_sizes, sizes
from dragoman.graph_ir.passes.editing import attribute, constant


@emits("Gemm")
def gemm(w: SymbolWriter, node: ir.Node) -> Ref:
    """Gemm → FullyConnected where it is x·Wᵀ + b with W (out, in) and b (out) constant, else dot and what it lacks."""
    a, b = node.inputs[0], node.inputs[1]
    c = node.inputs[2] if len(node.inputs) > 2 else None
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    left, right = bool(attribute(node, "transA", 0)), bool(attribute(node, "transB", 0))
    units = known_sizes(b)[0 if right else 1]
    flat_bias = c is None or (beta == 1 and units is not None and known_sizes(c) == (units,))
    if constant(b) is not None and units is not None and not left and alpha == 1 and flat_bias:
        return _fully_connected(w, a, b, c, transposed=right, flatten=True)
    product = w.op("dot", w.ref(a), w.ref(b), transpose_a=left, transpose_b=right)
    if alpha != 1:
        product = w.op("_mul_scalar", product, scalar=float(alpha))
    if c is None or beta == 0:
        return product
    addend = w.ref(c) if beta == 1 else w.op("_mul_scalar", w.ref(c), scalar=float(beta))
    return w.op("broadcast_add", product, addend)


@emits("MatMul")
def matmul(w: SymbolWriter, node: ir.Node) -> Ref:
    """MatMul → FullyConnected with constant weights, dot of two matrices, batch_dot of equal batches, else numpy's."""
    a, b = node.inputs[0], node.inputs[1]
    ranks = len(known_sizes(a)), len(known_sizes(b))
    if constant(b) is not None and ranks[1] == 2 and ranks[0] >= 2 and _floating(a):
        return _fully_connected(w, a, b, None, transposed=False, flatten=False)
    if ranks == (2, 2):
        return w.op("dot", w.ref(a), w.ref(b))
    if ranks[0] == ranks[1] >= 3 and _same_batch(a, b):
        return w.op("batch_dot", w.ref(a), w.ref(b))
    return w.op("_npi_matmul", w.ref(a), w.ref(b))


@emits("Einsum")
def einsum(w: SymbolWriter, node: ir.Node) -> Ref:
    """numpy's."""
    refs = [w.ref(value) for value in node.inputs]
    return w.op("_npi_einsum", *refs, subscripts=attribute(node, "equation").replace(" ", ""), num_args=len(refs))


def _fully_connected(
    w: SymbolWriter, x: ir.Value | None, weight: ir.Value | None, bias: ir.Value | None, *, transposed: bool, flatten: bool
) -> Ref:
    """weight is (out, in) if ``transposed``, as MXNet has it, else (in, out)."""
    assert weight is not None
    if transposed:
        units, matrix = sizes(weight, "its weight")[0], w.ref(weight)
    else:
        inner, units = sizes(weight, "its weight")
        tensor = w.parameter(weight, "weight")
        matrix = w.weight(derived(tensor, lambda a: a.T, (units, inner)), f"{weight.name}_transposed")
    more = [w.ref(bias)] if bias is not None else []
    return w.op("FullyConnected", w.ref(x), matrix, *more, num_hidden=units, no_bias=bias is None, flatten=flatten)


def _floating(value: ir.Value | None) -> bool:
    return value is not None and value.dtype is not None and value.dtype.is_floating_point()


def _same_batch(a: ir.Value | None, b: ir.Value | None) -> bool:
    """Whether the axes before the matrices are equal, by number or by name."""
    assert a is not None and b is not None and a.shape is not None and b.shape is not None
    pairs = zip(list(a.shape)[:-2], list(b.shape)[:-2], strict=True)
    return all(one == other and (isinstance(one, int) or one.value is not None) for one, other in pairs)
