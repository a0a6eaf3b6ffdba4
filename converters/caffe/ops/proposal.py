"""Faster R-CNN's Proposal layer, which is a Python layer, and the settings that such layers have in param_str."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.suppression import suppress
from dragoman.graph_ir import Builder, dims
from dragoman.graph_ir.domains import Domain, limit

SCALES = (8.0, 16.0, 32.0)
RATIOS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class ProposalSettings:
    """What param_str says, and the TEST defaults of fast_rcnn/config.py, which no Caffe file holds."""

    feat_stride: int
    scales: tuple[float, ...] = SCALES
    ratios: tuple[float, ...] = RATIOS
    pre_nms: int = 6000
    post_nms: int = 300
    threshold: float = 0.7
    min_size: int = 16


@layer_type("Python")
def python(g: NetBuilder, layer: Layer, *xs: Value) -> tuple[Value, ...]:
    """A layer of the user's own Python code, which is never run; one is known by what published networks call it:
    ``ProposalLayer``.
    """
    p = layer.param.python_param
    if (p.module, p.layer) != ("rpn.proposal_layer", "ProposalLayer"):
        raise g.unsupported(layer, f"runs Python code, {p.module}.{p.layer}; only rpn.proposal_layer.ProposalLayer is known")
    if len(xs) != 3 or len(layer.tops) > 2:
        raise g.malformed(layer, f"has {len(xs)} bottoms and {len(layer.tops)} tops; it takes 3 and makes 1 or 2")
    return _proposal(g, layer, *xs)


def _proposal(g: NetBuilder, layer: Layer, scores: Value, deltas: Value, image: Value) -> tuple[Value, ...]:
    """Proposals: scores (1, 2A, H, W), deltas (1, 4A, H, W), image (1, 3: height, width, scale) → regions (R, 5), scores (R,
    1).

    The anchors, moved by the deltas and clipped to the image, without those with a side less than 16 · scale; of these the
    6000 best go through non-maximum suppression (0.7; areas count both end pixels), and the 300 best come out.
    py-faster-rcnn's proposal_layer.py, generate_anchors.py, bbox_transform.py, and nms_kernel.cu. numpy leaves the order of
    equal scores open where there are many; here the later place comes first, as with few.
    """
    settings = _settings(g, layer)
    anchors = make_anchors(settings)
    for name, value, channels in (("scores", scores, 2 * len(anchors)), ("deltas", deltas, 4 * len(anchors))):
        batch, found = dims(value)[:2]
        if isinstance(batch, int) and batch != 1:
            raise g.malformed(layer, f"takes one image at a time; its {name} have a batch of {batch}")
        if found != channels:
            raise g.malformed(layer, f"{len(anchors)} anchors need {channels} channels of {name}, not {found}")
    g.notes.append(
        f"layer {layer.name}: the settings that py-faster-rcnn keeps outside the network are its TEST defaults "
        f"({settings.pre_nms} proposals before suppression at {settings.threshold}, {settings.post_nms} after, "
        f"sides of at least {settings.min_size})"
    )
    regions = f"{layer.tops[0]}_rows"
    sides = [size * settings.feat_stride if isinstance(size, int) else 600 for size in dims(scores)[2:]]
    limit(image, *(Domain(side / 2, side) for side in sides), Domain(1, 2))

    def emit(b: Builder, scores: Value, deltas: Value, image: Value) -> tuple[Value, ...]:
        return _regions(b, settings, anchors, scores, deltas, image)[: len(layer.tops)]

    inputs = {"scores": scores, "deltas": deltas, "image": image}
    return call_function(g, layer.name, "Proposal", emit, inputs, [(regions, 5), (regions, 1)][: len(layer.tops)])


def make_anchors(settings: ProposalSettings) -> npt.NDArray[np.float32]:
    """(A, 4) corners of the anchors at the first place, by ratio, then scale: a square of 16 with its area kept, then its
    sides scaled.
    """
    boxes = []
    for ratio in settings.ratios:
        width = np.round(np.sqrt(256 / ratio))
        sides = np.array([width, np.round(width * ratio)])
        boxes += [
            np.concatenate([7.5 - 0.5 * (sides * scale - 1), 7.5 + 0.5 * (sides * scale - 1)]) for scale in settings.scales
        ]
    return np.array(boxes)


def _regions(
    b: Builder, settings: ProposalSettings, anchors: npt.NDArray[np.float32], scores: Value, deltas: Value, image: Value
) -> tuple[Value, ...]:
    _, foreground = b.ops("Split", scores, b.const([len(anchors)] * 2), outputs=2, axis=1)
    score = b.op("Reshape", b.op("Transpose", foreground, perm=[0, 2, 3, 1]), b.const([-1]))
    delta = b.op("Reshape", b.op("Transpose", deltas, perm=[0, 2, 3, 1]), b.const([-1, 4]))
    info = b.op("Reshape", image, b.const([-1]))
    height, width, scale = (b.op("Gather", info, b.const([i]), axis=0) for i in range(3))

    box = _transform(b, _all_anchors(b, settings, anchors, scores), delta)
    edge = b.op("Sub", b.op("Concat", width, height, width, height, axis=0), b.const(1.0))
    box = b.op("Max", b.op("Min", box, edge), b.const(0.0))
    low, high = b.ops("Split", box, b.const([2, 2]), outputs=2, axis=1)
    sides = b.op("Add", b.op("Sub", high, low), b.const(1.0))
    smallest = b.op("ReduceMin", sides, b.const([1]), keepdims=0)
    large = b.op("GreaterOrEqual", smallest, b.op("Mul", scale, b.const(float(settings.min_size))))
    score = b.op("Where", large, score, b.const(np.float32(-np.inf)))

    backwards = (b.const([-1]), b.const([np.iinfo(np.int64).min]), b.const([0]), b.const([-1]))
    score, box = (b.op("Slice", value, *backwards) for value in (score, box))
    best = b.op("Min", b.op("Shape", score), b.const([settings.pre_nms]))
    score, order = b.ops("TopK", score, best, outputs=2)
    box = b.op("Gather", box, order, axis=0)
    valid = b.op("Greater", score, b.const(np.float32(-np.inf)))
    pixels = b.op("Add", box, b.const([0.0, 0.0, 1.0, 1.0]))  # so that areas and overlaps count both end pixels
    rows = b.op("Unsqueeze", pixels, b.const([0])), b.op("Unsqueeze", valid, b.const([0]))
    kept = b.op("Squeeze", suppress(b, *rows, settings.threshold, at_most=settings.post_nms), b.const([0]))
    box, score = (b.op("Compress", value, kept, axis=0) for value in (box, score))
    return b.op("Pad", box, b.const([0, 1, 0, 0])), b.op("Unsqueeze", score, b.const([1]))


def _all_anchors(b: Builder, settings: ProposalSettings, anchors: npt.NDArray[np.float32], scores: Value) -> Value:
    """(H · W · A, 4): the anchors at each place."""
    steps = [
        b.op("Mul", b.op("Range", b.const(0), b.op("Squeeze", b.dim(scores, axis)), b.const(1)), b.const(settings.feat_stride))
        for axis in (2, 3)
    ]
    y, x = (b.op("Reshape", step, b.const(shape)) for step, shape in zip(steps, ([-1, 1, 1], [1, -1, 1]), strict=True))
    size = b.op("Concat", b.dim(scores, 2), b.dim(scores, 3), b.const([1]), axis=0)
    shift = b.op("Concat", *[b.op("Expand", part, size) for part in (x, y, x, y)], axis=2)
    places = b.op("Unsqueeze", b.op("Cast", shift, to=ir.DataType.FLOAT), b.const([2]))
    return b.op("Reshape", b.op("Add", places, b.const(anchors.astype(np.float32))), b.const([-1, 4]))


def _transform(b: Builder, box: Value, delta: Value) -> Value:
    """Corners moved by deltas: bbox_transform.py, bbox_transform_inv."""
    low, high = b.ops("Split", box, b.const([2, 2]), outputs=2, axis=1)
    shift, growth = b.ops("Split", delta, b.const([2, 2]), outputs=2, axis=1)
    half = b.const(0.5)
    size = b.op("Add", b.op("Sub", high, low), b.const(1.0))
    center = b.op("Add", b.op("Mul", shift, size), b.op("Add", low, b.op("Mul", size, half)))
    reach = b.op("Mul", b.op("Mul", b.op("Exp", growth), size), half)
    return b.op("Concat", b.op("Sub", center, reach), b.op("Add", center, reach), axis=1)


_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ENTRY = re.compile(
    rf"""\s*(?P<quote>['"]?)(?P<key>[A-Za-z_]\w*)(?P=quote)\s*:\s+(?:!!python/tuple\s+)?"""
    rf"""(?P<value>{_NUMBER}|\[\s*{_NUMBER}\s*(?:,\s*{_NUMBER}\s*)*,?\s*\])[ \t]*(?:\#[^\n]*)?"""
)


def parse_param_str(text: str) -> dict[str, float | tuple[float, ...]]:
    """A mapping of names to numbers or lists of numbers, in YAML's block form (one on a line) or flow form (in braces).

    ``ValueError`` for anything else: YAML in its fullness can call Python.
    """
    body = text.strip()
    flow = body.startswith("{") and body.endswith("}")
    rest = body[1:-1].strip() if flow else body
    found: dict[str, float | tuple[float, ...]] = {}
    while rest:
        match = _ENTRY.match(rest)
        if match is None or match["key"] in found:
            raise ValueError(rest.splitlines()[0])
        numbers = tuple(float(number) for number in re.findall(_NUMBER, match["value"]))
        found[match["key"]] = numbers if match["value"].startswith("[") else numbers[0]
        rest = rest[match.end() :]
        if rest and not rest.startswith("," if flow else "\n"):
            raise ValueError(rest.splitlines()[0])
        rest = rest[1:].strip()
    return found


def _settings(g: NetBuilder, layer: Layer) -> ProposalSettings:
    text = layer.param.python_param.param_str
    try:
        found = parse_param_str(text)
    except ValueError as error:
        raise g.unsupported(layer, f"its param_str isn't a mapping of names to numbers or lists of them: {error}") from error
    if unknown := sorted(set(found) - {"feat_stride", "scales", "ratios"}):
        raise g.unsupported(
            layer, f"its param_str sets {', '.join(unknown)}, which py-faster-rcnn's ProposalLayer doesn't know"
        )
    stride = found.get("feat_stride")
    scales, ratios = (found.get(name, default) for name, default in (("scales", SCALES), ("ratios", RATIOS)))
    if (
        not isinstance(stride, float)
        or stride < 1
        or stride % 1
        or not isinstance(scales, tuple)
        or not isinstance(ratios, tuple)
        or min(scales + ratios) <= 0
    ):
        raise g.malformed(layer, f"its param_str needs a whole feat_stride, and lists of positive scales and ratios: {text!r}")
    return ProposalSettings(int(stride), scales, ratios)
