"""MobileNet v1: Howard et al. 2017, its depthwise convolutions written as one group for each channel."""

from __future__ import annotations

from dragoman.converters.caffe.zoo.builder import NetworkBuilder

BLOCKS = (
    ("2_1", 64, 1), ("2_2", 128, 2), ("3_1", 128, 1), ("3_2", 256, 2), ("4_1", 256, 1), ("4_2", 512, 2), ("5_1", 512, 1),
    ("5_2", 512, 1), ("5_3", 512, 1), ("5_4", 512, 1), ("5_5", 512, 1), ("5_6", 1024, 2), ("6", 1024, 1),
)  # fmt: skip
"""Name, output channels and stride of each depthwise and pointwise pair."""


def mobilenet(net: NetworkBuilder) -> None:
    """The features, their mean, and 1000 classes by a 1×1 convolution."""
    x = mobilenet_features(net)["6"]
    net.softmax(net.conv(net.global_average(x, "pool6"), "fc7", 1000, 1, scale=1.5))


def mobilenet_features(net: NetworkBuilder) -> dict[str, str]:
    """All blocks; the top of each, by its name."""
    x = normalized(net, "data", "conv1", net.channels(32), 3, 2)
    tops = {}
    for name, outputs, stride in BLOCKS:
        channels = net.shapes[x][1]
        x = normalized(net, x, f"conv{name}/dw", channels, 3, stride, group=channels)
        x = tops[name] = normalized(net, x, f"conv{name}/sep", net.channels(outputs), 1, 1)
    return tops


def normalized(net: NetworkBuilder, x: str, name: str, outputs: int, kernel: int, stride: int, group: int = 1) -> str:
    """Convolution without bias, BatchNorm, Scale and ReLU."""
    top = net.conv(x, name, outputs, kernel, stride=stride, pad=kernel // 2, group=group, bias=False)
    return net.normalize(top, f"{name}/bn", f"{name}/scale", relu=f"relu{name.removeprefix('conv')}")
