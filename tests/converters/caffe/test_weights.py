"""Blobs in every storage, mapped and not read; HDF5 layouts; and files that a failure leaves alone."""

import numpy as np
import pytest

from dragoman.converters.caffe.reader import read_network
from dragoman.converters.caffe.schema import BlobShape, InputParameter, LayerParameter, NetParameter
from dragoman.converters.caffe.weights import read_weights
from dragoman.converters.caffe.writer import Storage, write_caffemodel, write_prototxt
from dragoman.graph_ir.errors import MalformedModel, TargetError
from dragoman.graph_ir.tensors import DerivedTensor, MappedTensor

RNG = np.random.default_rng(7)
ARRAYS = [RNG.standard_normal((3, 2, 2, 2)).astype(np.float32), RNG.standard_normal(3).astype(np.float32)]


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("storage", "dtype"), [(Storage.FLOAT, "f4"), (Storage.UNPACKED, "f4"), (Storage.DOUBLE, "f8"), (Storage.HALF, "f2")]
)
def test_storages(storage, dtype, legacy, v1, tmp_path):
    path = write_caffemodel(
        tmp_path / "net.caffemodel",
        [("c", "Convolution", ARRAYS), ("r", "ReLU", [])],
        storage=storage,
        legacy_shapes=legacy,
        v1=v1,
    )
    conv, relu = read_weights(path)
    assert (conv.name, relu.name, relu.blobs) == ("c", "r", ())
    for blob, array in zip(conv.blobs, ARRAYS, strict=True):
        assert isinstance(blob.tensor, MappedTensor) and blob.legacy is legacy
        assert blob.shape == ((1,) * (4 - array.ndim) + array.shape if legacy else array.shape)
        stored = blob.tensor.numpy()
        assert stored.dtype == dtype and np.array_equal(stored.reshape(array.shape), array.astype(dtype))


def test_arrays_larger_than_a_chunk_and_not_contiguous(tmp_path):
    arrays = [
        RNG.standard_normal((2, 3, 500_000)).astype(np.float32).transpose(2, 1, 0),
        np.broadcast_to(np.float32(2), (1, 1_500_000)),
    ]
    for storage in (Storage.FLOAT, Storage.UNPACKED):
        path = write_caffemodel(tmp_path / "net.caffemodel", [("a", "X", arrays)], storage=storage)
        for blob, array in zip(read_weights(path)[0].blobs, arrays, strict=True):
            assert np.array_equal(blob.tensor.numpy(), array)


def test_hdf5_layouts(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "net.h5"
    array = RNG.standard_normal((4, 6)).astype(np.float32)
    with h5py.File(path, "w") as root:
        data = root.create_group("data")
        data.create_dataset("plain/0", data=array)
        data.create_dataset("packed/0", data=array, chunks=(2, 3), compression="gzip")
        data.create_dataset("double/0", data=array.astype(np.float64))
        data.create_dataset("big/0", data=array.astype(">f4"))
        data.create_group("none")
        data["linked"] = h5py.SoftLink("/data/plain")
        data.create_dataset("second/1", data=array)
    layers = {layer.name: layer.blobs for layer in read_weights(path)}
    assert list(layers) == ["big", "double", "linked", "none", "packed", "plain", "second"]
    assert layers["none"] == () and layers["second"][0] is None
    for name, kind in {
        "plain": MappedTensor,
        "linked": MappedTensor,
        "double": MappedTensor,
        "packed": DerivedTensor,
        "big": DerivedTensor,
    }.items():
        assert isinstance(layers[name][0].tensor, kind), name
        assert np.array_equal(layers[name][0].tensor.numpy(), array), name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root.create_group("weights"), "has no group 'data'"),
        (lambda root: root.create_dataset("data/conv", data=[1.0]), "data/conv isn't a group"),
        (lambda root: root.create_dataset("data/conv/w", data=[1.0]), "layer conv: has a blob 'w'"),
        (lambda root: root.create_dataset("data/conv/0", data=[1]), "layer conv: blob 0 holds int64"),
        (lambda root: root.create_dataset("data/conv/4000000000", data=[1.0]), "layer conv: has a blob 4000000000"),
    ],
)
def test_hdf5_that_caffe_did_not_write(make, message, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as root:
        make(root)
    with pytest.raises(MalformedModel) as caught:
        read_weights(path)
    assert message in str(caught.value)


def test_a_blob_missing_from_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as root:
        root.create_dataset("data/a/1", data=np.ones(2, np.float32))
    net = NetParameter(
        layer=[
            LayerParameter(name="data", type="Input", top=["data"], input_param=InputParameter(shape=[BlobShape(dim=[1, 2])])),
            LayerParameter(name="a", type="InnerProduct", bottom=["data"], top=["a"]),
        ]
    )
    path = write_prototxt(tmp_path / "net.prototxt", net)
    with pytest.raises(MalformedModel, match="layer a: blob 0 is in no weights file"):
        read_network(path, tmp_path / "net.h5")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(b"before")

    def layers():
        yield "a", "Convolution", ARRAYS
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_caffemodel(path, layers())
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(TargetError, match="can't write"):
        write_prototxt(tmp_path / "nowhere" / "net.prototxt", NetParameter())


def test_a_legacy_blob_has_at_most_four_axes(tmp_path):
    with pytest.raises(ValueError, match="a legacy blob has four axes, not 5"):
        write_caffemodel(tmp_path / "net.caffemodel", [("a", "X", [np.ones((1,) * 5)])], legacy_shapes=True)
