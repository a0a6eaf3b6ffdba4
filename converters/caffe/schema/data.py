"""Settings of the layers that bring data in, and of losses: they don't run at inference, but say shapes."""

from __future__ import annotations

from dragoman.converters.caffe.schema.common import BlobShape, FillerParameter
from dragoman.converters.caffe.schema.enums import DB, HingeNorm
from dragoman.converters.caffe.schema.message import (
    Message,
    boolean,
    enum,
    floating,
    int32,
    message,
    messages,
    string,
    uint32,
    uint32s,
)


class DataParameter(Message):
    """Data: a database of images."""

    source = string(1)
    batch_size = uint32(4)
    rand_skip = uint32(7)
    backend = enum(8, DB.LEVELDB)
    scale = floating(2, 1.0)
    mean_file = string(3)
    crop_size = uint32(5)
    mirror = boolean(6)
    force_encoded_color = boolean(9)
    prefetch = uint32(10, 4)


class DummyDataParameter(Message):
    """DummyData: filled blobs, one shape and filler for each top."""

    data_filler = messages(1, FillerParameter)
    shape = messages(6, BlobShape)
    num = uint32s(2)
    channels = uint32s(3)
    height = uint32s(4)
    width = uint32s(5)


class HDF5DataParameter(Message):
    """HDF5Data: arrays from HDF5 files."""

    source = string(1)
    batch_size = uint32(2)
    shuffle = boolean(3)


class HDF5OutputParameter(Message):
    """HDF5Output: a sink."""

    file_name = string(1)


class ImageDataParameter(Message):
    """ImageData: a list of image files."""

    source = string(1)
    batch_size = uint32(4, 1)
    rand_skip = uint32(7)
    shuffle = boolean(8)
    new_height = uint32(9)
    new_width = uint32(10)
    is_color = boolean(11, True)
    scale = floating(2, 1.0)
    mean_file = string(3)
    crop_size = uint32(5)
    mirror = boolean(6)
    root_folder = string(12)


class InputParameter(Message):
    """Input: one shape for each top, or one for all."""

    shape = messages(1, BlobShape)


class MemoryDataParameter(Message):
    """MemoryData: arrays given by the program."""

    batch_size = uint32(1)
    channels = uint32(2)
    height = uint32(3)
    width = uint32(4)


class ParameterParameter(Message):
    """Parameter: a learned blob as a top."""

    shape = message(1, BlobShape)


class WindowDataParameter(Message):
    """WindowData: windows of images."""

    source = string(1)
    scale = floating(2, 1.0)
    mean_file = string(3)
    batch_size = uint32(4)
    crop_size = uint32(5)
    mirror = boolean(6)
    fg_threshold = floating(7, 0.5)
    bg_threshold = floating(8, 0.5)
    fg_fraction = floating(9, 0.25)
    context_pad = uint32(10)
    crop_mode = string(11, "warp")
    cache_images = boolean(12)
    root_folder = string(13)


class AccuracyParameter(Message):
    """Accuracy."""

    top_k = uint32(1, 1)
    axis = int32(2, 1)
    ignore_label = int32(3)


class ContrastiveLossParameter(Message):
    """ContrastiveLoss."""

    margin = floating(1, 1.0)
    legacy_version = boolean(2)


class HingeLossParameter(Message):
    """HingeLoss."""

    norm = enum(1, HingeNorm.L1)


class InfogainLossParameter(Message):
    """InfogainLoss."""

    source = string(1)
    axis = int32(2, 1)
