"""Rotary positions, cache writes, linear attention and causal convolutions at opsets that lack them."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from dragoman.graph_ir.opsets import convert_opset

Cases = dict[str, tuple[str, list[np.ndarray | None], dict[str, object]]]


def floats(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def angles(*shape: int, dtype: type = np.float32) -> list[np.ndarray]:
    return [function(floats(*shape, seed=7)).astype(dtype) for function in (np.cos, np.sin)]


PLACES = np.array([[3, 0, 1], [2, 2, 9]])

ROTARY: Cases = {
    "4d": ("RotaryEmbedding", [floats(2, 3, 3, 8), *angles(10, 4), PLACES], {}),
    "4d-interleaved": ("RotaryEmbedding", [floats(2, 3, 3, 8), *angles(10, 4), PLACES], {"interleaved": 1}),
    "4d-without-positions": ("RotaryEmbedding", [floats(2, 5, 3, 8), *angles(2, 3, 4)], {}),
    "4d-partly": ("RotaryEmbedding", [floats(2, 5, 3, 8), *angles(10, 2), PLACES], {"rotary_embedding_dim": 4}),
    "4d-partly-interleaved": ("RotaryEmbedding", [floats(2, 5, 3, 8), *angles(10, 3), PLACES], {"rotary_embedding_dim": 6, "interleaved": 1}),
    "4d-all-by-name": ("RotaryEmbedding", [floats(2, 5, 3, 8), *angles(10, 4), PLACES], {"rotary_embedding_dim": 8}),
    "3d": ("RotaryEmbedding", [floats(2, 3, 24), *angles(10, 4), PLACES], {"num_heads": 3}),
    "3d-interleaved": ("RotaryEmbedding", [floats(2, 3, 24), *angles(2, 3, 4)], {"num_heads": 3, "interleaved": 1}),
    "3d-partly": ("RotaryEmbedding", [floats(2, 3, 24), *angles(10, 2), PLACES], {"num_heads": 3, "rotary_embedding_dim": 4}),
    "half": ("RotaryEmbedding", [floats(2, 3, 3, 8, dtype=np.float16), *angles(10, 4, dtype=np.float16), PLACES], {}),
}  # fmt: skip

SCATTER: Cases = {
    "from-the-start": ("TensorScatter", [floats(2, 3, 6, 4), floats(2, 3, 2, 4, seed=1)], {}),
    "from-an-index": ("TensorScatter", [floats(2, 3, 6, 4), floats(2, 3, 2, 4, seed=1), np.array([4, 1])], {}),
    "circular": ("TensorScatter", [floats(2, 3, 6, 4), floats(2, 3, 4, 4, seed=1), np.array([4, 7])], {"mode": "circular"}),
    "3d": ("TensorScatter", [floats(2, 6, 4), floats(2, 1, 4, seed=1), np.array([5, 0])], {"axis": 1}),
    "last-axis": ("TensorScatter", [floats(3, 2, 6), floats(3, 2, 2, seed=1), np.array([0, 4, 1])], {"axis": -1}),
    "integers": ("TensorScatter", [np.arange(12).reshape(2, 6, 1), -np.ones((2, 2, 1), np.int64), np.array([1, 3])], {}),
    "half": ("TensorScatter", [floats(2, 6, 4, dtype=np.float16), floats(2, 1, 4, seed=1, dtype=np.float16), np.array([5, 0])], {}),
}  # fmt: skip


def linear(
    rule: str,
    query_heads: int = 4,
    heads: int = 2,
    steps: int = 5,
    *,
    decays: int = 1,
    betas: int | None = None,
    past: bool = True,
    dtype: type = np.float32,
) -> list[np.ndarray | None]:
    """query, key, value, state, decay, beta for heads of 3 elements, values of 2."""
    inputs = [
        floats(2, steps, query_heads * 3, seed=1),
        floats(2, steps, heads * 3, seed=2),
        floats(2, steps, heads * 2, seed=3),
        floats(2, heads, 3, 2, seed=4) if past else None,
        -np.abs(floats(2, steps, heads * decays, seed=5)) if "gated" in rule else None,
        np.abs(floats(2, steps, heads if betas is None else betas, seed=6)) / 3 if "delta" in rule else None,
    ]
    while inputs[-1] is None:
        inputs.pop()
    return [array if array is None else array.astype(dtype) for array in inputs]


def of(rule: str, query_heads: int = 4, heads: int = 2, **attributes: object) -> dict[str, object]:
    return {"update_rule": rule, "q_num_heads": query_heads, "kv_num_heads": heads, "outputs": ("y", "state"), **attributes}


LINEAR: Cases = {
    **{rule: ("LinearAttention", linear(rule), of(rule)) for rule in ("linear", "gated", "delta", "gated_delta")},
    **{f"{rule}-first": ("LinearAttention", linear(rule, past=False), of(rule)) for rule in ("linear", "gated_delta")},
    "decay-of-each-key": ("LinearAttention", linear("gated_delta", decays=3), of("gated_delta")),
    "one-beta": ("LinearAttention", linear("delta", betas=1), of("delta")),
    "one-step": ("LinearAttention", linear("gated_delta", steps=1), of("gated_delta")),
    "one-head": ("LinearAttention", linear("gated", 3, 1), of("gated", 3, 1)),
    "scale": ("LinearAttention", linear("linear"), of("linear", scale=0.3)),
    "half": ("LinearAttention", linear("gated_delta", dtype=np.float16), of("gated_delta")),
    "half-first": ("LinearAttention", linear("gated_delta", dtype=np.float16, past=False), of("gated_delta")),
}  # fmt: skip


def conv(width: int = 3, length: int = 5, dtype: type = np.float32) -> list[np.ndarray]:
    """input, weight, bias, state of 4 channels."""
    return [
        floats(2, 4, length, dtype=dtype),
        floats(4, 1, width, seed=1, dtype=dtype),
        floats(4, seed=2, dtype=dtype),
        floats(2, 4, width - 1, seed=3, dtype=dtype),
    ]


BOTH = {"outputs": ("y", "state")}
CONV: Cases = {
    "conv": ("CausalConvWithState", conv(), BOTH),
    "first": ("CausalConvWithState", conv()[:3], BOTH),
    "without-bias": ("CausalConvWithState", [*conv()[:2], None, conv()[3]], BOTH),
    "silu": ("CausalConvWithState", conv(), {**BOTH, "activation": "silu"}),
    "swish": ("CausalConvWithState", conv(), {**BOTH, "activation": "swish"}),
    "one-wide": ("CausalConvWithState", conv(1)[:3], BOTH),
    "one-step": ("CausalConvWithState", conv(4, 1), BOTH),
    "shorter-than-its-state": ("CausalConvWithState", conv(4, 2)[:3], BOTH),
    "half": ("CausalConvWithState", conv(dtype=np.float16), {**BOTH, "activation": "silu"}),
}  # fmt: skip


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case[0]}-{name}") for cases in (ROTARY, SCATTER, LINEAR) for name, case in cases.items()])  # fmt: skip
def test_transformer(
    case: tuple[str, list[np.ndarray], dict[str, object]], dynamic: bool, same_below: Callable[..., None]
) -> None:
    op_type, inputs, attributes = case
    same_below(op_type, inputs, dynamic=dynamic, **attributes)


@pytest.mark.parametrize("dynamic", [(), (0, 2, 3)], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", CONV)
def test_causal_convolution(name: str, dynamic: tuple[int, ...], same_below: Callable[..., None]) -> None:
    """The number of channels, which Conv has as its groups, must be known: from the weights here."""
    op_type, inputs, attributes = CONV[name]
    same_below(op_type, inputs, dynamic=dynamic, **attributes)


def test_a_cache_for_other_elements_is_refused() -> None:
    """The tests of onnx 1.18 had such: as many angles as elements that turn, of which two share one."""
    shapes = {"x": [2, 4, 3, 8], "cos": [50, 4], "sin": [50, 4], "places": [2, 3]}
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64 if name == "places" else TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    node = helper.make_node("RotaryEmbedding", list(shapes), ["y"], rotary_embedding_dim=4)
    graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes["x"])])
    (gap,) = convert_opset(
        ir.serde.deserialize_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])), 22
    )
    assert "4 angles for 4 elements" in gap.reason


def test_channels_that_nobody_knows_are_refused() -> None:
    """Conv has them as its groups."""
    shapes = {"x": ["b", "c", "l"], "w": ["c", 1, 3], "y": ["b", "c", "l"], "state": ["b", "c", 2]}
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    node = helper.make_node("CausalConvWithState", ["x", "w"], ["y", "state"])
    proto = helper.make_model(
        helper.make_graph([node], "g", values[:2], values[2:]), opset_imports=[helper.make_opsetid("", 27)]
    )
    (gap,) = convert_opset(ir.serde.deserialize_model(proto), 26)
    assert "its number of channels isn't known" in gap.reason
