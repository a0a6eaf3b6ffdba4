"""GoogLeNet."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.converters.caffe.zoo.builder import NetworkBuilder

MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Channels of 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5 and pool projection."""


def googlenet(net: NetworkBuilder) -> None:
    """GoogLeNet: Szegedy et al. 2014, the main classifier."""
    c = net.channels
    x = net.conv("data", "conv1/7x7_s2", c(64), 7, stride=2, pad=3, relu="conv1/relu_7x7")
    x = net.lrn(net.pool(x, "pool1/3x3_s2", 3, 2), "pool1/norm1")
    x = net.conv(x, "conv2/3x3_reduce", c(64), 1, relu="conv2/relu_3x3_reduce")
    x = net.conv(x, "conv2/3x3", c(192), 3, pad=1, relu="conv2/relu_3x3")
    x = net.pool(net.lrn(x, "conv2/norm2"), "pool2/3x3_s2", 3, 2)
    for name, full in MODULES.items():
        x = inception(net, x, f"inception_{name}", [c(channels) for channels in full])
        if name in ("3b", "4e"):
            x = net.pool(x, f"pool{name[0]}/3x3_s2", 3, 2)
    x = net.whole_average(x, "pool5/7x7_s1")
    net.dropout(x, "pool5/drop_7x7_s1", 0.4)
    net.softmax(net.dense(x, "loss3/classifier", 1000, scale=1.5))


def inception(net: NetworkBuilder, x: str, name: str, channels: Sequence[int]) -> str:
    """Four branches side by side: 1×1, 3×3, 5×5 and a pooling."""

    def conv(bottom: str, part: str, outputs: int, kernel: int) -> str:
        return net.conv(bottom, f"{name}/{part}", outputs, kernel, pad=kernel // 2, relu=f"{name}/relu_{part}")

    one, three_reduce, three, five_reduce, five, projection = channels
    branches = [
        conv(x, "1x1", one, 1),
        conv(conv(x, "3x3_reduce", three_reduce, 1), "3x3", three, 3),
        conv(conv(x, "5x5_reduce", five_reduce, 1), "5x5", five, 5),
        conv(net.pool(x, f"{name}/pool", 3, 1, pad=1), "pool_proj", projection, 1),
    ]
    return net.concat(branches, f"{name}/output")
