"""Settings of BVLC Caffe's layers."""

from __future__ import annotations

from dragoman.converters.caffe.schema.common import BlobShape, FillerParameter
from dragoman.converters.caffe.schema.enums import EltwiseOp, Engine, NormRegion, PoolMethod, ReductionOp, RoundMode
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


class ArgMaxParameter(Message):
    """ArgMax; without ``axis``, over everything but the batch."""

    out_max_val = boolean(1)
    top_k = uint32(2, 1)
    axis = int32(3)


class BatchNormParameter(Message):
    """BatchNorm; the last four fields are NVCaffe's, whose layer can scale and shift too."""

    use_global_stats = boolean(1)
    moving_average_fraction = floating(2, 0.999)
    eps = floating(3, 1e-05)
    engine = enum(15, Engine.DEFAULT)
    scale_filler = message(5, FillerParameter)
    bias_filler = message(6, FillerParameter)
    scale_bias = boolean(7)


class BiasParameter(Message):
    """Bias."""

    axis = int32(1, 1)
    num_axes = int32(2, 1)
    filler = message(3, FillerParameter)


class ClipParameter(Message):
    """Clip."""

    min = required(floating(1))
    max = required(floating(2))


class ConcatParameter(Message):
    """Concat; ``concat_dim`` is the old name of ``axis``."""

    axis = int32(2, 1)
    concat_dim = uint32(1, 1)


class ConvolutionParameter(Message):
    """Convolution, Deconvolution and Im2col: one value for all spatial axes, one for each, or ``_h`` and ``_w``."""

    num_output = uint32(1)
    bias_term = boolean(2, True)
    pad = uint32s(3)
    kernel_size = uint32s(4)
    stride = uint32s(6)
    dilation = uint32s(18)
    pad_h = uint32(9)
    pad_w = uint32(10)
    kernel_h = uint32(11)
    kernel_w = uint32(12)
    stride_h = uint32(13)
    stride_w = uint32(14)
    group = uint32(5, 1)
    weight_filler = message(7, FillerParameter)
    bias_filler = message(8, FillerParameter)
    engine = enum(15, Engine.DEFAULT)
    axis = int32(16, 1)
    force_nd_im2col = boolean(17)


class CropParameter(Message):
    """Crop."""

    axis = int32(1, 2)
    offset = uint32s(2)


class DropoutParameter(Message):
    """Dropout. ``scale_train`` is Faster R-CNN's: without it, the test phase multiplies by what the training phase keeps."""

    dropout_ratio = floating(1, 0.5)
    scale_train = boolean(2, True)


class EltwiseParameter(Message):
    """Eltwise."""

    operation = enum(1, EltwiseOp.SUM)
    coeff = floats(2)
    stable_prod_grad = boolean(3, True)


class ELUParameter(Message):
    """ELU."""

    alpha = floating(1, 1.0)


class EmbedParameter(Message):
    """Embed."""

    num_output = uint32(1)
    input_dim = uint32(2)
    bias_term = boolean(3, True)
    weight_filler = message(4, FillerParameter)
    bias_filler = message(5, FillerParameter)


class ExpParameter(Message):
    """Exp: base^(shift + scale x); base -1 means e."""

    base = floating(1, -1.0)
    scale = floating(2, 1.0)
    shift = floating(3)


class FlattenParameter(Message):
    """Flatten."""

    axis = int32(1, 1)
    end_axis = int32(2, -1)


class InnerProductParameter(Message):
    """InnerProduct."""

    num_output = uint32(1)
    bias_term = boolean(2, True)
    weight_filler = message(3, FillerParameter)
    bias_filler = message(4, FillerParameter)
    axis = int32(5, 1)
    transpose = boolean(6)


class LogParameter(Message):
    """Log: log_base(shift + scale x); base -1 means e."""

    base = floating(1, -1.0)
    scale = floating(2, 1.0)
    shift = floating(3)


class LRNParameter(Message):
    """LRN."""

    local_size = uint32(1, 5)
    alpha = floating(2, 1.0)
    beta = floating(3, 0.75)
    norm_region = enum(4, NormRegion.ACROSS_CHANNELS)
    k = floating(5, 1.0)
    engine = enum(6, Engine.DEFAULT)


class MVNParameter(Message):
    """MVN."""

    normalize_variance = boolean(1, True)
    across_channels = boolean(2)
    eps = floating(3, 1e-09)


class PoolingParameter(Message):
    """Pooling; ``ceil_mode`` is older forks' name for ``round_mode`` (its wire number there, 13, is taken here)."""

    pool = enum(1, PoolMethod.MAX)
    pad = uint32(4)
    pad_h = uint32(9)
    pad_w = uint32(10)
    kernel_size = uint32(2)
    kernel_h = uint32(5)
    kernel_w = uint32(6)
    stride = uint32(3, 1)
    stride_h = uint32(7)
    stride_w = uint32(8)
    engine = enum(11, Engine.DEFAULT)
    global_pooling = boolean(12)
    round_mode = enum(13, RoundMode.CEIL)
    ceil_mode = boolean(1013, True)


class PowerParameter(Message):
    """Power: (shift + scale x)^power."""

    power = floating(1, 1.0)
    scale = floating(2, 1.0)
    shift = floating(3)


class PReLUParameter(Message):
    """PReLU."""

    filler = message(1, FillerParameter)
    channel_shared = boolean(2)


class PythonParameter(Message):
    """Python: a layer of the user's own code."""

    module = string(1)
    layer = string(2)
    param_str = string(3)
    share_in_parallel = boolean(4)


class RecurrentParameter(Message):
    """RNN and LSTM."""

    num_output = uint32(1)
    weight_filler = message(2, FillerParameter)
    bias_filler = message(3, FillerParameter)
    debug_info = boolean(4)
    expose_hidden = boolean(5)


class ReductionParameter(Message):
    """Reduction."""

    operation = enum(1, ReductionOp.SUM)
    axis = int32(2)
    coeff = floating(3, 1.0)


class ReLUParameter(Message):
    """ReLU."""

    negative_slope = floating(1)
    engine = enum(2, Engine.DEFAULT)


class ReshapeParameter(Message):
    """Reshape."""

    shape = message(1, BlobShape)
    axis = int32(2)
    num_axes = int32(3, -1)


class ScaleParameter(Message):
    """Scale."""

    axis = int32(1, 1)
    num_axes = int32(2, 1)
    filler = message(3, FillerParameter)
    bias_term = boolean(4)
    bias_filler = message(5, FillerParameter)


class SigmoidParameter(Message):
    """Sigmoid."""

    engine = enum(1, Engine.DEFAULT)


class SliceParameter(Message):
    """Slice; ``slice_dim`` is the old name of ``axis``."""

    axis = int32(3, 1)
    slice_point = uint32s(2)
    slice_dim = uint32(1, 1)


class SoftmaxParameter(Message):
    """Softmax."""

    engine = enum(1, Engine.DEFAULT)
    axis = int32(2, 1)


class SPPParameter(Message):
    """SPP."""

    pyramid_height = uint32(1)
    pool = enum(2, PoolMethod.MAX)
    engine = enum(6, Engine.DEFAULT)


class SwishParameter(Message):
    """Swish."""

    beta = floating(1, 1.0)


class TanHParameter(Message):
    """TanH."""

    engine = enum(1, Engine.DEFAULT)


class ThresholdParameter(Message):
    """Threshold."""

    threshold = floating(1)


class TileParameter(Message):
    """Tile."""

    axis = int32(1, 1)
    tiles = int32(2)
