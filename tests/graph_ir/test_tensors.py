"""Derived tensors: as a whole, in blocks, and written block by block."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir import Builder, Model, Source, tensors
from dragoman.graph_ir.passes import optimize
from dragoman.graph_ir.passes.permutations import transposed
from dragoman.graph_ir.tensors import DerivedTensor, MappedFile, MappedTensor, blocks, cast

ARRAYS = [
    np.float32(3.5).reshape(()),
    np.arange(7, dtype=np.int64),
    np.arange(60, dtype=np.float32).reshape(5, 4, 3),
    np.arange(60, dtype=np.float16).reshape(60, 1),
    np.arange(60, dtype=np.float64).reshape(1, 60),
    np.arange(24, dtype=ml_dtypes.bfloat16).reshape(4, 6),
    np.arange(8).reshape(4, 2).astype(ml_dtypes.int4),
    np.zeros((0, 3), np.float32),
    np.zeros((3, 0), np.int32),
    np.array([[True, False], [False, True]]),
]


@pytest.fixture(params=[1, 16, 1 << 24])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(tensors, "_BLOCK", request.param)
    return int(request.param)


def written(tensor: ir.TensorProtocol, path: Path) -> bytes:
    with path.open("wb") as stream:
        tensor.tofile(stream)
    return path.read_bytes()


def row_by_row(array: np.ndarray) -> Iterator[np.ndarray]:
    return (row.reshape(1, *row.shape) for row in np.atleast_1d(array))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
@pytest.mark.parametrize("compute", [lambda a: a, lambda a: a.copy("F"), row_by_row], ids=["array", "view", "blocks"])
def test_whole_in_blocks_and_written(block: int, array: np.ndarray, compute: Callable, tmp_path: Path) -> None:
    expected = ir.Tensor(array)
    tensor = DerivedTensor(lambda: compute(array), expected.dtype, array.shape)
    assert tensor.numpy().dtype == array.dtype
    np.testing.assert_array_equal(tensor.numpy(), array)
    assert written(tensor, tmp_path / "w") == expected.tobytes() == tensor.tobytes()
    pieces = list(blocks(tensor))
    np.testing.assert_array_equal(np.concatenate(pieces).reshape(array.shape) if pieces else array, array)
    assert sum(len(piece) for piece in pieces) == (array.shape or (1,))[0]


@pytest.mark.parametrize("perm", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_a_transposed_file(block: int, perm: tuple[int, ...], tmp_path: Path) -> None:
    array = np.random.default_rng(0).standard_normal((4, 3, 5)).astype(np.float32)
    (tmp_path / "data").write_bytes(b"head" + array.tobytes())
    mapped = MappedTensor(MappedFile(tmp_path / "data"), 4, ir.DataType.FLOAT, array.shape)
    tensor = cast(transposed(mapped, perm), ir.DataType.DOUBLE)
    expected = array.transpose(perm).astype(np.float64)
    np.testing.assert_array_equal(tensor.numpy(), expected)
    assert written(tensor, tmp_path / "w") == expected.tobytes()


@pytest.mark.parametrize(
    "computed",
    [np.zeros((2, 3)), np.zeros((3, 3)).T[:2].T, [np.zeros((2, 2))], [np.zeros((2, 2)), np.zeros((2, 2))], [np.zeros((3, 1))]],
    ids=["shape", "view", "too few rows", "too many rows", "rows"],
)
@pytest.mark.parametrize("ask", [lambda t, path: t.numpy(), written], ids=["numpy", "tofile"])
def test_another_shape_than_declared(computed: np.ndarray | list[np.ndarray], ask: Callable, tmp_path: Path) -> None:
    declared = (3, 2) if isinstance(computed, list) or computed.shape == (2, 3) else (3, 3)
    tensor = DerivedTensor(lambda: iter(computed) if isinstance(computed, list) else computed, ir.DataType.DOUBLE, declared)
    with pytest.raises(AssertionError, match="declared"):
        ask(tensor, tmp_path / "w")


@pytest.mark.parametrize("folded", ["scaled before", "scaled behind", "both", "shifted before"])
def test_what_is_folded_into_a_weight_never_takes_its_size(folded: str, tmp_path: Path) -> None:
    size, path = 4096, tmp_path / "weight"
    with path.open("wb") as stream:
        stream.truncate(4 * size * size)  # zeros: 67 MB
    weight = MappedTensor(MappedFile(path), 0, ir.DataType.FLOAT, (size, size))
    vector = np.linspace(1, 2, size, dtype=np.float32)
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, ("batch", size))
    if folded in ("scaled before", "both"):
        x = g.op("Mul", x, g.const(vector))
    if folded == "shifted before":
        x = g.op("Add", x, g.const(vector))
    y = g.op("MatMul", x, g.initializer(weight, "w"))
    if folded in ("scaled behind", "both"):
        y = g.op("Mul", y, g.const(vector))
    g.output(g.op("Identity", y), "y")
    model = optimize(Model(g.model(), Source("test")))
    assert len(list(model.nodes())) == 1
    tracemalloc.start()
    try:
        for value in model.graph.initializers.values():
            assert value.const_value is not None
            with (tmp_path / "w").open("wb") as stream:
                value.const_value.tofile(stream)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_a_map_that_was_written_to_keeps_what_was_written(tmp_path: Path) -> None:
    np.zeros(4096, np.float32).tofile(tmp_path / "data")
    private = np.memmap(tmp_path / "data", np.float32, mode="c")
    private[:] = 1
    tensor = ir.Tensor(private)
    assert all((block == 1).all() for _ in range(2) for block in blocks(tensor))
