"""The dtypes of an operator's results, and whether its inputs have dtypes that it takes: what the schema alone says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import onnx
import onnx_ir as ir

from dragoman.graph_ir.inference.facts import Fact, Tensor

_BY_NAME = {f"tensor({dtype.name.lower()})": dtype for dtype in ir.DataType}
_Option = onnx.defs.OpSchema.FormalParameterOption


class MisfitError(Exception):
    """The inputs of a node aren't what its operator takes."""


@dataclass(frozen=True)
class Parameter:
    """An input or output: its name, its type variable, and the dtypes that it may have."""

    name: str
    variable: str
    dtypes: frozenset[ir.DataType]
    takes_others: bool
    """Whether sequences, optionals, sparse tensors or maps are taken too."""
    homogeneous: bool


@dataclass(frozen=True)
class Signature:
    """An operator's parameters; the last one repeats."""

    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    least: int
    most: int
    variadic: bool
    schema: onnx.defs.OpSchema

    def bind(self, facts: Sequence[Fact | None]) -> Mapping[str, ir.DataType]:
        """The dtype that each type variable has; raises ``MisfitError``."""
        if not self.least <= len(facts) <= self.most:
            least, most = self.least, self.most
            raise MisfitError(f"takes {least if least == most else f'{least} to {most}'} inputs, got {len(facts)}")
        bound: dict[str, ir.DataType] = {}
        for index, fact in enumerate(facts):
            if not self.inputs or fact is None:
                continue
            parameter = self.inputs[min(index, len(self.inputs) - 1)]
            if not isinstance(fact, Tensor):
                if not parameter.takes_others:
                    raise MisfitError(f"its input {parameter.name} must be a tensor")
                continue
            if fact.dtype is None or fact.sparse:
                continue
            if fact.dtype not in parameter.dtypes:
                raise MisfitError(f"doesn't take {fact.dtype.name.lower()} for its input {parameter.name}")
            if not parameter.homogeneous:
                continue
            if (other := bound.setdefault(parameter.variable, fact.dtype)) != fact.dtype:
                raise MisfitError(
                    f"takes inputs of one dtype; {parameter.name} is {fact.dtype.name.lower()} beside {other.name.lower()}"
                )
        return bound

    def output_dtype(self, index: int, bound: Mapping[str, ir.DataType]) -> ir.DataType | None:
        """The dtype of a result, if the schema alone says it."""
        if not self.outputs:
            return None
        parameter = self.outputs[min(index, len(self.outputs) - 1)]
        if parameter.variable in bound:
            return bound[parameter.variable]
        return next(iter(parameter.dtypes)) if len(parameter.dtypes) == 1 and not parameter.takes_others else None


@cache
def signature(op_type: str, opset: int, domain: str) -> Signature | None:
    """The operator as ``opset`` of ``domain`` has it; None if it hasn't."""
    try:
        schema = onnx.defs.get_schema(op_type, opset, domain)
    except onnx.defs.SchemaError:
        return None
    constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    inputs, outputs = (
        tuple(_parameter(parameter, constraints) for parameter in parameters) for parameters in (schema.inputs, schema.outputs)
    )
    variadic = bool(schema.inputs) and schema.inputs[-1].option == _Option.Variadic
    return Signature(inputs, outputs, schema.min_input, schema.max_input, variadic, schema)


def _parameter(parameter: onnx.defs.OpSchema.FormalParameter, constraints: Mapping[str, Sequence[str]]) -> Parameter:
    variable = parameter.type_str
    allowed = constraints.get(variable, (variable,))
    return Parameter(
        parameter.name,
        variable,
        frozenset(_BY_NAME[kind] for kind in allowed if kind in _BY_NAME),
        any(kind not in _BY_NAME for kind in allowed),
        parameter.is_homogeneous or parameter.option != _Option.Variadic,
    )
