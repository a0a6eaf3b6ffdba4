"""Blocks: DepthToSpace, SpaceToDepth, and Col2Im."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.operators import sum_over
from dragoman.graph_ir.opsets.step import Emitter, TooLittleKnownError, attribute, lowers, needed, numpy_dtype, sizes


@lowers(28, "SpaceToDepth")
def space_to_depth_in_columns(node: ir.Node, e: Emitter) -> ir.Value | None:
    """CRD came with 28: (N, C, H·b, W·b) → (N, C, H, b, W, b) → (N, C, b, b, H, W) → (N, C·b·b, H, W)."""
    if attribute(node, "mode", "DCR") == "DCR":
        node.attributes.pop("mode", None)
        return None
    n = Arithmetic(e)
    x, block = needed(node, 0), attribute(node, "blocksize")
    size = [n.size(x, axis) for axis in range(4)]
    height, width = (n.div(size[axis], whole(block)) for axis in (2, 3))
    parted = n.reshape(x, [size[0], size[1], height, whole(block), width, whole(block)])
    ordered = e.op("Transpose", parted, perm=[0, 1, 3, 5, 2, 4])
    return n.reshape(ordered, [size[0], n.mul(size[1], whole(block * block)), height, width])


@lowers(18, "Col2Im")
def col2im(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C·∏block, L) → (N, C, *image): a pixel is the sum of the column elements that fall on it.

    Each pixel gathers its elements, at most one for each place in the block, or a zero that is put behind the last.
    """
    n = Arithmetic(e)
    x = needed(node, 0)
    dims = len(attribute(node, "strides", ())) or sizes(needed(node, 1))[0]
    if dims is None:
        raise TooLittleKnownError("its number of image dimensions isn't known")
    image, block = (_parts(n.cast(n.of(needed(node, i)), np.int64), dims, n) for i in (1, 2))
    places, pixels = n.product(block), n.product(image)
    table, columns = _elements_of_pixels(node, image, block, n)
    batch, depth = n.size(x, 0), n.div(n.size(x, 1), places)
    flat = n.reshape(x, [batch, depth, n.mul(places, columns)])
    padded = e.op("Pad", flat, e.vector(0, 0, 0, 0, 0, 1), e.const(0, numpy_dtype(x)))
    index = n.reshape(n.value(table), [places, pixels])
    summed = sum_over(e, e.op("Gather", padded, index, axis=2), [2], keepdims=0)
    return n.reshape(summed, [batch, depth, *image])


def _parts(vector: Number, count: int, n: Arithmetic) -> list[Number]:
    return [n.part(vector, i, i + 1) for i in range(count)]


def _elements_of_pixels(node: ir.Node, image: list[Number], block: list[Number], n: Arithmetic) -> tuple[Number, Number]:
    """(*block, *image): where in (∏block · L) the element is that a place of the block puts on a pixel, ∏block · L if there is
    none; and L. On each axis the pixel p has column l at place k if l · stride = p + pad − k · dilation."""
    dims = len(image)
    strides, dilations = (attribute(node, name, [1] * dims) for name in ("strides", "dilations"))
    pads = attribute(node, "pads", [0] * (2 * dims))
    found: tuple[Number, Number, Number] = (whole(0), whole(0), np.array([False]))
    columns: Number = whole(1)
    for i in range(dims):
        reach = n.add(n.mul(n.sub(block[i], whole(1)), whole(dilations[i])), whole(1))
        steps = n.add(n.div(n.sub(n.add(image[i], whole(pads[i] + pads[i + dims])), reach), whole(strides[i])), whole(1))
        k, pixel = n.along(n.count(block[i]), i, 2 * dims), n.along(n.count(image[i]), dims + i, 2 * dims)
        start = n.sub(n.add(pixel, whole(pads[i])), n.mul(k, whole(dilations[i])))
        at = n.div(n.maximum(start, whole(0)), whole(strides[i]))
        lost = n.either(n.negation(n.equal(n.mul(at, whole(strides[i])), start)), n.negation(n.less(at, steps)))
        found = n.add(n.mul(found[0], block[i]), k), n.add(n.mul(found[1], steps), at), n.either(found[2], lost)
        columns = n.mul(columns, steps)
    nothing = n.mul(n.product(block), columns)
    return n.where(found[2], nothing, n.add(n.mul(found[0], columns), found[1])), columns
