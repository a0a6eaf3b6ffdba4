"""Permutations of axes, as Transpose has them: axis ``i`` of the result is axis ``perm[i]`` of the input."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from dragoman.graph_ir.tensors import DerivedTensor

Perm = tuple[int, ...]


def identity(rank: int) -> Perm:
    """What moves nothing."""
    return tuple(range(rank))


def compose(first: Perm, then: Perm) -> Perm:
    """One for two: transpose by ``first``, then by ``then``."""
    return tuple(first[axis] for axis in then)


def inverse(perm: Perm) -> Perm:
    """What undoes ``perm``; also where it puts each axis: ``inverse(perm)[axis]``."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def kept(perm: Perm, gone: Sequence[int]) -> Perm:
    """``perm`` of the axes that stay when the axes ``gone`` of the input go."""
    stay = [axis for axis in range(len(perm)) if axis not in gone]
    return tuple(stay.index(axis) for axis in perm if axis not in gone)


def restored(perm: Perm, gone: Sequence[int]) -> Perm:
    """A permutation that ``kept`` makes ``perm``; each of ``gone`` stays before the axis that it was before, the last ones behind
    the one that they were behind.
    """
    rank = len(perm) + len(gone)
    stay = [axis for axis in range(rank) if axis not in gone]
    blocks: dict[int, list[int]] = {}
    waiting: list[int] = []
    for axis in range(rank):
        waiting.append(axis)
        if axis in stay:
            blocks[axis], waiting = waiting, []
    if not stay:
        return tuple(waiting)
    blocks[stay[-1]] += waiting
    return tuple(axis for index in perm for axis in blocks[stay[index]])


def permuted(shape: ir.Shape, perm: Perm) -> ir.Shape:
    """The shape of what has ``shape``, transposed."""
    return ir.Shape([shape[axis] for axis in perm])


def transposed(tensor: ir.TensorProtocol, perm: Perm) -> ir.TensorProtocol:
    """``tensor`` with its axes permuted when it is asked for; of fewer axes than ``perm`` has, it gets leading ones first."""
    own = tuple(tensor.shape.numpy())
    full = (1,) * (len(perm) - len(own)) + own
    shape = tuple(full[axis] for axis in perm)
    return DerivedTensor(lambda: tensor.numpy().reshape(full).transpose(perm), tensor.dtype, shape)


def keeps_order(shape: ir.Shape, perm: Perm) -> bool:
    """Whether no element moves: only axes of size 1 go past others, so that a Reshape is enough."""
    moved = [axis for axis in perm if shape[axis] != 1]
    return moved == sorted(moved)


def perm_of(node: ir.Node) -> Perm | None:
    """A Transpose's permutation (without one the axes are reversed), None for any other node, or if the rank isn't known."""
    if node.domain != "" or node.op_type != "Transpose" or node.inputs[0] is None:
        return None
    if "perm" in node.attributes:
        attribute = node.attributes["perm"]
        return None if attribute.is_ref() else tuple(attribute.as_ints())
    shape = node.inputs[0].shape
    return None if shape is None else identity(len(shape))[::-1]
