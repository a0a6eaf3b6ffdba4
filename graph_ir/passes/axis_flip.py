"""What it takes to run an operator with permuted axes: ``Transpose → operator`` as ``operator' → Transpose``.

A rule is asked for one node and the permutation of one of its inputs or outputs. It answers with the permutations of all of them
and how the node must change, or None: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.editing import Names, add_weight, constant
from dragoman.graph_ir.passes.permutations import Perm
from dragoman.graph_ir.registry import registers
from dragoman.graph_ir.tensors import DerivedTensor

_SHAREABLE = 1 << 14
"""Elements up to which a constant that others read too gets a permuted copy."""


class Edit:
    """What a rule does to its node."""

    def __init__(self, graph: ir.Graph, names: Names) -> None:
        """``graph`` is the one that the nodes are in."""
        self.graph = graph
        self.names = names

    def ints(self, node: ir.Node, index: int, values: Sequence[int]) -> None:
        """Make input ``index`` the constant vector ``values``."""
        tensor = ir.Tensor(np.array(values, np.int64))
        value = add_weight(self.graph, tensor, self.names.unique(f"{node.outputs[0].name}/axes"))
        if index >= len(node.inputs):
            node.resize_inputs(index + 1)
        node.replace_input_with(index, value)

    def weight(
        self, node: ir.Node, index: int, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], shape: Sequence[int]
    ) -> None:
        """Make input ``index`` its constant, changed; computed when it is asked for."""
        old = node.inputs[index]
        tensor = constant(old)
        assert old is not None and tensor is not None
        self.replace(node, index, DerivedTensor(lambda: change(tensor.numpy()), tensor.dtype, shape))

    def replace(self, node: ir.Node, index: int, tensor: ir.TensorProtocol) -> None:
        """Give ``node`` its own weight; it keeps the old one's name if nobody else reads that."""
        old = node.inputs[index]
        assert old is not None
        name = old.name or "weight"
        alone = len(old.uses()) == 1 and not old.is_graph_output()
        if alone and self.graph.initializers.get(name) is old:
            node.replace_input_with(index, None)
            del self.graph.initializers[name]
        else:
            name = self.names.unique(f"{name}/permuted")
        node.replace_input_with(index, add_weight(self.graph, tensor, name))


@dataclass(frozen=True)
class Flip:
    """A node that can run with permuted axes.

    ``inputs`` and ``outputs`` are what each must be transposed by (None: stays as it is); constants among the inputs are permuted
    with it. ``apply`` changes what else the node says about axes.
    """

    inputs: tuple[Perm | None, ...]
    outputs: tuple[Perm | None, ...]
    apply: Callable[[Edit], None] | None = None


Rule = Callable[[ir.Node, Perm, bool], Flip | None]
"""(node, permutation, whether it is an output's rather than an input's)."""

_RULES: dict[str, Rule] = {}


def flip_of(node: ir.Node, perm: Perm, *, of_output: bool) -> Flip | None:
    """``node`` with ``perm`` on its inputs (or outputs), if there is a rule and it holds here."""
    rule = _RULES.get(node.op_type) if node.domain == "" else None
    if rule is None or any(a.is_ref() for a in node.attributes.values()):
        return None
    flip = rule(node, perm, of_output)
    if flip is None or not all(copyable(v, p) for v, p in zip(node.inputs, flip.inputs, strict=False)):
        return None
    return flip


def copyable(value: ir.Value | None, perm: Perm | None) -> bool:
    """Whether ``value`` is no constant, or one that may be there twice."""
    tensor = constant(value) if perm is not None else None
    return tensor is None or value is None or tensor.size <= _SHAREABLE or len(value.uses()) == 1


def rule_of(*op_types: str) -> Callable[[Rule], Rule]:
    """Decorator: the rule of these operators."""
    return registers(_RULES, op_types)


# -- what rules ask of their node ------------------------------------------------------------------------


def rank_of(value: ir.Value | None) -> int | None:
    """The number of dimensions, if it is known."""
    return None if value is None or value.shape is None else len(value.shape)


def constant_ints(value: ir.Value | None) -> list[int] | None:
    """The numbers of a constant, None if it isn't one."""
    tensor = constant(value)
    return None if tensor is None else [int(v) for v in tensor.numpy().reshape(-1)]
