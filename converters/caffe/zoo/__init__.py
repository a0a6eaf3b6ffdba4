"""The classic Caffe networks as prototxt and caffemodel: published architectures, with seeded weights for trained ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dragoman.converters.caffe.zoo.builder import NetworkBuilder
from dragoman.converters.caffe.zoo.detection import ssd_mobilenet
from dragoman.converters.caffe.zoo.feedforward import alexnet, lenet, squeezenet, vgg16
from dragoman.converters.caffe.zoo.inception import googlenet
from dragoman.converters.caffe.zoo.mobilenet import mobilenet
from dragoman.converters.caffe.zoo.residual import resnet18, resnet50
from dragoman.converters.caffe.zoo.segmentation import fcn8s
from dragoman.graph_ir.errors import UsageError


class Network(NamedTuple):
    """How a network is built, and the input that it was published for."""

    build: Callable[[NetworkBuilder], None]
    channels: int
    size: int
    smallest: int


NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "lenet": Network(lenet, 1, 28, 16),
        "alexnet": Network(alexnet, 3, 227, 63),
        "vgg16": Network(vgg16, 3, 224, 32),
        "googlenet": Network(googlenet, 3, 224, 32),
        "resnet18": Network(resnet18, 3, 224, 32),
        "resnet50": Network(resnet50, 3, 224, 32),
        "squeezenet": Network(squeezenet, 3, 227, 32),
        "mobilenet": Network(mobilenet, 3, 224, 32),
        "fcn8s": Network(fcn8s, 3, 500, 16),
        "ssd_mobilenet": Network(ssd_mobilenet, 3, 300, 64),
    }
)
"""Every network, by the name that ``build`` and ``write`` take."""


def build(name: str, *, width: float = 1.0, size: int | None = None, batch: int = 1, seed: int = 0) -> NetworkBuilder:
    """The network ``name`` with its channels multiplied by ``width``, for ``batch`` images of ``size`` × ``size`` pixels."""
    if name not in NETWORKS:
        raise UsageError(f"no network is called {name}; there are {', '.join(NETWORKS)}")
    network = NETWORKS[name]
    side = network.size if size is None else size
    if side < network.smallest:
        raise UsageError(f"{name} needs images of {network.smallest} pixels or more, not {side}")
    if width <= 0:
        raise UsageError(f"width is a factor above 0, not {width}")
    net = NetworkBuilder(name, (batch, network.channels, side, side), width=width, seed=seed)
    network.build(net)
    return net


def write(
    name: str, folder: str | os.PathLike[str], *, width: float = 1.0, size: int | None = None, batch: int = 1, seed: int = 0
) -> tuple[Path, Path]:
    """Write ``NAME.prototxt`` and ``NAME.caffemodel`` into ``folder``, which is made if need be; their paths."""
    return build(name, width=width, size=size, batch=batch, seed=seed).write(folder)
