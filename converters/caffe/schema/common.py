"""Messages that many layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dragoman.converters.caffe.schema.enums import DimCheckMode, NormalizationMode, Phase, VarianceNorm
from dragoman.converters.caffe.schema.message import (
    Message,
    boolean,
    doubles,
    enum,
    floating,
    floats,
    int32,
    int64s,
    message,
    octets,
    string,
    strings,
    uint32,
)


class BlobShape(Message):
    """The dimensions of a blob."""

    dim = int64s(1, packed=True)


@dataclass(frozen=True)
class Run:
    """``count`` elements of a repeated field at ``offset`` of the file, ``stride`` bytes apart."""

    offset: int
    count: int
    stride: int


class BlobProto(Message):
    """An array. ``raw_data`` holds it as ``raw_data_type`` (NVCaffe's Type: 0 double, 1 float, 2 half, 3 int, 4 unsigned).

    Read from a binary file, the repeated numbers and ``raw_data`` stay there: ``runs`` says where they lie.
    """

    __slots__ = ("runs",)

    shape = message(7, BlobShape)
    data = floats(5, packed=True)
    diff = floats(6, packed=True)
    double_data = doubles(8, packed=True)
    double_diff = doubles(9, packed=True)
    raw_data_type = uint32(10)
    raw_diff_type = uint32(11)
    raw_data = octets(12)
    raw_diff = octets(13)
    num = int32(1)
    channels = int32(2)
    height = int32(3)
    width = int32(4)

    def __init__(self, **values: Any) -> None:
        """As ``Message``."""
        super().__init__(**values)
        self.runs: dict[str, list[Run]] = {}


class FillerParameter(Message):
    """How a parameter blob is initialised."""

    type = string(1, "constant")
    value = floating(2)
    min = floating(3)
    max = floating(4, 1.0)
    mean = floating(5)
    std = floating(6, 1.0)
    sparse = int32(7, -1)
    variance_norm = enum(8, VarianceNorm.FAN_IN)


class NetState(Message):
    """What the net is built for: phase, level and stages."""

    phase = enum(1, Phase.TEST)
    level = int32(2)
    stage = strings(3)


class NetStateRule(Message):
    """A condition on the net's state, by which a layer is included or excluded."""

    phase = enum(1, Phase.TRAIN)
    min_level = int32(2)
    max_level = int32(3)
    stage = strings(4)
    not_stage = strings(5)


class ParamSpec(Message):
    """A parameter blob's name, under which it is shared, and its training multipliers."""

    name = string(1)
    share_mode = enum(2, DimCheckMode.STRICT)
    lr_mult = floating(3, 1.0)
    decay_mult = floating(4, 1.0)


class TransformationParameter(Message):
    """Preprocessing in a data layer."""

    scale = floating(1, 1.0)
    mirror = boolean(2)
    crop_size = uint32(3)
    mean_file = string(4)
    mean_value = floats(5)
    force_color = boolean(6)
    force_gray = boolean(7)


class LossParameter(Message):
    """Settings that loss layers share."""

    ignore_label = int32(1)
    normalization = enum(3, NormalizationMode.VALID)
    normalize = boolean(2)
