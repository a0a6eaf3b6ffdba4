"""The types of variables, as MXNet's infer_type finds them: both ways, since what an operator reads and gives is mostly of one type."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from dragoman.converters.mxnet.params import DTYPES
from dragoman.converters.mxnet.symbol import Node, Ref, Symbol

_ALL = frozenset(range(64))
UNTIED: Mapping[str, frozenset[int]] = {
    **dict.fromkeys(("Embedding", "_contrib_SparseEmbedding", "one_hot", "where", "_npi_where"), frozenset({0})),
    **dict.fromkeys(("take", "pick", "gather_nd", "batch_take", "SoftmaxOutput", "Softmax", "SVMOutput"), frozenset({1})),
    **dict.fromkeys(("SequenceMask", "SequenceLast", "SequenceReverse", "softmax", "log_softmax", "softmin"), frozenset({1})),
    **dict.fromkeys(("reshape_like", "slice_like", "broadcast_like"), frozenset({1})),
    **dict.fromkeys(("_contrib_boolean_mask", "_contrib_index_copy", "scatter_nd", "softmax_cross_entropy"), frozenset({1})),
    **dict.fromkeys(("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm"), frozenset({1, 2, 3, 4})),
    **dict.fromkeys(
        (
            "Cast", "amp_cast", "amp_multicast", "Custom", "shape_array", "size_array", "_foreach", "_while_loop", "_cond",
            "_contrib_quantize", "_contrib_quantize_v2", "_contrib_dequantize", "_contrib_requantize",
        ),
        _ALL,
    ),
}  # fmt: skip
"""The inputs of operators that may be of another type than the rest: places, conditions, lengths, what is cast."""

OWN_OUTPUT = frozenset(
    {
        *("one_hot", "topk", "argsort", "_npi_argmax", "_npi_argmin", "_npi_isnan", "_npi_isinf", "_npi_isfinite"),
        *(f"_npi_{name}" for name in ("equal", "not_equal", "greater", "less", "greater_equal", "less_equal")),
        *(f"_npi_{name}_scalar" for name in ("equal", "not_equal", "greater", "less", "greater_equal", "less_equal")),
        *(f"_npi_logical_{name}" for name in ("and", "or", "xor", "not")),
        *(f"_sample_{name}" for name in ("multinomial", "uniform", "normal", "exponential", "gamma")),
    }
)
"""Operators that read one type and give another."""

_OF_INT8 = frozenset({"_contrib_quantized_conv", "_contrib_quantized_fully_connected"})
"""Operators whose weights are int8, whatever their data is."""


class Types:
    """One type for each class of outputs that share it."""

    def __init__(self, symbol: Symbol, weights: Mapping[str, ir.TensorProtocol], given: Mapping[str, ir.DataType]) -> None:
        """Types come from ``given``, from ``weights``, from the file's hints and from operators that say theirs."""
        self._above: dict[tuple[int, int], tuple[int, int]] = {}
        self._known: dict[tuple[int, int], ir.DataType] = {}
        self._own: dict[int, ir.DataType] = {}
        for index in symbol.walk():
            node = symbol.nodes[index]
            if node.is_variable:
                tensor = weights.get(node.name)
                hint = DTYPES.get(_number(node.hints.get("__dtype__", "")))
                own = given.get(node.name) or (tensor.dtype if tensor is not None else hint)
                if own is not None:
                    self._own[index] = own
                    self._say((index, 0), own)
                continue
            untied = _untied(node)
            shared = [_output(symbol, ref) for position, ref in enumerate(node.inputs) if position not in untied]
            apart = _has_own(node)
            if apart or node.op == "Embedding":
                self._say((index, 0), _named(node.attrs.get("dtype", "float32" if not node.inputs else "")))
            for ref in node.inputs[1 : len(node.inputs) // 3] if node.op in _OF_INT8 else ():  # weight and bias
                self._say(_output(symbol, ref), ir.DataType.INT8)
            if not apart:
                shared.append((index, 0))
            for one in shared[1:]:
                self._tie(shared[0], one)

    def _root(self, key: tuple[int, int]) -> tuple[int, int]:
        while (above := self._above.get(key, key)) != key:
            self._above[key] = key = self._above.get(above, above)
        return key

    def _say(self, key: tuple[int, int], dtype: ir.DataType | None) -> None:
        if dtype is not None:
            self._known.setdefault(self._root(key), dtype)

    def _tie(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        one, other = self._root(one), self._root(other)
        if one != other:
            self._above[other] = one
            self._say(one, self._known.pop(other, None))

    def variable(self, index: int) -> ir.DataType:
        """The type of a variable; MXNet takes float32 where nothing says another."""
        return self._own.get(index) or self._known.get(self._root((index, 0)), ir.DataType.FLOAT)


def _untied(node: Node) -> frozenset[int]:
    if node.op == "RNN":
        return frozenset({4 if node.attrs.get("mode") == "lstm" else 3})  # the sequences' lengths
    return _ALL if node.op.startswith("_contrib_quantized_") else UNTIED.get(node.op, frozenset())


def _has_own(node: Node) -> bool:
    """Whether an operator's outputs are of a type of their own."""
    return node.op in OWN_OUTPUT or _untied(node) is _ALL or not node.inputs


def _output(symbol: Symbol, ref: Ref) -> tuple[int, int]:
    """What stands for an output: the first of the operator's, if all are of one type."""
    return ref.node, ref.index if _has_own(symbol.nodes[ref.node]) else 0


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() else -1


def _named(text: str) -> ir.DataType | None:
    """A type by numpy's name of it; None for ``None``, ``-1`` and what isn't one."""
    try:
        return ir.DataType.from_numpy(np.dtype(text)) if text not in ("", "None", "-1") else None
    except TypeError:
        return None
