"""The small layers of published forks, against their definitions in numpy and OpenCV's dnn."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.graph_ir.errors import MalformedModel

from . import fork_nets, reference_layers


def layer(kind, text="", bottoms=("x",)):
    named = " ".join(f'bottom: "{b}"' for b in bottoms)
    return f'layer {{ name: "layer" type: "{kind}" {named} top: "out" {text} }}'


def image(*shape, spread=1.0):
    return np.random.RandomState(sum(shape)).normal(0, spread, shape).astype(np.float32)


def close(actual, expected, rtol=1e-5, atol=1e-6):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("order", "axes"),
    [((0, 2, 3, 1), (0, 2, 3, 1)), ((0, 2), (0, 2, 1, 3)), ((3,), (3, 0, 1, 2)), ((), (0, 1, 2, 3)), ((0, 1), (0, 1, 2, 3))],
)
def test_permute(order, axes):
    x = image(2, 3, 4, 5)
    text = layer("Permute", f"permute_param {{ {' '.join(f'order: {i}' for i in order)} }}")
    if axes == (0, 1, 2, 3):
        text += ' layer { name: "next" type: "ReLU6" bottom: "out" top: "clipped" }'
        np.testing.assert_array_equal(fork_nets.run(text, {"x": x})["clipped"], x.clip(0, 6))
        return
    np.testing.assert_array_equal(fork_nets.run(text, {"x": x})["out"], x.transpose(axes))
    if len(order) == 4:
        np.testing.assert_array_equal(fork_nets.run_in_opencv(text, {"x": x}), x.transpose(axes))


@pytest.mark.parametrize("order", ["order: 4", "order: 1 order: 1"])
def test_permute_of_axes_that_are_not_there(order):
    with pytest.raises(MalformedModel, match="different axes"):
        fork_nets.run(layer("Permute", f"permute_param {{ {order} }}"), {"x": image(1, 2, 3, 4)})


NORMALIZE = {
    "": (True, True, 1e-10),
    "across_spatial: false": (False, True, 1e-10),
    "across_spatial: false channel_shared: false": (False, False, 1e-10),
    "channel_shared: false": (True, False, 1e-10),
    "across_spatial: false channel_shared: false eps: 0.5": (False, False, 0.5),
    "eps: 10": (True, True, 10),
}


@pytest.mark.parametrize("text", NORMALIZE)
def test_normalize(text):
    across, shared, eps = NORMALIZE[text]
    x, scale = image(2, 4, 3, 5), image(1 if shared else 4, spread=20)
    net = layer("Normalize", f"norm_param {{ {text} }}")
    expected = reference_layers.normalize(x, scale, across, eps)
    close(fork_nets.run(net, {"x": x}, {"layer": [scale]})["out"], expected)
    close(fork_nets.run(net, {"x": x}, {"layer": [scale]}, inputs={"x": ("n", 4, "h", "w")})["out"], expected)
    if eps == 1e-10 and (shared or not across):  # the rest isn't in OpenCV
        close(fork_nets.run_in_opencv(net, {"x": x}, {"layer": [scale]}), expected)


def test_normalize_without_weights_uses_its_filler():
    x = image(1, 4, 3, 3)
    text = 'norm_param { across_spatial: false channel_shared: false scale_filler { type: "constant" value: 20 } }'
    close(fork_nets.run(layer("Normalize", text), {"x": x})["out"], reference_layers.normalize(x, np.float32(20), False, 1e-10))
    close(fork_nets.run(layer("Normalize"), {"x": x})["out"], reference_layers.normalize(x, np.float32(1), True, 1e-10))


def test_normalize_of_scales_of_another_number():
    with pytest.raises(MalformedModel, match="scale"):
        fork_nets.run(
            layer("Normalize", "norm_param { channel_shared: false }"), {"x": image(1, 4, 3, 3)}, {"layer": [image(3)]}
        )


ACTIVATIONS = {
    "ReLU6": lambda x: x.clip(0, 6),
    "HardSwish": lambda x: x * (x + 3).clip(0, 6) / 6,
    "Mish": lambda x: x * np.tanh(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations(kind):
    x = np.concatenate([image(1000, spread=8), np.array([-1000, -100, -20, -3, 0, 3, 6, 20, 100, 1000], np.float32)])
    close(fork_nets.run(layer(kind), {"x": x})["out"], ACTIVATIONS[kind](x.astype(np.float64)).astype(np.float32))


def test_relu6_equals_opencv():
    x = image(1, 2, 5, 5, spread=8)
    np.testing.assert_array_equal(
        fork_nets.run(layer("ReLU6"), {"x": x})["out"], fork_nets.run_in_opencv(layer("ReLU6"), {"x": x})
    )


@pytest.mark.parametrize(("channels", "group"), [(6, 2), (6, 3), (12, 4), (5, 1), (5, 5)])
def test_shuffle_channel(channels, group):
    x = image(2, channels, 3, 4)
    net = layer("ShuffleChannel", f"shuffle_channel_param {{ group: {group} }}")
    expected = reference_layers.shuffle_channel(x, group)
    np.testing.assert_array_equal(fork_nets.run(net, {"x": x})["out"], expected)
    np.testing.assert_array_equal(fork_nets.run_in_opencv(net, {"x": x}), expected)


@pytest.mark.parametrize("group", [0, 4])
def test_shuffle_channel_of_groups_that_do_not_divide(group):
    with pytest.raises(MalformedModel, match="group"):
        fork_nets.run(layer("ShuffleChannel", f"shuffle_channel_param {{ group: {group} }}"), {"x": image(1, 6, 3, 4)})


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1)])
def test_axpy(shape):
    feeds = {"a": image(*shape), "x": image(2, 3, 4, 5), "y": image(2, 3, 5, 4).reshape(2, 3, 4, 5)}
    expected = feeds["a"].reshape(2, 3, 1, 1) * feeds["x"] + feeds["y"]
    net = layer("Axpy", bottoms=("a", "x", "y"))
    close(fork_nets.run(net, feeds)["out"], expected)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 4, 1, 1), (2, 3, 4, 5), (2, 3, 4, 5)),
        ((2, 3, 2, 1), (2, 3, 4, 5), (2, 3, 4, 5)),
        ((2, 3), (2, 3, 4, 5), (2, 3, 4, 4)),
    ],
)
def test_axpy_of_other_shapes(shapes):
    feeds = {name: image(*shape) for name, shape in zip("axy", shapes, strict=True)}
    with pytest.raises(MalformedModel, match="its bottoms are"):
        fork_nets.run(layer("Axpy", bottoms=("a", "x", "y")), feeds)


@pytest.mark.parametrize("stored", [(1, 3, 1, 1), (3,), (1, 3)])
def test_segnet_bn(stored):
    x, scale, shift = image(2, 3, 4, 5), image(3, spread=2).reshape(stored), image(1, 3).reshape(stored)
    merged = scale.reshape(1, 3, 1, 1) * x + shift.reshape(1, 3, 1, 1)
    close(fork_nets.run(layer("BN", "bn_param { bn_mode: INFERENCE }"), {"x": x}, {"layer": [scale, shift]})["out"], merged)
    wide = x.astype(np.float64)
    learned = (wide - wide.mean((0, 2, 3), keepdims=True)) / np.sqrt(wide.var((0, 2, 3), keepdims=True) + 1e-9)
    learned = (scale.reshape(1, 3, 1, 1) * learned + shift.reshape(1, 3, 1, 1)).astype(np.float32)
    close(fork_nets.run(layer("BN"), {"x": x}, {"layer": [scale, shift]})["out"], learned)


@pytest.mark.parametrize(("text", "eps"), [("frozen: true momentum: 0.95", 1e-5), ("eps: 0.1", 0.1), ("", 1e-5)])
def test_pspnet_bn(text, eps):
    x, (slope, bias, mean) = image(2, 3, 4, 5), (image(1, 3, spread=s) for s in (1, 2, 3))
    variance = np.array([[0.5, 2, 0.01]], np.float32)
    expected = slope.reshape(1, 3, 1, 1) * (x - mean.reshape(1, 3, 1, 1)) / np.sqrt(
        variance.reshape(1, 3, 1, 1) + eps
    ) + bias.reshape(1, 3, 1, 1)
    actual = fork_nets.run(layer("BN", f"bn_param {{ {text} }}"), {"x": x}, {"layer": [slope, bias, mean, variance]})["out"]
    close(actual, expected.astype(np.float32), atol=1e-5)


@pytest.mark.parametrize(("text", "blobs"), [("frozen: true", 2), ("bn_mode: INFERENCE", 4), ("", 3)])
def test_bn_of_neither_fork(text, blobs):
    with pytest.raises(MalformedModel, match="blobs"):
        fork_nets.run(layer("BN", f"bn_param {{ {text} }}"), {"x": image(1, 3, 2, 2)}, {"layer": [image(3)] * blobs})
