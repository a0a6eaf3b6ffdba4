"""ResNet-18 and ResNet-50: He et al. 2015, each convolution followed by BatchNorm and Scale."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.converters.caffe.zoo.builder import NetworkBuilder


def resnet18(net: NetworkBuilder) -> None:
    """Eight blocks of two 3×3 convolutions."""
    resnet(net, (2, 2, 2, 2), bottleneck=False)


def resnet50(net: NetworkBuilder) -> None:
    """Sixteen blocks of 1×1, 3×3 and 1×1 convolutions; the first of a stage strides in its first convolution."""
    resnet(net, (3, 4, 6, 3), bottleneck=True)


def resnet(net: NetworkBuilder, blocks: Sequence[int], *, bottleneck: bool) -> None:
    """The stem, four stages, and 1000 classes."""
    net.conv("data", "conv1", net.channels(64), 7, stride=2, pad=3)
    net.normalize("conv1", "bn_conv1", "scale_conv1", relu="conv1_relu")
    x = net.pool("conv1", "pool1", 3, 2)
    for stage, count in enumerate(blocks, 2):
        for index in range(count):
            stride = 2 if index == 0 and stage > 2 else 1
            x = block(net, x, f"{stage}{'abcdef'[index]}", 64 << stage - 2, stride, bottleneck=bottleneck, project=index == 0)
    net.softmax(net.dense(net.whole_average(x, "pool5"), "fc1000", 1000, scale=1.5))


def block(net: NetworkBuilder, x: str, name: str, channels: int, stride: int, *, bottleneck: bool, project: bool) -> str:
    """A residual block: convolutions beside a shortcut, which is projected where the shape changes."""
    inner = net.channels(channels)
    outer = net.channels(channels * 4) if bottleneck else inner
    shortcut = branch(net, x, f"{name}_branch1", outer, 1, stride) if project else x
    kernels = ((inner, 1), (inner, 3), (outer, 1)) if bottleneck else ((inner, 3), (outer, 3))
    y = x
    for index, (outputs, kernel) in enumerate(kernels):
        last = index == len(kernels) - 1
        y = branch(
            net,
            y,
            f"{name}_branch2{'abc'[index]}",
            outputs,
            kernel,
            stride if index == 0 else 1,
            relu=not last,
            gain=0.5 if last else 1,
        )
    top = net.sum([shortcut, y], f"res{name}")
    return net.relu(top, f"res{name}_relu", kept=0.4 if project else 0.95)  # an unprojected shortcut is positive already


def branch(
    net: NetworkBuilder, x: str, name: str, outputs: int, kernel: int, stride: int, *, relu: bool = False, gain: float = 1
) -> str:
    """Convolution without bias, BatchNorm, Scale, and perhaps ReLU."""
    top = net.conv(x, f"res{name}", outputs, kernel, stride=stride, pad=kernel // 2, bias=False)
    return net.normalize(top, f"bn{name}", f"scale{name}", relu=f"res{name}_relu" if relu else "", gain=gain)
