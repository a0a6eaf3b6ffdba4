"""Other shapes for the same elements in the same order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx_ir import Value

from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims
from dragoman.graph_ir.builder import Dim


@dataclass(frozen=True)
class Part:
    """A size that is made of an input's: ∏ dims(value)[axes] · times / over."""

    value: Value
    axes: tuple[int, ...]
    over: int = 1
    times: int = 1

    def known(self) -> Dim:
        """The size where it is a number or an input's own name; None if it must be computed."""
        sizes = [dims(self.value)[axis] for axis in self.axes]
        whole = [size for size in sizes if isinstance(size, int)]
        if len(whole) == len(sizes):
            return math.prod(whole) * self.times // self.over
        return sizes[0] if len(sizes) == self.over == self.times == 1 else None

    def computed(self, g: SymbolBuilder) -> Value:
        """The size as a vector of one element."""
        size = g.dim(self.value, self.axes[0])
        for axis in self.axes[1:]:
            size = g.op("Mul", size, g.dim(self.value, axis))
        if self.times != 1:
            size = g.op("Mul", size, g.const([self.times]))
        return size if self.over == 1 else g.op("Div", size, g.const([self.over]))


Wanted = int | Part | None
"""A dimension of a new shape: a number, a part of an old shape, or None for what remains."""


def reshape_to(g: SymbolBuilder, node: Node, x: Value, wanted: Sequence[Wanted]) -> Value:
    """``x`` in a new shape, of which one dimension at most is what remains."""
    shape: list[Dim] = [part.known() if isinstance(part, Part) else part for part in wanted]
    if sum(part is None for part in wanted) > 1:
        raise g.malformed(node, f"can't reshape {list(dims(x))} to {shape}: two dimensions are open")
    sizes, given = dims(x), [d for d in shape if d is not None]
    if all(isinstance(d, int) for d in (*sizes, *given)):
        total, product = (math.prod(d for d in some if isinstance(d, int)) for some in (sizes, given))
        if len(given) == len(shape) and total != product:
            raise g.malformed(node, f"can't reshape {list(sizes)} to {shape}")
        if len(given) < len(shape):
            if not product or total % product:
                raise g.malformed(node, f"can't reshape {list(sizes)} to {[-1 if d is None else d for d in shape]}")
            shape = [total // product if d is None else d for d in shape]
    if shape.count(None) <= 1:
        other = next((part.value for part in wanted if isinstance(part, Part) and part.value is not x), None)
        return g.reshape(x, shape, source=other)
    vectors = [p.computed(g) if isinstance(p, Part) else g.const([-1 if p is None else p]) for p in wanted]
    return g.op("Reshape", x, g.op("Concat", *vectors, axis=0))


@op("Reshape", "reshape")
def reshape(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    shape: Ints = (),
    reverse: bool = False,
    target_shape: Ints = (),
    keep_highest: bool = False,
) -> Value:
    """MXNet Reshape. In ``shape`` 0 copies a dimension, -1 is what remains, -2 copies all that are left, -3 is the product of the
    next two and -4 splits the next into the two that follow; ``reverse`` reads both shapes from the right.

    Old files say ``target_shape`` instead, where 0 is what remains and keep_highest keeps the first. matrix_op-inl.h.
    """
    if shape:
        codes = {0: "copy", -1: "infer", -2: "rest", -3: "merge", -4: "split"}
        return reshape_to(g, node, data, _decoded(g, node, data, shape, codes, reverse))
    if not target_shape:
        raise g.malformed(node, "has neither a shape nor a target_shape")
    wanted: list[Wanted] = [size or None for size in target_shape]
    if keep_highest:
        wanted[0] = Part(data, (0,))
    return reshape_to(g, node, data, wanted)


@op("_npx_reshape", "_npi_reshape")
def npx_reshape(g: SymbolBuilder, node: Node, a: Value, *, newshape: Ints, reverse: bool = False, order: str = "C") -> Value:
    """MXNet npx.reshape: -1 is what remains, -2 copies a dimension, -3 leaves out one of size 1, -4 copies all that are left, -5 is
    the product of the next two and -6 splits the next into the two that follow. np_matrix_op.cc, NumpyXReshapeInferShape.
    """
    _row_major(g, node, order)
    if newshape.count(-1) > 1:
        raise g.malformed(node, f"leaves two dimensions of {newshape} open")
    codes = {-1: "infer", -2: "copy", -3: "skip", -4: "rest", -5: "merge", -6: "split"}
    return reshape_to(g, node, a, _decoded(g, node, a, newshape, codes, reverse))


@op("_np_reshape")
def np_reshape(g: SymbolBuilder, node: Node, a: Value, *, newshape: Ints, order: str = "C") -> Value:
    """MXNet np.reshape: as numpy, -1 is what remains. np_matrix_op.cc."""
    _row_major(g, node, order)
    if newshape.count(-1) > 1 or min(newshape, default=0) < -1:
        raise g.malformed(node, f"has the shape {newshape}")
    return reshape_to(g, node, a, [None if size == -1 else size for size in newshape])


def _row_major(g: SymbolBuilder, node: Node, order: str) -> None:
    if order != "C":
        raise g.unsupported(node, f"has the order {order}; MXNet knows C only")


def _decoded(
    g: SymbolBuilder, node: Node, x: Value, codes: Ints, meanings: Mapping[int, str], reverse: bool
) -> list[Wanted]:
    """A shape of codes as parts of the shape of ``x``."""
    step = -1 if reverse else 1
    axes, left = deque(range(g.rank(node, x))[::step]), deque(codes[::step])
    wanted: list[Wanted] = []

    def take(count: int = 1) -> tuple[int, ...]:
        if len(axes) < count:
            raise g.malformed(node, f"has the shape {codes} for a tensor of {len(dims(x))} axes")
        return tuple(axes.popleft() for _ in range(count))

    while left:
        code = left.popleft()
        meaning = meanings.get(code, "literal")
        if meaning == "rest":
            wanted += [Part(x, (axis,)) for axis in axes]
            axes.clear()
        elif meaning in ("copy", "merge"):
            wanted.append(Part(x, take(1 if meaning == "copy" else 2)))
        elif meaning == "split":
            if len(left) < 2:
                raise g.malformed(node, f"doesn't say into what the shape {codes} splits a dimension")
            wanted += _split(g, node, x, take()[0], left.popleft(), left.popleft())
        elif meaning == "skip":
            if g.sizes(node, x, take(), "code -3 leaves it out") != (1,):
                raise g.malformed(node, f"leaves out a dimension that isn't 1 of {list(dims(x))}")
        else:
            if meaning == "infer" and 0 in meanings and len(wanted) != len(codes) - len(left) - 1:
                raise g.malformed(node, f"has the shape {codes}: behind a code of several dimensions MXNet puts -1 in a wrong place")
            if code < -1:
                raise g.malformed(node, f"has the code {code} in its shape {codes}")
            wanted.append(None if meaning == "infer" else code)
            if axes:
                axes.popleft()
    return wanted[::step]


def _split(g: SymbolBuilder, node: Node, x: Value, axis: int, first: int, second: int) -> list[Wanted]:
    """One dimension as the product of two, of which one may be -1."""
    factor = max(first, second)
    size = dims(x)[axis]
    if factor <= 0 or min(first, second) < -1 or min(first, second) == 0:
        raise g.malformed(node, f"splits a dimension into {first} and {second}")
    if isinstance(size, int) and (size % factor or (first > 0 and second > 0 and first * second != size)):
        raise g.malformed(node, f"can't split {size} into {first} and {second}")
    return [Part(x, (axis,), factor) if part == -1 else part for part in (first, second)]


@op("reshape_like", "_npx_reshape_like")
def reshape_like(
    g: SymbolBuilder,
    node: Node,
    lhs: Value,
    rhs: Value,
    *,
    lhs_begin: int | None = None,
    lhs_end: int | None = None,
    rhs_begin: int | None = None,
    rhs_end: int | None = None,
) -> Value:
    """MXNet reshape_like: the axes lhs_begin … lhs_end of lhs become rhs_begin … rhs_end of rhs; all of them if nothing is said.

    elemwise_unary_op_basic.cc, GetReshapeLikeParams.
    """
    if (lhs_begin, lhs_end, rhs_begin, rhs_end) == (None,) * 4:
        return reshape_to(g, node, lhs, [Part(rhs, (axis,)) for axis in range(g.rank(node, rhs))])
    own, other = _axes(g, node, lhs, lhs_begin, lhs_end), _axes(g, node, rhs, rhs_begin, rhs_end)
    before, after = range(own.start), range(own.stop, len(dims(lhs)))
    wanted = [(lhs, axis) for axis in before] + [(rhs, axis) for axis in other] + [(lhs, axis) for axis in after]
    return reshape_to(g, node, lhs, [Part(value, (axis,)) for value, axis in wanted])


def _axes(g: SymbolBuilder, node: Node, x: Value, begin: int | None, end: int | None) -> range:
    """The axes from ``begin`` to before ``end``, either of which may count from the last."""
    rank = g.rank(node, x)
    first = begin or 0
    last = rank if end is None else end
    first, last = (first + rank if first < 0 else first), (last + rank if last < 0 else last)
    if not 0 <= first < last <= rank:
        raise g.malformed(node, f"takes the axes from {begin} to {end} of a tensor of {rank} axes")
    return range(first, last)


@op("Flatten", "flatten", "_npx_batch_flatten")
def flatten(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """MXNet Flatten: (N, *F) → (N, ∏F). matrix_op-inl.h."""
    if g.rank(node, data) == 0:
        raise g.malformed(node, "flattens a scalar")
    return g.op("Flatten", data)


@op("expand_dims", "_npi_expand_dims")
def expand_dims(g: SymbolBuilder, node: Node, data: Value, *, axis: int) -> Value:
    """MXNet expand_dims: a new axis of size 1 there. matrix_op-inl.h."""
    return g.op("Unsqueeze", data, g.const([g.axis(node, axis, g.rank(node, data) + 1)]))


@op("squeeze")
def squeeze(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None) -> Value:
    """MXNet squeeze: without the axes of size 1, or those of ``axis``; one is left where all would go. matrix_op-inl.h."""
    axes = _squeezed(g, node, data, axis)
    if axis is not None and len(axes) != len(axis):
        raise g.malformed(node, f"names an axis twice: {axis}")
    if len(axes) == len(dims(data)):
        axes = axes[1:]
    return g.op("Squeeze", data, g.const(axes)) if axes else data


@op("_np_squeeze", "_npi_squeeze")
def np_squeeze(g: SymbolBuilder, node: Node, a: Value, *, axis: Ints | None = None) -> Value:
    """MXNet np.squeeze: without the axes of size 1, or those of ``axis``. np_matrix_op.cc."""
    if g.rank(node, a) == 0:
        return a
    axes = _squeezed(g, node, a, axis)
    return g.op("Squeeze", a, g.const(axes)) if axes else a


def _squeezed(g: SymbolBuilder, node: Node, x: Value, axis: Ints | None) -> list[int]:
    """Axes of size 1: those of ``axis``, or all."""
    rank = g.rank(node, x)
    if axis is None:
        return [index for index, size in enumerate(g.sizes(node, x, range(rank), "no axis is said, and all of size 1 go")) if size == 1]
    axes = sorted({g.axis(node, index, rank) for index in axis})
    if wrong := [index for index in axes if dims(x)[index] != 1]:
        raise g.malformed(node, f"axis {wrong[0]} can't go: its size is {dims(x)[wrong[0]]}")
    return axes


def _at_least(g: SymbolBuilder, node: Node, arys: tuple[Value, ...], least: int, num_args: int) -> tuple[Value, ...]:
    """Axes of size 1 as numpy adds them: before, but a third behind."""
    if num_args != len(arys):
        raise g.malformed(node, f"has {len(arys)} inputs, and the num_args {num_args}")
    new = {(0, 1): [0], (0, 2): [0, 1], (1, 2): [0], (0, 3): [0, 1, 2], (1, 3): [0, 2], (2, 3): [2]}
    axes = [new.get((g.rank(node, x), least)) for x in arys]
    return tuple(g.op("Unsqueeze", x, g.const(added)) if added else x for x, added in zip(arys, axes, strict=True))


@op("_np_atleast_1d")
def atleast_1d(g: SymbolBuilder, node: Node, *arys: Value, num_args: int) -> tuple[Value, ...]:
    """MXNet np.atleast_1d: scalars become vectors. np_init_op.cc."""
    return _at_least(g, node, arys, 1, num_args)


@op("_np_atleast_2d")
def atleast_2d(g: SymbolBuilder, node: Node, *arys: Value, num_args: int) -> tuple[Value, ...]:
    """MXNet np.atleast_2d: vectors become rows. np_init_op.cc."""
    return _at_least(g, node, arys, 2, num_args)


@op("_np_atleast_3d")
def atleast_3d(g: SymbolBuilder, node: Node, *arys: Value, num_args: int) -> tuple[Value, ...]:
    """MXNet np.atleast_3d: (N) → (1, N, 1), (M, N) → (M, N, 1). np_init_op.cc."""
    return _at_least(g, node, arys, 3, num_args)
