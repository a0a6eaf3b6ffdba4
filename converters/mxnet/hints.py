"""What our own symbols say beyond what MXNet's can: hidden attributes, which it passes over.

MXNet calls an output after the node that makes it, lists inputs as a walk from the outputs meets them, and has no names for dynamic
dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from dragoman.converters.mxnet.symbol import Node

_OUTPUT = "__dragoman_output__"
_INPUT = "__dragoman_input__"
Dims = tuple[int | str | None, ...]


def say_output(node: Node, name: str) -> None:
    """The name of the first output of ``node``."""
    node.hints[_OUTPUT] = name


def output_of(node: Node) -> str | None:
    """The name that was said, if one was."""
    return node.hints.get(_OUTPUT)


def say_input(node: Node, place: int, dims: Sequence[int | str | None]) -> None:
    """The place of a variable among the inputs, and its dimensions."""
    node.hints[_INPUT] = json.dumps([place, list(dims)])


def place_of(node: Node) -> int | None:
    """The place that was said."""
    found = _input_of(node)
    return None if found is None else found[0]


def dims_of(node: Node) -> Dims | None:
    """The dimensions that were said."""
    found = _input_of(node)
    return None if found is None else found[1]


def _input_of(node: Node) -> tuple[int, Dims] | None:
    try:
        place, dims = json.loads(node.hints.get(_INPUT, "null"))
    except (ValueError, TypeError, RecursionError):
        return None
    if type(place) is not int or not isinstance(dims, list) or not all(d is None or type(d) in (int, str) for d in dims):
        return None
    return place, tuple(dims)
