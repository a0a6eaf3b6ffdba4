"""The layers of the two older formats."""

from __future__ import annotations

from dragoman.converters.caffe.schema.common import (
    BlobProto,
    FillerParameter,
    LossParameter,
    NetStateRule,
    TransformationParameter,
)
from dragoman.converters.caffe.schema.data import (
    AccuracyParameter,
    ContrastiveLossParameter,
    DataParameter,
    DummyDataParameter,
    HDF5DataParameter,
    HDF5OutputParameter,
    HingeLossParameter,
    ImageDataParameter,
    InfogainLossParameter,
    MemoryDataParameter,
    WindowDataParameter,
)
from dragoman.converters.caffe.schema.enums import DimCheckMode, PoolMethod, V1LayerType
from dragoman.converters.caffe.schema.layers import (
    ArgMaxParameter,
    ConcatParameter,
    ConvolutionParameter,
    DropoutParameter,
    EltwiseParameter,
    ExpParameter,
    InnerProductParameter,
    LRNParameter,
    MVNParameter,
    PoolingParameter,
    PowerParameter,
    ReLUParameter,
    SigmoidParameter,
    SliceParameter,
    SoftmaxParameter,
    TanHParameter,
    ThresholdParameter,
)
from dragoman.converters.caffe.schema.message import (
    Message,
    boolean,
    enum,
    enums,
    floating,
    floats,
    int32,
    message,
    messages,
    string,
    strings,
    uint32,
)


class V0LayerParameter(Message):
    """A layer of the first format: one flat message, and its type a lower-case string."""

    name = string(1)
    type = string(2)
    num_output = uint32(3)
    biasterm = boolean(4, True)
    weight_filler = message(5, FillerParameter)
    bias_filler = message(6, FillerParameter)
    pad = uint32(7)
    kernelsize = uint32(8)
    group = uint32(9, 1)
    stride = uint32(10, 1)
    pool = enum(11, PoolMethod.MAX)
    dropout_ratio = floating(12, 0.5)
    local_size = uint32(13, 5)
    alpha = floating(14, 1.0)
    beta = floating(15, 0.75)
    k = floating(22, 1.0)
    source = string(16)
    scale = floating(17, 1.0)
    meanfile = string(18)
    batchsize = uint32(19)
    cropsize = uint32(20)
    mirror = boolean(21)
    blobs = messages(50, BlobProto)
    blobs_lr = floats(51)
    weight_decay = floats(52)
    rand_skip = uint32(53)
    det_fg_threshold = floating(54, 0.5)
    det_bg_threshold = floating(55, 0.5)
    det_fg_fraction = floating(56, 0.25)
    det_context_pad = uint32(58)
    det_crop_mode = string(59, "warp")
    new_num = int32(60)
    new_channels = int32(61)
    new_height = int32(62)
    new_width = int32(63)
    shuffle_images = boolean(64)
    concat_dim = uint32(65, 1)
    hdf5_output_param = message(1001, HDF5OutputParameter)


class V1LayerParameter(Message):
    """A layer of the second format; ``layer`` holds one of the first."""

    bottom = strings(2)
    top = strings(3)
    name = string(4)
    include = messages(32, NetStateRule)
    exclude = messages(33, NetStateRule)
    type = enum(5, V1LayerType.NONE)
    blobs = messages(6, BlobProto)
    param = strings(1001)
    blob_share_mode = enums(1002, DimCheckMode)
    blobs_lr = floats(7)
    weight_decay = floats(8)
    loss_weight = floats(35)
    accuracy_param = message(27, AccuracyParameter)
    argmax_param = message(23, ArgMaxParameter)
    concat_param = message(9, ConcatParameter)
    contrastive_loss_param = message(40, ContrastiveLossParameter)
    convolution_param = message(10, ConvolutionParameter)
    data_param = message(11, DataParameter)
    dropout_param = message(12, DropoutParameter)
    dummy_data_param = message(26, DummyDataParameter)
    eltwise_param = message(24, EltwiseParameter)
    exp_param = message(41, ExpParameter)
    hdf5_data_param = message(13, HDF5DataParameter)
    hdf5_output_param = message(14, HDF5OutputParameter)
    hinge_loss_param = message(29, HingeLossParameter)
    image_data_param = message(15, ImageDataParameter)
    infogain_loss_param = message(16, InfogainLossParameter)
    inner_product_param = message(17, InnerProductParameter)
    lrn_param = message(18, LRNParameter)
    memory_data_param = message(22, MemoryDataParameter)
    mvn_param = message(34, MVNParameter)
    pooling_param = message(19, PoolingParameter)
    power_param = message(21, PowerParameter)
    relu_param = message(30, ReLUParameter)
    sigmoid_param = message(38, SigmoidParameter)
    softmax_param = message(39, SoftmaxParameter)
    slice_param = message(31, SliceParameter)
    tanh_param = message(37, TanHParameter)
    threshold_param = message(25, ThresholdParameter)
    window_data_param = message(20, WindowDataParameter)
    transform_param = message(36, TransformationParameter)
    loss_param = message(42, LossParameter)
    layer = message(1, V0LayerParameter)
