"""Passes: each a function in its own file that changes a graph in place and keeps what it computes."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from dragoman.graph_ir.model import Model
from dragoman.graph_ir.passes.activations import fuse_activations
from dragoman.graph_ir.passes.constants import fold_constants
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.passes.duplicate_weights import share_duplicate_weights
from dragoman.graph_ir.passes.explicit_padding import make_padding_explicit
from dragoman.graph_ir.passes.fold_affine import fold_affine
from dragoman.graph_ir.passes.identities import remove_identities
from dragoman.graph_ir.passes.merge_affine import merge_affine
from dragoman.graph_ir.passes.normalizations import fuse_normalizations
from dragoman.graph_ir.passes.padding import fold_padding
from dragoman.graph_ir.passes.reshapes import merge_reshapes
from dragoman.graph_ir.passes.transposes import cancel_transposes

Pass = Callable[[ir.Model], bool]
"""Changes a model in place; True if it changed anything. Names of inputs and outputs stay, and provenance is kept."""

PASSES: tuple[Pass, ...] = (
    remove_dead_code,
    fold_constants,
    remove_identities,
    merge_reshapes,
    cancel_transposes,
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

__all__ = ["PASSES", "Pass", "optimize"]


def optimize(model: Model) -> Model:
    """The same network in fewer nodes; ``model`` stays as it is, and shares its weights with the result."""
    result = Model(model.ir.clone(), model.source, list(model.notes))
    for _ in range(_ROUNDS):
        changes = [step(result.ir) for step in PASSES]
        if not any(changes):
            break
    share_duplicate_weights(result.ir)
    remove_dead_code(result.ir)
    return result
