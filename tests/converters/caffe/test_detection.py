"""SSD's PriorBox and DetectionOutput, against loops over their definitions and OpenCV's dnn."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from dragoman.graph_ir.errors import MalformedModel, UnsupportedAttribute

from . import fork_nets, reference_layers

DETECT = (
    'layer {{ name: "detect" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "out" '
    "detection_output_param {{ {} }} }}"
)
PRIOR = 'layer {{ name: "priors" type: "PriorBox" bottom: "x" bottom: "image" top: "out" prior_box_param {{ {} }} }}'


def scene(seed, images, priors, classes, *, share=True, ties=False, corner=False):
    """Overlapping boxes around a few objects, and softmax-like scores."""
    random = np.random.RandomState(seed)
    centers = random.uniform(0.2, 0.8, (6, 2))[random.randint(0, 6, priors)] + random.normal(0, 0.02, (priors, 2))
    sizes = random.uniform(0.1, 0.4, (priors, 2))
    prior = np.concatenate([centers - sizes / 2, centers + sizes / 2], 1).ravel()
    variance = np.tile([0.1, 0.1, 0.2, 0.2], priors)
    loc = random.normal(0, 0.3 if corner else 1, (images, priors * 4 * (1 if share else classes)))
    scores = random.dirichlet(np.full(classes, 0.3), (images, priors))
    if ties:
        scores = np.round(scores * 4) / 4
    return {
        "loc": loc.astype(np.float32),
        "conf": scores.reshape(images, -1).astype(np.float32),
        "prior": np.stack([prior, variance])[None].astype(np.float32),
    }


CASES = {
    "ssd": (
        {"num_classes": 21, "threshold": 0.45, "top_k": 40, "keep": 20, "confidence": 0.01, "code_type": "CENTER_SIZE"},
        {},
    ),
    "corner by default": ({"num_classes": 3}, {}),
    "corner size": ({"num_classes": 4, "code_type": "CORNER_SIZE", "confidence": 0.2}, {}),
    "variance in target": ({"num_classes": 4, "code_type": "CENTER_SIZE", "encoded": True}, {}),
    "variance in target, corner": ({"num_classes": 4, "code_type": "CORNER", "encoded": True}, {}),
    "variance in target, corner size": ({"num_classes": 4, "code_type": "CORNER_SIZE", "encoded": True}, {}),
    "locations of each class": ({"num_classes": 5, "share": False, "code_type": "CENTER_SIZE", "keep": 15}, {}),
    "no background": ({"num_classes": 3, "share": False, "background": -1, "code_type": "CENTER_SIZE"}, {}),
    "background last": ({"num_classes": 4, "background": 3, "code_type": "CENTER_SIZE"}, {}),
    "background beyond": ({"num_classes": 3, "background": 9, "code_type": "CENTER_SIZE"}, {}),
    "ties": ({"num_classes": 3, "top_k": 12, "code_type": "CENTER_SIZE"}, {"ties": True}),
    "one kept": ({"num_classes": 6, "keep": 1, "code_type": "CENTER_SIZE"}, {}),
    "more to keep than there are": ({"num_classes": 3, "keep": 1000, "code_type": "CENTER_SIZE"}, {}),
    "top_k beyond the priors": ({"num_classes": 3, "top_k": 1000, "code_type": "CENTER_SIZE"}, {}),
    "threshold 0": ({"num_classes": 3, "threshold": 0.0, "code_type": "CENTER_SIZE"}, {}),
    "threshold 1": ({"num_classes": 3, "threshold": 1.0, "code_type": "CENTER_SIZE"}, {}),
    "threshold beyond 1": ({"num_classes": 3, "threshold": 1.5, "code_type": "CENTER_SIZE"}, {}),
    "adaptive": ({"num_classes": 4, "threshold": 0.9, "eta": 0.8, "code_type": "CENTER_SIZE"}, {}),
    "adaptive, top_k": (
        {"num_classes": 4, "threshold": 0.7, "eta": 0.95, "top_k": 25, "keep": 12, "code_type": "CENTER_SIZE"},
        {},
    ),
    "nothing found": ({"num_classes": 4, "confidence": 1.5, "code_type": "CENTER_SIZE"}, {}),
    "nothing to keep": ({"num_classes": 4, "keep": 0, "code_type": "CENTER_SIZE"}, {}),
    "one class and background": ({"num_classes": 2, "code_type": "CENTER_SIZE", "confidence": 0.5, "keep": 10}, {}),
}


def settings(
    num_classes,
    share=True,
    background=0,
    threshold=None,
    top_k=None,
    eta=None,
    keep=None,
    confidence=None,
    code_type=None,
    encoded=False,
):
    """The prototxt of a case."""
    nms = {"nms_threshold": threshold, "top_k": top_k, "eta": eta}
    nms = " ".join(f"{name}: {value}" for name, value in nms.items() if value is not None)
    fields = {
        "num_classes": num_classes, "share_location": str(share).lower(), "background_label_id": background, "keep_top_k": keep,
        "confidence_threshold": confidence, "code_type": code_type, "variance_encoded_in_target": str(encoded).lower(),
    }  # fmt: skip
    text = " ".join(f"{name}: {value}" for name, value in fields.items() if value is not None)
    return f"{text} nms_param {{ {nms} }}" if nms else text


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_detection_output_equals_its_definition(name, images):
    options, kind = CASES[name]
    corner = options.get("code_type") != "CENTER_SIZE"
    feeds = scene(len(name), images, 60, options["num_classes"], share=options.get("share", True), corner=corner, **kind)
    expected = reference_layers.detection_output(**feeds, **options)
    actual = fork_nets.run(DETECT.format(settings(**options)), feeds)["out"]
    assert actual.shape == expected.shape
    np.testing.assert_array_equal(actual[..., :3], expected[..., :3])
    np.testing.assert_allclose(actual[..., 3:], expected[..., 3:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["ssd", "locations of each class", "one kept"])
def test_detection_output_equals_opencv(name):
    """Where keep_top_k leaves some out: OpenCV's output always has that many rows for each image, by falling confidence."""
    options, kind = CASES[name]
    options = {"threshold": 0.3, **options}
    feeds = scene(len(name), 2, 60, options["num_classes"], share=options.get("share", True), **kind)
    layer = DETECT.format(settings(**options))
    actual, expected = fork_nets.run(layer, feeds)["out"][0, 0], fork_nets.run_in_opencv(layer, feeds)[0, 0]
    ordered = actual[np.lexsort((-actual[:, 2], actual[:, 0]))]
    np.testing.assert_allclose(ordered, expected, rtol=1e-5, atol=1e-6)


def test_swapped_corners_overlap_nothing():
    prior = np.array(
        [[[0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.1, 0.1], [0.1, 0.5, 0.5, 0.1], [0.1, 0.1, 0.5, 0.5], [0.3, 0.3, 0.3, 0.3]]],
        np.float32,
    )
    prior = np.stack([prior.ravel(), np.ones(20, np.float32)])[None]
    feeds = {
        "loc": np.zeros((1, 20), np.float32),
        "conf": np.array([[0, 0.9, 0, 0.8, 0, 0.7, 0, 0.6, 0, 0.5]], np.float32),
        "prior": prior,
    }
    expected = reference_layers.detection_output(**feeds, num_classes=2)
    assert expected.shape[2] == 4
    np.testing.assert_array_equal(fork_nets.run(DETECT.format("num_classes: 2"), feeds)["out"], expected)


def test_an_image_without_detections_has_no_row_if_another_has_one():
    feeds = scene(5, 2, 10, 3)
    feeds["conf"][0] = 0
    actual = fork_nets.run(DETECT.format("num_classes: 3 confidence_threshold: 0.3"), feeds)["out"]
    assert set(actual[0, 0, :, 0]) == {1.0}


def test_a_dynamic_batch():
    feeds = scene(3, 3, 30, 4)
    text = "num_classes: 4 keep_top_k: 7 code_type: CENTER_SIZE"
    shapes = {"loc": ("batch", 120), "conf": ("batch", 120)}
    actual = fork_nets.run(DETECT.format(text), feeds, inputs=shapes)["out"]
    np.testing.assert_array_equal(actual, fork_nets.run(DETECT.format(text), feeds)["out"])


def test_saving_and_drawing_change_nothing():
    feeds = scene(4, 1, 20, 3)
    plain = fork_nets.run(DETECT.format("num_classes: 3"), feeds)["out"]
    saving = "num_classes: 3 visualize: true visualize_threshold: 0.5 "
    saving += "save_output_param { output_directory: 'x' output_format: 'VOC' }"
    np.testing.assert_array_equal(fork_nets.run(DETECT.format(saving), feeds)["out"], plain)


def test_ssd300_is_fast():
    feeds = scene(1, 1, 8732, 21)
    layer = DETECT.format(settings(21, threshold=0.45, top_k=400, keep=200, confidence=0.01, code_type="CENTER_SIZE"))
    with tempfile.TemporaryDirectory() as folder:
        runner = fork_nets.session(
            fork_nets.convert(fork_nets.prototxt(layer, {k: v.shape for k, v in feeds.items()}), Path(folder))[0]
        )
    start = time.perf_counter()
    (out,) = runner.run(None, feeds)
    assert out.shape == (1, 1, 200, 7)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("share_location: true", "num_classes"),
        ("num_classes: 3 background_label_id: -1", "background_label_id"),
        ("num_classes: 3 nms_param { nms_threshold: -1 }", "nms_threshold"),
        ("num_classes: 3 nms_param { eta: 0 }", "eta"),
        ("num_classes: 4", "need 40 confidences"),
        ("num_classes: 3 share_location: false", "need 120 locations"),
    ],
)
def test_settings_that_ssd_refuses(text, message):
    with pytest.raises(MalformedModel, match=message):
        fork_nets.run(DETECT.format(text), scene(0, 1, 10, 3))


PRIORS = {
    "one size": {"min_sizes": [30.0]},
    "max size": {"min_sizes": [30.0], "max_sizes": [60.0]},
    "ratios": {"min_sizes": [30.0], "max_sizes": [60.0], "ratios": [2.0, 3.0]},
    "not flipped": {"min_sizes": [30.0], "ratios": [2.0, 0.5, 3.0], "flip": False},
    "ratios that are there already": {"min_sizes": [30.0], "ratios": [1.0, 2.0, 0.5, 2.0, 1.0000001]},
    "several sizes": {"min_sizes": [30.0, 50.0], "max_sizes": [60.0, 90.0], "ratios": [2.0]},
    "several sizes without max": {"min_sizes": [30.0, 50.0, 70.0], "ratios": [1.5]},
    "clip": {"min_sizes": [90.0], "ratios": [2.0], "clip": True},
    "4 variances": {"min_sizes": [30.0], "variance": (0.1, 0.1, 0.2, 0.2)},
    "1 variance": {"min_sizes": [30.0], "variance": (0.3,)},
    "step": {"min_sizes": [30.0], "step": (16.0, 16.0)},
    "step_h, step_w": {"min_sizes": [30.0], "step": (12.0, 20.0)},
    "offset": {"min_sizes": [30.0], "offset": 0.25},
    "img_size": {"min_sizes": [30.0], "image": (100, 100)},
    "img_h, img_w": {"min_sizes": [30.0], "image": (90, 120)},
}
FRACTIONS = {"fractions": {"min_sizes": [30.9], "max_sizes": [60.9], "ratios": [2.0]}}


def prior_settings(min_sizes, max_sizes=(), ratios=(), flip=True, clip=False, variance=(), step=None, offset=None, image=None):
    """The prototxt of a case."""
    fields = [("min_size", v) for v in min_sizes] + [("max_size", v) for v in max_sizes] + [("aspect_ratio", v) for v in ratios]
    fields += [("variance", v) for v in variance] + [("flip", str(flip).lower()), ("clip", str(clip).lower())]
    if step:
        fields += [("step", step[0])] if step[0] == step[1] else [("step_h", step[0]), ("step_w", step[1])]
    if image:
        fields += [("img_size", image[0])] if image[0] == image[1] else [("img_h", image[0]), ("img_w", image[1])]
    if offset is not None:
        fields.append(("offset", offset))
    return " ".join(f"{name}: {value}" for name, value in fields)


X, IMAGE = np.zeros((2, 3, 5, 7), np.float32), np.zeros((2, 3, 75, 110), np.float32)


def priors_of(layer):
    """The constant that a network of a PriorBox alone gives."""
    return fork_nets.run(layer, {"x": X, "image": IMAGE})["out"]


@pytest.mark.parametrize("name", [*PRIORS, *FRACTIONS])
def test_prior_box_equals_its_definition(name):
    options = dict((PRIORS | FRACTIONS)[name])
    actual = priors_of(PRIOR.format(prior_settings(**options)))
    expected = reference_layers.prior_box((5, 7), options.pop("image", (75, 110)), **options)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in PRIORS if not name.startswith("img")])
def test_prior_box_equals_opencv(name):
    """Which needs variances, keeps fractions of sizes, and takes steps from the image bottom even where img_size is set."""
    layer = PRIOR.format(prior_settings(**{"variance": (0.2,), **PRIORS[name]}))
    np.testing.assert_allclose(priors_of(layer), fork_nets.run_in_opencv(layer, {"x": X, "image": IMAGE}), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "min_size"),
        ("min_size: 0", "min_size"),
        ("min_size: 30 aspect_ratio: 0", "aspect ratios"),
        ("min_size: 30 max_size: 20", "max_size"),
        ("min_size: 30 min_size: 40 max_size: 50", "max_size"),
        ("min_size: 30 variance: 0.1 variance: 0.2", "variance"),
        ("min_size: 30 variance: -0.1", "variance"),
        ("min_size: 30 img_size: 10 img_h: 10 img_w: 10", "img_size and img_h"),
        ("min_size: 30 img_h: 10", "img_w"),
        ("min_size: 30 step: 8 step_h: 8 step_w: 8", "step and step_h"),
        ("min_size: 30 step: 0", "positive"),
    ],
)
def test_prior_box_settings_that_ssd_refuses(text, message):
    with pytest.raises(MalformedModel, match=message):
        priors_of(PRIOR.format(text))


def test_prior_box_of_a_dynamic_size():
    with pytest.raises(UnsupportedAttribute, match="own boxes"):
        fork_nets.run(PRIOR.format("min_size: 30"), {"x": X, "image": IMAGE}, inputs={"x": ("n", 3, "h", "w")})
