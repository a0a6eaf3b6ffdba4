"""Passes: each in its own file, changing a graph in place and keeping what it computes."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from dragoman.graph_ir.garbage import paused
from dragoman.graph_ir.model import Model
from dragoman.graph_ir.passes import branches, casts, constants, grouped_transposes, identities, pieces, reshapes
from dragoman.graph_ir.passes.activations import fuse_activations
from dragoman.graph_ir.passes.common_subexpressions import share_common_subexpressions
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.passes.duplicate_weights import share_duplicate_weights, share_small_weights
from dragoman.graph_ir.passes.explicit_padding import make_padding_explicit
from dragoman.graph_ir.passes.fold_affine import fold_affine
from dragoman.graph_ir.passes.merge_affine import merge_affine
from dragoman.graph_ir.passes.normalizations import fuse_normalizations
from dragoman.graph_ir.passes.padding import fold_padding
from dragoman.graph_ir.passes.recurrences import fuse_recurrences
from dragoman.graph_ir.passes.rewriting import rewrite
from dragoman.graph_ir.passes.scanned_cells import fuse_scanned_cells
from dragoman.graph_ir.passes.transposes import cancel_transposes

Pass = Callable[[ir.Model], bool]
"""Changes a model in place; True if it changed anything. Names of inputs and outputs stay, and provenance is kept."""

_RULES = (constants.RULES, branches.RULES, identities.RULES, casts.RULES, pieces.RULES, grouped_transposes.RULES, reshapes.RULES)


def simplify(model: ir.Model) -> bool:
    """All the rules that look at one node, at once: what one of them opens, the others see without another walk."""
    return rewrite(model, *_RULES)


PASSES: tuple[Pass, ...] = (
    simplify,
    share_small_weights,
    share_common_subexpressions,
    cancel_transposes,
    fuse_recurrences,
    fuse_scanned_cells,
    make_padding_explicit,
    fold_padding,
    fuse_normalizations,
    fuse_activations,
    fold_affine,
    merge_affine,
)
"""In this order, until none changes anything: what stands between two nodes goes first, so that chains are folded whole."""

_ROUNDS = 20
"""More than any graph needs; each round makes the graph smaller."""

__all__ = ["PASSES", "Pass", "optimize", "simplify"]


@paused()
def optimize(model: Model, *, in_place: bool = False) -> Model:
    """The same network in fewer nodes. ``model`` stays as it is, and shares its weights with the result, unless ``in_place``."""
    result = model if in_place else Model(model.ir.clone(), model.source, list(model.notes))
    remove_dead_code(result.ir)
    share_duplicate_weights(result.ir)
    idle = 0
    for step in PASSES * _ROUNDS:
        idle = 0 if step(result.ir) else idle + 1
        if idle == len(PASSES):
            break
    remove_dead_code(result.ir)
    share_duplicate_weights(result.ir)
    return result
