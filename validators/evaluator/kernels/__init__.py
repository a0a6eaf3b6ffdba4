"""Every kernel, by ONNX operator name: pure numpy, in the precision of the tensors it is given."""

from dragoman.validators.evaluator.kernels import (
    activation,
    control,
    conv,
    detection,
    elementwise,
    indexing,
    linear,
    normalization,
    pooling,
    recurrent,
    reduction,
    sampling,
    shape,
    tensors,
)
from dragoman.validators.evaluator.kernels.table import Kernel, merge

KERNELS = merge(
    module.family
    for module in (
        activation,
        control,
        conv,
        detection,
        elementwise,
        indexing,
        linear,
        normalization,
        pooling,
        recurrent,
        reduction,
        sampling,
        shape,
        tensors,
    )
)

__all__ = ["KERNELS", "Kernel"]
