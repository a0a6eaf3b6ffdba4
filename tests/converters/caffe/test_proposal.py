"""Faster R-CNN's Python layer Proposal, against a loop over its definition."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from dragoman.converters.caffe.ops.proposal import ProposalSettings, make_anchors, parse_param_str
from dragoman.graph_ir.errors import MalformedModel, UnsupportedAttribute

from . import fork_nets, reference_layers

STRIDE = "'feat_stride': 16"


def layer(param_str=STRIDE, tops=("rois",), module="rpn.proposal_layer", name="ProposalLayer"):
    made = " ".join(f'top: "{top}"' for top in tops)
    text = param_str.replace("\n", "\\n")
    return (
        f'layer {{ name: "proposal" type: "Python" bottom: "scores" bottom: "deltas" bottom: "info" {made} '
        f'python_param {{ module: "{module}" layer: "{name}" param_str: "{text}" }} }}'
    )


def scene(seed, height, width, count=9, *, spread=0.3, scale=1.0, size=None):
    """Scores and deltas of ``count`` anchors, and the image."""
    random = np.random.RandomState(seed)
    deltas = random.normal(0, spread, (1, 4 * count, height, width))
    size = size or (height * 16, width * 16)
    info = np.array([[*size, scale]], np.float32)
    return {
        "scores": random.uniform(0, 1, (1, 2 * count, height, width)).astype(np.float32),
        "deltas": deltas.astype(np.float32),
        "info": info,
    }


def both(feeds, param_str=STRIDE, **options):
    """What the converted layer gives and what it should give."""
    actual = fork_nets.run(layer(param_str, ("rois", "probabilities")), feeds)
    return (actual["rois"], actual["probabilities"]), reference_layers.proposal(
        feeds["scores"], feeds["deltas"], feeds["info"], **options
    )


@pytest.mark.parametrize(
    ("param_str", "options", "count"),
    [
        (STRIDE, {"stride": 16}, 9),
        ("feat_stride: 8", {"stride": 8}, 9),
        ("'feat_stride': 16 \n'scales': !!python/tuple [4, 8, 16, 32]", {"stride": 16, "scales": (4, 8, 16, 32)}, 12),
        (
            "{'feat_stride': 16, 'scales': [2, 4.5], 'ratios': [0.4, 1, 2.5]}",
            {"stride": 16, "scales": (2, 4.5), "ratios": (0.4, 1, 2.5)},
            6,
        ),
    ],
)
@pytest.mark.parametrize(("height", "width"), [(7, 9), (12, 5)])
def test_proposal_equals_its_definition(param_str, options, count, height, width):
    feeds = scene(height, height, width, count)
    (regions, scores), (expected_regions, expected_scores) = both(feeds, param_str, **options)
    np.testing.assert_array_equal(scores, expected_scores)
    np.testing.assert_allclose(regions, expected_regions, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 2.5},
        {"scale": 30.0},
        {"scale": 100.0},
        {"size": (70, 95)},
        {"spread": 1.5},
        {"spread": 0.0},
    ],
)
def test_small_boxes_fall_out(options):
    (regions, scores), (expected_regions, expected_scores) = both(scene(3, 6, 6, **options), stride=16)
    np.testing.assert_array_equal(scores, expected_scores)
    np.testing.assert_allclose(regions, expected_regions, rtol=1e-5, atol=1e-4)


def test_nothing_is_left():
    (regions, scores), _ = both(scene(1, 3, 3, scale=1000.0), stride=16)
    assert regions.shape == (0, 5)
    assert scores.shape == (0, 1)


def test_equal_scores():
    feeds = scene(2, 4, 4)
    feeds["scores"] = np.round(feeds["scores"] * 3) / 3
    (regions, scores), (expected_regions, expected_scores) = both(feeds, stride=16)
    np.testing.assert_array_equal(scores, expected_scores)
    np.testing.assert_allclose(regions, expected_regions, rtol=1e-5, atol=1e-4)


def test_one_top_and_a_dynamic_size():
    feeds = scene(4, 6, 8)
    names = {"scores": (1, 18, "h", "w"), "deltas": (1, 36, "h", "w")}
    actual = fork_nets.run(layer(), feeds, inputs=names)["rois"]
    expected, _ = reference_layers.proposal(feeds["scores"], feeds["deltas"], feeds["info"], 16)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-4)


def test_full_size_is_fast():
    feeds = scene(0, 38, 63)
    with tempfile.TemporaryDirectory() as folder:
        text = fork_nets.prototxt(layer(), {name: value.shape for name, value in feeds.items()})
        runner = fork_nets.session(fork_nets.convert(text, Path(folder))[0])
    start = time.perf_counter()
    (out,) = runner.run(None, feeds)
    assert out.shape == (300, 5)
    assert time.perf_counter() - start < 3


def test_the_published_anchors():
    """The nine that generate_anchors.py lists, counting from 1."""
    expected = [
        [-83, -39, 100, 56], [-175, -87, 192, 104], [-359, -183, 376, 200],
        [-55, -55, 72, 72], [-119, -119, 136, 136], [-247, -247, 264, 264],
        [-35, -79, 52, 96], [-79, -167, 96, 184], [-167, -343, 184, 360],
    ]  # fmt: skip
    np.testing.assert_array_equal(make_anchors(ProposalSettings(16)) + 1, expected)


def test_settings_outside_the_network_are_noted():
    with tempfile.TemporaryDirectory() as folder:
        text = fork_nets.prototxt(layer(), {name: value.shape for name, value in scene(0, 3, 3).items()})
        _, model = fork_nets.convert(text, Path(folder))
    assert any("6000" in note and "300" in note for note in model.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'feat_stride': 16", {"feat_stride": 16.0}),
        ('"a": 1.5\nb: [1, 2 , 3]  # three\n\n', {"a": 1.5, "b": (1.0, 2.0, 3.0)}),
        ("{a: 1, 'b': [ .5 ]}", {"a": 1.0, "b": (0.5,)}),
        ("a: !!python/tuple [1, 2]", {"a": (1.0, 2.0)}),
        ("", {}),
    ],
)
def test_param_str(text, expected):
    assert parse_param_str(text) == expected


@pytest.mark.parametrize(
    "text",
    ["a", "a: b", "a: !!python/object/apply:os.system ['ls']", "a: 1 b: 2", "a: [1", "a: {b: 1}", "a: 1\na: 2", "- 1", "{a: 1"],
)
def test_param_str_that_is_not_numbers(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_param_str(text)


@pytest.mark.parametrize(
    ("net", "error", "message"),
    [
        (layer(module="my.layers", name="Mine"), UnsupportedAttribute, r"my\.layers\.Mine"),
        (layer("'feat_stride': 16\n'min_size': 8"), UnsupportedAttribute, "min_size"),
        (layer("feat_stride: big"), UnsupportedAttribute, "big"),
        (layer("'scales': [8, 16]"), MalformedModel, "feat_stride"),
        (layer("'feat_stride': 16\n'scales': 8"), MalformedModel, "scales"),
        (layer("'feat_stride': 16\n'scales': [8]"), MalformedModel, "3 anchors need 6 channels"),
        (layer(tops=("a", "b", "c")), MalformedModel, "3 tops"),
        (layer().replace('bottom: "info"', ""), MalformedModel, "2 bottoms"),
    ],
)
def test_layers_that_are_refused(net, error, message):
    with pytest.raises(error, match=message):
        fork_nets.run(net, scene(0, 3, 3))


def test_a_batch():
    feeds = {name: np.concatenate([value, value]) for name, value in scene(0, 3, 3).items()}
    with pytest.raises(MalformedModel, match="one image"):
        fork_nets.run(layer(), feeds)
