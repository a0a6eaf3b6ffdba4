"""What changed between versions of an operator, judged from onnx's own schemas."""

from __future__ import annotations

from functools import cache
from typing import Any

import onnx
import onnx_ir as ir

_Option = onnx.defs.OpSchema.FormalParameterOption

REVIEWED = 28
"""The newest opset whose changes of meaning, which schemas don't show, have been read and are in this folder."""


@cache
def schema(op_type: str, opset: int) -> onnx.defs.OpSchema | None:
    """The operator as ``opset`` has it; None if it hasn't, or has withdrawn it. GroupNormalization-18 was withdrawn in hindsight
    only: opsets 18 to 20 have it, and what was written in them does."""
    try:
        found = onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return None
    return None if found.deprecated and op_type != "GroupNormalization" else found


@cache
def version(op_type: str, opset: int) -> int | None:
    """The opset that gave the operator the form it has in ``opset``."""
    found = schema(op_type, opset)
    return None if found is None else int(found.since_version)


@cache
def same_form(op_type: str, source: int, target: int) -> bool:
    """Whether the operator has the same attributes, inputs and outputs in both opsets: every node is as whole in one as in the other."""
    before, after = schema(op_type, source), schema(op_type, target)
    return before is not None and after is not None and _form(before) == _form(after)


def _form(found: onnx.defs.OpSchema) -> object:
    attributes = {name: (attribute.required, _default(attribute)) for name, attribute in found.attributes.items()}
    return attributes, [parameter.option for parameter in found.inputs], [parameter.option for parameter in found.outputs]


def left_over(node: ir.Node, source: int, target: int) -> list[str]:
    """What ``node`` at opset ``source`` uses that the operator of opset ``target`` doesn't have, or has with another default.

    Attributes that ``target`` lacks are dropped from ``node`` where they say what their absence says.
    """
    before, after = schema(node.op_type, source), schema(node.op_type, target)
    assert before is not None and after is not None
    found = []
    for name in list(node.attributes):
        if name not in after.attributes:
            if _is_default(node.attributes[name], before.attributes[name]):
                del node.attributes[name]
            else:
                found.append(f"its {name}")
    for name, attribute in before.attributes.items():
        if name not in node.attributes and name in after.attributes and _default(attribute) != _default(after.attributes[name]):
            found.append(f"the default of its {name}")
    required = [name for name, attribute in after.attributes.items() if attribute.required]
    found += [f"its missing {name}" for name in required if name not in node.attributes]
    for kind, used, old, new in (
        ("input", node.inputs, before.inputs, after.inputs),
        ("output", node.outputs, before.outputs, after.outputs),
    ):
        for index, parameter in enumerate(new):
            absent = index >= len(old) or index >= len(used) or used[index] is None
            if absent and parameter.option == _Option.Single:
                found.append(f"its missing {kind} {parameter.name}")
        if len(used) > len(new) and (not new or new[-1].option != _Option.Variadic):
            extra = [old[i].name for i in range(len(new), len(used)) if used[i] is not None]
            found += [f"its {kind} {name}" for name in extra]
    return found


def _default(attribute: Any) -> bytes:
    data: bytes = attribute.default_value.SerializeToString()
    return data


def _is_default(attribute: ir.Attr, declared: Any) -> bool:
    if attribute.is_ref() or not declared.default_value.type:
        return False
    default, value = onnx.helper.get_attribute_value(declared.default_value), attribute.value
    if isinstance(default, bytes) and isinstance(value, str):
        value = value.encode()
    return bool(default == value)


def takes(op_type: str, opset: int, dtype: ir.DataType) -> bool:
    """Whether tensors of ``dtype`` are among what the operator of ``opset`` takes or gives."""
    found = schema(op_type, opset)
    name = f"tensor({dtype.name.lower()})"
    return found is not None and any(name in constraint.allowed_type_strs for constraint in found.type_constraints)


@cache
def takes_all(op_type: str, source: int, target: int) -> bool:
    """Whether the operator of opset ``target`` plainly takes all that it takes in opset ``source``: else each node is looked at."""
    before, after = schema(op_type, source), schema(op_type, target)
    if before is None or after is None:
        return False
    old, new = _kinds(before), _kinds(after)
    return len(old) == len(new) and all(a[:-1] == b[:-1] and a[-1] <= b[-1] for a, b in zip(old, new, strict=True))


def _kinds(found: onnx.defs.OpSchema) -> list[tuple[bool, bool, int, frozenset[str]]]:
    """Of each parameter: is it an input, are its tensors of one type, the first parameter of the same type, and the types it may have."""
    allowed = {c.type_param_str: frozenset(c.allowed_type_strs) for c in found.type_constraints}
    parameters = [*found.inputs, *found.outputs]
    variables = [parameter.type_str for parameter in parameters]
    return [
        (index < len(found.inputs), p.is_homogeneous, variables.index(p.type_str), allowed.get(p.type_str, frozenset({p.type_str})))
        for index, p in enumerate(parameters)
    ]


def wrong_types(node: ir.Node, opset: int) -> str:
    """What the operator of ``opset`` doesn't do that ``node`` asks for: take or give the type of one of its values; else empty."""
    found = schema(node.op_type, opset)
    if found is None:
        return ""
    allowed = {c.type_param_str: frozenset(c.allowed_type_strs) for c in found.type_constraints}
    bound: dict[str, str] = {}
    for verb, values, parameters in (("take", node.inputs, found.inputs), ("give", node.outputs, found.outputs)):
        for index, value in enumerate(values):
            if value is None or value.type is None or not parameters:
                continue
            parameter = parameters[min(index, len(parameters) - 1)]
            kind = _type_name(value.type)
            if kind not in allowed.get(parameter.type_str, {parameter.type_str}):
                return f"{verb} {kind} as {parameter.name}"
            if parameter.is_homogeneous and bound.setdefault(parameter.type_str, kind) != kind:
                return f"{verb} {kind} as {parameter.name} beside {bound[parameter.type_str]}"
    return ""


def _type_name(kind: ir.TypeProtocol) -> str:
    if isinstance(kind, ir.SequenceType):
        return f"seq({_type_name(kind.elem_type)})"
    if isinstance(kind, ir.OptionalType):
        return f"optional({_type_name(kind.elem_type)})"
    prefix = "sparse_tensor" if isinstance(kind, ir.SparseTensorType) else "tensor"
    return f"{prefix}({kind.dtype.name.lower()})"
