"""Settings of layers that forks of Caffe added: SSD, Fast R-CNN, R-FCN, SegNet, PSPNet, ShuffleNet, darknet2caffe."""

from __future__ import annotations

from enum import IntEnum

from dragoman.converters.caffe.schema.common import FillerParameter
from dragoman.converters.caffe.schema.enums import Engine
from dragoman.converters.caffe.schema.message import (
    Message,
    boolean,
    enum,
    floating,
    floats,
    int32,
    message,
    required,
    string,
    uint32,
    uint32s,
)


class CodeType(IntEnum):
    """How a box is encoded relative to its prior."""

    CORNER = 1
    CENTER_SIZE = 2
    CORNER_SIZE = 3


class BNMode(IntEnum):
    """SegNet's BN: whether it learns its statistics."""

    LEARN = 0
    INFERENCE = 1


class PermuteParameter(Message):
    """SSD's Permute: the axes in their new order; those not named follow in theirs."""

    order = uint32s(1)


class NormalizeParameter(Message):
    """SSD's Normalize: the L2 norm over the channels, or with ``across_spatial`` over everything but the batch."""

    across_spatial = boolean(1, True)
    scale_filler = message(2, FillerParameter)
    channel_shared = boolean(3, True)
    eps = floating(4, 1e-10)


class PriorBoxParameter(Message):
    """SSD's PriorBox; sizes and steps in pixels."""

    min_size = floats(1)
    max_size = floats(2)
    aspect_ratio = floats(3)
    flip = boolean(4, True)
    clip = boolean(5)
    variance = floats(6)
    img_size = uint32(7)
    img_h = uint32(8)
    img_w = uint32(9)
    step = floating(10)
    step_h = floating(11)
    step_w = floating(12)
    offset = floating(13, 0.5)


class NonMaximumSuppressionParameter(Message):
    """Non-maximum suppression within DetectionOutput."""

    nms_threshold = floating(1, 0.3)
    top_k = int32(2)
    eta = floating(3, 1.0)


class SaveOutputParameter(Message):
    """Where DetectionOutput writes its detections while a net is tested."""

    output_directory = string(1)
    output_name_prefix = string(2)
    output_format = string(3)
    label_map_file = string(4)
    name_size_file = string(5)
    num_test_image = uint32(6)


class DetectionOutputParameter(Message):
    """SSD's DetectionOutput."""

    num_classes = uint32(1)
    share_location = boolean(2, True)
    background_label_id = int32(3)
    nms_param = message(4, NonMaximumSuppressionParameter)
    save_output_param = message(5, SaveOutputParameter)
    code_type = enum(6, CodeType.CORNER)
    keep_top_k = int32(7, -1)
    variance_encoded_in_target = boolean(8)
    confidence_threshold = floating(9)
    visualize = boolean(10)
    visualize_threshold = floating(11)
    save_file = string(12)


class ROIPoolingParameter(Message):
    """Fast R-CNN's ROIPooling."""

    pooled_h = uint32(1)
    pooled_w = uint32(2)
    spatial_scale = floating(3, 1.0)


class PSROIPoolingParameter(Message):
    """R-FCN's PSROIPooling."""

    spatial_scale = required(floating(1))
    output_dim = required(int32(2))
    group_size = required(int32(3))


class ShuffleChannelParameter(Message):
    """ShuffleNet's ShuffleChannel."""

    group = uint32(1, 1)


class InterpParameter(Message):
    """DeepLab's Interp: bilinear, corners aligned."""

    height = int32(1)
    width = int32(2)
    zoom_factor = int32(3, 1)
    shrink_factor = int32(4, 1)
    pad_beg = int32(5)
    pad_end = int32(6)


class UpsampleParameter(Message):
    """SegNet's Upsample, which has a mask, and darknet2caffe's, which has ``scale`` only (and there it defaults to 1)."""

    scale = uint32(1, 2)
    scale_h = uint32(2)
    scale_w = uint32(3)
    pad_out_h = boolean(4)
    pad_out_w = boolean(5)
    upsample_h = uint32(6)
    upsample_w = uint32(7)


class BNParameter(Message):
    """BN of SegNet (the first three) and of PSPNet (the others, whose wire numbers 1 to 3 there mean what they mean here)."""

    scale_filler = message(1, FillerParameter)
    shift_filler = message(2, FillerParameter)
    bn_mode = enum(3, BNMode.LEARN)
    slope_filler = message(1001, FillerParameter)
    bias_filler = message(1002, FillerParameter)
    momentum = floating(1003, 0.9)
    eps = floating(4, 1e-5)
    frozen = boolean(5)
    engine = enum(6, Engine.DEFAULT)


class ReorgParameter(Message):
    """YOLO's Reorg."""

    reverse = boolean(1)
    stride = uint32(2, 2)


class MishParameter(Message):
    """Mish; it has no settings but the engine."""

    engine = enum(2, Engine.DEFAULT)
