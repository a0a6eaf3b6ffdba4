"""One node as a rule sees it: attributes, and what is known of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import onnx_ir as ir

from dragoman.graph_ir.inference.facts import UNKNOWN, Elements, Fact, Tensor, elements_of
from dragoman.graph_ir.inference.signature import MisfitError
from dragoman.graph_ir.inference.size import Dim, Size


class UnknownError(Exception):
    """A rule can't say anything, since too little is known of the inputs."""


class Call:
    """A node at inference. ``opset`` is that of its domain; ``attributes`` are those of the function call it is in."""

    __slots__ = ("_parameters", "bound", "facts", "node", "opset")

    def __init__(
        self, node: ir.Node, facts: Sequence[Fact | None], opset: int, parameters: Mapping[str, ir.Attr | None]
    ) -> None:
        """``facts`` are the inputs', None for one that is left out or of which nothing is known."""
        self.node = node
        self.facts = facts
        self.opset = opset
        self.bound: Mapping[str, ir.DataType] = {}
        self._parameters = parameters

    # -- attributes -------------------------------------------------------------------------------

    def attr(self, name: str) -> ir.Attr | None:
        """An attribute, looked up in the call of the function that the node is in if it refers to it."""
        found = self.node.attributes.get(name)
        if found is not None and found.is_ref():
            reference = found.ref_attr_name or ""
            if reference not in self._parameters:
                raise UnknownError
            found = self._parameters[reference]
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        found = self.attr(name)
        return default if found is None else found.value

    def number(self, name: str, default: int) -> int:
        """An int attribute."""
        return int(self.get(name, default))

    def numbers(self, name: str) -> list[int] | None:
        """An attribute of ints, None if it is left out."""
        found = self.get(name)
        return None if found is None else [int(v) for v in found]

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        found = self.get(name, default)
        return found.decode() if isinstance(found, bytes) else str(found)

    # -- inputs -----------------------------------------------------------------------------------

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.node.inputs) and self.node.inputs[index] is not None

    def fact(self, index: int) -> Fact:
        """What is known of an input; ``UnknownError`` if nothing is."""
        found = self.facts[index] if index < len(self.facts) else None
        if found is None:
            raise UnknownError
        return found

    def tensor(self, index: int) -> Tensor:
        """An input that is a tensor."""
        found = self.fact(index)
        if not isinstance(found, Tensor):
            raise UnknownError
        return found

    def dims(self, index: int, rank: int | None = None) -> tuple[Dim, ...]:
        """The dimensions of an input; ``UnknownError`` if its rank isn't known, ``MisfitError`` if it is another."""
        dims = self.tensor(index).dims
        if dims is None:
            raise UnknownError
        if rank is not None and len(dims) != rank:
            self.fail(f"its input {index} must have {rank} dimensions, and has {len(dims)}")
        return dims

    def maybe_dims(self, index: int) -> tuple[Dim, ...] | None:
        """The dimensions of an input, if they are known."""
        found = self.facts[index] if index < len(self.facts) else None
        return found.dims if isinstance(found, Tensor) else None

    def elements(self, index: int) -> Elements | None:
        """The elements of an input as far as they are known."""
        return elements_of(self.facts[index]) if index < len(self.facts) else None

    def sizes(self, index: int) -> list[Dim | None] | None:
        """The elements of an input of integers in order, None for each that isn't known."""
        found = self.elements(index)
        if found is None:
            return None
        return [_size(element) for element in found.reshape(-1)]

    def constants(self, index: int) -> list[int] | None:
        """The same if all are known numbers."""
        found = self.sizes(index)
        if found is None:
            return None
        known = [size for size in found if isinstance(size, int)]
        return known if len(known) == len(found) else None

    def axes(self, index: int, rank: int, attribute: str = "axes") -> list[int] | None:
        """Axes from an attribute (older opsets) or an input, from 0; None if none are given.

        ``UnknownError`` if they are computed by the network.
        """
        given = self.numbers(attribute)
        if given is None:
            if not self.has(index):
                return None
            given = self.constants(index)
            if given is None:
                raise UnknownError
        return [self.axis(axis, rank) for axis in given]

    def axis(self, axis: int, rank: int) -> int:
        """``axis`` from 0."""
        if not -rank <= axis < rank:
            self.fail(f"axis {axis} is outside {rank} dimensions")
        return axis % rank

    def fail(self, message: str) -> NoReturn:
        """The inputs don't fit."""
        raise MisfitError(message)


def _size(element: Any) -> Dim | None:
    if isinstance(element, int) or (isinstance(element, float) and element.is_integer()):
        return int(element)  # OneHot's depth may be a float
    return element if isinstance(element, Size) else None


def unless_none(size: Dim | None) -> Dim:
    """A size, or the unknown one."""
    return UNKNOWN if size is None else size


Result: TypeAlias = "Fact | Sequence[Fact | None] | None"
Rule: TypeAlias = Callable[[Call], Result]
"""What a node's outputs are; a dtype left None is the schema's to say. Raises ``UnknownError`` or ``MisfitError``."""
