"""How operators carry a permutation of their axes, family by family."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.axis_flip import Edit, Flip, constant_ints, rank_of, rule_of
from dragoman.graph_ir.passes.editing import add_weight, attribute, constant, input_at, replace_value
from dragoman.graph_ir.passes.permutations import Perm, identity, inverse, kept, restored
from dragoman.graph_ir.provenance import forget_source_tensors, merge_origins


def _set_axis(node: ir.Node, axis: int) -> None:
    node.attributes["axis"] = ir.AttrInt64("axis", axis)


# -- element by element ----------------------------------------------------------------------------------


@rule_of(
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor",
    "BitShift", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater",
    "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max",
    "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Shrink",
    "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu",
    "Where", "Xor",
)  # fmt: skip
def _elementwise(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """All that is as wide as the result is permuted; single numbers stay; constants are extended to the result's rank."""
    if rank_of(node.outputs[0]) != len(perm):
        return None
    inputs: list[Perm | None] = []
    for value in node.inputs:
        if value is None or (static_dims(value) is not None and set(static_dims(value) or ()) <= {1}):
            wide = value is not None and rank_of(value) == len(perm) and constant(value) is None and len(node.inputs) == 1
            inputs.append(perm if wide else None)
        elif (rank := rank_of(value)) == len(perm) or (constant(value) is not None and rank is not None and rank < len(perm)):
            inputs.append(perm)
        else:
            return None
    return Flip(tuple(inputs), (perm,)) if any(inputs) else None


@rule_of("CastLike")
def _like(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    return Flip((perm, None), (perm,))


@rule_of("Dropout")
def _dropout(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    return Flip((perm,), (perm,)) if len(node.outputs) == 1 else None


@rule_of("QuantizeLinear", "DequantizeLinear")
def _quantisation(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """One scale for all, or one for each index of an axis; not blocks."""
    scale = static_dims(node.inputs[1]) if node.inputs[1] is not None else None
    if scale is None or len(scale) > 1 or attribute(node, "block_size", 0):
        return None
    if not scale:
        return Flip((perm,), (perm,))
    axis = inverse(perm)[attribute(node, "axis", 1) % len(perm)]
    return Flip((perm,), (perm,), lambda _: _set_axis(node, axis))


# -- along one axis --------------------------------------------------------------------------------------


@rule_of("Softmax", "LogSoftmax", "Hardmax", "LpNormalization")
def _along_axis(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    axis = inverse(perm)[attribute(node, "axis", -1) % len(perm)]
    return Flip((perm,), (perm,), lambda _: _set_axis(node, axis))


@rule_of("Concat", "Split")
def _joined_or_parted(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    axis = inverse(perm)[attribute(node, "axis", 0) % len(perm)]
    inputs = (perm,) if node.op_type == "Split" else (perm,) * len(node.inputs)
    return Flip(inputs, (perm,) * len(node.outputs), lambda _: _set_axis(node, axis))


@rule_of("TopK")
def _top_k(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    axis = inverse(perm)[attribute(node, "axis", -1) % len(perm)]
    return Flip((perm, None), (perm, perm), lambda _: _set_axis(node, axis))


@rule_of("CumSum")
def _cumulative(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    axis = constant_ints(input_at(node, 1))
    if axis is None:
        return None
    where = inverse(perm)[axis[0] % len(perm)]

    def apply(edit: Edit) -> None:
        value = add_weight(edit.graph, ir.Tensor(np.array(where, np.int64)), edit.names.unique(f"{node.outputs[0].name}/axis"))
        node.replace_input_with(1, value)

    return Flip((perm, None), (perm,), apply)


@rule_of("Gather")
def _gather(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """Indices that are a number drop the axis, those that are a vector keep it."""
    rank, indices = rank_of(node.inputs[0]), rank_of(node.inputs[1])
    if rank is None or indices not in (0, 1) or constant(node.inputs[0]) is not None:
        return None
    axis = attribute(node, "axis", 0) % rank
    if indices == 1:
        return Flip((perm, None), (perm,), lambda _: _set_axis(node, inverse(perm)[axis])) if len(perm) == rank else None
    inner = restored(perm, [axis]) if of_output else perm
    if len(inner) != rank:
        return None
    return Flip((inner, None), (kept(inner, [axis]),), lambda _: _set_axis(node, inverse(inner)[axis]))


# -- along several axes ----------------------------------------------------------------------------------


@rule_of("ArgMax", "ArgMin")
def _arg(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    rank = rank_of(node.inputs[0])
    if rank is None:
        return None
    axis = attribute(node, "axis", 0) % rank
    keeps = bool(attribute(node, "keepdims", 1))
    inner = perm if keeps or not of_output else restored(perm, [axis])
    if len(inner) != rank:
        return None
    outer = inner if keeps else kept(inner, [axis])
    return Flip((inner,), (outer,), lambda _: _set_axis(node, inverse(inner)[axis]))


@rule_of(
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare",
)  # fmt: skip
def _reduction(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    rank, given = rank_of(node.inputs[0]), input_at(node, 1)
    axes = constant_ints(given)
    if rank is None or "axes" in node.attributes or (given is not None and axes is None):
        return None
    if not axes and attribute(node, "noop_with_empty_axes", 0):
        return None
    where = sorted({axis % rank for axis in axes}) if axes else list(range(rank))
    keeps = bool(attribute(node, "keepdims", 1))
    inner = perm if keeps or not of_output else restored(perm, where)
    if len(inner) != rank:
        return None
    outer = inner if keeps else kept(inner, where)

    def apply(edit: Edit) -> None:
        if axes:
            edit.ints(node, 1, sorted(inverse(inner)[axis] for axis in where))

    return Flip((inner, None), (outer or None,), apply)


@rule_of("Squeeze")
def _squeeze(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    rank, axes = rank_of(node.inputs[0]), constant_ints(input_at(node, 1))
    if rank is None or not axes:
        return None
    where = sorted({axis % rank for axis in axes})
    inner = restored(perm, where) if of_output else perm
    if len(inner) != rank:
        return None
    return Flip(
        (inner, None), (kept(inner, where) or None,), lambda e: e.ints(node, 1, sorted(inverse(inner)[a] for a in where))
    )


@rule_of("Unsqueeze")
def _unsqueeze(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    rank, axes = rank_of(node.outputs[0]), constant_ints(input_at(node, 1))
    if rank is None or not axes:
        return None
    where = sorted({axis % rank for axis in axes})
    outer = perm if of_output else restored(perm, where)
    if len(outer) != rank:
        return None
    return Flip(
        (kept(outer, where) or None, None), (outer,), lambda e: e.ints(node, 1, sorted(inverse(outer)[a] for a in where))
    )


@rule_of("Slice")
def _slice(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    axes = _axes_input(node, 3, node.inputs[1], len(perm))
    if axes is None:
        return None
    return Flip((perm,), (perm,), lambda e: e.ints(node, 3, [inverse(perm)[axis] for axis in axes]))


@rule_of("Pad")
def _pad(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    if input_at(node, 1) is None or "pads" in node.attributes:
        return None
    axes = _axes_input(node, 3, None, len(perm))
    if axes is None:
        return None
    amounts, rank = constant_ints(node.inputs[1]), len(perm)

    def apply(edit: Edit) -> None:
        if amounts is None or input_at(node, 3) is not None:
            edit.ints(node, 3, [inverse(perm)[axis] for axis in axes])
        else:
            edit.ints(node, 1, [amounts[axis] for axis in perm] + [amounts[rank + axis] for axis in perm])

    return Flip((perm,), (perm,), apply)


def _axes_input(node: ir.Node, index: int, counted: ir.Value | None, rank: int) -> list[int] | None:
    """The constant axes of input ``index``; without that input, the first ones: as many as ``counted`` has elements, or all."""
    given = input_at(node, index)
    if given is not None:
        axes = constant_ints(given)
        return None if axes is None else [axis % rank for axis in axes]
    if counted is None:
        return list(range(rank))
    length = static_dims(counted)
    return None if length is None else list(range(length[0]))


@rule_of("Tile", "Expand")
def _per_axis(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """A number for each axis of the result."""
    numbers = constant_ints(input_at(node, 1))
    if numbers is None or len(numbers) != len(perm) or rank_of(node.inputs[0]) != len(perm):
        return None
    return Flip((perm, None), (perm,), lambda e: e.ints(node, 1, [numbers[axis] for axis in perm]))


@rule_of("Resize")
def _resize(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """Only so that the resized axes are the last ones, in their order: what runtimes do best, or at all."""
    before, after = node.inputs[0], node.outputs[0]
    rank = len(perm)
    crops = "coordinate_transformation_mode" in node.attributes and (
        node.attributes["coordinate_transformation_mode"].as_string() == "tf_crop_and_resize"
    )
    if before is None or before.shape is None or after.shape is None or crops:
        return None
    which = 3 if input_at(node, 3) is not None else 2
    numbers = constant(input_at(node, which))
    axes = [a % rank for a in node.attributes["axes"].as_ints()] if "axes" in node.attributes else list(range(rank))
    if numbers is None or len(axes) != numbers.size or "keep_aspect_ratio_policy" in node.attributes:
        return None
    values = numbers.numpy().reshape(-1)
    resized = [a for a, v in zip(axes, values, strict=True) if (v != 1 if which == 2 else before.shape[a] != v)]
    new = [inverse(perm)[a] for a in resized]
    if sorted(new) != list(range(rank - len(new), rank)) or [new[i] for i in np.argsort(resized)] != sorted(new):
        return None

    def apply(edit: Edit) -> None:
        if "axes" in node.attributes:
            node.attributes["axes"] = ir.AttrInt64s("axes", [inverse(perm)[a] for a in axes])
        else:
            edit.weight(node, which, lambda array: array[list(perm)], (rank,))

    return Flip((perm,), (perm,), apply)


@rule_of("Shape")
def _shape(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """The dimensions are gathered from where they are now."""
    if of_output:
        return None
    start, end = attribute(node, "start", 0), attribute(node, "end", len(perm))
    wanted = list(range(len(perm)))[start:end]

    def apply(edit: Edit) -> None:
        out = node.outputs[0]
        indices = ir.Tensor(np.array([inverse(perm)[axis] for axis in wanted], np.int64))
        where = add_weight(edit.graph, indices, edit.names.unique(f"{out.name}/axes"))
        gather = ir.node("Gather", [out, where])
        merge_origins(gather, node)
        chosen = gather.outputs[0]
        name = out.name
        chosen.name = edit.names.unique(f"{name}/chosen")
        edit.graph.insert_after(node, gather)
        replace_value(out, chosen)
        gather.replace_input_with(0, out)
        out.name = edit.names.unique(f"{name}/permuted")
        out.shape = ir.Shape([len(perm)])
        forget_source_tensors(out)
        gather.name = chosen.name
        for key in ("start", "end"):
            node.attributes.pop(key, None)

    return Flip((perm,), (None,), apply)


# -- operators whose axes mean something -----------------------------------------------------------------


@rule_of("BatchNormalization")
def _channels_second(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    if perm[1] != 1 or len(node.outputs) != 1:
        return None
    return Flip((perm,), (perm,))


@rule_of("LayerNormalization", "RMSNormalization")
def _last_axes_normal(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    axis = attribute(node, "axis", -1) % len(perm)
    if len(node.outputs) != 1 or perm[axis:] != identity(len(perm))[axis:]:
        return None
    if any(value is not None and (rank_of(value) or 0) > len(perm) - axis for value in node.inputs[1:]):
        return None
    return Flip((perm,), (perm,), lambda _: _set_axis(node, axis))


@rule_of("MatMul")
def _matmul(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """(…, I, K) · (…, K, J): batch axes move; the rows too, if the right side is one matrix."""
    left, right = (rank_of(value) for value in node.inputs)
    if left != len(perm) or right is None:
        return None
    if right == 2 and perm[-1] == len(perm) - 1:
        return Flip((perm, None), (perm,))
    if right == left and perm[-2:] == identity(left)[-2:]:
        return Flip((perm, perm), (perm,))
    return None


@rule_of("Gemm")
def _gemm(node: ir.Node, perm: Perm, of_output: bool) -> Flip | None:
    """The left matrix may be read transposed."""
    if of_output or perm != (1, 0):
        return None
    flag = 1 - attribute(node, "transA", 0)
    return Flip((perm,), (None,), lambda _: node.attributes.add(ir.AttrInt64("transA", flag)))
