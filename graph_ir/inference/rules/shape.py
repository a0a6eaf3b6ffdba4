"""Operators that rearrange a tensor without touching its elements."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.graph_ir.inference.call import Call, UnknownError, unless_none
from dragoman.graph_ir.inference.dimension import lower_bound, product
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor, show
from dragoman.graph_ir.inference.rules.elementwise import joint_dims
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule


@rule("Shape")
def shape(c: Call) -> Fact:
    """(d…) → (number of dimensions from ``start`` to ``end``)."""
    return Tensor(None, (len(c.dims(0)[shape_range(c)]),))


def shape_range(c: Call) -> slice:
    """The dimensions that Shape gives."""
    end = c.get("end")
    rank = len(c.dims(0))
    return slice(max(c.number("start", 0), -rank), None if end is None else int(end))


@rule("Size")
def size(c: Call) -> Fact:
    """→ ()."""
    return Tensor(None, ())


@rule("Reshape")
def reshape(c: Call) -> Fact:
    """To the given shape; 0 keeps a dimension (unless ``allowzero``), one -1 is what remains."""
    wanted: list[Dim | None] | None
    if (given := c.numbers("shape")) is not None:
        wanted = list(given)
    else:
        wanted = c.sizes(1)
    if wanted is None:
        rank = c.dims(1, 1)[0]
        if not isinstance(rank, int):
            raise UnknownError
        return Tensor(None, (UNKNOWN,) * rank)
    return Tensor(None, reshaped(c, c.maybe_dims(0), wanted, allow_zero=bool(c.number("allowzero", 0))))


def reshaped(c: Call, dims: tuple[Dim, ...] | None, wanted: Sequence[Dim | None], *, allow_zero: bool) -> tuple[Dim, ...]:
    """The shape that ``wanted`` makes of ``dims``."""
    found: list[Dim] = []
    for axis, entry in enumerate(wanted):
        if entry == 0 and not allow_zero:
            if dims is not None and axis >= len(dims):
                c.fail(f"its shape {[str(w) for w in wanted]} keeps dimension {axis} of {show(dims)}")
            found.append(UNKNOWN if dims is None else dims[axis])
        else:
            found.append(unless_none(entry))
    rest = [axis for axis, entry in enumerate(wanted) if entry == -1]
    # an element that isn't a known number may be -1 or 0 itself
    unsure = [axis for axis, entry in enumerate(wanted) if entry is None or ((lower_bound(entry) or 0) < 0 and entry != -1)]
    if len(rest) > 1:
        c.fail("its shape has more than one -1")
    for axis in unsure:
        found[axis] = UNKNOWN
    open_axes = [axis for axis, d in enumerate(found) if d is UNKNOWN or axis in rest]
    if dims is None or len(open_axes) > 1:
        return tuple(UNKNOWN if axis in rest else d for axis, d in enumerate(found))
    if open_axes:
        axis = open_axes[0]
        others = product(d for i, d in enumerate(found) if i != axis)
        found[axis] = _remaining(c, dims, others, known=not unsure)
    elif isinstance(total := product(dims), int) and isinstance(count := product(found), int) and total != count:
        c.fail(f"{show(dims)} has {total} elements, {show(found)} has {count}")
    return tuple(found)


def _remaining(c: Call, dims: tuple[Dim, ...], others: Dim, *, known: bool) -> Dim:
    total = product(dims)
    if others == 0:
        return UNKNOWN if total == 0 or not known else c.fail("-1 beside 0 says nothing")
    if isinstance(total, int) and isinstance(others, int) and total % others:
        c.fail(f"{show(dims)} can't be divided into {others}")
    return total // others


@rule("Flatten")
def flatten(c: Call) -> Fact:
    """(d0 … dk-1, dk …) → (∏ d0 … dk-1, ∏ dk …)."""
    dims = c.dims(0)
    axis = c.number("axis", 1)
    if not -len(dims) <= axis <= len(dims):
        c.fail(f"axis {axis} is outside {len(dims)} dimensions")
    axis = axis + len(dims) if axis < 0 else axis
    return Tensor(None, (product(dims[:axis]), product(dims[axis:])))


@rule("Squeeze")
def squeeze(c: Call) -> Fact:
    """Without the given axes, or without all that are 1."""
    dims = c.dims(0)
    axes = c.axes(1, len(dims))
    if not axes:
        if any(not isinstance(d, int) for d in dims):
            raise UnknownError
        axes = [axis for axis, d in enumerate(dims) if d == 1]
    if wrong := [axis for axis in axes if isinstance(dims[axis], int) and dims[axis] != 1]:
        c.fail(f"dimension {wrong[0]} of {show(dims)} isn't 1")
    return Tensor(None, tuple(d for axis, d in enumerate(dims) if axis not in axes))


@rule("Unsqueeze")
def unsqueeze(c: Call) -> Fact:
    """With dimensions of 1 at the given axes of the result."""
    dims = c.dims(0)
    given = c.numbers("axes") or c.constants(1)
    if given is None:
        raise UnknownError
    rank = len(dims) + len(given)
    axes = {c.axis(axis, rank) for axis in given}
    if len(axes) < len(given):
        c.fail(f"its axes {given} name one axis twice")
    rest = iter(dims)
    return Tensor(None, tuple(1 if axis in axes else next(rest) for axis in range(rank)))


@rule("Transpose")
def transpose(c: Call) -> Fact:
    """The dimensions in the order ``perm``, reversed without."""
    dims = c.dims(0)
    order = c.numbers("perm")
    if order is None:
        return Tensor(None, dims[::-1])
    if sorted(axis % len(dims) if dims else axis for axis in order) != list(range(len(dims))):
        c.fail(f"its perm {order} isn't an order of {len(dims)} dimensions")
    return Tensor(None, tuple(dims[axis] for axis in order))


@rule("Expand")
def expand(c: Call) -> Fact:
    """Broadcast with the given shape."""
    dims = c.dims(0)
    wanted = c.sizes(1)
    if wanted is None:
        rank = c.dims(1, 1)[0]
        if not isinstance(rank, int):
            raise UnknownError
        wanted = [None] * rank
    padded = (*(1 for _ in wanted[len(dims) :]), *dims)
    target = (*(1 for _ in dims[len(wanted) :]), *wanted)
    sizes: list[Dim] = []
    for have, want in zip(padded, target, strict=True):
        if want is None:
            sizes.append(have if isinstance(have, int) and have > 1 else UNKNOWN)
        else:
            sizes.extend(joint_dims(c, [(have,), (want,)]))
    return Tensor(None, tuple(sizes))


@rule("Tile")
def tile(c: Call) -> Fact:
    """(d…) → (d·repeats…)."""
    dims = c.dims(0)
    repeats = c.sizes(1)
    if repeats is None:
        return Tensor(None, (UNKNOWN,) * len(dims))
    if len(repeats) != len(dims):
        c.fail(f"has {len(repeats)} repeats for {show(dims)}")
    return Tensor(None, tuple(UNKNOWN if n is None else d * n for d, n in zip(dims, repeats, strict=True)))


@rule("DepthToSpace")
def depth_to_space(c: Call) -> Fact:
    """(n, c, h, w) → (n, c / b², h·b, w·b); channels last if ``layout`` is NHWC or the like, which onnx's rule knows."""
    n, channels, h, w = _image(c)
    b = c.number("blocksize", 1)
    return Tensor(None, (n, channels // (b * b), h * b, w * b))


@rule("SpaceToDepth")
def space_to_depth(c: Call) -> Fact:
    """(n, c, h, w) → (n, c·b², h / b, w / b)."""
    n, channels, h, w = _image(c)
    b = c.number("blocksize", 1)
    return Tensor(None, (n, channels * (b * b), h // b, w // b))


def _image(c: Call) -> tuple[Dim, ...]:
    known = {"blocksize", "mode"}
    if any(name not in known for name in c.node.attributes):
        raise UnknownError
    return c.dims(0, 4)


@rule("CenterCropPad")
def center_crop_pad(c: Call) -> Fact:
    """The given axes get the given sizes."""
    dims = list(c.dims(0))
    axes = c.numbers("axes")
    where = list(range(len(dims))) if axes is None else [c.axis(axis, len(dims)) for axis in axes]
    sizes = c.sizes(1) or [None] * len(where)
    for axis, wanted in zip(where, sizes, strict=True):
        dims[axis] = unless_none(wanted)
    return Tensor(None, tuple(dims))


@rule("Col2Im")
def col2im(c: Call) -> Fact:
    """(n, c·∏block, windows) → (n, c, image…)."""
    n, columns, _ = c.dims(0, 3)
    image, block = c.sizes(1), c.sizes(2)
    if image is None:
        raise UnknownError
    channels = UNKNOWN
    if block is not None and None not in block:
        channels = columns // product(b for b in block if b is not None)  # type: ignore[assignment]
    return Tensor(None, (n, channels, *map(unless_none, image)))
