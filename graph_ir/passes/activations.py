"""Gelu, HardSigmoid, HardSwish and Mish where exporters wrote them out.

What ONNX Runtime 1.32 needs on one core for (8, 128, 768) in float32, written out → as one operator: Gelu 317 → 320 µs (it fuses
PyTorch's form itself), Gelu by tanh 911 → 300, HardSwish 346 → 183, HardSigmoid 251 → 78, Mish the same. Not recognised, because
the operator is slower than its parts: Swish 109 → 341, Softplus 1,323 → 16,753 (and log(1 + exp(x)) overflows where Softplus
doesn't).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import Names, constant
from dragoman.graph_ir.passes.matching import Polynomial, close, equals, fuse, made_by, number, only_inside, polynomial
from dragoman.graph_ir.traversal import graphs_of

_CURVES = frozenset({"Clip", "Erf", "HardSigmoid", "Tanh"})
_ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Neg", "Pow")
_FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE})
_MOST = 16
"""Values that are tried as x."""

_HALF_AND_HALF: Polynomial = {(1, 0): 0.5, (1, 1): 0.5}
_PRODUCT: Polynomial = {(1, 1): 1.0}


@dataclass(frozen=True)
class _Found:
    """An operator that makes ``result`` from one input."""

    op_type: str
    attributes: dict[str, int | float | str] = field(default_factory=dict)


def fuse_activations(model: ir.Model) -> bool:
    """Wherever a curve t(x), with arithmetic before and behind it, is an activation of x, one operator takes the place of all."""
    names = Names([model.graph])
    changed = False
    for graph in graphs_of(model.graph):
        for node in list(graph):
            if node.domain == "" and node.op_type in _CURVES and node.graph is graph and node.outputs[0].dtype in _FLOATS:
                changed |= _fuse(node, names)
    return changed


def _fuse(curve: ir.Node, names: Names) -> bool:
    """Try every x that the curve's argument is computed from, and every value computed from the curve; the furthest first."""
    t, argument = curve.outputs[0], curve.inputs[0]
    if argument is None:
        return False
    for x in _origins_of(argument)[::-1]:
        softplus = made_by(argument, "Softplus")
        inside = polynomial(argument, [x]) if softplus is None or softplus.inputs[0] is not x else ({}, [softplus])
        if inside is None:
            continue
        for result in _results_of(t):
            outside = polynomial(result, [x, t])
            if outside is None or x.shape is None or result.shape is None or len(x.shape) != len(result.shape):
                continue
            found = _activation(curve, inside[0], outside[0], x.dtype)
            nodes = [*inside[1], curve, *outside[1]]
            if found is not None and len(nodes) > 1 and only_inside(nodes, result):
                fuse(list(dict.fromkeys(nodes)), result, found.op_type, [x], found.attributes, names)
                return True
    return False


def _activation(curve: ir.Node, inside: Polynomial, outside: Polynomial, dtype: ir.DataType | None) -> _Found | None:
    """``inside`` is the curve's argument in powers of x, ``outside`` the result in powers of x and the curve."""
    if curve.op_type == "Erf":
        erf = equals(inside, {(1,): math.sqrt(0.5)}, dtype) and equals(outside, _HALF_AND_HALF, dtype)
        return _Found("Gelu") if erf else None
    if curve.op_type == "Tanh":
        if made_by(curve.inputs[0], "Softplus") is not None and not inside:
            return _Found("Mish") if equals(outside, _PRODUCT, dtype) else None
        root = math.sqrt(2 / math.pi)
        tanh = equals(inside, {(1,): root, (3,): 0.044715 * root}, dtype) and equals(outside, _HALF_AND_HALF, dtype)
        return _Found("Gelu", {"approximate": "tanh"}) if tanh else None
    if dtype == ir.DataType.DOUBLE or not inside.keys() <= {(1,), (0,)} or (1,) not in inside:
        return None
    return _hard(curve, inside, outside, dtype)


def _hard(curve: ir.Node, inside: Polynomial, outside: Polynomial, dtype: ir.DataType | None) -> _Found | None:
    """clip(a·x + b, 0, top) / top = HardSigmoid; that of x / 6 + 1/2, times x, is HardSwish."""
    if curve.op_type == "HardSigmoid":
        own = {"alpha": 0.2, "beta": 0.5} | {key: attribute.as_float() for key, attribute in curve.attributes.items()}
        top, alpha, beta = 1.0, own["alpha"] * inside[1,], own["alpha"] * inside.get((0,), 0.0) + own["beta"]
    else:
        low, high = (number(curve.inputs[i]) if i < len(curve.inputs) else None for i in (1, 2))
        if low != 0 or high is None or not 0 < high < math.inf:
            return None
        top, alpha, beta = high, inside[1,] / high, inside.get((0,), 0.0) / high
    if equals(outside, {(1, 1): 1 / top}, dtype) and close(alpha, 1 / 6, dtype) and close(beta, 0.5, dtype):
        return _Found("HardSwish")
    if equals(outside, {(0, 1): 1 / top}, dtype):
        return _Found("HardSigmoid", {"alpha": alpha, "beta": beta})
    return None


def _origins_of(argument: ir.Value) -> list[ir.Value]:
    """``argument``, and what it is computed from by arithmetic; the nearest first."""
    found = [argument]
    for value in found:
        node = made_by(value, *_ARITHMETIC, *(["Softplus"] if value is argument else []))
        for part in node.inputs if node is not None else ():
            if part is not None and part not in found and constant(part) is None and len(found) < _MOST:
                found.append(part)
    return found


def _results_of(t: ir.Value) -> list[ir.Value]:
    """``t``, and what is computed from it alone step by step; the furthest first."""
    found = [t]
    while len(found) < 6 and not found[-1].is_graph_output():
        readers = {use.node for use in found[-1].uses()}
        reader = readers.pop() if len(readers) == 1 else None
        if reader is None or reader.domain != "" or reader.op_type not in _ARITHMETIC:
            break
        found.append(reader.outputs[0])
    return found[::-1]
