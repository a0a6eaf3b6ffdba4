"""Operators that are linear in their input, with constant weights: how a factor for each channel gets into these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.affine import FLOATS, Vector
from dragoman.graph_ir.passes.editing import Names, add_weight, attribute, constant
from dragoman.graph_ir.tensors import DerivedTensor, blocks

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """Conv, ConvTranspose, Gemm or MatMul: its channels are at ``input_axis`` and ``output_axis``.

    ``by_input`` and ``by_output`` reshape one number for each channel so that it broadcasts to the weight. ``response`` gives what
    an input that is constant in each channel adds to each output channel, None if that isn't the same everywhere. The stored bias
    counts ``beta`` times.
    """

    node: ir.Node
    weight: ir.TensorProtocol
    bias: ir.TensorProtocol | None
    inputs: int
    outputs: int
    input_axis: int
    output_axis: int
    by_input: Callable[[Vector], Array]
    by_output: Callable[[Vector], Array]
    response: Callable[[Vector], Vector] | None
    may_shift: bool
    beta: float = 1.0


def linear_of(node: ir.Node) -> Linear | None:
    """``node`` as a linear map, if it is one and its weights are constant."""
    if node.domain != "" or node.op_type not in _KINDS or any(a.is_ref() for a in node.attributes.values()):
        return None
    weight, source = constant(node.inputs[1]), node.inputs[0]
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    if weight is None or weight.dtype not in FLOATS or source is None or source.shape is None:
        return None
    if has_bias and (bias is None or bias.dtype != weight.dtype):
        return None
    return _KINDS[node.op_type](node, weight, bias, len(source.shape))


def _conv(node: ir.Node, weight: ir.TensorProtocol, bias: ir.TensorProtocol | None, rank: int) -> Linear:
    """Conv: weights (M, C / group, …)."""
    outputs, inner, *window = (int(size) for size in weight.shape.numpy())
    groups, ones = attribute(node, "group", 1), (1,) * len(window)

    def by_input(a: Vector) -> Array:
        return np.repeat(a.reshape(groups, inner), outputs // groups, axis=0).reshape(outputs, inner, *ones)

    def response(a: Vector) -> Vector:
        parts = [block.reshape(len(block), inner, -1).sum(axis=2, dtype=np.float64) for block in blocks(weight)]
        sums = np.concatenate(parts)
        result: Vector = (sums * by_input(a).reshape(outputs, inner)).sum(axis=1)
        return result

    mode = attribute(node, "auto_pad", "NOTSET")
    padded = any(attribute(node, "pads", ()))
    uniform = mode == "VALID" or (mode == "NOTSET" and not padded)
    return Linear(
        node, weight, bias, groups * inner, outputs, 1, 1, by_input, lambda a: a.reshape(-1, 1, *ones),
        response if uniform else None, may_shift=True,
    )  # fmt: skip


def _conv_transpose(node: ir.Node, weight: ir.TensorProtocol, bias: ir.TensorProtocol | None, rank: int) -> Linear:
    """ConvTranspose: weights (C, M / group, …); the output's channels are the groups' one after the other."""
    inner, per_group, *window = (int(size) for size in weight.shape.numpy())
    groups, ones = attribute(node, "group", 1), (1,) * len(window)

    def by_output(a: Vector) -> Array:
        return np.repeat(a.reshape(groups, per_group), inner // groups, axis=0).reshape(inner, per_group, *ones)

    return Linear(
        node, weight, bias, inner, groups * per_group, 1, 1, lambda a: a.reshape(-1, 1, *ones), by_output, None, may_shift=True
    )


def _gemm(node: ir.Node, weight: ir.TensorProtocol, bias: ir.TensorProtocol | None, rank: int) -> Linear | None:
    """Gemm: alpha · A · B + beta · C; B is (K, N), or (N, K) with transB."""
    if len(weight.shape) != 2:
        return None
    transposed = bool(attribute(node, "transB", 0))
    inputs, outputs = (int(size) for size in weight.shape.numpy()[:: -1 if transposed else 1])
    if bias is not None and tuple(bias.shape.numpy()) not in ((), (1,), (outputs,), (1, outputs), (1, 1)):
        return None
    alpha: float = attribute(node, "alpha", 1.0)
    beta: float = attribute(node, "beta", 1.0)
    down, across = (lambda a: a.reshape(1, -1)), (lambda a: a.reshape(-1, 1))

    def response(a: Vector) -> Vector:
        return alpha * _product(a, weight, transposed=transposed)

    return Linear(
        node, weight, bias, inputs, outputs, 0 if attribute(node, "transA", 0) else 1, 1, down if transposed else across,
        across if transposed else down, response, may_shift=True, beta=beta,
    )  # fmt: skip


def _matmul(node: ir.Node, weight: ir.TensorProtocol, bias: ir.TensorProtocol | None, rank: int) -> Linear | None:
    """MatMul with a matrix (K, N) on the right. It has no bias: with one it becomes a Gemm, if its input is a matrix too."""
    if len(weight.shape) != 2 or rank < 2:
        return None
    inputs, outputs = (int(size) for size in weight.shape.numpy())

    return Linear(
        node, weight, None, inputs, outputs, rank - 1, rank - 1, lambda a: a.reshape(-1, 1), lambda a: a.reshape(1, -1),
        lambda a: _product(a, weight), may_shift=rank == 2,
    )  # fmt: skip


def _product(a: Vector, weight: ir.TensorProtocol, *, transposed: bool = False) -> Vector:
    """a · W or a · Wᵀ, in float64, some rows of W at a time."""
    if transposed:
        return np.concatenate([block.astype(np.float64) @ a for block in blocks(weight)])
    result, first = np.zeros(int(weight.shape.numpy()[1])), 0
    for block in blocks(weight):
        result += a[first : first + len(block)] @ block.astype(np.float64)
        first += len(block)
    return result


_KINDS: dict[str, Callable[[ir.Node, ir.TensorProtocol, ir.TensorProtocol | None, int], Linear | None]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
}


def scale_weight(linear: Linear, factor: Callable[[], Array], names: Names) -> None:
    """Multiply the weight by ``factor``, which broadcasts to it: in float64, rounded once, when it is asked for."""
    weight, shape = linear.weight, tuple(linear.weight.shape.numpy())

    def compute() -> Iterator[npt.NDArray[np.generic]]:
        scale, first = factor(), 0
        for block in blocks(weight):
            result = np.empty(block.shape, weight.dtype.numpy())
            rows = scale if len(scale) == 1 else scale[first : first + len(block)]
            np.multiply(block, rows, out=result, casting="same_kind")  # in float64, however few at a time
            yield result
            first += len(block)

    _replace_input(linear.node, 1, DerivedTensor(compute, weight.dtype, shape), names)


def change_bias(linear: Linear, change: Callable[[Vector], Vector], names: Names) -> None:
    """The bias, zeros if there is none, becomes what ``change`` makes of it, and counts once."""
    node, bias, outputs, beta = linear.node, linear.bias, linear.outputs, linear.beta
    dtype = linear.weight.dtype

    def compute() -> npt.NDArray[np.generic]:
        old = np.zeros(outputs) if bias is None else bias.numpy().astype(np.float64).reshape(-1) * beta
        return np.broadcast_to(change(old), (outputs,)).astype(dtype.numpy())

    _replace_input(node, 2, DerivedTensor(compute, dtype, (outputs,)), names)
    node.attributes.pop("beta", None)
    if node.op_type == "MatMul":
        node.op_type = "Gemm"


def _replace_input(node: ir.Node, index: int, tensor: ir.TensorProtocol, names: Names) -> None:
    """Give ``node`` its own weight; it keeps the old one's name if nobody else reads that."""
    assert isinstance(node.graph, ir.Graph)
    if index >= len(node.inputs):
        node.resize_inputs(index + 1)
    old, graph = node.inputs[index], node.graph
    if old is None:
        name = names.unique(f"{node.name or node.outputs[0].name}/bias")
    elif old.is_initializer() and len(old.uses()) == 1 and not old.is_graph_output() and isinstance(old.graph, ir.Graph):
        name, graph = old.name or names.unique("weight"), old.graph
        node.replace_input_with(index, None)
        del graph.initializers[name]
    else:
        name = names.unique(f"{old.name}/folded")
    node.replace_input_with(index, add_weight(graph, tensor, name))
