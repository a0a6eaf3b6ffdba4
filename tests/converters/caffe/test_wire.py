"""The binary reader: what a file may do wrong, and how fields of other programs are passed over."""

import struct

import numpy as np
import pytest

from dragoman.converters.caffe.mean import read_mean
from dragoman.converters.caffe.reader import read_network
from dragoman.converters.caffe.schema import LayerParameter, NetParameter
from dragoman.converters.caffe.weights import read_weights
from dragoman.converters.caffe.wire import read_message
from dragoman.converters.caffe.writer import write_caffemodel, write_mean
from dragoman.graph_ir.errors import MalformedModel, MissingRuntime
from dragoman.graph_ir.tensors import MappedFile


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(number, value):
    return varint(number << 3) + varint(value)


def at(tmp_path, data, name="net.caffemodel"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def layer(*blobs, name=b"conv"):
    return field(100, field(1, name) + b"".join(field(7, blob) for blob in blobs))


SHAPE2 = field(7, field(1, b"\x02"))
DATA2 = field(5, struct.pack("<2f", 1, 2))

BAD = {
    "empty": (b"", "the file is empty"),
    "zeros": (bytes(100), "corrupt: 0 isn't a field's number"),
    "text": (b'name: "a"\nlayer { name: "x" }', "this looks like a prototxt; weights (a caffemodel) are expected"),
    "text with accents": ('name: "' + "é" * 3000 + '"').encode(),
    "length past the end": (
        varint(100 << 3 | 2) + varint(1000) + b"\x0a\x01a",
        "truncated or corrupt: 1000 bytes are declared where 3 are left",
    ),
    "length of 2^63": (varint(100 << 3 | 2) + varint(1 << 63), "bytes are declared where 0 are left"),
    "overlong number": (b"\xa2\x06" + b"\xff" * 11, "corrupt: a number of more than ten bytes"),
    "cut number": (b"\xa2\x06\x80", "a number runs past the end"),
    "group": (varint(500 << 3 | 3), "corrupt: wire type 3 isn't used by Caffe"),
    "cut fixed number": (b"\x0d\x01\x02", "a value runs past the end"),
    "no layers": (field(1, b"VGG"), "holds no layers: this isn't a caffemodel"),
    "both formats": (layer() + field(2, field(4, b"old")), "has both 'layer' and 'layers'"),
    "name not UTF-8": (layer(name=b"\xff\xfe"), "name isn't UTF-8 text"),
    "odd bytes": (layer(SHAPE2 + field(5, b"\0" * 7)), "data has 7 bytes, not a multiple of 4"),
    "too few": (layer(SHAPE2 + field(5, bytes(4))), "layer conv: blob 0 has the shape [2], which is 2 numbers, and holds 1"),
    "none": (layer(SHAPE2), "layer conv: blob 0 has the shape [2], which is 2 numbers, and holds 0"),
    "no shape": (layer(DATA2), "layer conv: blob 0 has the shape [], which is 1 numbers, and holds 2"),
    "terabytes": (
        layer(field(7, field(1, varint(1 << 40) + varint(1 << 20))) + DATA2),
        "which is 1152921504606846976 numbers, and holds 2",
    ),
    "negative": (
        layer(field(7, field(1, varint((1 << 64) - 2))) + DATA2),
        "layer conv: blob 0 has the shape [-2]: a dimension is negative",
    ),
    "negative, legacy": (
        layer(number(1, (1 << 64) - 1) + DATA2),
        "blob 0 has the shape [-1, 0, 0, 0]: a dimension is negative",
    ),
    "raw type": (layer(SHAPE2 + number(10, 3) + field(12, bytes(8))), "layer conv: blob 0 has raw data of type 3"),
    "raw without type": (layer(SHAPE2 + field(12, bytes(8))), "layer conv: blob 0 has raw data of type 0"),
    "raw size": (layer(SHAPE2 + number(10, 2) + field(12, bytes(5))), "which is 2 numbers, and holds 2.5"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "truncated or corrupt"),
}
BAD["text with accents"] = (BAD["text with accents"], "this looks like a prototxt")


@pytest.mark.parametrize("name", BAD)
def test_bad_weights_are_one_clear_message(name, tmp_path):
    data, message = BAD[name]
    path = at(tmp_path, data)
    with pytest.raises(MalformedModel) as caught:
        read_weights(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "net.caffemodel"
    write_caffemodel(
        path, [("a", "Convolution", [np.ones((2, 1, 3, 3)), np.ones(2)]), ("b", "InnerProduct", [np.ones((3, 2))])], name="net"
    )
    return path.read_bytes()


def test_every_cut_is_an_error_or_ends_between_layers(sound, tmp_path):
    whole = []
    for end in range(1, len(sound)):
        try:
            whole.append(len(read_weights(at(tmp_path, sound[:end]))))
        except MalformedModel as error:
            assert "\n" not in str(error)
    assert whole == [1]


def test_random_bytes(sound, tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(300):
        with pytest.raises(MalformedModel):
            read_weights(at(tmp_path, rng.bytes(200)))
    for _ in range(500):  # a flipped byte is an error, or it changed a name or a number
        data = bytearray(sound)
        data[rng.integers(len(data))] = rng.integers(256)
        try:
            read_weights(at(tmp_path, bytes(data)))
        except MalformedModel:
            continue


def test_unknown_fields_are_passed_over_and_noted(tmp_path):
    alien = number(500, 1 << 60) + field(501, b"\xff" * 9) + varint(502 << 3 | 5) + bytes(4) + varint(503 << 3 | 1) + bytes(8)
    path = at(
        tmp_path,
        alien
        + field(
            100, alien + field(1, b"r") + field(2, b"ReLU") + field(123, alien + varint(1 << 3 | 5) + struct.pack("<f", 2))
        ),
    )
    net = read_message(MappedFile(path), NetParameter)
    names = ["500", "501", "502", "503"]
    assert [[name for name, _ in message.unknown] for message in (net, net.layer[0], net.layer[0].relu_param)] == [names] * 3
    assert net.layer[0].relu_param.negative_slope == 2


def test_a_field_of_another_wire_type_is_unknown(tmp_path):
    path = at(tmp_path, field(100, number(1, 7) + field(2, b"ReLU")))
    first = read_message(MappedFile(path), NetParameter).layer[0]
    assert not first.has("name") and first.unknown[0][0] == "1"


@pytest.mark.parametrize(
    ("kind", "number_", "name"),
    [
        ("Upsample", 137, "upsample_param"),
        ("Interp", 143, "interp_param"),
        ("BN", 137, "bn_param"),
        ("ROIPooling", 150, "roi_pooling_param"),
        ("Permute", 202, "permute_param"),
        ("Embed", 137, "embed_param"),
        ("Input", 143, "input_param"),
    ],
)
def test_forks_number_their_fields_differently(kind, number_, name, tmp_path):
    path = at(tmp_path, field(100, field(number_, number(1, 1)) + field(2, kind.encode())))
    read = read_message(MappedFile(path), NetParameter).layer[0]
    assert read.has(name), read


def test_repeated_numbers_packed_or_not_and_messages_merged(tmp_path):
    first = field(106, number(4, 3) + number(1, 8)) + field(106, field(4, b"\x05\x06") + number(2, 0))
    param: LayerParameter = read_message(MappedFile(at(tmp_path, field(100, first))), NetParameter).layer[0]
    conv = param.convolution_param
    assert (conv.kernel_size, conv.num_output, conv.bias_term) == ([3, 5, 6], 8, False)


def test_data_in_several_pieces(tmp_path):
    unpacked = b"".join(b"\x2d" + struct.pack("<f", value) for value in (3, 4, 5))
    blob = (
        field(5, struct.pack("<2f", 1, 2))
        + field(7, field(1, b"\x07"))
        + unpacked
        + field(5, b"")
        + field(5, struct.pack("<2f", 6, 7))
    )
    stored = read_weights(at(tmp_path, layer(blob)))[0].blobs[0]
    assert stored.tensor.numpy().tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_unpacked_numbers_that_look_like_tags(tmp_path):
    values = np.frombuffer(b"\x2d" * 400, "<f4")
    blob = field(7, field(1, b"\x64")) + b"".join(b"\x2d" + value.tobytes() for value in values) + number(500, 1)
    assert np.array_equal(read_weights(at(tmp_path, layer(blob)))[0].blobs[0].tensor.numpy(), values)


def test_double_data_goes_before_data(tmp_path):
    blob = SHAPE2 + DATA2 + field(8, struct.pack("<2d", 0.1, 0.2))
    assert read_weights(at(tmp_path, layer(blob)))[0].blobs[0].tensor.numpy().tolist() == [0.1, 0.2]


def test_a_binary_net_of_no_layers(tmp_path):
    with pytest.raises(MalformedModel, match="holds no layers: this isn't a net"):
        read_network(at(tmp_path, field(1, b"\x01\x02")))


@pytest.mark.parametrize("data", [b"\x89HDF\r\n\x1a\n" + bytes(99), b"\xff\xfen\0a\0", b""])
def test_what_is_no_architecture(data, tmp_path):
    with pytest.raises(MalformedModel):
        read_network(at(tmp_path, data, "net.prototxt"))


def test_mean(tmp_path):
    mean = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    path = write_mean(tmp_path / "mean.binaryproto", mean)
    assert np.array_equal(read_mean(path), mean) and read_mean(path).dtype == np.float32
    with pytest.raises(MalformedModel, match="looks like a prototxt"):
        read_mean(at(tmp_path, b'name: "a"'))


def test_hdf5_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingRuntime, match=r"pip install dragoman\[caffe\]"):
        read_weights(at(tmp_path, b"\x89HDF\r\n\x1a\n" + bytes(50)))
