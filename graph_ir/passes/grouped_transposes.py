"""Axes that are merged, transposed and split again: a Transpose of the axes themselves."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from dragoman.graph_ir.inference.dimension import product
from dragoman.graph_ir.inference.notation import parse
from dragoman.graph_ir.passes.dimensions import Element, known_dims
from dragoman.graph_ir.passes.editing import is_op, only_consumer
from dragoman.graph_ir.passes.permutations import perm_of
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule


def _grouped_transpose(node: ir.Node, r: Rewriter) -> bool:
    """Reshape(Transpose(Reshape(x))), where the first merges neighbours and the last takes them apart again.

    So PyTorch's dynamo exporter swaps the last axes of keys: (b, h, l, d) → (b·h, l, d) → (b·h, d, l) → (b, h, d, l).
    """
    swapped = node.inputs[0]
    transpose = swapped.producer() if swapped is not None else None
    merged = transpose.inputs[0] if transpose is not None and is_op(transpose, "Transpose") else None
    merge = merged.producer() if merged is not None else None
    source = merge.inputs[0] if merge is not None and is_op(merge, "Reshape", "Flatten") else None
    if transpose is None or swapped is None or merged is None or merge is None or source is None:
        return False
    if only_consumer(swapped) is not node or not node.graph is transpose.graph is merge.graph:
        return False
    perm, before, between, after = perm_of(transpose), known_dims(source), known_dims(merged), known_dims(node.outputs[0])
    groups = _groups(before, between) if before is not None and between is not None else None
    if perm is None or before is None or groups is None:
        return False
    order = [axis for index in perm for axis in groups[index]]
    if after != tuple(before[axis] for axis in order):
        return False
    value = r.emit(node, "Transpose", [source], node.outputs[0], {"perm": order})
    r.inherit(value.producer(), merge, transpose)
    r.replace(node, [value])
    return True


def _groups(before: Sequence[Element], merged: Sequence[Element]) -> list[list[int]] | None:
    """For each axis of ``merged`` the neighbours that it is made of; None if that can't be told."""
    groups: list[list[int]] = []
    at = 0
    for wanted in merged:
        first = at
        while not _made_of(wanted, before[first:at]):
            if at == len(before):
                return None
            at += 1
        groups.append(list(range(first, at)))
    return groups if at == len(before) else None


def _made_of(wanted: Element, sizes: Sequence[Element]) -> bool:
    """Whether ``wanted`` is the product of ``sizes``: one without a name is only itself."""
    if len(sizes) == 1 and sizes[0] == wanted:
        return True
    named = [size for size in (wanted, *sizes) if not isinstance(size, tuple)]
    if len(named) < len(sizes) + 1:
        return False
    target, *factors = (size if isinstance(size, int) else parse(size) for size in named)
    return product(factors) == target


RULES: dict[str, list[Rule]] = {"Reshape": [_grouped_transpose]}
"""By operator."""
