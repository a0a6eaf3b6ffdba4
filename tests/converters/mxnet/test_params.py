"""Parameter files of every version; what is truncated, corrupt or of another kind is one error."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from dragoman.converters.mxnet.params import read_params
from dragoman.graph_ir.errors import MalformedModel
from dragoman.graph_ir.tensors import MappedTensor

from .params_file import FLAGS, write_params

RNG = np.random.default_rng(0)


def arrays() -> dict[str, np.ndarray]:
    made = {f"arg:{name}": (RNG.standard_normal((2, 3)) * 5).astype(name) for name in FLAGS}
    return {**made, "aux:é✓": np.arange(4, dtype=np.float32), "x" * 300: np.zeros((1, 1, 1, 1, 1), np.float32)}


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_every_version_and_type(version: int, tmp_path: Path) -> None:
    wanted = arrays()
    found = read_params(write_params(tmp_path / "net.params", wanted, version=version))
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert isinstance(found[name], MappedTensor)
        assert found[name].numpy().dtype == array.dtype
        np.testing.assert_array_equal(found[name].numpy(), array)


def test_scalars_and_empty_arrays(tmp_path: Path) -> None:
    wanted = {"scalar": np.array(2.5, np.float32), "empty": np.zeros((0, 3), np.int64)}
    found = read_params(write_params(tmp_path / "net.params", wanted, version=3))
    assert {name: found[name].numpy().shape for name in wanted} == {"scalar": (), "empty": (0, 3)}


def test_numpy_archives(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", **{"features.0.weight": np.ones((2, 2), np.float16)})
    assert read_params(tmp_path / "net.npz")["features.0.weight"].numpy().dtype == np.float16


def test_pickled_archives_are_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", x=np.array([{"a": 1}], object))
    with pytest.raises(MalformedModel, match="numpy"):
        read_params(tmp_path / "net.npz")


@pytest.mark.parametrize("storage", [1, 2, 7])
def test_sparse_arrays_are_refused(storage: int, tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match=r"row-sparse|CSR|storage type 7"):
        read_params(write_params(tmp_path / "net.params", arrays(), storage=storage))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x12\x01", b"{}", b"\x89HDF\r\n", struct.pack("<QQQ", 0x112, 0, 1 << 60), struct.pack("<QQQII", 0x112, 0, 1, 4000000000, 0)],
    ids=["empty", "short", "json", "hdf5", "huge count", "huge rank"],
)
def test_what_is_no_parameter_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.params"
    path.write_bytes(content)
    with pytest.raises(MalformedModel, match=r"net\.params"):
        read_params(path)


def test_every_truncation_is_one_error(tmp_path: Path) -> None:
    whole = write_params(tmp_path / "whole.params", {"a": np.ones((2, 3), np.float32), "b": np.ones(5, np.int8)}).read_bytes()
    path = tmp_path / "net.params"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(MalformedModel):
            read_params(path)


def test_damage_is_an_error_or_other_values(tmp_path: Path) -> None:
    whole = write_params(tmp_path / "whole.params", {"a": np.ones((2, 3), np.float32), "b": np.ones(5, np.int8)}).read_bytes()
    path = tmp_path / "net.params"
    chance = random.Random(0)
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            for tensor in read_params(path).values():
                tensor.numpy()
        except MalformedModel:
            pass
