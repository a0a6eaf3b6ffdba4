"""SSD on MobileNet: Liu et al. 2016."""

from __future__ import annotations

import math

from dragoman.converters.caffe import schema
from dragoman.converters.caffe.zoo.builder import NetworkBuilder
from dragoman.converters.caffe.zoo.mobilenet import mobilenet_features, normalized

CLASSES = 21
BACKGROUND = (4.0, *[0.0] * (CLASSES - 1))
"""Biases of the class scores: most boxes hold nothing."""
SIZES = (60.0, 105.0, 150.0, 195.0, 240.0, 285.0, 300.0)
"""Smallest box of each source at 300 pixels; the next source's is the largest."""


def ssd_mobilenet(net: NetworkBuilder) -> None:
    """Six sources of boxes, from the stride of 16 pixels to the whole image; the first has boxes of one size only."""
    tops = mobilenet_features(net)
    sources = [tops["5_5"], tops["6"]]
    x = tops["6"]
    for index, (inner, outer) in enumerate(((256, 512), (128, 256), (128, 256), (64, 128)), 7):
        x = normalized(net, x, f"conv{index}_1", net.channels(inner), 1, 1)
        x = normalized(net, x, f"conv{index}_2", net.channels(outer), 3, 2)
        sources.append(x)
    heads = [head(net, source, index) for index, source in enumerate(sources)]
    location, confidence, priors = (list(part) for part in zip(*heads, strict=True))
    net.concat(location, "mbox_loc")
    net.concat(confidence, "mbox_conf")
    net.concat(priors, "mbox_priorbox", axis=2)
    n, scores = net.shapes["mbox_conf"]
    shape = schema.BlobShape(dim=[0, -1, CLASSES])
    boxes = scores // CLASSES
    net.add(
        "Reshape", ["mbox_conf"], "mbox_conf_reshape", (n, boxes, CLASSES), reshape_param=schema.ReshapeParameter(shape=shape)
    )
    net.softmax("mbox_conf_reshape", "mbox_conf_softmax", axis=2)
    flatten(net, "mbox_conf_softmax", "mbox_conf_flatten")
    suppression = schema.NonMaximumSuppressionParameter(nms_threshold=0.45, top_k=100)
    settings = schema.DetectionOutputParameter(
        num_classes=CLASSES, share_location=True, background_label_id=0, nms_param=suppression,
        code_type=schema.CodeType.CENTER_SIZE, keep_top_k=100, confidence_threshold=0.25,
    )  # fmt: skip
    net.add(
        "DetectionOutput",
        ["mbox_loc", "mbox_conf_flatten", "mbox_priorbox"],
        "detection_out",
        (1, 1, 1, 7),
        detection_output_param=settings,
    )


def head(net: NetworkBuilder, source: str, index: int) -> tuple[str, str, str]:
    """Box offsets and class scores, channels last and flat, and the prior boxes of one source."""
    first = index == 0
    count = 3 if first else 6
    location = net.conv(source, f"{source}_mbox_loc", 4 * count, 1, scale=0.5)
    confidence = net.conv(source, f"{source}_mbox_conf", CLASSES * count, 1, scale=0.6, offsets=BACKGROUND)
    settings = schema.PriorBoxParameter(
        min_size=[side(net, index)], aspect_ratio=[2.0] if first else [2.0, 3.0], flip=True,
        clip=False, variance=[0.1, 0.1, 0.2, 0.2], offset=0.5,
    )  # fmt: skip
    if not first:
        settings.max_size = [side(net, index + 1)]
    height, width = net.shapes[source][2:]
    priors = net.add(
        "PriorBox", [source, "data"], f"{source}_mbox_priorbox", (1, 2, height * width * count * 4), prior_box_param=settings
    )
    return channels_last(net, location), channels_last(net, confidence), priors


def side(net: NetworkBuilder, index: int) -> float:
    """The box size of a source for this image: whole pixels, since SSD's layer keeps no fraction."""
    return float(round(SIZES[index] * net.shapes["data"][2] / 300))


def channels_last(net: NetworkBuilder, blob: str) -> str:
    """(N, C, H, W) → (N, H·W·C)."""
    n, channels, height, width = net.shapes[blob]
    order = schema.PermuteParameter(order=[0, 2, 3, 1])
    return flatten(
        net, net.add("Permute", [blob], f"{blob}_perm", (n, height, width, channels), permute_param=order), f"{blob}_flat"
    )


def flatten(net: NetworkBuilder, bottom: str, top: str) -> str:
    """Everything but the batch in one axis."""
    n, *rest = net.shapes[bottom]
    return net.add("Flatten", [bottom], top, (n, math.prod(rest)), flatten_param=schema.FlattenParameter(axis=1))
