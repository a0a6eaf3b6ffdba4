"""What small tensors of numbers hold: shapes, and elements in other places."""

from __future__ import annotations

from typing import Any

import numpy as np

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.dimension import product
from dragoman.graph_ir.inference.facts import NOTHING, Elements, Tensor
from dragoman.graph_ir.inference.rules.shape import shape_range
from dragoman.graph_ir.inference.table import contents


def known_shape(out: Tensor) -> tuple[int, ...]:
    """The shape of a result whose contents are asked for."""
    assert out.dims is not None
    return tuple(size for size in out.dims if isinstance(size, int))


def as_elements(values: Any, shape: tuple[int, ...]) -> Elements:
    """An array of ``shape`` of these elements, in order."""
    found = np.empty(shape, dtype=object)
    found.reshape(-1)[:] = values
    return found


@contents("Shape")
def shape(c: Call, out: Tensor) -> Elements:
    """The dimensions."""
    return as_elements(list(c.dims(0)[shape_range(c)]), known_shape(out))


@contents("Size")
def size(c: Call, _out: Tensor) -> Elements:
    """The number of elements."""
    return as_elements([product(c.dims(0))], ())


@contents("ConstantOfShape")
def filled(c: Call, out: Tensor) -> Elements:
    """``value`` everywhere."""
    value = c.get("value")
    return np.full(known_shape(out), 0.0 if value is None else value.numpy().reshape(-1)[0].item(), dtype=object)


# -- rearranging ----------------------------------------------------------------------------------------


@contents("Identity")
def identity(c: Call, _out: Tensor) -> Elements | None:
    """The same."""
    return c.elements(0)


@contents("Reshape", "Squeeze", "Unsqueeze", "Flatten")
def reshaped(c: Call, out: Tensor) -> Elements | None:
    """The same in another shape."""
    x = c.elements(0)
    return None if x is None or x.size != int(np.prod(known_shape(out))) else x.reshape(known_shape(out))


@contents("Transpose")
def transposed(c: Call, _out: Tensor) -> Elements | None:
    """The same in another order."""
    x = c.elements(0)
    return None if x is None else np.transpose(x, c.numbers("perm"))


@contents("Expand")
def expanded(c: Call, out: Tensor) -> Elements | None:
    """Repeated."""
    x = c.elements(0)
    return None if x is None else np.broadcast_to(x, known_shape(out))


@contents("Tile")
def tiled(c: Call, _out: Tensor) -> Elements | None:
    """Repeated."""
    x, repeats = c.elements(0), c.constants(1)
    return None if x is None or repeats is None else np.tile(x, repeats)


@contents("Concat")
def concatenated(c: Call, out: Tensor) -> Elements | None:
    """Joined; what isn't known of one part leaves the others."""
    parts: list[Elements] = []
    for index in range(len(c.facts)):
        part, dims = c.elements(index), c.dims(index)
        if part is None:
            known = [d for d in dims if isinstance(d, int)]
            if len(known) < len(dims):
                return None
            part = np.full(known, NOTHING, dtype=object)
        parts.append(part)
    return np.concatenate(parts, axis=c.number("axis", 0))


@contents("Gather")
def gathered(c: Call, out: Tensor) -> Elements | None:
    """The elements at constant indices."""
    x, indices = c.elements(0), c.elements(1)
    if x is None or indices is None or any(not isinstance(i, int) for i in indices.flat):
        return None
    axis = c.axis(c.number("axis", 0), x.ndim)
    places = indices.astype(np.int64)
    if places.size and not (-x.shape[axis] <= places.min() and places.max() < x.shape[axis]):
        c.fail(f"its index is outside {x.shape[axis]} elements")
    return as_elements(np.take(x, places.reshape(-1), axis=axis).reshape(-1), known_shape(out))


@contents("Slice")
def sliced(c: Call, out: Tensor) -> Elements | None:
    """The elements between constant bounds."""
    x = c.elements(0)
    starts, ends = c.numbers("starts") or c.constants(1), c.numbers("ends") or c.constants(2)
    steps = c.constants(4) if c.has(4) else None
    if x is None or starts is None or ends is None or (c.has(4) and steps is None):
        return None
    axes = c.axes(3, x.ndim) or list(range(len(starts)))
    where = [slice(None)] * x.ndim
    for place, axis in enumerate(axes):
        step = steps[place] if steps else 1
        end: int | None = ends[place]
        if step < 0 and ends[place] < -x.shape[axis]:
            end = None
        where[axis] = slice(starts[place], end, step)
    found = x[tuple(where)]
    return found if found.shape == known_shape(out) else None


@contents("ScatterElements", "ScatterND")
def scattered(c: Call, _out: Tensor) -> Elements | None:
    """A vector with some elements replaced."""
    x: Elements | None = c.elements(0)
    indices, updates = c.constants(1), c.elements(2)
    if x is None or indices is None or updates is None or x.ndim != 1 or c.text("reduction", "none") != "none":
        return None
    if updates.size != len(indices):
        return None
    found: Elements = x.copy()
    for index, update in zip(indices, updates.reshape(-1), strict=True):
        found[index] = update
    return found
