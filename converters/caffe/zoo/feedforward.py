"""LeNet, AlexNet, VGG-16 and SqueezeNet: one path from the image to the classes."""

from __future__ import annotations

from dragoman.converters.caffe.zoo.builder import NetworkBuilder


def lenet(net: NetworkBuilder) -> None:
    """LeNet for MNIST: LeCun et al. 1998, in Caffe's variant with ReLU."""
    conv1 = net.conv("data", "conv1", net.channels(20), 5)
    conv2 = net.conv(net.pool(conv1, "pool1", 2, 2), "conv2", net.channels(50), 5)
    ip1 = net.dense(net.pool(conv2, "pool2", 2, 2), "ip1", net.channels(500), relu="relu1")
    net.softmax(net.dense(ip1, "ip2", 10))


def alexnet(net: NetworkBuilder) -> None:
    """AlexNet: Krizhevsky et al. 2012; conv2, conv4 and conv5 in two groups."""
    c = net.channels
    x = net.conv("data", "conv1", c(96), 11, stride=4, relu="relu1")
    x = net.pool(net.lrn(x, "norm1"), "pool1", 3, 2)
    x = net.conv(x, "conv2", c(256), 5, pad=2, group=2, relu="relu2")
    x = net.pool(net.lrn(x, "norm2"), "pool2", 3, 2)
    x = net.conv(x, "conv3", c(384), 3, pad=1, relu="relu3")
    x = net.conv(x, "conv4", c(384), 3, pad=1, group=2, relu="relu4")
    x = net.conv(x, "conv5", c(256), 3, pad=1, group=2, relu="relu5")
    classifier(net, net.pool(x, "pool5", 3, 2))


def vgg16(net: NetworkBuilder) -> None:
    """VGG-16: Simonyan & Zisserman 2014, configuration D."""
    classifier(net, vgg16_features(net))


def vgg16_features(net: NetworkBuilder, pad: int = 1) -> str:
    """VGG-16's thirteen convolutions and five poolings; ``pad`` is that of the first convolution."""
    x = "data"
    for stage, (outputs, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for index in range(1, count + 1):
            first = stage == index == 1
            x = net.conv(
                x, f"conv{stage}_{index}", net.channels(outputs), 3, pad=pad if first else 1, relu=f"relu{stage}_{index}"
            )
        x = net.pool(x, f"pool{stage}", 2, 2)
    return x


def classifier(net: NetworkBuilder, x: str) -> None:
    """Two hidden layers of 4096 with dropout, and 1000 classes."""
    for index in (6, 7):
        x = net.dense(x, f"fc{index}", net.channels(4096), relu=f"relu{index}")
        net.dropout(x, f"drop{index}")
    net.softmax(net.dense(x, "fc8", 1000, scale=1.5))


def squeezenet(net: NetworkBuilder) -> None:
    """SqueezeNet 1.1: Iandola et al. 2016."""
    x = net.conv("data", "conv1", net.channels(64), 3, stride=2, relu="relu_conv1")
    x = net.pool(x, "pool1", 3, 2)
    for index, (squeeze, expand) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)), 2
    ):
        x = fire(net, x, f"fire{index}", net.channels(squeeze), net.channels(expand))
        if index in (3, 5):
            x = net.pool(x, f"pool{index}", 3, 2)
    net.dropout(x, "drop9")
    x = net.conv(x, "conv10", 1000, 1, relu="relu_conv10", scale=3)
    net.softmax(net.global_average(x, "pool10"))


def fire(net: NetworkBuilder, x: str, name: str, squeeze: int, expand: int) -> str:
    """A few channels squeezed by 1×1 filters, then expanded by 1×1 and 3×3 filters side by side."""
    x = net.conv(x, f"{name}/squeeze1x1", squeeze, 1, relu=f"{name}/relu_squeeze1x1")
    one = net.conv(x, f"{name}/expand1x1", expand, 1, relu=f"{name}/relu_expand1x1")
    three = net.conv(x, f"{name}/expand3x3", expand, 3, pad=1, relu=f"{name}/relu_expand3x3")
    return net.concat([one, three], f"{name}/concat")
