"""A mean image: the ``.binaryproto`` that Caffe's compute_image_mean writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.converters.caffe.weights import read_blob


def read_mean(path: str | os.PathLike[str]) -> npt.NDArray[np.float32]:
    """The mean at ``path``, of shape (N, C, H, W), N mostly 1; in the channel order and scale of the training data.

    Raises ``MalformedModel`` if it isn't a blob, and ``OSError`` if it can't be read.
    """
    array: npt.NDArray[Any] = read_blob(Path(path)).tensor.numpy()
    return np.array(array, np.float32)
