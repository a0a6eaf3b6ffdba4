"""Random numbers: from standard ones, uniform or normal, that ONNX draws anew at every run. Where only a table of a distribution is at
hand, it is looked up: the number of cumulative probabilities that a uniform number exceeds.
"""

from __future__ import annotations

from math import exp, lgamma, log, prod
from typing import Literal

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import cast, dtype_of, number
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims
from dragoman.graph_ir.domains import Domain, limit

Kind = Literal["Uniform", "Normal"]
FloatType = Literal["None", "float16", "float32", "float64"]
TYPES = {
    "None": ir.DataType.FLOAT, "float16": ir.DataType.FLOAT16, "float32": ir.DataType.FLOAT, "float64": ir.DataType.DOUBLE,
    "int32": ir.DataType.INT32, "int64": ir.DataType.INT64, "uint8": ir.DataType.UINT8,
}  # fmt: skip


def draw(g: SymbolBuilder, node: Node, kind: Kind, shape: Ints | None, dtype: str) -> Value:
    """Standard numbers of a shape, in numpy's sense for its own operators; in float32 for float16, which ONNX Runtime doesn't draw."""
    wide = ir.DataType.DOUBLE if TYPES[dtype] == ir.DataType.DOUBLE else ir.DataType.FLOAT
    if g.numpy or node.op.startswith("_npi"):
        if not shape:
            return g.op("Reshape", draw(g, node, kind, (1,), dtype), g.const([], np.int64))
        if 0 in shape:
            return g.const(np.zeros(shape, wide.numpy()))
    if not shape or min(shape) <= 0:
        raise g.malformed(node, f"needs a shape of positive sizes, not {shape}")
    return g.op(f"Random{kind}", shape=list(shape), dtype=wide.value)


def affine(g: SymbolBuilder, x: Value, low: float, scale: float, dtype: str) -> Value:
    """x · scale + low in the type that is asked for."""
    moved = g.op("Add", g.op("Mul", x, number(g, x, scale)), number(g, x, low))
    return cast(g, moved, TYPES[dtype])


def _positive(g: SymbolBuilder, node: Node, parameter: float) -> None:
    if parameter <= 0:
        raise g.malformed(node, f"needs a positive parameter, not {parameter}")


def exponential(g: SymbolBuilder, uniform: Value) -> Value:
    """−ln(1 − u): exponential numbers of the mean 1."""
    return g.op("Neg", g.op("Log", g.op("Sub", number(g, uniform, 1), uniform)))


@op("_random_uniform")
def random_uniform(
    g: SymbolBuilder, node: Node, *, low: float = 0.0, high: float = 1.0, shape: Ints = (), dtype: FloatType = "None"
) -> Value:
    """MXNet random_uniform: numbers from low to high. sample_op.h."""
    if high < low:
        raise g.malformed(node, f"needs limits in order, not {low} and {high}")
    return affine(g, draw(g, node, "Uniform", shape, dtype), low, high - low, dtype)


@op("_random_normal")
def random_normal(
    g: SymbolBuilder, node: Node, *, loc: float = 0.0, scale: float = 1.0, shape: Ints = (), dtype: FloatType = "None"
) -> Value:
    """MXNet random_normal: normal numbers of the mean loc and the standard deviation scale. sample_op.h."""
    _positive(g, node, scale)
    return affine(g, draw(g, node, "Normal", shape, dtype), loc, scale, dtype)


@op("_random_exponential")
def random_exponential(g: SymbolBuilder, node: Node, *, lam: float = 1.0, shape: Ints = (), dtype: FloatType = "None") -> Value:
    """MXNet random_exponential: numbers of the density lam · e^(−lam · x). sample_op.h."""
    _positive(g, node, lam)
    return affine(g, exponential(g, draw(g, node, "Uniform", shape, dtype)), 0.0, 1 / lam, dtype)


@op("_random_randint")
def random_randint(
    g: SymbolBuilder, node: Node, *, low: int, high: int, shape: Ints = (), dtype: Literal["None", "int32", "int64"] = "None"
) -> Value:
    """MXNet random_randint: whole numbers from low to high − 1. sample_op.h."""
    uniform = draw(g, node, "Uniform", shape, "float64")
    whole = g.op("Floor", affine(g, uniform, low, high - low, "float64"))
    last = g.const(np.float64(high - 1))
    return g.op("Cast", g.op("Min", whole, last), to=TYPES["int32" if dtype == "None" else dtype])


@op("_random_poisson")
def random_poisson(g: SymbolBuilder, node: Node, *, lam: float = 1.0, shape: Ints = (), dtype: FloatType = "None") -> Value:
    """MXNet random_poisson: k with the probability lamᵏ e^(−lam) / k!. sample_op.h."""
    return _from_table(g, node, [k * log(lam) - lam - lgamma(k + 1) for k in range(_reach(lam, lam))], shape, dtype)


@op("_random_negative_binomial")
def random_negative_binomial(
    g: SymbolBuilder, node: Node, *, k: int = 1, p: float = 1.0, shape: Ints = (), dtype: FloatType = "None"
) -> Value:
    """MXNet random_negative_binomial: failures before the k-th success of the probability p. sample_op.h."""
    return _failures(g, node, k, p, shape, dtype)


@op("_random_generalized_negative_binomial")
def random_generalized_negative_binomial(
    g: SymbolBuilder, node: Node, *, mu: float = 1.0, alpha: float = 1.0, shape: Ints = (), dtype: FloatType = "None"
) -> Value:
    """MXNet random_generalized_negative_binomial: of the mean mu and the variance mu + alpha · mu². sample_op.h."""
    return _failures(g, node, 1 / alpha, 1 / (1 + mu * alpha), shape, dtype)


def _failures(g: SymbolBuilder, node: Node, k: float, p: float, shape: Ints, dtype: str) -> Value:
    mean = k * (1 - p) / p
    logs = [
        lgamma(n + k) - lgamma(n + 1) - lgamma(k) + k * log(p) + (n * log(1 - p) if n else 0.0)
        for n in (range(_reach(mean, mean / p)) if p < 1 else range(1))
    ]
    return _from_table(g, node, logs, shape, dtype)


def _reach(mean: float, variance: float) -> int:
    """How far a table goes: what lies beyond has less than a billionth of the probability."""
    return int(mean + 12 * variance**0.5 + 30)


def _from_table(g: SymbolBuilder, node: Node, logs: list[float], shape: Ints, dtype: str) -> Value:
    """0, 1, 2, … with probabilities of these logarithms."""
    if len(logs) > 4096:
        raise g.unsupported(node, f"has a distribution of {len(logs)} numbers, too many for a table")
    cumulative = np.cumsum([exp(value) for value in logs])
    uniform = g.op("Unsqueeze", draw(g, node, "Uniform", shape, "float64"), g.const([-1]))
    count = g.op("ReduceSum", g.op("Cast", g.op("Greater", uniform, g.const(cumulative)), to=ir.DataType.INT64), g.const([-1]), keepdims=0)
    return g.op("Cast", count, to=TYPES[dtype])


@op("_random_gamma")
def random_gamma(
    g: SymbolBuilder, node: Node, *, alpha: float = 1.0, beta: float = 1.0, shape: Ints = (), dtype: FloatType = "None"
) -> Value:
    """MXNet random_gamma: of the shape alpha and the scale beta. sample_op.h."""
    _positive(g, node, min(alpha, beta))
    like = draw(g, node, "Uniform", shape, dtype)
    shapes = g.op("Expand", number(g, like, alpha), g.shape(like))
    return affine(g, _gamma(g, shapes), 0.0, beta, dtype)


@op("_sample_gamma")
def sample_gamma(g: SymbolBuilder, node: Node, alpha: Value, beta: Value, *, shape: Ints = (), dtype: FloatType = "None") -> Value:
    """MXNet sample_gamma: shapes and scales (*S) → (*S, *shape). multisample_op.h."""
    first, second = (_spread(g, value, shape, dtype) for value in (alpha, beta))
    return cast(g, g.op("Mul", _gamma(g, first), second), TYPES[dtype])


def _gamma(g: SymbolBuilder, alpha: Value) -> Value:
    """Gamma numbers of these shapes, scale 1, by Marsaglia and Tsang: of 16 proposals the first that is accepted. Each is with a chance
    of 0.95 at least, so that none of them is once in 10²⁰ times. Below 1 it is the number of alpha + 1, times u^(1 / alpha).
    """
    one = number(g, alpha, 1)
    small = g.op("Less", alpha, one)
    d = g.op("Sub", g.op("Where", small, g.op("Add", alpha, one), alpha), number(g, alpha, 1 / 3))
    d = g.op("Unsqueeze", d, g.const([-1]))
    tries = g.op("Expand", d, g.op("Concat", g.op("Shape", alpha), g.const([16]), axis=0))
    x = _draw_like(g, "Normal", tries)
    root = g.op("Add", number(g, x, 1), g.op("Div", x, g.op("Sqrt", g.op("Mul", d, number(g, x, 9)))))
    v = g.op("Mul", root, g.op("Mul", root, root))
    positive = g.op("Greater", v, number(g, v, 0))
    bound = g.op("Add", g.op("Sub", number(g, v, 1), v), g.op("Log", g.op("Where", positive, v, number(g, v, 1))))
    bound = g.op("Add", g.op("Mul", g.op("Mul", x, x), number(g, x, 0.5)), g.op("Mul", d, bound))
    accepted = g.op("And", positive, g.op("Less", g.op("Log", _draw_like(g, "Uniform", tries)), bound))
    first = g.op("ArgMax", g.op("Cast", accepted, to=ir.DataType.INT32), axis=-1, keepdims=1)
    found = g.op("Squeeze", g.op("GatherElements", g.op("Mul", d, v), first, axis=-1), g.const([-1]))
    boost = g.op("Pow", _draw_like(g, "Uniform", alpha), g.op("Div", one, alpha))
    return g.op("Mul", found, g.op("Where", small, boost, one))


@op("_random_uniform_like")
def random_uniform_like(g: SymbolBuilder, node: Node, data: Value, *, low: float = 0.0, high: float = 1.0) -> Value:
    """MXNet random_uniform_like: random_uniform in the shape and type of data."""
    return _affine_like(g, _draw_like(g, "Uniform", data), low, high - low, data)


@op("_random_normal_like")
def random_normal_like(g: SymbolBuilder, node: Node, data: Value, *, loc: float = 0.0, scale: float = 1.0) -> Value:
    """MXNet random_normal_like: random_normal in the shape and type of data."""
    return _affine_like(g, _draw_like(g, "Normal", data), loc, scale, data)


@op("_random_exponential_like")
def random_exponential_like(g: SymbolBuilder, node: Node, data: Value, *, lam: float = 1.0) -> Value:
    """MXNet random_exponential_like: random_exponential in the shape and type of data."""
    return _affine_like(g, exponential(g, _draw_like(g, "Uniform", data)), 0.0, 1 / lam, data)


def _draw_like(g: SymbolBuilder, kind: Kind, data: Value) -> Value:
    wide = ir.DataType.DOUBLE if data.dtype == ir.DataType.DOUBLE else ir.DataType.FLOAT
    return g.op(f"Random{kind}Like", data, dtype=wide.value)


def _affine_like(g: SymbolBuilder, x: Value, low: float, scale: float, data: Value) -> Value:
    names = {value: name for name, value in TYPES.items() if name != "None"}
    return affine(g, x, low, scale, names[dtype_of(data)])


@op("_sample_uniform")
def sample_uniform(g: SymbolBuilder, node: Node, low: Value, high: Value, *, shape: Ints = (), dtype: FloatType = "None") -> Value:
    """MXNet sample_uniform: low and high (*S) → (*S, *shape), numbers from each low to its high. multisample_op.h."""
    return _scaled(g, node, "Uniform", low, g.op("Sub", high, low), shape, dtype)


@op("_sample_normal")
def sample_normal(g: SymbolBuilder, node: Node, mu: Value, sigma: Value, *, shape: Ints = (), dtype: FloatType = "None") -> Value:
    """MXNet sample_normal: means and standard deviations (*S) → (*S, *shape). multisample_op.h."""
    return _scaled(g, node, "Normal", mu, sigma, shape, dtype)


@op("_sample_exponential")
def sample_exponential(g: SymbolBuilder, node: Node, lam: Value, *, shape: Ints = (), dtype: FloatType = "None") -> Value:
    """MXNet sample_exponential: rates (*S) → (*S, *shape). multisample_op.h."""
    rate = _spread(g, lam, shape, dtype)
    return cast(g, g.op("Div", exponential(g, _draw_like(g, "Uniform", rate)), rate), TYPES[dtype])


def _scaled(g: SymbolBuilder, node: Node, kind: Kind, low: Value, scale: Value, shape: Ints, dtype: str) -> Value:
    """Each low + its scale · standard numbers."""
    if dims(low) != dims(scale):
        raise g.malformed(node, f"needs parameters of one shape, not {list(dims(low))} and {list(dims(scale))}")
    first, second = (_spread(g, value, shape, dtype) for value in (low, scale))
    return cast(g, g.op("Add", g.op("Mul", _draw_like(g, kind, first), second), first), TYPES[dtype])


def _spread(g: SymbolBuilder, value: Value, shape: Ints, dtype: str) -> Value:
    """(*S) → (*S, *shape), each number repeated; in the type that is drawn for ``dtype``."""
    wide = cast(g, value, TYPES["float64" if dtype == "float64" else "float32"])
    if not shape:
        return wide
    rank = len(dims(value))
    column = g.op("Unsqueeze", wide, g.const(list(range(rank, rank + len(shape)))))
    return g.op("Expand", column, g.op("Concat", g.shape(value), g.const(list(shape)), axis=0))



@op("_sample_multinomial")
def sample_multinomial(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    shape: Ints = (),
    get_prob: bool = False,
    dtype: Literal["uint8", "int32", "float16", "float32", "float64"] = "int32",
) -> tuple[Value, ...]:
    """MXNet sample_multinomial: probabilities (C) or (N, C) → numbers of classes (*shape), or one; (N, *shape), or (N); and, if asked
    for, the logarithm of each one's probability. sample_multinomial_op.h.
    """
    rank = g.rank(node, data)
    if rank not in (1, 2):
        raise g.malformed(node, f"takes probabilities of one or two axes, not {rank}")
    limit(data, Domain(0, 1))
    rows = data if rank == 2 else g.op("Unsqueeze", data, g.const([0]))
    logs = g.op("Log", rows)
    drawn = g.op("Multinomial", cast(g, logs, TYPES["float32"]), sample_size=prod(shape), dtype=ir.DataType.INT64.value)  # (N, samples)
    batch = g.dim(data, 0) if rank == 2 else g.const([] if shape else [1], np.int64)
    target = g.op("Concat", batch, g.const(list(shape), np.int64), axis=0)

    def shaped(value: Value) -> Value:
        return g.op("Reshape", value, target)

    classes = shaped(g.op("Cast", drawn, to=TYPES[dtype]))
    return (classes, shaped(g.op("GatherElements", logs, drawn, axis=1))) if get_prob else (classes,)


@op("_shuffle")
def shuffle(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """MXNet shuffle: (N, …) → the same items in another order. shuffle_op.cc."""
    count = g.dim(data, 0)
    keys = g.op("RandomUniformLike", g.op("ConstantOfShape", count), dtype=ir.DataType.FLOAT.value)
    _, order = g.ops("TopK", keys, count, outputs=2)
    return g.op("Gather", data, order, axis=0)


@op("_npi_uniform")
def npi_uniform(
    g: SymbolBuilder, node: Node, *, low: float = 0.0, high: float = 1.0, size: Ints | None = None, dtype: FloatType = "float32"
) -> Value:
    """MXNet np.random.uniform, of limits that are numbers: np_uniform_op.h."""
    return affine(g, draw(g, node, "Uniform", size, dtype), low, high - low, dtype)


@op("_npi_normal")
def npi_normal(
    g: SymbolBuilder, node: Node, *, loc: float = 0.0, scale: float = 1.0, size: Ints | None = None, dtype: FloatType = "float32"
) -> Value:
    """MXNet np.random.normal, of parameters that are numbers: np_normal_op.h."""
    return affine(g, draw(g, node, "Normal", size, dtype), loc, scale, dtype)


@op("_npi_exponential")
def npi_exponential(g: SymbolBuilder, node: Node, *, scale: float = 1.0, size: Ints | None = None) -> Value:
    """MXNet np.random.exponential: np_exponential_op.h."""
    return affine(g, exponential(g, draw(g, node, "Uniform", size, "float32")), 0.0, scale, "float32")


@op("_npi_gumbel", "_npi_logistic")
def npi_location_scale(g: SymbolBuilder, node: Node, *, loc: float = 0.0, scale: float = 1.0, size: Ints | None = None) -> Value:
    """MXNet np.random.gumbel, loc − scale · ln(−ln u), and logistic, loc + scale · ln(u / (1 − u)): np_location_scale_op.h."""
    uniform = draw(g, node, "Uniform", size, "float32")
    if node.op == "_npi_gumbel":
        return affine(g, g.op("Neg", g.op("Log", exponential(g, uniform))), loc, scale, "float32")
    odds = g.op("Div", uniform, g.op("Sub", g.const(1.0), uniform))
    return affine(g, g.op("Log", odds), loc, scale, "float32")


@op("_npi_rayleigh", "_npi_weibull", "_npi_pareto")
def npi_power(
    g: SymbolBuilder, node: Node, *, scale: float = 1.0, a: float = 1.0, size: Ints | None = None
) -> Value:
    """MXNet np.random.rayleigh, scale · √(2e); weibull, e^(1/a); pareto, exp(e / a) − 1, where e is exponential: np_weibull_op.h, …"""
    drawn = exponential(g, draw(g, node, "Uniform", size, "float32"))
    if node.op == "_npi_rayleigh":
        return affine(g, g.op("Sqrt", g.op("Mul", drawn, g.const(2.0))), 0.0, scale, "float32")
    if node.op == "_npi_weibull":
        return g.op("Pow", drawn, g.const(1 / a))
    return g.op("Sub", g.op("Exp", g.op("Div", drawn, g.const(a))), g.const(1.0))
