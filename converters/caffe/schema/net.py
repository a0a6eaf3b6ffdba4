"""The net and its layers."""

from __future__ import annotations

from dragoman.converters.caffe.schema.common import (
    BlobProto,
    BlobShape,
    LossParameter,
    NetState,
    NetStateRule,
    ParamSpec,
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
    InputParameter,
    MemoryDataParameter,
    ParameterParameter,
    WindowDataParameter,
)
from dragoman.converters.caffe.schema.enums import Phase
from dragoman.converters.caffe.schema.forks import (
    BNParameter,
    DetectionOutputParameter,
    InterpParameter,
    MishParameter,
    NormalizeParameter,
    PermuteParameter,
    PriorBoxParameter,
    PSROIPoolingParameter,
    ReorgParameter,
    ROIPoolingParameter,
    ShuffleChannelParameter,
    UpsampleParameter,
)
from dragoman.converters.caffe.schema.layers import (
    ArgMaxParameter,
    BatchNormParameter,
    BiasParameter,
    ClipParameter,
    ConcatParameter,
    ConvolutionParameter,
    CropParameter,
    DropoutParameter,
    EltwiseParameter,
    ELUParameter,
    EmbedParameter,
    ExpParameter,
    FlattenParameter,
    InnerProductParameter,
    LogParameter,
    LRNParameter,
    MVNParameter,
    PoolingParameter,
    PowerParameter,
    PReLUParameter,
    PythonParameter,
    RecurrentParameter,
    ReductionParameter,
    ReLUParameter,
    ReshapeParameter,
    ScaleParameter,
    SigmoidParameter,
    SliceParameter,
    SoftmaxParameter,
    SPPParameter,
    SwishParameter,
    TanHParameter,
    ThresholdParameter,
    TileParameter,
)
from dragoman.converters.caffe.schema.legacy import V1LayerParameter
from dragoman.converters.caffe.schema.message import (
    Message,
    boolean,
    booleans,
    enum,
    floats,
    int32s,
    message,
    messages,
    string,
    strings,
)


class LayerParameter(Message):
    """A layer: its type, its bottoms and tops, and a message of settings for each type."""

    name = string(1)
    type = string(2)
    bottom = strings(3)
    top = strings(4)
    phase = enum(10, Phase.TRAIN)
    loss_weight = floats(5)
    param = messages(6, ParamSpec)
    blobs = messages(7, BlobProto)
    propagate_down = booleans(11)
    include = messages(8, NetStateRule)
    exclude = messages(9, NetStateRule)
    transform_param = message(100, TransformationParameter)
    loss_param = message(101, LossParameter)
    accuracy_param = message(102, AccuracyParameter)
    argmax_param = message(103, ArgMaxParameter)
    batch_norm_param = message(139, BatchNormParameter)
    bias_param = message(141, BiasParameter)
    clip_param = message(148, ClipParameter)
    concat_param = message(104, ConcatParameter)
    contrastive_loss_param = message(105, ContrastiveLossParameter)
    convolution_param = message(106, ConvolutionParameter)
    crop_param = message(144, CropParameter)
    data_param = message(107, DataParameter)
    dropout_param = message(108, DropoutParameter)
    dummy_data_param = message(109, DummyDataParameter)
    eltwise_param = message(110, EltwiseParameter)
    elu_param = message(140, ELUParameter)
    embed_param = message(137, EmbedParameter)
    exp_param = message(111, ExpParameter)
    flatten_param = message(135, FlattenParameter)
    hdf5_data_param = message(112, HDF5DataParameter)
    hdf5_output_param = message(113, HDF5OutputParameter)
    hinge_loss_param = message(114, HingeLossParameter)
    image_data_param = message(115, ImageDataParameter)
    infogain_loss_param = message(116, InfogainLossParameter)
    inner_product_param = message(117, InnerProductParameter)
    input_param = message(143, InputParameter)
    log_param = message(134, LogParameter)
    lrn_param = message(118, LRNParameter)
    memory_data_param = message(119, MemoryDataParameter)
    mvn_param = message(120, MVNParameter)
    parameter_param = message(145, ParameterParameter)
    pooling_param = message(121, PoolingParameter)
    power_param = message(122, PowerParameter)
    prelu_param = message(131, PReLUParameter)
    python_param = message(130, PythonParameter)
    recurrent_param = message(146, RecurrentParameter)
    reduction_param = message(136, ReductionParameter)
    relu_param = message(123, ReLUParameter)
    reshape_param = message(133, ReshapeParameter)
    scale_param = message(142, ScaleParameter)
    sigmoid_param = message(124, SigmoidParameter)
    softmax_param = message(125, SoftmaxParameter)
    spp_param = message(132, SPPParameter)
    slice_param = message(126, SliceParameter)
    swish_param = message(147, SwishParameter)
    tanh_param = message(127, TanHParameter)
    threshold_param = message(128, ThresholdParameter)
    tile_param = message(138, TileParameter)
    window_data_param = message(129, WindowDataParameter)

    # Forks' fields. Their wire numbers differ between forks: see ``FORK_NUMBERS``.
    bn_param = message(45, BNParameter)
    permute_param = message(202, PermuteParameter)
    prior_box_param = message(203, PriorBoxParameter)
    detection_output_param = message(204, DetectionOutputParameter)
    norm_param = message(206, NormalizeParameter)
    shuffle_channel_param = message(164, ShuffleChannelParameter)
    roi_pooling_param = message(8266711, ROIPoolingParameter)
    psroi_pooling_param = message(10001, PSROIPoolingParameter)
    interp_param = message(2143, InterpParameter)
    upsample_param = message(149, UpsampleParameter)
    reorg_param = message(159, ReorgParameter)
    mish_param = message(150, MishParameter)


class NetParameter(Message):
    """A net: its layers, in any of the three formats, and its inputs."""

    name = string(1)
    input = strings(3)
    input_shape = messages(8, BlobShape)
    input_dim = int32s(4)
    force_backward = boolean(5)
    state = message(6, NetState)
    debug_info = boolean(7)
    layer = messages(100, LayerParameter)
    layers = messages(2, V1LayerParameter)
