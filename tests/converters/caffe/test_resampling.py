"""Interp, Upsample and Reorg, against loops over their definitions and OpenCV's dnn."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.graph_ir.errors import MalformedModel

from . import fork_nets, reference_layers

INTERP = 'layer {{ name: "layer" type: "Interp" bottom: "x" top: "out" interp_param {{ {} }} }}'
INTERP_LIKE = 'layer {{ name: "layer" type: "Interp" bottom: "x" bottom: "like" top: "out" interp_param {{ {} }} }}'
UPSAMPLE = 'layer {{ name: "layer" type: "Upsample" bottom: "x" top: "out" upsample_param {{ {} }} }}'
UNPOOL = 'layer {{ name: "layer" type: "Upsample" bottom: "x" bottom: "mask" top: "out" upsample_param {{ {} }} }}'
REORG = 'layer {{ name: "layer" type: "Reorg" bottom: "x" top: "out" reorg_param {{ {} }} }}'


def image(*shape):
    return np.random.RandomState(sum(shape)).normal(0, 1, shape).astype(np.float32)


SIZES = {
    "height: 13 width: 21": (13, 21),
    "height: 3 width: 4": (3, 4),
    "height: 1 width: 1": (1, 1),
    "height: 5 width: 7": (5, 7),
    "height: 5 width: 30": (5, 30),
    "zoom_factor: 2": (9, 13),
    "zoom_factor: 1": (5, 7),
    "zoom_factor: 8": (33, 49),
    "shrink_factor: 2": (3, 4),
    "shrink_factor: 3": (2, 3),
    "shrink_factor: 2 zoom_factor: 3": (7, 10),
    "height: 13 width: 21 zoom_factor: 2": (9, 13),
    "height: 13 width: 21 shrink_factor: 2": (3, 4),
    "height: 13 width: 21 zoom_factor: 2 shrink_factor: 2": (13, 21),
}


@pytest.mark.parametrize("text", SIZES)
def test_interp_equals_its_definition(text):
    x = image(2, 3, 5, 7)
    actual = fork_nets.run(INTERP.format(text), {"x": x})["out"]
    np.testing.assert_allclose(actual, reference_layers.interp(x, SIZES[text]), rtol=1e-5, atol=2e-6)
    moving = fork_nets.run(INTERP.format(text), {"x": x}, inputs={"x": ("n", 3, "h", "w")})["out"]
    np.testing.assert_array_equal(moving, actual)


@pytest.mark.parametrize("text", ["height: 13 width: 21", "zoom_factor: 2"])
def test_interp_equals_opencv(text):
    x = image(2, 3, 5, 7)
    layer = INTERP.format(text)
    np.testing.assert_allclose(
        fork_nets.run(layer, {"x": x})["out"], fork_nets.run_in_opencv(layer, {"x": x}), rtol=1e-5, atol=2e-6
    )


@pytest.mark.parametrize(
    ("text", "size"), [("height: 9 width: 9", (9, 9)), ("zoom_factor: 2", (3, 7)), ("shrink_factor: 2", (1, 2))]
)
def test_interp_crops_first(text, size):
    x = image(1, 2, 5, 7)
    actual = fork_nets.run(INTERP.format(f"{text} pad_beg: -1 pad_end: -2"), {"x": x})["out"]
    np.testing.assert_allclose(actual, reference_layers.interp(x[:, :, 1:-2, 1:-2], size), rtol=1e-5, atol=2e-6)


def test_interp_to_the_size_of_a_second_bottom():
    x, like = image(2, 3, 5, 7), image(2, 1, 8, 9)
    actual = fork_nets.run(INTERP_LIKE.format(""), {"x": x, "like": like})["out"]
    np.testing.assert_allclose(actual, reference_layers.interp(x, (8, 9)), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
def test_upsample_repeats_pixels(scale):
    x = image(2, 3, 5, 7)
    np.testing.assert_array_equal(
        fork_nets.run(UPSAMPLE.format(f"scale: {scale}"), {"x": x})["out"], reference_layers.upsample(x, scale)
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", (8, 10)),
        ("scale: 2", (8, 10)),
        ("scale: 3", (12, 15)),
        ("scale_h: 2 scale_w: 3", (8, 15)),
        ("scale: 2 pad_out_h: true", (7, 10)),
        ("scale: 2 pad_out_h: true pad_out_w: true", (7, 9)),
        ("upsample_h: 9 upsample_w: 11", (9, 11)),
        ("upsample_h: 9 upsample_w: 11 scale: 2", (9, 11)),
    ],
)
def test_upsample_with_a_mask(text, size):
    x = image(2, 3, 4, 5)
    random = np.random.RandomState(0)
    places = [random.permutation(size[0] * size[1])[:20] for _ in range(6)]
    mask = np.array(places, np.float32).reshape(2, 3, 4, 5)
    actual = fork_nets.run(UNPOOL.format(text), {"x": x, "mask": mask})["out"]
    np.testing.assert_array_equal(actual, reference_layers.unpool(x, mask, size))
    moving = fork_nets.run(
        UNPOOL.format(text), {"x": x, "mask": mask}, inputs={"x": ("n", 3, "h", "w"), "mask": ("n", 3, "h", "w")}
    )["out"]
    np.testing.assert_array_equal(moving, actual)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("shape", "stride"), [((2, 8, 4, 6), 2), ((1, 64, 26, 26), 2), ((2, 18, 3, 9), 3), ((1, 5, 3, 4), 1), ((3, 32, 8, 4), 4)]
)
def test_reorg_equals_its_definition(shape, stride, reverse):
    x = image(*shape)
    actual = fork_nets.run(REORG.format(f"stride: {stride} reverse: {str(reverse).lower()}"), {"x": x})["out"]
    np.testing.assert_array_equal(actual, reference_layers.reorg(x, stride, reverse))


def test_reorg_equals_opencv():
    x = image(1, 64, 26, 26)
    layer = REORG.format("stride: 2")
    np.testing.assert_array_equal(fork_nets.run(layer, {"x": x})["out"], fork_nets.run_in_opencv(layer, {"x": x}))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (INTERP.format(""), "needs height and width"),
        (INTERP.format("height: 3"), "needs height and width"),
        (INTERP.format("zoom_factor: 2 pad_beg: 1"), "must not be positive"),
        (INTERP.format("zoom_factor: 2 pad_beg: -3 pad_end: -2"), "nothing is left"),
        (INTERP.format("zoom_factor: 0"), "must be positive"),
        (INTERP.format("height: 0 width: 3"), "must be positive"),
        (INTERP_LIKE.format("zoom_factor: 2").replace('"like"', '"x"'), "one of them"),
        (UPSAMPLE.format(""), "needs scale"),
        (UPSAMPLE.format("scale: 2 pad_out_h: true"), "nothing else"),
        (UNPOOL.format("scale: 1").replace('"mask"', '"x"'), "greater than 1"),
        (UNPOOL.format("scale: 3 pad_out_h: true").replace('"mask"', '"x"'), "2 where pad_out"),
        (UNPOOL.format("scale_h: 2").replace('"mask"', '"x"'), "scale_h and scale_w"),
        (UNPOOL.format("upsample_h: 1 upsample_w: 9").replace('"mask"', '"x"'), "upsample_h and upsample_w"),
        (REORG.format("stride: 3"), "must divide"),
        (REORG.format("stride: 2"), "must divide"),
    ],
)
def test_settings_that_are_refused(layer, message):
    with pytest.raises(MalformedModel, match=message):
        fork_nets.run(layer, {"x": image(1, 8, 5, 4)})


def test_a_mask_of_another_shape():
    with pytest.raises(MalformedModel, match="mask has the shape"):
        fork_nets.run(UNPOOL.format("scale: 2"), {"x": image(1, 3, 4, 4), "mask": image(1, 3, 4, 5)})
