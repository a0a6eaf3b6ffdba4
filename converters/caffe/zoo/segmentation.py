"""FCN-8s: Long et al. 2015."""

from __future__ import annotations

import numpy as np

from dragoman.converters.caffe import schema
from dragoman.converters.caffe.zoo.builder import Array, NetworkBuilder
from dragoman.converters.caffe.zoo.feedforward import vgg16_features

CLASSES = 21


def fcn8s(net: NetworkBuilder) -> None:
    """VGG-16 with convolutional classifiers at strides 32, 16 and 8, upsampled, cropped to each other and added."""
    x = vgg16_features(net, pad=100)
    for name, kernel in (("6", 7), ("7", 1)):
        x = net.conv(x, f"fc{name}", net.channels(4096), kernel, relu=f"relu{name}")
        net.dropout(x, f"drop{name}")
    x = upsample(net, net.conv(x, "score_fr", CLASSES, 1, scale=1.5), "upscore2", 2)
    score4 = crop(net, net.conv("pool4", "score_pool4", CLASSES, 1), x, "score_pool4c", 5)
    x = upsample(net, net.sum([x, score4], "fuse_pool4"), "upscore_pool4", 2)
    score3 = crop(net, net.conv("pool3", "score_pool3", CLASSES, 1), x, "score_pool3c", 9)
    x = upsample(net, net.sum([x, score3], "fuse_pool3"), "upscore8", 8)
    crop(net, x, "data", "score", 31)


def upsample(net: NetworkBuilder, bottom: str, top: str, factor: int) -> str:
    """Deconvolution that interpolates each channel bilinearly: filters between different channels are zero."""
    n, channels, *image = net.shapes[bottom]
    kernel = 2 * factor
    ramp = 1 - np.abs(np.arange(kernel) / factor - (kernel - 1) / (2 * factor))
    settings = schema.ConvolutionParameter(num_output=channels, kernel_size=[kernel], stride=[factor], bias_term=False)

    def draw(_: np.random.Generator) -> list[Array]:
        weights = np.zeros((channels, channels, kernel, kernel), np.float32)
        weights[range(channels), range(channels)] = np.outer(ramp, ramp)
        return [weights]

    size = [factor * (extent - 1) + kernel for extent in image]
    return net.add("Deconvolution", [bottom], top, (n, channels, *size), draw=draw, convolution_param=settings)


def crop(net: NetworkBuilder, bottom: str, like: str, top: str, offset: int) -> str:
    """``bottom`` cut to the height and width of ``like``."""
    shape = (*net.shapes[bottom][:2], *net.shapes[like][2:])
    return net.add("Crop", [bottom, like], top, shape, crop_param=schema.CropParameter(axis=2, offset=[offset]))
