"""Operators that work element by element: shapes pass through, or broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.dimension import broadcast
from dragoman.graph_ir.inference.facts import Fact, Tensor, show
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule

_SAME = [
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitwiseNot",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "CumProd",
    "CumSum",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "IsInf",
    "IsNaN",
    "LRN",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Mish",
    "Neg",
    "Not",
    "PRelu",
    "Reciprocal",
    "Relu",
    "ReverseSequence",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Trilu",
    "InstanceNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "SwiGLU",
]

_TOGETHER = [
    "Add",
    "And",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "Pow",
    "StringConcat",
    "Sub",
    "Sum",
    "Where",
    "Xor",
]


@rule(*_SAME)
def same_shape(c: Call) -> Fact:
    """(d…) → (d…)."""
    return Tensor(None, c.dims(0))


@rule(*_TOGETHER)
def together(c: Call) -> Fact:
    """Numpy's broadcasting of all inputs."""
    return Tensor(None, joint_dims(c, [c.dims(index) for index in range(len(c.facts))]))


def joint_dims(c: Call, shapes: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The shape that ``shapes`` have together."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    joint: list[Dim] = []
    for sizes in zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1):
        try:
            joint.append(broadcast(*sizes))
        except ValueError:
            c.fail(f"shapes {' and '.join(show(shape) for shape in shapes)} don't broadcast")
    return tuple(reversed(joint))


@rule("Identity")
def identity(c: Call) -> Fact:
    """The input itself."""
    return c.fact(0)


@rule("Dropout")
def dropout(c: Call) -> list[Fact]:
    """(d…) → (d…) and a mask (d…)."""
    return [Tensor(None, c.dims(0))] * 2


@rule("BatchNormalization")
def batch_normalization(c: Call) -> list[Fact]:
    """(n, c, …) → (n, c, …); in training also the running statistics (c), which have the dtype of theirs."""
    dims = c.dims(0)
    statistics: list[Fact] = []
    for index in (3, 4):
        tensor = c.tensor(index)
        statistics.append(Tensor(tensor.dtype, tensor.dims))
    return [Tensor(None, dims), *statistics, *statistics]


@rule("LayerNormalization")
def layer_normalization(c: Call) -> list[Fact]:
    """(d…) → (d…), and the mean and 1/deviation in ``stash_type``, whose axes from ``axis`` on are 1."""
    dims = c.dims(0)
    axis = c.axis(c.number("axis", -1), len(dims))
    kept = (*dims[:axis], *(1 for _ in dims[axis:]))
    dtype = ir.DataType(c.number("stash_type", 1))
    return [Tensor(None, dims), Tensor(dtype, kept), Tensor(dtype, kept)]
