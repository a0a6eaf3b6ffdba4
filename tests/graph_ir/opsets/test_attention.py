"""Attention of opsets 23 to 25 at older ones."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.opsets import convert_opset


def floats(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def qkv(
    query_heads: int = 2,
    heads: int = 2,
    queries: int = 3,
    keys: int = 5,
    width: int = 4,
    value_width: int = 6,
    batch: int = 2,
    dtype: type = np.float32,
) -> list[np.ndarray]:
    """(B, H, S, D) each."""
    return [
        floats(batch, query_heads, queries, width, seed=1, dtype=dtype),
        floats(batch, heads, keys, width, seed=2, dtype=dtype),
        floats(batch, heads, keys, value_width, seed=3, dtype=dtype),
    ]


def flat(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """(B, S, H · D) each."""
    return [x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1) for x in arrays]


def yes(*shape: int, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.6


def infinite() -> list[np.ndarray]:
    """q, k, v whose second query is infinite."""
    q, k, v = qkv()
    q[:, :, 1] = np.inf
    return [q, k, v]


PAST = [floats(2, 2, 4, 4, seed=5), floats(2, 2, 4, 6, seed=6)]
ALL_OUTPUTS = ("y", "key", "value", "qk")
HEADS = {"q_num_heads": 2, "kv_num_heads": 2}
FILLED = np.array([5, 3])
NOTHING = yes(3, 5)
NOTHING[1] = False

CASES: dict[str, tuple[list[np.ndarray | None], dict[str, object]]] = {
    "4d": (qkv(), {}),
    "4d-all-outputs": (qkv(), {"outputs": ALL_OUTPUTS}),
    "4d-only-y-and-qk": (qkv(), {"outputs": ("y", "", "", "qk")}),
    "3d": (flat(qkv()), HEADS),
    "3d-all-outputs": (flat(qkv()), {**HEADS, "outputs": ALL_OUTPUTS}),
    "3d-grouped": (flat(qkv(6, 2)), {"q_num_heads": 6, "kv_num_heads": 2}),
    "4d-grouped": (qkv(6, 3), {}),
    "4d-one-key-head": (qkv(4, 1), {}),
    "one-query": (qkv(queries=1), {"is_causal": 1}),
    "scale": (qkv(), {"scale": 0.3}),
    "softcap": (qkv(), {"softcap": 0.5}),
    "softmax-in-double": (qkv(), {"softmax_precision": TensorProto.DOUBLE}),
    "half": (qkv(dtype=np.float16), {}),
    "half-softmax-in-float": (qkv(dtype=np.float16), {"softmax_precision": TensorProto.FLOAT, "scale": 0.6}),
    "causal": (qkv(), {"is_causal": 1}),
    "causal-square": (qkv(queries=5), {"is_causal": 1}),
    "causal-more-queries": (qkv(queries=7), {"is_causal": 1}),
    "past": ([*qkv(), None, *PAST], {"outputs": ("y", "key", "value")}),
    "past-causal": ([*qkv(), None, *PAST], {"outputs": ("y", "key", "value"), "is_causal": 1}),
    "past-3d": ([*flat(qkv()), None, *PAST], {**HEADS, "outputs": ALL_OUTPUTS, "is_causal": 1}),
    "past-grouped": ([*qkv(4), None, *PAST], {"outputs": ("y", "key", "value"), "is_causal": 1}),
    "past-empty": ([*qkv(), None, PAST[0][:, :, :0], PAST[1][:, :, :0]], {"outputs": ("y", "key", "value"), "is_causal": 1}),
    **{f"mask-of-yes-{len(s)}d": ([*qkv(), yes(*s)], {}) for s in ((3, 5), (2, 3, 5), (2, 2, 3, 5))},
    **{f"mask-of-floats-{len(s)}d": ([*qkv(), floats(*s)], {}) for s in ((3, 5), (2, 3, 5), (2, 2, 3, 5))},
    "mask-of-yes-causal": ([*qkv(), yes(2, 1, 3, 5)], {"is_causal": 1}),
    "mask-of-floats-causal": ([*qkv(), floats(3, 5)], {"is_causal": 1}),
    "mask-past-causal": ([*qkv(), yes(3, 9), *PAST], {"is_causal": 1, "outputs": ("y", "key", "value")}),
    "mask-that-forbids-a-row": ([*qkv(), NOTHING], {"outputs": ALL_OUTPUTS, "qk_matmul_output_mode": 3}),
    "filled": ([*qkv(), None, None, None, FILLED], {}),
    "filled-causal": ([*qkv(), None, None, None, FILLED], {"is_causal": 1}),
    "filled-less-than-queries": ([*qkv(), None, None, None, FILLED - 2], {"is_causal": 1}),
    "filled-mask-causal": ([*qkv(), floats(2, 1, 3, 5), None, None, FILLED], {"is_causal": 1, "outputs": ("y", "", "", "qk"), "qk_matmul_output_mode": 3}),
    "window-left": (qkv(queries=5), {"left_window_size": 1}),
    "window-right": (qkv(queries=5), {"right_window_size": 2}),
    "window-both": (qkv(queries=5), {"left_window_size": 2, "right_window_size": 1}),
    "window-causal": (qkv(queries=5), {"left_window_size": 1, "right_window_size": 2, "is_causal": 1}),
    "window-past": ([*qkv(), None, *PAST], {"left_window_size": 2, "is_causal": 1, "outputs": ("y", "key", "value")}),
    "window-filled": ([*qkv(), None, None, None, FILLED], {"left_window_size": 1, "right_window_size": 0}),
    "window-mask": ([*qkv(queries=5), floats(5, 5)], {"left_window_size": 2, "right_window_size": 1}),
    "window-mask-of-yes": ([*qkv(queries=5), yes(2, 2, 5, 5)], {"left_window_size": 2, "right_window_size": 1}),
    **{
        f"shows-{mode}": ([*qkv(), floats(3, 5)], {"outputs": ALL_OUTPUTS, "qk_matmul_output_mode": mode, "softcap": 0.7, "scale": 0.9})
        for mode in range(4)
    },
    **{f"shows-{mode}-without-mask": (qkv(), {"outputs": ALL_OUTPUTS, "qk_matmul_output_mode": mode}) for mode in range(4)},
}  # fmt: skip


# What ONNX Runtime's own Attention doesn't run, or computes otherwise than onnx's tests.
BEYOND_ONNX_RUNTIME: dict[str, tuple[list[np.ndarray | None], dict[str, object]]] = {
    **{f"mask-broadcast-{s}": ([*qkv(), floats(*s)], {}) for s in ((5,), (1, 5), (2, 1, 1, 5))},
    "mask-shorter": ([*qkv(), floats(3, 4), None, None, FILLED - 1], {}),
    "mask-shorter-of-yes": ([*qkv(), yes(3, 4), None, None, FILLED - 1], {}),
    "mask-shorter-without-filled": ([*qkv(), yes(2, 1, 3, 4)], {}),
    "mask-of-integers": ([*qkv(), np.arange(15).reshape(3, 5)], {}),
    "half-causal": (qkv(dtype=np.float16), {"is_causal": 1}),
    "double": (qkv(dtype=np.float64), {"is_causal": 1}),
    "no-samples": (qkv(batch=0), {}),
    "infinite-where-masked": ([*infinite(), NOTHING], {}),
}


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", CASES)
def test_attention(name: str, dynamic: bool, same_below: Callable[..., None]) -> None:
    inputs, attributes = CASES[name]
    same_below("Attention", inputs, dynamic=dynamic, **attributes)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", BEYOND_ONNX_RUNTIME)
def test_attention_beyond_onnx_runtime(name: str, dynamic: bool, same_below: Callable[..., None]) -> None:
    inputs, attributes = BEYOND_ONNX_RUNTIME[name]
    same_below("Attention", inputs, dynamic=dynamic, by_reference=True, **attributes)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"scale": -0.5}, "scale = -0.5"),
        ({"qk_matmul_output_mode": 4}, "qk_matmul_output_mode = 4"),
        ({"qk_matmul_output_mode": -1}, "qk_matmul_output_mode = -1"),
    ],
)
def test_what_is_not_understood_is_refused(given: dict[str, float], reason: str) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 3, 4]) for name in ("q", "k", "v", "y")]
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], **given)
    proto = helper.make_model(
        helper.make_graph([node], "g", values[:3], values[3:]), opset_imports=[helper.make_opsetid("", 23)]
    )
    (gap,) = check(load(proto), opset=22)
    assert gap.reason == f"opset 22 can't express {reason}"


def test_three_dimensions_need_their_heads() -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4]) for name in ("q", "k", "v", "y")]
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], kv_num_heads=2)
    model = ir.serde.deserialize_model(
        helper.make_model(helper.make_graph([node], "g", values[:3], values[3:]), opset_imports=[helper.make_opsetid("", 23)])
    )
    (gap,) = convert_opset(model, 22)
    assert "its q_num_heads is missing" in gap.reason


def test_a_mask_of_the_same_named_size_is_not_padded() -> None:
    """Only a mask that may be shorter than the keys needs it."""
    shapes = {
        "q": ["b", 2, "s", 4],
        "k": ["b", 2, "t", 4],
        "v": ["b", 2, "t", 4],
        "m": ["b", 1, "s", "t"],
        "y": ["b", 2, "s", 4],
    }
    *inputs, output = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items())
    node = helper.make_node("Attention", ["q", "k", "v", "m"], ["y"])
    proto = helper.make_model(helper.make_graph([node], "g", inputs, [output]), opset_imports=[helper.make_opsetid("", 23)])
    assert not {"Pad", "Shape"} & {node.op_type for node in to_proto(load(proto), opset=22).graph.node}


def test_heads_without_elements_are_written() -> None:
    """1 / √0 has no value; nothing is scaled by it."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 3, 0]) for name in ("q", "k", "v", "y")]
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"])
    proto = helper.make_model(
        helper.make_graph([node], "g", values[:3], values[3:]), opset_imports=[helper.make_opsetid("", 23)]
    )
    assert check(load(proto), opset=22) == []
