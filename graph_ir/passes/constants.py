"""Constant folding, bounded in size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.folding import FOLDABLE, fold
from dragoman.graph_ir.folding.call import rounded
from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.dimensions import elements
from dragoman.graph_ir.passes.editing import attribute, constant, input_at, ints
from dragoman.graph_ir.passes.permutations import identity, transposed
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule, rewrite
from dragoman.graph_ir.tensors import DerivedTensor, MappedTensor, blocks

LIMIT = 1 << 16
"""Elements that the inputs and the results of a folded node may have."""

GROWTH = 1 << 14
"""Bytes by which the results may exceed the inputs: an Expand or a ConstantOfShape is smaller than what it makes."""

_INTEGERS = frozenset({ir.DataType.INT64, ir.DataType.INT32, ir.DataType.BOOL})


def fold_constants(model: ir.Model) -> bool:
    """Nodes of constant inputs become constants, as do Constant nodes and dimensions that are known."""
    return rewrite(model, RULES)


def _constant_node(node: ir.Node, r: Rewriter) -> bool:
    """A Constant becomes an initializer, where there are initializers and the outside doesn't know its name."""
    tensor = None if r.in_function or node.outputs[0].is_graph_output() else constant(node.outputs[0])
    if tensor is None or "sparse_value" in node.attributes:
        return False
    r.become_constant(node, [tensor])
    return True


def _size(node: ir.Node, r: Rewriter) -> bool:
    """Shape and Size of dimensions that are known, whatever the elements are."""
    source = node.inputs[0]
    dims = static_dims(source) if source is not None else None
    if dims is None:
        return False
    sizes = dims[attribute(node, "start", 0) : attribute(node, "end")]
    numbers = np.array(sizes, np.int64) if node.op_type == "Shape" else np.array(np.prod(dims, dtype=np.int64))
    r.become_constant(node, [ir.Tensor(numbers)])
    return True


def _evaluate(node: ir.Node, r: Rewriter) -> bool:
    if any(value is not None and constant(value) is None for value in node.inputs):
        return False
    arrays = fold(node, r.opset, limit=LIMIT)
    if arrays is None:
        return False
    given = sum(tensor.nbytes for tensor in map(constant, node.inputs) if tensor is not None)
    if sum(array.nbytes for array in arrays) > given + GROWTH:
        return False
    r.become_constant(node, [ir.Tensor(array) for array in arrays])
    return True


def _dimensions(node: ir.Node, r: Rewriter) -> bool:
    """A vector or scalar made of dimensions all of which are known, though the tensor that they are of has others."""
    out = node.outputs[0]
    if out.dtype not in _INTEGERS or out.shape is None or len(out.shape) > 1:
        return False
    known = elements(out)
    if known is None or not all(isinstance(size, int) for size in known) or (not len(out.shape) and len(known) != 1):
        return False
    values = np.array(known, np.int64).reshape([-1] * len(out.shape)).astype(out.dtype.numpy())
    r.become_constant(node, [ir.Tensor(values)])
    return True


def _weight(node: ir.Node, r: Rewriter) -> bool:
    """What moves or narrows a weight of any size that nobody else reads becomes another way to read it, when it is written."""
    source = node.inputs[0]
    tensor = constant(source)
    if source is None or tensor is None or not source.is_initializer() or tensor.size <= LIMIT or r.in_function:
        return False
    if len(source.uses()) != 1 or source.is_graph_output() or tensor.dtype == ir.DataType.STRING:
        return False
    moved = _moved(node, tensor)
    if moved is None:
        return False
    r.become_constant(node, [moved])
    return True


def _moved(node: ir.Node, tensor: ir.TensorProtocol) -> ir.TensorProtocol | None:
    shape = tuple(tensor.shape.numpy())
    if node.op_type == "Identity":
        return tensor
    if node.op_type == "Transpose":
        return transposed(tensor, tuple(attribute(node, "perm", identity(len(shape))[::-1])))
    if node.op_type == "Cast":
        wanted = ir.DataType(attribute(node, "to"))
        narrows = wanted.is_floating_point() and wanted.bitwidth >= 16 and wanted.bitwidth <= tensor.dtype.bitwidth
        if not narrows or tensor.dtype not in (ir.DataType.FLOAT, ir.DataType.DOUBLE):
            return None
        return DerivedTensor(lambda: (rounded(block, wanted.numpy()) for block in blocks(tensor)), wanted, shape)
    target = _target(node, shape)
    if target is None:
        return None
    if isinstance(tensor, MappedTensor):
        return MappedTensor(tensor.file, tensor.offset, tensor.dtype, target, stride=tensor.stride)
    return DerivedTensor(lambda: tensor.numpy().reshape(target), tensor.dtype, target)


def _target(node: ir.Node, shape: Sequence[int]) -> list[int] | None:
    """The shape that a Reshape, Flatten, Squeeze or Unsqueeze of constant target gives to a tensor of ``shape``."""
    target = ints(node, 1, "shape" if node.op_type == "Reshape" else "axes")
    if target is None and (node.op_type != "Flatten" and input_at(node, 1) is not None):
        return None
    empty = np.broadcast_to(np.zeros((), np.int8), shape)
    if node.op_type == "Flatten":
        axis = attribute(node, "axis", 1)
        axis = axis + len(shape) if axis < 0 else axis
        return [int(np.prod(shape[:axis], dtype=np.int64)), int(np.prod(shape[axis:], dtype=np.int64))]
    if node.op_type == "Squeeze":
        return list(np.squeeze(empty, None if target is None else tuple(target)).shape)
    if target is None:
        return None
    if node.op_type == "Unsqueeze":
        return list(np.expand_dims(empty, tuple(target)).shape)
    if attribute(node, "allowzero", 0) or 0 in shape:
        return None
    sizes = [shape[axis] if size == 0 else size for axis, size in enumerate(target)]
    rest = int(np.prod([size for size in sizes if size != -1], dtype=np.int64))
    return [int(np.prod(shape, dtype=np.int64)) // rest if size == -1 else size for size in sizes]


def _rules(op_type: str) -> Sequence[Rule]:
    rules: list[Rule] = []
    if op_type in ("Shape", "Size"):
        rules.append(_size)
    if op_type in FOLDABLE:
        rules.append(_evaluate)
    if op_type in ("Shape", "Gather", "Slice", "Add", "Sub", "Mul", "Div", "Equal", "Where"):
        rules.append(_dimensions)
    if op_type in ("Identity", "Transpose", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"):
        rules.append(_weight)
    return rules


RULES = {"Constant": [_constant_node]} | {op_type: _rules(op_type) for op_type in sorted(FOLDABLE)}
"""By operator."""
