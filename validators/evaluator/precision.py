"""Which tensors are held in the evaluator's precision."""

from __future__ import annotations

from typing import Any

import numpy as np


def narrow(dtype: np.dtype[Any]) -> bool:
    """Whether tensors of ``dtype`` take part in the network's rounding: float32, float16 and bfloat16."""
    return dtype in (np.dtype(np.float32), np.dtype(np.float16)) or dtype.name == "bfloat16"


def in_precision(value: Any, dtype: np.dtype[Any]) -> Any:
    """``value``, or a sequence's items, in ``dtype`` if it is a narrow float; anything else as it is."""
    if isinstance(value, list):
        return [in_precision(item, dtype) for item in value]
    if isinstance(value, np.ndarray) and narrow(value.dtype):
        return value.astype(dtype, copy=False)
    return value
