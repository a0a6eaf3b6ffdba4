"""How Reshape and Flatten carry a permutation of their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.axis_flip import Edit, Flip, copyable, rule_of
from dragoman.graph_ir.passes.editing import attribute, constant, input_at, only_consumer
from dragoman.graph_ir.passes.permutations import Perm, restored
from dragoman.graph_ir.provenance import forget_source_tensors

Dim = int | str | None


@rule_of("Reshape", "Flatten")
def _reshape(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """Axes that are merged or split stay together; or the axes are flattened for a matrix, whose rows are permuted instead."""
    before, after = node.inputs[0], node.outputs[0]
    if before is None or before.shape is None or after.shape is None:
        return None
    if node.op_type == "Reshape" and constant(input_at(node, 1)) is None:
        return None
    groups = _groups(dims(before), dims(after))
    if groups is None:
        return None
    order = _group_order(perm, [new if of_output else old for old, new in groups])
    if order is None:
        return None if of_output else _flattened(node, perm)
    inner = tuple(axis for index in order for axis in groups[index][0])
    outer = tuple(axis for index in order for axis in groups[index][1])
    target = reshape_target([dims(before)[a] for a in inner], [dims(after)[a] for a in outer])
    if target is None or node.op_type == "Flatten" or not outer:
        return None

    def apply(edit: Edit) -> None:
        edit.ints(node, 1, target)
        node.attributes.pop("allowzero", None)

    return Flip((inner, None), (outer,), apply)


def _groups(old: Sequence[Dim], new: Sequence[Dim]) -> list[tuple[list[int], list[int]]] | None:
    """The smallest runs of axes, before and after, that hold the same elements; None if that can't be told."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        a, b = (old[i] if i < len(old) else 1), (new[j] if j < len(new) else 1)
        if i < len(old) and j < len(new) and a == b and a is not None:
            found.append(([i], [j]))
            i, j = i + 1, j + 1
        elif i < len(old) and a == 1:
            found.append(([i], []))
            i += 1
        elif j < len(new) and b == 1:
            found.append(([], [j]))
            j += 1
        else:
            group: tuple[list[int], list[int]] = ([i], [j])
            i, j = i + 1, j + 1
            while a != b:
                if not isinstance(a, int) or not isinstance(b, int) or a == 0 or b == 0:
                    return None
                if a < b:
                    if i == len(old) or not isinstance(size := old[i], int):
                        return None
                    a *= size
                    group[0].append(i)
                    i += 1
                else:
                    if j == len(new) or not isinstance(size := new[j], int):
                        return None
                    b *= size
                    group[1].append(j)
                    j += 1
            if a is None or (len(group[0]) > 1 and 0 in (a, b)):
                return None
            found.append(group)
    return found


def _group_order(perm: Perm, sides: Sequence[Sequence[int]]) -> list[int] | None:
    """The order in which ``perm`` puts groups of axes, if it keeps each together; empty ones stay before what they were before."""
    empty = [index for index, axes in enumerate(sides) if not axes]
    owner = {axis: index for index, axes in enumerate(sides) for axis in axes}
    if len(owner) != len(perm):
        return None
    order: list[int] = []
    at = 0
    while at < len(perm):
        axes = sides[owner[perm[at]]]
        if list(perm[at : at + len(axes)]) != list(axes):
            return None
        order.append(owner[perm[at]])
        at += len(axes)
    full = [index for index in range(len(sides)) if index not in empty]
    return list(restored(tuple(full.index(index) for index in order), empty)) if full else None


def reshape_target(before: Sequence[Dim], after: Sequence[Dim]) -> list[int] | None:
    """What Reshape has to be told to make ``after`` of ``before``: numbers, 0 for a dimension that is copied, −1 for one that is what
    remains. None if that isn't enough.
    """
    target: list[int] = []
    for index, size in enumerate(after):
        if isinstance(size, int):
            target.append(size)
        elif size is not None and index < len(before) and before[index] == size:
            target.append(0)
        else:
            target.append(-1)
    return target if target.count(-1) <= 1 and 0 not in after else None


def _flattened(node: ir.Node, perm: Perm) -> Flip | None:
    """(N, …) → (N, K), then element by element, then a matrix with K constant rows: these are permuted."""
    before, after = node.inputs[0], node.outputs[0]
    assert before is not None
    shape, flat = dims(before), dims(after)
    inner = [size for size in shape[1:] if isinstance(size, int)]
    if len(flat) != 2 or perm[0] != 0 or len(inner) != len(shape) - 1 or flat[1] != int(np.prod(inner)) or 0 in shape:
        return None
    value = after
    while (reader := only_consumer(value)) is not None and reader.domain == "" and reader.op_type in _SINGLE:
        if reader.graph is not node.graph or len(reader.inputs) != 1:
            return None
        value = reader.outputs[0]
    if reader is None or reader.domain != "" or reader.op_type not in ("Gemm", "MatMul") or reader.inputs[0] is not value:
        return None
    weight, graph = constant(reader.inputs[1]), reader.graph
    if weight is None or len(weight.shape) != 2 or attribute(reader, "transA", 0) or graph is not node.graph:
        return None
    if not copyable(reader.inputs[1], perm):
        return None
    columns = bool(attribute(reader, "transB", 0))
    rows, other = (int(weight.shape.numpy()[i]) for i in ((1, 0) if columns else (0, 1)))
    if rows != flat[1]:
        return None
    axes = [axis - 1 for axis in perm[1:]]

    def change(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if columns:
            permuted: npt.NDArray[Any] = array.reshape(other, *inner).transpose(0, *(a + 1 for a in axes)).reshape(other, rows)
        else:
            permuted = array.reshape(*inner, other).transpose(*axes, len(axes)).reshape(rows, other)
        return permuted

    def apply(edit: Edit) -> None:
        edit.weight(reader, 1, change, weight.shape.numpy())
        at = after
        while at is not value:
            forget_source_tensors(at)
            (use,) = at.uses()
            at = use.node.outputs[0]
        forget_source_tensors(value)

    return Flip((perm, None), (None,), apply)


_SINGLE = frozenset(
    {"Abs", "Cast", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Mish", "Neg", "Relu", "Selu",
     "Sigmoid", "Softplus", "Softsign", "Sqrt", "Tanh"}
)  # fmt: skip
"""What takes one tensor, element by element."""
