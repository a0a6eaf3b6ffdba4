"""Scattering."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.onnx.lowering.step import CannotConvertError, Emitter, attribute, lowers


@lowers(18, "ScatterND", "ScatterElements")
def scatter_by_sum_or_product(node: ir.Node, e: Emitter) -> None:
    """max and min came with 18."""
    if (reduction := attribute(node, "reduction", "none")) in ("max", "min"):
        raise CannotConvertError(f"scattering by {reduction}")
