"""Normalisations and activations that exporters wrote out: recognised in every form, and only if they are what they seem."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.graph_ir import Builder, Model, Source
from dragoman.graph_ir.opsets import convert_opset
from dragoman.graph_ir.passes import optimize
from dragoman.graph_ir.passes.activations import fuse_activations
from dragoman.graph_ir.passes.normalizations import fuse_normalizations


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = {"x": floats(2, 3, 4, 6) * 3}
Emit = Callable[..., ir.Value]


# -- normalisation ---------------------------------------------------------------------------------------


def square(g: Builder, c: ir.Value, form: str) -> ir.Value:
    return g.op("Pow", c, g.const(2.0)) if form == "pow" else g.op("Mul", c, c)


def divided(g: Builder, c: ir.Value, v: ir.Value, form: str) -> ir.Value:
    if form == "div":
        return g.op("Div", c, g.op("Sqrt", v))
    if form == "reciprocal":
        return g.op("Mul", g.op("Reciprocal", g.op("Sqrt", v)), c)
    if form == "one-over":
        return g.op("Mul", c, g.op("Div", g.const(1.0), g.op("Sqrt", v)))
    if form == "power":
        return g.op("Mul", c, g.op("Pow", v, g.const(-0.5)))
    return g.op("Div", c, g.op("Pow", v, g.const(0.5)))


def normal(g: Builder, x: ir.Value, *, axes: list[int], centred: bool = True, squared: str = "pow", form: str = "div", epsilon: float = 1e-5, others: list[int] | None = None) -> ir.Value:
    c = g.op("Sub", x, g.op("ReduceMean", x, g.const(axes))) if centred else x
    variance = g.op("ReduceMean", square(g, c, squared), g.const(others or axes))
    return divided(g, c, g.op("Add", variance, g.const(epsilon)), form)


@pytest.mark.parametrize("form", ["div", "reciprocal", "one-over", "power", "root-by-power"])
@pytest.mark.parametrize("squared", ["pow", "mul"])
@pytest.mark.parametrize("axes", [[-1], [3], [2, 3], [-1, -2], [1, 2, 3]], ids=str)
@pytest.mark.parametrize(("centred", "operator"), [(True, "LayerNormalization"), (False, "RMSNormalization")])
@pytest.mark.parametrize("scaled", ["scale-bias", "scale", "none"])
def test_normalisations(apply, form: str, squared: str, axes: list[int], centred: bool, operator: str, scaled: str) -> None:
    shape = X["x"].shape[-len(axes) :]

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        x = g.op("Tanh", x)
        y = normal(g, x, axes=axes, centred=centred, squared=squared, form=form, epsilon=0.03)
        y = y if scaled == "none" else g.op("Mul", g.const(floats(*shape, seed=1)), y)
        return {"y": g.op("Add", y, g.const(floats(*shape, seed=2))) if scaled == "scale-bias" else y}

    more = ["Add"] if scaled == "scale-bias" and not centred else []
    assert apply(build, X, fuse_normalizations) == ["Tanh", operator, *more]


def test_tensorflows_normalisation_by_moments(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        mean = g.op("ReduceMean", x, g.const([3]))
        variance = g.op("ReduceMean", square(g, g.op("Sub", x, mean), "mul"), g.const([3]))
        inverse = g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, g.const(1e-3))))
        factor = g.op("Mul", inverse, g.const(floats(6, seed=1)))
        return {"y": g.op("Add", g.op("Mul", x, factor), g.op("Sub", g.const(floats(6, seed=2)), g.op("Mul", mean, factor)))}

    assert apply(build, X, fuse_normalizations) == ["LayerNormalization"]


def test_parameters_with_leading_ones_and_computed_ones(apply) -> None:
    def build(g: Builder, x: ir.Value, s: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Mul", normal(g, x, axes=[3]), g.const(floats(1, 1, 1, 6)))
        return {"y": g.op("Add", y, g.op("Neg", s))}

    assert apply(build, X | {"s": floats(6)}, fuse_normalizations) == ["Neg", "LayerNormalization"]


def again(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
    c = g.op("Sub", x, g.op("ReduceMean", x, g.const([3])))
    v = g.op("Add", g.op("ReduceMean", g.op("Mul", c, c), g.const([3])), g.const(0.1))
    return {"y": g.op("Div", c, g.op("Sqrt", v)), "z": g.op("Relu", c)}


def other_mean(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
    c = g.op("Sub", x, g.op("ReduceMean", g.op("Relu", x), g.const([3])))
    v = g.op("Add", g.op("ReduceMean", g.op("Mul", c, c), g.const([3])), g.const(0.1))
    return {"y": g.op("Div", g.op("Sub", x, g.op("ReduceMean", x, g.const([3]))), g.op("Sqrt", v))}


NOT_NORMAL: dict[str, Callable[[Builder, ir.Value], dict[str, ir.Value]]] = {
    "first axis": lambda g, x: {"y": normal(g, x, axes=[1])},
    "axes apart": lambda g, x: {"y": normal(g, x, axes=[1, 3])},
    "epsilon for each": lambda g, x: {"y": g.op("Div", x, g.op("Sqrt", g.op("Add", g.op("ReduceMean", g.op("Mul", x, x), g.const([3])), g.const(floats(6) ** 2))))},
    "a sum": lambda g, x: {"y": g.op("Div", x, g.op("Sqrt", g.op("Add", g.op("ReduceSum", g.op("Mul", x, x), g.const([3])), g.const(0.1))))},
    "a cube": lambda g, x: {"y": g.op("Div", x, g.op("Sqrt", g.op("Add", g.op("ReduceMean", g.op("Pow", g.op("Abs", x), g.const(3.0)), g.const([3])), g.const(0.1))))},
    "no root": lambda g, x: {"y": g.op("Div", x, g.op("Add", g.op("ReduceMean", g.op("Mul", x, x), g.const([3])), g.const(0.1)))},
    "another dividend": lambda g, x: {"y": g.op("Div", g.op("Relu", x), g.op("Sqrt", g.op("Add", g.op("ReduceMean", g.op("Mul", x, x), g.const([3])), g.const(0.1))))},
    "centre read elsewhere": again,
    "another mean": other_mean,
    "root is an output": lambda g, x: {"r": (r := g.op("Sqrt", g.op("Add", g.op("ReduceMean", g.op("Mul", x, x), g.const([3])), g.const(0.1)))), "y": g.op("Div", x, r)},
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_NORMAL)
def test_what_only_looks_like_normalisation(apply, name: str) -> None:
    left = apply(NOT_NORMAL[name], X, fuse_normalizations)
    assert not {"LayerNormalization", "RMSNormalization"} & set(left)


def test_means_over_other_axes_than_the_variance(apply) -> None:
    """The mean is none of the normalisation's, which is one without a mean then."""
    left = apply(lambda g, x: {"y": normal(g, x, axes=[2, 3], others=[3])}, X, fuse_normalizations)
    assert left == ["ReduceMean", "Sub", "RMSNormalization"]


@pytest.mark.parametrize("scale", [(1,), (3, 1, 6), (4, 6), (1, 6)], ids=str)
def test_a_scale_of_another_shape_stays_outside(apply, scale: tuple[int, ...]) -> None:
    left = apply(lambda g, x: {"y": g.op("Mul", normal(g, x, axes=[3]), g.const(floats(*scale)))}, X, fuse_normalizations)
    assert left == (["LayerNormalization"] if scale == (1, 6) else ["LayerNormalization", "Mul"])


def test_half_precision_with_statistics_in_float32() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT16, (2, 3, 6))
    wide = g.op("Cast", x, to=ir.DataType.FLOAT.value)
    y = g.op("Cast", normal(g, wide, axes=[-1], centred=False, form="reciprocal"), to=ir.DataType.FLOAT16.value)
    g.output(g.op("Mul", g.const(floats(6).astype(np.float16)), y), "y")
    model, results, feeds = g.model(), [], {"x": floats(2, 3, 6).astype(np.float16)}
    for change in (False, True):
        if change:
            assert fuse_normalizations(model)
        results.append(onnxruntime.InferenceSession(ir.serde.serialize_model(model).SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)[0])
    assert [node.op_type for node in model.graph] == ["RMSNormalization"]
    np.testing.assert_allclose(results[1], results[0], rtol=2e-3, atol=1e-3)


# -- activations -----------------------------------------------------------------------------------------

ROOT = math.sqrt(2 / math.pi)


def gelu_tanh_argument(g: Builder, x: ir.Value, form: str) -> ir.Value:
    if form == "torch":
        return g.op("Mul", g.const(ROOT), g.op("Add", x, g.op("Mul", g.op("Pow", x, g.const(3.0)), g.const(0.044715))))
    if form == "lowered":
        return g.op("Mul", g.op("Add", x, g.op("Mul", g.op("Mul", g.op("Mul", x, x), x), g.const(0.044715))), g.const(ROOT))
    return g.op("Mul", g.op("Mul", x, g.const(ROOT)), g.op("Add", g.const(1.0), g.op("Mul", g.op("Mul", g.const(0.044715), x), x)))


def relu6(g: Builder, x: ir.Value) -> ir.Value:
    return g.op("Clip", g.op("Add", x, g.const(3.0)), g.const(0.0), g.const(6.0))


def erf(g: Builder, x: ir.Value, root: float = math.sqrt(2)) -> ir.Value:
    return g.op("Erf", g.op("Div", x, g.const(root)))


def plus_one(g: Builder, t: ir.Value) -> ir.Value:
    return g.op("Add", t, g.const(1.0))


ACTIVATIONS: dict[str, tuple[Emit, str, dict[str, float | str]]] = {
    "gelu-torch": (lambda g, x: g.op("Mul", g.op("Mul", x, plus_one(g, erf(g, x))), g.const(0.5)), "Gelu", {}),
    "gelu-half-first": (lambda g, x: g.op("Mul", g.op("Mul", g.const(0.5), x), plus_one(g, erf(g, x))), "Gelu", {}),
    "gelu-half-last": (lambda g, x: g.op("Mul", x, g.op("Mul", plus_one(g, erf(g, x)), g.const(0.5))), "Gelu", {}),
    "gelu-cdf": (lambda g, x: g.op("Mul", x, g.op("Div", g.op("Add", g.const(1.0), g.op("Erf", g.op("Mul", x, g.const(math.sqrt(0.5))))), g.const(2.0))), "Gelu", {}),
    "gelu-distributed": (lambda g, x: g.op("Mul", x, g.op("Add", g.op("Mul", erf(g, x), g.const(0.5)), g.const(0.5))), "Gelu", {}),
    "gelu-of-scaled": (lambda g, x: g.op("Mul", g.op("Mul", y := g.op("Mul", x, g.const(2.0)), plus_one(g, erf(g, y))), g.const(0.5)), "Gelu", {}),
    **{f"gelu-tanh-{form}": (lambda g, x, form=form: g.op("Mul", g.op("Mul", x, g.const(0.5)), plus_one(g, g.op("Tanh", gelu_tanh_argument(g, x, form)))), "Gelu", {"approximate": "tanh"}) for form in ("torch", "lowered", "fast")},
    "hard-swish-div": (lambda g, x: g.op("Div", g.op("Mul", x, relu6(g, x)), g.const(6.0)), "HardSwish", {}),
    "hard-swish-mul": (lambda g, x: g.op("Mul", x, g.op("Mul", relu6(g, x), g.const(1 / 6))), "HardSwish", {}),
    "hard-swish-sigmoid": (lambda g, x: g.op("Mul", g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5), x), "HardSwish", {}),
    "hard-sigmoid": (lambda g, x: g.op("Div", relu6(g, x), g.const(6.0)), "HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hard-sigmoid-keras": (lambda g, x: g.op("Clip", g.op("Add", g.op("Mul", x, g.const(0.2)), g.const(0.5)), g.const(0.0), g.const(1.0)), "HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "mish": (lambda g, x: g.op("Mul", x, g.op("Tanh", g.op("Softplus", x))), "Mish", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(apply, name: str) -> None:
    emit, operator, attributes = ACTIVATIONS[name]

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op("Sin", emit(g, g.op("Sin", x))), "z": emit(g, x)}

    scaled = ["Mul"] if name == "gelu-of-scaled" else []
    assert apply(build, X, fuse_activations) == ["Sin", *scaled, operator, "Sin", *scaled, operator]
    g = Builder("g")
    g.output(emit(g, g.input("x", ir.DataType.FLOAT, (2, 3))), "y")
    model = g.model()
    assert fuse_activations(model)
    found = list(model.graph)[-1].attributes
    assert {key: pytest.approx(attribute.value, rel=1e-6) if attribute.type == ir.AttributeType.FLOAT else attribute.value for key, attribute in found.items()} == attributes


NO_ACTIVATIONS: dict[str, Emit] = {
    "another root": lambda g, x: g.op("Mul", g.op("Mul", x, plus_one(g, erf(g, x, 1.4143))), g.const(0.5)),
    "another half": lambda g, x: g.op("Mul", g.op("Mul", x, plus_one(g, erf(g, x))), g.const(0.5001)),
    "another one": lambda g, x: g.op("Mul", g.op("Mul", x, g.op("Add", erf(g, x), g.const(1.001))), g.const(0.5)),
    "another x": lambda g, x: g.op("Mul", g.op("Mul", g.op("Neg", x), plus_one(g, erf(g, x))), g.const(0.5)),
    "a computed x": lambda g, x: g.op("Mul", g.op("Mul", g.op("Sin", x), plus_one(g, erf(g, x))), g.const(0.5)),
    "another coefficient": lambda g, x: g.op("Mul", g.op("Mul", x, g.const(0.5)), plus_one(g, g.op("Tanh", g.op("Mul", g.const(ROOT), g.op("Add", x, g.op("Mul", g.op("Pow", x, g.const(3.0)), g.const(0.0447))))))),
    "a square": lambda g, x: g.op("Mul", g.op("Mul", x, g.const(0.5)), plus_one(g, g.op("Tanh", g.op("Mul", g.const(ROOT), g.op("Add", x, g.op("Mul", g.op("Pow", x, g.const(2.0)), g.const(0.044715))))))),
    "another limit": lambda g, x: g.op("Div", g.op("Mul", x, g.op("Clip", g.op("Add", x, g.const(3.0)), g.const(0.0), g.const(5.0))), g.const(6.0)),
    "from one": lambda g, x: g.op("Div", g.op("Clip", g.op("Add", x, g.const(3.0)), g.const(1.0), g.const(6.0)), g.const(6.0)),
    "no limit": lambda g, x: g.op("Div", g.op("Clip", g.op("Add", x, g.const(3.0)), g.const(0.0)), g.const(6.0)),
    "a clip alone": lambda g, x: g.op("Clip", x, g.const(0.0), g.const(1.0)),
    "swish": lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    "tanh of another softplus": lambda g, x: g.op("Mul", x, g.op("Tanh", g.op("Softplus", g.op("Neg", x)))),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ACTIVATIONS)
def test_what_only_looks_like_an_activation(apply, name: str) -> None:
    left = apply(lambda g, x: {"y": NO_ACTIVATIONS[name](g, x)}, X, fuse_activations)
    assert not {"Gelu", "HardSigmoid", "HardSwish", "Mish"} & set(left)


def test_a_constant_of_more_axes_than_x_stays_outside(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        wide = g.op("Add", x, g.const(np.float32([[[[[3]]]]])))
        return {"y": g.op("Div", g.op("Clip", wide, g.const(0.0), g.const(6.0)), g.const(6.0))}

    assert apply(build, X, fuse_activations) == ["Add", "HardSigmoid"]


@pytest.mark.parametrize("seen", ["output", "reader"])
def test_an_activation_whose_parts_are_needed_stays(apply, seen: str) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        t = erf(g, x)
        y = g.op("Mul", g.op("Mul", x, plus_one(g, t)), g.const(0.5))
        return {"y": y, "t": t if seen == "output" else g.op("Neg", t)}

    assert "Gelu" not in apply(build, X, fuse_activations)


# -- and back again --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "opset", "fused"),
    [("LayerNormalization", 16, "LayerNormalization"), ("RMSNormalization", 18, "SimplifiedLayerNormalization"), ("Gelu", 17, "Gelu")],
)
def test_what_an_older_opset_lacks_is_written_so_that_onnx_runtime_fuses_it(name: str, opset: int, fused: str, tmp_path) -> None:
    def build(g: Builder, x: ir.Value) -> ir.Value:
        if name == "Gelu":
            return ACTIVATIONS["gelu-cdf"][0](g, x)
        y = g.op("Mul", normal(g, x, axes=[-1], centred=name == "LayerNormalization"), g.const(floats(6)))
        return g.op("Add", y, g.const(floats(6, seed=1))) if name == "LayerNormalization" else y

    g = Builder("g")
    g.output(build(g, g.input("x", ir.DataType.FLOAT, X["x"].shape)), "y")
    before = Model(g.model(), Source("test"))
    after = optimize(before)
    assert [node.op_type for node in after.graph] == [name]
    assert not convert_opset(after.ir, opset)
    assert len(list(after.graph)) <= len(list(before.graph))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    proto = ir.serde.serialize_model(after.ir).SerializeToString()
    onnxruntime.InferenceSession(proto, options, providers=["CPUExecutionProvider"])
    assert [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node] == [fused]


def test_a_tanh_gelu_for_an_older_opset_is_fused_by_onnx_runtime(tmp_path) -> None:
    g = Builder("g")
    x = g.op("MatMul", g.input("x", ir.DataType.FLOAT, (2, 3, 4)), g.const(floats(4, 5)))
    g.output(g.op("MatMul", ACTIVATIONS["gelu-tanh-fast"][0](g, x), g.const(floats(5, 4))), "y")
    model = optimize(Model(g.model(), Source("test")))
    assert [node.op_type for node in model.graph] == ["MatMul", "Gelu", "MatMul"]
    assert not convert_opset(model.ir, 17)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    proto = ir.serde.serialize_model(model.ir).SerializeToString()
    onnxruntime.InferenceSession(proto, options, providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert operators == ["MatMul", "FastGelu", "MatMul"]


def test_a_scale_of_ones_is_not_written_out() -> None:
    g = Builder("g")
    g.output(normal(g, g.input("x", ir.DataType.FLOAT, (2, 6)), axes=[-1]), "y")
    before = Model(g.model(), Source("test"))
    after = optimize(before)
    assert not convert_opset(after.ir, 16)
    assert len(list(after.graph)) <= len(list(before.graph))
