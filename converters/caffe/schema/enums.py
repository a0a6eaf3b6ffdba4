"""The enums of caffe.proto."""

from __future__ import annotations

from enum import IntEnum


class Phase(IntEnum):
    """What a net is built for."""

    TRAIN = 0
    TEST = 1


class VarianceNorm(IntEnum):
    """Which fan a filler normalises its variance by."""

    FAN_IN = 0
    FAN_OUT = 1
    AVERAGE = 2


class DimCheckMode(IntEnum):
    """How alike the shapes of shared parameters must be."""

    STRICT = 0
    PERMISSIVE = 1


class NormalizationMode(IntEnum):
    """What a loss is divided by."""

    FULL = 0
    VALID = 1
    BATCH_SIZE = 2
    NONE = 3


class Engine(IntEnum):
    """Which implementation computes a layer; it has no effect on what is computed."""

    DEFAULT = 0
    CAFFE = 1
    CUDNN = 2


class DB(IntEnum):
    """The kind of a Data layer's database."""

    LEVELDB = 0
    LMDB = 1


class EltwiseOp(IntEnum):
    """How Eltwise combines its bottoms."""

    PROD = 0
    SUM = 1
    MAX = 2


class HingeNorm(IntEnum):
    """The norm of a hinge loss."""

    L1 = 1
    L2 = 2


class NormRegion(IntEnum):
    """The neighbourhood of local response normalisation."""

    ACROSS_CHANNELS = 0
    WITHIN_CHANNEL = 1


class PoolMethod(IntEnum):
    """How a window is reduced."""

    MAX = 0
    AVE = 1
    STOCHASTIC = 2


class RoundMode(IntEnum):
    """How a pooled size is rounded."""

    CEIL = 0
    FLOOR = 1


class ReductionOp(IntEnum):
    """How Reduction reduces."""

    SUM = 1
    ASUM = 2
    SUMSQ = 3
    MEAN = 4


class V1LayerType(IntEnum):
    """The layer types of the second format, before types were strings."""

    NONE = 0
    ABSVAL = 35
    ACCURACY = 1
    ARGMAX = 30
    BNLL = 2
    CONCAT = 3
    CONTRASTIVE_LOSS = 37
    CONVOLUTION = 4
    DATA = 5
    DECONVOLUTION = 39
    DROPOUT = 6
    DUMMY_DATA = 32
    EUCLIDEAN_LOSS = 7
    ELTWISE = 25
    EXP = 38
    FLATTEN = 8
    HDF5_DATA = 9
    HDF5_OUTPUT = 10
    HINGE_LOSS = 28
    IM2COL = 11
    IMAGE_DATA = 12
    INFOGAIN_LOSS = 13
    INNER_PRODUCT = 14
    LRN = 15
    MEMORY_DATA = 29
    MULTINOMIAL_LOGISTIC_LOSS = 16
    MVN = 34
    POOLING = 17
    POWER = 26
    RELU = 18
    SIGMOID = 19
    SIGMOID_CROSS_ENTROPY_LOSS = 27
    SILENCE = 36
    SOFTMAX = 20
    SOFTMAX_LOSS = 21
    SPLIT = 22
    SLICE = 33
    TANH = 23
    WINDOW_DATA = 24
    THRESHOLD = 31
