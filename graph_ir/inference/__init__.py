"""Dtypes and shapes of every value, with arithmetic on the names of dynamic dimensions.

``infer_shapes`` fills a model in place, ``infer_node`` the outputs of a new node. A dimension is an int, a name, or arithmetic
on names (``4*batch``, ``(h + 1)//2``) that says what it is for every size of theirs; one that depends on data has a name of its
own, made from the value's.
"""

from __future__ import annotations

from dragoman.graph_ir.inference.dimension import evaluate, lower_bound, substitute
from dragoman.graph_ir.inference.infer import NodeInference, dimension_names, forget_shapes, infer_node, infer_shapes
from dragoman.graph_ir.inference.notation import parse
from dragoman.graph_ir.inference.size import Dim, Size, symbols

__all__ = [
    "Dim",
    "NodeInference",
    "Size",
    "dimension_names",
    "evaluate",
    "forget_shapes",
    "infer_node",
    "infer_shapes",
    "lower_bound",
    "parse",
    "substitute",
    "symbols",
]
