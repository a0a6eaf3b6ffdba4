"""What layers' settings say of the shapes of their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dragoman.converters.mxnet.attributes import Ints, convert
from dragoman.converters.mxnet.symbol import Node

Partial = tuple[int | str | None, ...]
"""A shape with None for the sizes that the settings don't say."""
Attrs = Mapping[str, str]
_Rule = Callable[[Attrs, Partial | None], tuple[Partial | None, ...]]


def weight_shapes(node: Node, data: Partial | None = None) -> tuple[Partial | None, ...]:
    """The shapes of a layer's inputs, one by one, as far as its settings and the shape of its ``data`` say them."""
    try:
        return _LAYERS[node.op](node.attrs, data) if node.op in _LAYERS else ()
    except ValueError:
        return ()  # a setting that can't be read: its handler will say which


def fits(shape: Sequence[int | str | None], wanted: Partial) -> bool:
    """Whether a shape may be the wanted one: it has the rank, and no size that is known to differ."""
    sizes = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(a == b for a, b in sizes if isinstance(a, int) and isinstance(b, int))


def as_text(shape: Sequence[int | str | None]) -> str:
    """A shape as an error says it."""
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


def _number(attrs: Attrs, name: str) -> int | None:
    text = attrs.get(name, "")
    return int(text) if text.isdecimal() else None


def _convolution(attrs: Attrs, data: Partial | None) -> tuple[Partial | None, ...]:
    filters, kernel = _number(attrs, "num_filter"), convert(attrs.get("kernel", "()"), Ints)
    if attrs.get("layout", "None").endswith("C"):
        return None, (filters, *kernel, None), (filters,)
    return None, (filters, None, *kernel), (filters,)


def _transposed(attrs: Attrs, data: Partial | None) -> tuple[Partial | None, ...]:
    filters, groups = _number(attrs, "num_filter"), _number(attrs, "num_group") or 1
    each = filters // groups if filters is not None else None
    return None, (None, each, *convert(attrs.get("kernel", "()"), Ints)), (filters,)


def _dense(attrs: Attrs, data: Partial | None) -> tuple[Partial | None, ...]:
    return None, (_number(attrs, "num_hidden"), None), (_number(attrs, "num_hidden"),)


def _embedding(attrs: Attrs, data: Partial | None) -> tuple[Partial | None, ...]:
    return None, (_number(attrs, "input_dim"), _number(attrs, "output_dim"))


def _per_channel(default: str) -> _Rule:
    def rule(attrs: Attrs, data: Partial | None) -> tuple[Partial | None, ...]:
        axis = int(attrs.get("axis", default))
        known = data is not None and -len(data) <= axis < len(data)
        return None, *[(data[axis] if data is not None and known else None,)] * 4

    return rule


_LAYERS: Mapping[str, _Rule] = {
    "Convolution": _convolution,
    "Convolution_v1": _convolution,
    "Deconvolution": _transposed,
    "FullyConnected": _dense,
    "Embedding": _embedding,
    "BatchNorm": _per_channel("1"),
    "InstanceNorm": _per_channel("1"),
    "LayerNorm": _per_channel("-1"),
}
