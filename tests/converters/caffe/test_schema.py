"""The schema is BVLC's, field by field; what is written, protobuf's own runtime reads."""

import base64

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from reader_support import RECORDED, as_json

from dragoman.converters.caffe import schema
from dragoman.converters.caffe.schema import Kind, NetParameter
from dragoman.converters.caffe.text import parse
from dragoman.converters.caffe.writer import Storage, encode, write_caffemodel, write_mean, write_prototxt

CAFFE = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(RECORDED["descriptor"]))
NOT_READ = {"BlobProtoVector", "Datum", "SolverParameter", "SolverState"}
MESSAGES = {message.name: message for message in CAFFE.message_type if message.name not in NOT_READ}
KINDS = {
    "TYPE_INT32": Kind.INT32, "TYPE_INT64": Kind.INT64, "TYPE_UINT32": Kind.UINT32, "TYPE_FLOAT": Kind.FLOAT,
    "TYPE_DOUBLE": Kind.DOUBLE, "TYPE_BOOL": Kind.BOOL, "TYPE_STRING": Kind.STRING, "TYPE_BYTES": Kind.BYTES,
    "TYPE_ENUM": Kind.ENUM, "TYPE_MESSAGE": Kind.MESSAGE,
}  # fmt: skip
ENUMS = {
    f".caffe.{prefix}{enum.name}": {value.name: value.number for value in enum.value}
    for prefix, enums in [("", CAFFE.enum_type), *((f"{message.name}.", message.enum_type) for message in CAFFE.message_type)]
    for enum in enums
}


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_are_those_of_caffe(name):
    ours = getattr(schema, name)
    for field in MESSAGES[name].field:
        mine = ours.fields[field.name]
        kind = field.Type.Name(field.type)
        assert (mine.number, mine.kind) == (field.number, KINDS[kind]), field.name
        assert mine.repeated == (field.label == field.LABEL_REPEATED), field.name
        assert mine.required == (field.label == field.LABEL_REQUIRED), field.name
        assert mine.packed == field.options.packed, field.name
        if kind == "TYPE_ENUM":
            members = ENUMS[field.type_name]
            assert {member.name: member.value for member in mine.enum} == members, field.name
            if not mine.repeated:
                assert mine.default().name == (field.default_value or next(iter(members))), field.name
        elif kind == "TYPE_MESSAGE":
            assert f".caffe.{mine.message.__name__}" == field.type_name, field.name
        elif not mine.repeated and field.default_value:
            written = {"TYPE_BOOL": str(mine.default()).lower(), "TYPE_STRING": mine.default()}
            expected = field.default_value if kind in written else np.float32(field.default_value)
            assert written.get(kind, mine.default()) == expected, field.name
        elif not mine.repeated:
            assert not mine.default(), field.name


@pytest.fixture(scope="module")
def runtime():
    pool = descriptor_pool.DescriptorPool()
    pool.Add(CAFFE)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))()


@pytest.mark.parametrize("storage", [Storage.FLOAT, Storage.DOUBLE, Storage.UNPACKED])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("v1", [False, True])
def test_protobuf_reads_a_caffemodel(runtime, tmp_path, storage, legacy, v1):
    arrays = [
        np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32),
        np.arange(3, dtype=np.float32),
        np.zeros((0, 2)),
    ]
    path = write_caffemodel(
        tmp_path / "w",
        [("a", "Convolution", arrays), ("b", "ReLU", [])],
        name="né",
        storage=storage,
        legacy_shapes=legacy,
        v1=v1,
    )
    net = runtime("NetParameter")
    net.ParseFromString(path.read_bytes())
    layers = net.layers if v1 else net.layer
    assert (net.name, [layer.name for layer in layers]) == ("né", ["a", "b"])
    assert [layer.type for layer in layers] == ([4, 18] if v1 else ["Convolution", "ReLU"])
    for blob, array in zip(layers[0].blobs, arrays, strict=True):
        assert list(blob.double_data if storage is Storage.DOUBLE else blob.data) == array.ravel().tolist()
        if legacy:
            assert (blob.num, blob.channels, blob.height, blob.width) == (1,) * (4 - array.ndim) + array.shape
        else:
            assert tuple(blob.shape.dim) == array.shape


def test_protobuf_reads_a_mean(runtime, tmp_path):
    blob = runtime("BlobProto")
    blob.ParseFromString(write_mean(tmp_path / "m", np.arange(6).reshape(1, 2, 3)).read_bytes())
    assert (blob.num, blob.channels, blob.height, blob.width, list(blob.data)) == (1, 1, 2, 3, [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("name", RECORDED["upgrades"])
def test_protobuf_reads_a_prototxt_and_its_encoding(runtime, tmp_path, name):
    text = RECORDED["upgrades"][name]["text"]
    net = parse(text.encode(), NetParameter, "f")
    expected, written, encoded = runtime("NetParameter"), runtime("NetParameter"), runtime("NetParameter")
    text_format.Parse(text, expected)
    text_format.Parse(write_prototxt(tmp_path / "n.prototxt", net).read_text(), written)
    encoded.ParseFromString(encode(net))
    assert written == expected and encoded == expected
    assert as_json(net)
