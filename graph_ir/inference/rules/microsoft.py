"""The operators of com.microsoft that ONNX Runtime's optimiser leaves in models, where their shapes follow easily."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call, UnknownError
from dragoman.graph_ir.inference.facts import Fact, Tensor
from dragoman.graph_ir.inference.rules.linear import multiplied
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import MICROSOFT, rule


@rule("BiasGelu", "FastGelu", "Gelu", "QuickGelu", "BiasSoftmax", "GroupNorm", "RotaryEmbedding", domain=MICROSOFT)
def same(c: Call) -> Fact:
    """(d…) → (d…)."""
    return Tensor(c.tensor(0).dtype, c.dims(0))


@rule("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(c: Call) -> list[Fact]:
    """(…, d) → (…, d), mean and 1/deviation (…, 1), the sum (…, d)."""
    tensor, dims = c.tensor(0), c.dims(0)
    statistic = Tensor(ir.DataType.FLOAT, (*dims[:-1], 1))
    whole = Tensor(tensor.dtype, dims)
    return [whole, statistic, statistic, whole]


@rule("Attention", "MultiHeadAttention", domain=MICROSOFT)
def attention(c: Call) -> list[Fact | None]:
    """Q (n, q, d) → (n, q, width of the values); the cache isn't said."""
    tensor, dims = c.tensor(0), c.dims(0, 3)
    if c.node.op_type == "Attention":
        sizes = c.numbers("qkv_hidden_sizes")
        width: Dim = sizes[2] if sizes else c.dims(1, 2)[1] // 3
    elif c.has(2):
        values = c.dims(2)
        width = values[2] if len(values) == 3 else values[1] * values[3]
    else:
        raise UnknownError
    return [Tensor(tensor.dtype, (*dims[:2], width)), *(None for _ in c.node.outputs[1:])]


@rule("MatMulNBits", "MatMulBnb4", domain=MICROSOFT)
def matmul_n_bits(c: Call) -> Fact:
    """(…, K) → (…, N)."""
    return Tensor(c.tensor(0).dtype, (*c.dims(0)[:-1], c.number("N", 0)))


@rule("FusedMatMul", domain=MICROSOFT)
def fused_matmul(c: Call) -> Fact:
    """MatMul, either factor's last two dimensions transposed."""
    a, b = c.dims(0), c.dims(1)
    if c.number("transBatchA", 0) or c.number("transBatchB", 0):
        raise UnknownError
    a, b = ((*d[:-2], d[-1], d[-2]) if c.number(name, 0) and len(d) > 1 else d for name, d in (("transA", a), ("transB", b)))
    return Tensor(c.tensor(0).dtype, multiplied(c, a, b))
