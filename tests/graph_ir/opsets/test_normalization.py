"""Normalisation layers between opsets."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir import Model, Source
from dragoman.graph_ir.opsets import NEWEST, convert_opset

Cases = dict[str, tuple[str, list[np.ndarray], dict[str, object]]]


def floats(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def statistics(channels: int = 3, dtype: type = np.float32, *shape: int) -> list[np.ndarray]:
    """scale, bias, mean, variance."""
    return [np.abs(floats(channels, *shape, seed=i, dtype=dtype)) for i in range(1, 5)]


ALL = ("y", "mean", "inverse")

LAYER: Cases = {
    **{f"axis-{axis}": ("LayerNormalization", [floats(2, 3, 4), floats(*(2, 3, 4)[axis:]), floats(*(2, 3, 4)[axis:])], {"axis": axis, "outputs": ALL}) for axis in (-3, -2, -1, 0, 1, 2)},
    "vector": ("LayerNormalization", [floats(5), floats(5)], {}),
    "only-inverse": ("LayerNormalization", [floats(2, 5), floats(5)], {"outputs": ("y", "", "inverse")}),
    "epsilon": ("LayerNormalization", [floats(2, 5) / 100, floats(5)], {"epsilon": 0.1}),
    "scale-broadcast": ("LayerNormalization", [floats(2, 3, 4), floats(1), floats(4)], {}),
    "half": ("LayerNormalization", [floats(2, 5, dtype=np.float16), floats(5, dtype=np.float16)], {"outputs": ALL}),
    "double": ("LayerNormalization", [floats(2, 5, dtype=np.float64), floats(5, dtype=np.float64)], {"outputs": ALL}),
}  # fmt: skip

RMS: Cases = {
    **{f"rms-axis-{axis}": ("RMSNormalization", [floats(2, 3, 4), floats(*(2, 3, 4)[axis:])], {"axis": axis}) for axis in (-3, -1, 0, 1)},
    "rms-epsilon": ("RMSNormalization", [floats(2, 5) / 100, floats(5)], {"epsilon": 0.1}),
    "rms-half": ("RMSNormalization", [floats(2, 5, dtype=np.float16), floats(5, dtype=np.float16)], {}),
    "rms-double": ("RMSNormalization", [floats(2, 5, dtype=np.float64), floats(5, dtype=np.float64)], {}),
}  # fmt: skip

GROUP: Cases = {
    **{f"group-{rank}d": ("GroupNormalization", [floats(2, 6, *(3, 4, 2)[: rank - 2]), floats(6), floats(6, seed=1)], {"num_groups": 3}) for rank in (3, 4, 5)},
    "group-of-each-channel": ("GroupNormalization", [floats(2, 6, 3), floats(6), floats(6, seed=1)], {"num_groups": 6, "epsilon": 0.1}),
    "group-of-all": ("GroupNormalization", [floats(2, 6, 3), floats(6), floats(6, seed=1)], {"num_groups": 1}),
    "group-half": ("GroupNormalization", [floats(2, 4, 3, dtype=np.float16), floats(4, dtype=np.float16), floats(4, dtype=np.float16)], {"num_groups": 2}),
    "group-double": ("GroupNormalization", [floats(2, 4, 3, dtype=np.float64), floats(4, dtype=np.float64), floats(4, dtype=np.float64)], {"num_groups": 2}),
}  # fmt: skip

BATCH: Cases = {
    **{f"batch-{rank}d": ("BatchNormalization", [floats(4, 3, *(2, 5, 2)[: rank - 2]), *statistics()], {}) for rank in (2, 3, 4, 5)},
    "batch-vector": ("BatchNormalization", [floats(4), *statistics(1)], {}),
    "batch-epsilon": ("BatchNormalization", [floats(4, 3), *statistics()], {"epsilon": 0.1}),
    "batch-training": ("BatchNormalization", [floats(4, 3, 2), *statistics()], {"training_mode": 1, "momentum": 0.7, "outputs": ("y", "mean", "variance")}),
    "batch-double": ("BatchNormalization", [floats(4, 3, 2, dtype=np.float64), *statistics(3, np.float64)], {}),
    "batch-half": ("BatchNormalization", [floats(4, 3, 2, dtype=np.float16), *statistics(3, np.float16)], {}),
    "batch-half-by-floats": ("BatchNormalization", [floats(4, 3, 2, dtype=np.float16), *statistics()], {}),
    "batch-half-of-float-statistics": ("BatchNormalization", [floats(4, 3, 2, dtype=np.float16), *statistics(3, np.float16)[:2], *statistics()[2:]], {}),
}  # fmt: skip

OTHERS: Cases = {
    "instance": ("InstanceNormalization", [floats(2, 3, 4, 5), floats(3), floats(3, seed=1)], {}),
    "lp-1": ("LpNormalization", [floats(2, 3, 4)], {"axis": 1, "p": 1}),
    "lp-2": ("LpNormalization", [floats(2, 3, 4)], {}),
    "lrn": ("LRN", [floats(2, 7, 3, 3)], {"size": 3, "alpha": 0.2, "beta": 0.6, "bias": 1.5}),
    "mean-variance": ("MeanVarianceNormalization", [floats(2, 3, 4, 5)], {"axes": [0, 2, 3]}),
    "mean-variance-1": ("MeanVarianceNormalization", [floats(2, 3, 4)], {"axes": [1]}),
}  # fmt: skip


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for cases in (LAYER, RMS, GROUP, BATCH, OTHERS) for name, case in cases.items()])  # fmt: skip
def test_lowered(case: tuple[str, list[np.ndarray], dict[str, object]], dynamic: bool, same_below: Callable[..., None]) -> None:
    op_type, inputs, attributes = case
    same_below(op_type, inputs, dynamic=dynamic, **attributes)


def test_training_in_half_precision(same_below: Callable[..., None]) -> None:
    """The batch's statistics are float32's, as the running ones are."""
    inputs = [floats(4, 3, 2, dtype=np.float16), *statistics()]
    same_below("BatchNormalization", inputs, training_mode=1, outputs=("y", "mean", "variance"))


OLD: Cases = {
    "batch-7": ("BatchNormalization", [floats(4, 3, 2), *statistics()], {"opset": 7}),
    "batch-8-spatial": ("BatchNormalization", [floats(4, 3, 2), *statistics()], {"opset": 8, "spatial": 1, "momentum": 0.9}),
    "batch-7-not-spatial": ("BatchNormalization", [floats(4, 3, 2), *statistics(3, np.float32, 2)], {"opset": 7, "spatial": 0}),
    "batch-7-not-spatial-2d": ("BatchNormalization", [floats(4, 3), *statistics()], {"opset": 7, "spatial": 0}),
    "batch-9": ("BatchNormalization", [floats(4, 3, 2), *statistics()], {"opset": 9, "epsilon": 0.1}),
    "batch-9-training": ("BatchNormalization", [floats(4, 3, 2), *statistics()], {"opset": 9, "momentum": 0.7, "outputs": ("y", "mean", "var", "saved_mean", "saved_var")}),
    "batch-7-training-2d": ("BatchNormalization", [floats(4, 3), *statistics()], {"opset": 7, "outputs": ("y", "mean", "var", "saved_mean", "saved_var")}),
    "batch-9-training-unsaved": ("BatchNormalization", [floats(4, 3, 2), *statistics()], {"opset": 9, "outputs": ("y", "mean", "var", "", "")}),
    "instance-7": ("InstanceNormalization", [floats(2, 3, 4), floats(3), floats(3, seed=1)], {"opset": 7}),
    "lrn-7": ("LRN", [floats(2, 7, 3, 3)], {"opset": 7, "size": 5}),
    "lp-7": ("LpNormalization", [floats(2, 3, 4)], {"opset": 7, "axis": 0}),
    "mean-variance-9": ("MeanVarianceNormalization", [floats(2, 3, 4, 5)], {"opset": 9, "axes": [0, 2, 3]}),
    **{
        f"mean-variance-8-{across}-{variance}": ("MeanVarianceNormalization", [floats(2, 3, 4, 5)], {"opset": 8, "across_channels": across, "normalize_variance": variance})
        for across in (0, 1)
        for variance in (0, 1)
    },
    "mean-variance-8": ("MeanVarianceNormalization", [floats(2, 3, 4, 5)], {"opset": 8}),
    "group-18": ("GroupNormalization", [floats(2, 6, 3, 2), floats(3), floats(3, seed=1)], {"opset": 18, "num_groups": 3, "targets": (NEWEST, 21, 17, 13)}),
    "group-20-epsilon": ("GroupNormalization", [floats(2, 6, 3), floats(2), floats(2, seed=1)], {"opset": 20, "num_groups": 2, "epsilon": 0.1}),
    "layer-17": ("LayerNormalization", [floats(2, 3, 4), floats(4)], {"opset": 17}),
}  # fmt: skip


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", OLD)
def test_raised(name: str, dynamic: bool, same_raised: Callable[..., None]) -> None:
    op_type, inputs, attributes = OLD[name]
    same_raised(op_type, inputs, dynamic=dynamic, **attributes)


def test_group_normalization_18_is_written_out_below_it() -> None:
    """A model that keeps its opset may go down from 18 too."""
    x = floats(2, 6, 3)
    names = ("x0", "x1", "x2")
    values = [
        onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in zip(names, ([2, 6, 3], [3], [3]), strict=True)
    ]
    node = onnx.helper.make_node("GroupNormalization", names, ["y"], num_groups=3)
    graph = onnx.helper.make_graph([node], "g", values, [onnx.helper.make_tensor_value_info("y", 1, x.shape)])
    model = ir.serde.deserialize_model(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)]))
    assert convert_opset(model, 17) == []
    assert "GroupNormalization" not in {node.op_type for node in model.graph}


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes", "reason"),
    [
        ("LayerNormalization", [floats(2, 3), floats(3)], {"stash_type": onnx.TensorProto.BFLOAT16}, "stash_type = 16"),
        ("RMSNormalization", [floats(2, 3), floats(3)], {"stash_type": onnx.TensorProto.DOUBLE}, "stash_type = 11"),
    ],
)
def test_what_is_not_understood_is_refused(
    op_type: str, inputs: list[np.ndarray], attributes: dict[str, object], reason: str
) -> None:
    values = [onnx.helper.make_tensor_value_info(f"x{i}", 1, x.shape) for i, x in enumerate(inputs)]
    node = onnx.helper.make_node(op_type, [value.name for value in values], ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "g", values, [onnx.helper.make_tensor_value_info("y", 1, inputs[0].shape)])
    model = load(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 23)], ir_version=11))
    (gap,) = check(model, opset=13)
    assert reason in gap.reason
    assert gap.operator == op_type


def test_what_training_saves_for_nobody_is_not_computed() -> None:
    """Five outputs say that a model trains; which of them are read is another matter."""
    values = [onnx.helper.make_tensor_value_info(f"x{i}", 1, [4, 3, 2] if i == 0 else [3]) for i in range(5)]
    node = onnx.helper.make_node(
        "BatchNormalization", [v.name for v in values], ["y", "mean", "var", "saved_mean", "saved_var"]
    )
    graph = onnx.helper.make_graph([node], "g", values, [onnx.helper.make_tensor_value_info("y", 1, [4, 3, 2])])
    model = ir.serde.deserialize_model(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 9)]))
    assert convert_opset(model, NEWEST) == []
    (found,) = model.graph
    assert (found.attributes["training_mode"].value, len(found.outputs)) == (1, 3)


def test_training_of_single_elements_is_refused() -> None:
    """Statistics of each element, which only opsets 7 and 8 had, were never trained in ONNX Runtime."""
    values = [onnx.helper.make_tensor_value_info(f"x{i}", 1, [4, 3, 2] if i == 0 else [3, 2]) for i in range(5)]
    outputs = [
        onnx.helper.make_tensor_value_info(name, 1, [4, 3, 2] if name == "y" else [3, 2]) for name in ("y", "a", "b", "c", "d")
    ]
    node = onnx.helper.make_node("BatchNormalization", [v.name for v in values], [v.name for v in outputs], spatial=0)
    proto = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", values, outputs), opset_imports=[onnx.helper.make_opsetid("", 7)]
    )
    (gap,) = convert_opset(ir.serde.deserialize_model(proto), NEWEST)
    assert "training that isn't spatial" in gap.reason


def test_bfloat16_is_cast_where_the_operator_came_to_it_later() -> None:
    """InstanceNormalization takes bfloat16 since 22; opset 13 has the type, opset 11 hasn't."""
    shapes = ([2, 3, 4], [3], [3])
    values = [onnx.helper.make_tensor_value_info(f"x{i}", onnx.TensorProto.BFLOAT16, shape) for i, shape in enumerate(shapes)]
    node = onnx.helper.make_node("InstanceNormalization", [v.name for v in values], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.BFLOAT16, shapes[0])
    proto = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", values, [output]), opset_imports=[onnx.helper.make_opsetid("", 22)]
    )
    model: Model = Model(load(proto).ir, Source("onnx"))
    onnx.checker.check_model(to_proto(model, opset=13), full_check=True)
    assert all("bfloat16" in gap.reason for gap in check(model, opset=11))
    assert check(model, opset=11)


def test_groups_of_very_many_channels_take_no_memory() -> None:
    """A scale of each group isn't copied for its channels: the network repeats it."""
    values = [onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [1, 1 << 31, 1]), ("s", [2]), ("b", [2]))]
    node = onnx.helper.make_node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)
    output = onnx.helper.make_tensor_value_info("y", 1, [1, 1 << 31, 1])
    proto = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", values, [output]), opset_imports=[onnx.helper.make_opsetid("", 18)]
    )
    model = load(proto).ir
    assert sum(value.const_value.nbytes for value in model.graph.initializers.values()) < 1000


@pytest.mark.parametrize(("dtype", "scale"), [(np.float16, np.float32), (np.float32, np.float16), (np.float32, np.float64)])
def test_rms_normalization_gives_its_scales_type(dtype: type, scale: type) -> None:
    """As the schema says, and onnx's inference doesn't."""
    x, s = floats(2, 5, dtype=dtype), floats(5, seed=1, dtype=scale)
    kinds = [onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind)) for kind in (dtype, scale)]
    values = [onnx.helper.make_tensor_value_info(*v) for v in (("x", kinds[0], [2, 5]), ("s", kinds[1], [5]), ("y", kinds[1], [2, 5]))]
    node = onnx.helper.make_node("RMSNormalization", ["x", "s"], ["y"])
    proto = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", values[:2], values[2:]), opset_imports=[onnx.helper.make_opsetid("", 23)], ir_version=8
    )
    expected = onnx.reference.ReferenceEvaluator(proto).run(None, {"x": x, "s": s})[0]
    written = to_proto(load(proto), opset=17)
    onnx.checker.check_model(written, full_check=True)
    got = onnxruntime.InferenceSession(written.SerializeToString()).run(None, {"x": x, "s": s})[0]
    assert got.dtype == scale
    np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3)
