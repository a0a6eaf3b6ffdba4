"""DFT, STFT, windows and mel filters between opsets, by ONNX Runtime at the model's own opset."""

from __future__ import annotations

import numpy as np
import pytest

from .moved_operator import computes_the_same, model_of, reason_at


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


GIVEN = pytest.mark.parametrize("given", ["constant", "dynamic", "computed"])


@GIVEN
@pytest.mark.parametrize("length", [None, 4, 9])
@pytest.mark.parametrize("axis", [1, 2, -2])
@pytest.mark.parametrize(("numbers", "how"), [(1, {}), (2, {}), (1, {"onesided": 1}), (1, {"inverse": 1}), (2, {"inverse": 1})])
def test_dft(newest_opset, numbers, how, axis, length, given) -> None:
    x, where = noise(2, 6, 5, numbers), np.array(axis)
    count = {} if length is None else {"n": np.array(length)}
    names = ["x", *(count or [""]), "axis"]
    feeds = {"x": x, **count, "axis": where} if given == "computed" else {"x": x}
    constants = {} if given == "computed" else {**count, "axis": where}
    model = model_of("DFT", 20, feeds, constants, inputs=names, **how)
    if given == "dynamic":
        for dim, name in zip(model.graph.input[0].type.tensor_type.shape.dim, "bhw", strict=False):
            dim.dim_param = name
    computes_the_same(newest_opset, model, feeds, (11, 13, 16, 17, 19, 21))


@pytest.mark.parametrize(("axis", "onesided"), [(None, 0), (1, 1), (2, 0), (2, 1)])
def test_dft_of_seventeen(newest_opset, axis, onesided) -> None:
    """Its default axis was 1."""
    x = noise(2, 5, 4, 1)
    how = {"onesided": onesided} | ({} if axis is None else {"axis": axis})
    computes_the_same(newest_opset, model_of("DFT", 17, {"x": x}, **how), {"x": x}, (11, 17, 20, 21))


@pytest.mark.parametrize("length", [None, 8])
def test_onesided_inverse(newest_opset, length) -> None:
    x = noise(2, 5, 3, 2)
    count = {} if length is None else {"n": np.array(length)}
    names = ["x", *(count or [""]), "axis"]
    model = model_of("DFT", 20, {"x": x}, {**count, "axis": np.array(1)}, inputs=names, inverse=1, onesided=1)
    computes_the_same(newest_opset, model, {"x": x}, (11, 16, 17, 19))


@pytest.mark.parametrize("length", [4, 12])
def test_onesided_inverse_of_another_length(length) -> None:
    constants = {"n": np.array(length), "axis": np.array(1)}
    model = model_of("DFT", 20, {"x": noise(2, 5, 3, 2)}, constants, inverse=1, onesided=1)
    assert "onesided inverse" in reason_at(model, 16)


@pytest.mark.parametrize(("length", "window"), [(False, True), (True, False), (True, True)])  # one says how long a frame is
@pytest.mark.parametrize(("numbers", "onesided"), [(1, 1), (1, 0), (2, 0)])
@pytest.mark.parametrize("computed", [False, True], ids=["constant", "computed"])
def test_stft(newest_opset, computed, numbers, onesided, length, window) -> None:
    x, given = noise(2, 19, numbers), {"step": np.array(3)}
    if window:
        given["window"] = np.abs(noise(6))
    if length:
        given["length"] = np.array(6)
    names = ["x", "step", "window" if window else "", *(["length"] if length else [])]
    feeds = {"x": x, **given} if computed else {"x": x}
    model = model_of("STFT", 17, feeds, {} if computed else given, inputs=names, onesided=onesided)
    computes_the_same(newest_opset, model, feeds, (11, 13, 16))


@pytest.mark.parametrize("computed", [False, True], ids=["constant", "computed"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("op", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_windows(newest_opset, op, periodic, dtype, computed) -> None:
    for size in (2, 3, 7, 10, 64):
        number = {"size": np.array(size)}
        code = 1 if dtype == np.float32 else 11
        feeds = number if computed else {}
        how = {"periodic": periodic, "output_datatype": code}
        model = model_of(op, 17, feeds, {} if computed else number, outputs=[(dtype, 1)], **how)
        computes_the_same(newest_opset, model, feeds, (11, 16), tolerance=2e-6)


def test_window_of_integers() -> None:
    model = model_of("BlackmanWindow", 17, {}, {"size": np.array(9)}, outputs=[(np.int64, 1)], output_datatype=7)
    assert "rounded" in reason_at(model, 16)


@pytest.mark.parametrize("computed", [False, True], ids=["constant", "computed"])
@pytest.mark.parametrize(
    ("bins", "length", "rate", "low", "high"),
    [(8, 16, 8192, 0, 4096), (1, 8, 8000, 20, 1000), (20, 64, 16000, 125.5, 3800), (13, 256, 8000, 301.4, 3044.2)],
)
def test_mel_weight_matrix(newest_opset, bins, length, rate, low, high, computed) -> None:
    numbers = {name: np.array(v) for name, v in (("bins", bins), ("length", length), ("rate", rate))}
    numbers |= {name: np.array(v, np.float32) for name, v in (("low", low), ("high", high))}
    feeds = numbers if computed else {}
    model = model_of("MelWeightMatrix", 17, feeds, {} if computed else numbers, outputs=[(np.float32, 2)])
    computes_the_same(newest_opset, model, feeds, (11, 16))
