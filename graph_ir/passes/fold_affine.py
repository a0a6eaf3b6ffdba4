"""BatchNormalization, Mul, Add, Sub and Div into the weights and bias of the linear operator before them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.affine import Affine, affine_chain
from dragoman.graph_ir.passes.editing import Names, add_weight, constant, remove_node
from dragoman.graph_ir.provenance import forget_source_tensors, merge_origins, move_source_tensors
from dragoman.graph_ir.tensors import DerivedTensor, MappedTensor

_BLOCK = 1 << 22
"""Elements of a weight that are looked at before the pages that they were read from are given back."""

Array = npt.NDArray[np.float32]


def fold_affine(model: ir.Model) -> bool:
    """Fold what follows Conv, ConvTranspose, Gemm or MatMul channel by channel: in float64, rounded once when it is written."""
    names = Names([model.graph])
    changed = False
    for node in list(model.graph):
        if node.domain == "" and node.op_type in _FOLDS:
            changed |= _FOLDS[node.op_type](node, names)
    return changed


def _fold_conv(node: ir.Node, names: Names) -> bool:
    """Conv: weights (M, C / group, …), the output's channels first."""
    weight = _float_constant(node, 1)
    if weight is None:
        return False
    shape = tuple(weight.shape.numpy())
    return _fold(node, names, weight, shape[0], 1, lambda a: a.reshape((-1,) + (1,) * (len(shape) - 1)))


def _fold_conv_transpose(node: ir.Node, names: Names) -> bool:
    """ConvTranspose: weights (C, M / group, …); the output's channels are the groups' one after the other."""
    weight = _float_constant(node, 1)
    if weight is None:
        return False
    inner, per_group, *window = weight.shape.numpy()
    groups = node.attributes["group"].as_int() if "group" in node.attributes else 1

    def spread(a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        rows = np.repeat(a.reshape(groups, per_group), inner // groups, axis=0)
        return rows.reshape((inner, per_group) + (1,) * len(window))

    return _fold(node, names, weight, groups * per_group, 1, spread)


def _fold_gemm(node: ir.Node, names: Names) -> bool:
    """Gemm: alpha · A · B + beta · C; B is (K, N), or (N, K) with transB."""
    weight, bias = _float_constant(node, 1), _float_constant(node, 2)
    if weight is None or (len(node.inputs) > 2 and node.inputs[2] is not None and bias is None):
        return False
    rows, columns = weight.shape.numpy()
    transposed = "transB" in node.attributes and bool(node.attributes["transB"].as_int())
    width = rows if transposed else columns
    if bias is not None and tuple(bias.shape.numpy()) not in ((), (1,), (width,), (1, width), (1, 1)):
        return False
    beta = node.attributes["beta"].as_float() if "beta" in node.attributes else 1.0
    folded = _fold(node, names, weight, width, 1, lambda a: a.reshape((-1, 1) if transposed else (1, -1)), beta)
    if folded:
        node.attributes.pop("beta", None)
    return folded


def _fold_matmul(node: ir.Node, names: Names) -> bool:
    """MatMul with a matrix (K, N); with a shift it becomes a Gemm, which has a bias, if its input is a matrix too."""
    weight, source = _float_constant(node, 1), node.inputs[0]
    if weight is None or len(weight.shape) != 2 or source is None or source.shape is None or len(source.shape) < 2:
        return False
    chain = affine_chain(node.outputs[0], len(source.shape) - 1)
    if chain is None or (chain.shifts and len(source.shape) != 2):
        return False
    columns = weight.shape.numpy()[1]
    if not _fold(node, names, weight, columns, len(source.shape) - 1, lambda a: a.reshape(1, -1)):
        return False
    if chain.shifts:
        node.op_type = "Gemm"
    return True


_FOLDS: dict[str, Callable[[ir.Node, Names], bool]] = {
    "Conv": _fold_conv,
    "ConvTranspose": _fold_conv_transpose,
    "Gemm": _fold_gemm,
    "MatMul": _fold_matmul,
}


def _fold(
    node: ir.Node,
    names: Names,
    weight: ir.TensorProtocol,
    channels: int,
    axis: int,
    spread: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    beta: float = 1.0,
) -> bool:
    """Fold all that follows ``node`` at ``axis``; ``spread`` reshapes one factor for each channel to the weights' axes."""
    chain = affine_chain(node.outputs[0], axis)
    bias = _float_constant(node, 2)
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    if chain is None or chain.channels not in (None, channels) or (has_bias and bias is None):
        return False
    if chain.scales:
        _replace_input(node, 1, _scaled(weight, chain, channels, spread), names)
    if has_bias or chain.shifts:
        _replace_input(node, 2, _shifted(bias, chain, channels, beta), names)
    _take_over(node, chain)
    return True


def _scaled(
    weight: ir.TensorProtocol,
    chain: Affine,
    channels: int,
    spread: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
) -> ir.TensorProtocol:
    shape = tuple(weight.shape.numpy())

    def compute() -> Array:
        factor = spread(np.broadcast_to(chain.values()[0], (channels,)))
        result = np.empty(shape, np.float32)
        rows = max(1, _BLOCK * shape[0] // max(1, weight.size))
        for first in range(0, shape[0], rows):
            part = slice(first, first + rows)
            scale = factor if len(factor) == 1 else factor[part]
            np.multiply(weight.numpy()[part], scale, out=result[part], casting="same_kind")  # in float64, however few at a time
            if isinstance(weight, MappedTensor):
                weight.file.release()
        return result

    return DerivedTensor(compute, ir.DataType.FLOAT, shape)


def _shifted(bias: ir.TensorProtocol | None, chain: Affine, channels: int, beta: float) -> ir.TensorProtocol:
    def compute() -> Array:
        scale, shift = chain.values()
        old = np.zeros(channels) if bias is None else bias.numpy().astype(np.float64).reshape(-1) * beta
        return np.broadcast_to(old * scale + shift, (channels,)).astype(np.float32)

    return DerivedTensor(compute, ir.DataType.FLOAT, (channels,))


def _float_constant(node: ir.Node, index: int) -> ir.TensorProtocol | None:
    tensor = constant(node.inputs[index]) if index < len(node.inputs) else None
    return tensor if tensor is not None and tensor.dtype == ir.DataType.FLOAT else None


def _replace_input(node: ir.Node, index: int, tensor: ir.TensorProtocol, names: Names) -> None:
    """Give ``node`` its own weight; it keeps the old one's name if nobody else reads that."""
    assert isinstance(node.graph, ir.Graph)
    if index >= len(node.inputs):
        node.resize_inputs(index + 1)
    old = node.inputs[index]
    if old is None:
        name = names.unique(f"{node.name or node.outputs[0].name}/bias")
    elif old.is_initializer() and len(old.uses()) == 1 and not old.is_graph_output():
        name = old.name or names.unique("weight")
        node.replace_input_with(index, None)
        del node.graph.initializers[name]
    else:
        name = names.unique(f"{old.name}/folded")
    node.replace_input_with(index, add_weight(node.graph, tensor, name))


def _take_over(node: ir.Node, chain: Affine) -> None:
    """``node`` makes what the chain made, under its name; what was in between is no more."""
    output, result = node.outputs[0], chain.result
    forget_source_tensors(output)
    move_source_tensors(result, output)
    output.shape, name = result.shape, result.name
    ir.convenience.replace_all_uses_with(result, output, replace_graph_outputs=True)
    result.name = None
    output.name = name
    merge_origins(node, *chain.nodes)
    for step in reversed(chain.nodes):
        remove_node(step)
