"""The prototxt parser against what the real Caffe reads, and against what nobody should have to read."""

import math
import re
import time

import pytest
from reader_support import RECORDED, as_json

from dragoman.converters.caffe.schema import ConvolutionParameter, LayerParameter, NetParameter, PoolMethod
from dragoman.converters.caffe.text import format_message, parse
from dragoman.graph_ir.errors import MalformedModel

TEXTS = RECORDED["texts"]
UNKNOWN = {"foo: 1\n": "foo", "[x.y]: 1\n": "[x.y]"}
"""Unknown fields, which Caffe refuses: skipped here, and left for the importer to judge."""


@pytest.mark.parametrize("entry", TEXTS, ids=[str(index) for index in range(len(TEXTS))])
def test_reads_what_caffe_reads(entry):
    text = entry["text"]
    unknown = next((name for start, name in UNKNOWN.items() if text.startswith(start)), None)
    if entry["parsed"] or unknown or text.startswith("\ufeff"):
        net = parse(text.encode(), NetParameter, "f")
        assert [name for name, _ in net.unknown] == ([unknown] if unknown else [])
    else:
        with pytest.raises(MalformedModel, match=r"^f:\d+: "):
            parse(text.encode(), NetParameter, "f")
    if entry["value"] is not None:
        assert net.name == entry["value"]["name"]
        assert [as_json(layer) for layer in net.layer] == entry["value"]["layers"]


def test_messages_know_where_they_stand():
    net = parse(
        b'name: "n" # one\n\n# two\nlayer {\r\n  name: "a"\r\n  relu_param\n  {\n  }\n}\nlayer { name: "b" }',
        NetParameter,
        "dir/f.prototxt",
    )
    assert [str(layer.location) for layer in net.layer] == ["dir/f.prototxt:4", "dir/f.prototxt:10"]
    assert str(net.layer[0].relu_param.location) == "dir/f.prototxt:6"


def test_unknown_fields_are_skipped_by_their_structure():
    text = """
    layer {
      name: "a"
      alien { x: 1 y { z: "}" } w: [1, 2, {v: [3]}] } ;
      alien2: [{a: 1}, {b: ']' 'more'}], alien3: -inf
      alien4 < b: [] c { } >
      [some.extension] { q: 1 }
      type: "ReLU"
    }
    """
    layer = parse(text.encode(), NetParameter, "f").layer[0]
    assert (layer.name, layer.type) == ("a", "ReLU")
    assert [(name, location.line) for name, location in layer.unknown] == [
        ("alien", 4), ("alien2", 5), ("alien3", 5), ("alien4", 6), ("[some.extension]", 7),
    ]  # fmt: skip


BAD = {
    "empty": (b"", "f: the file is empty"),
    "blank": (b" \n\t", "f: the file is empty"),
    "not UTF-8": (b'name: "a"\nlayer { name: "\xe9t\xe9" }', "f:2: not UTF-8 text"),
    "binary": (
        b"\n\x05VGG16\xa2\x06\x10\n\x05conv1\x12\x07Convolu",
        "f: this looks like a binary caffemodel; the architecture",
    ),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0\0\0", "f: this looks like a binary caffemodel"),
    "truncated in a message": (
        b'layer {\n  name: "a"\n  type: "ReLU"\n',
        "f:4: the file ends where '}' is expected (opened in line 1)",
    ),
    "truncated in a value": (b'name: "a"\nlayer { name:', "f:2: expected a value for name, found the end of the file"),
    "truncated in a name": (b'name: "a"\nlay', "f:2: expected ':' or '{' after 'lay', found the end of the file"),
    "truncated in a string": (b'name: "a', "f:1: the string of name isn't closed in its line"),
    "truncated in a list": (b"input_dim: [1, 2", "f:1: the file ends where ',' or ']' is expected"),
    "given twice": (b'layer {\n name: "a"\n type: "b"\n name: "c"\n}', "f:4: name is given twice (first in line 2)"),
    "message given twice": (b"layer { relu_param { }\n relu_param { } }", "f:2: relu_param is given twice (first in line 1)"),
    "brace": (b'layer { name: "a" }\n}', "f:2: unexpected '}'"),
    "bracket": (b"layer { name: 'a' >", "f:1: unexpected '>', expected '}'"),
    "integer": (b"layer {\n convolution_param { num_output: 3.5 } }", "f:2: num_output is an integer, found '3.5'"),
    "range": (b"layer { convolution_param { num_output: -1 } }", "f:1: num_output is out of range: -1"),
    "enum": (b"layer { pooling_param { pool: AVG } }", "f:1: pool is one of MAX, AVE, STOCHASTIC; found 'AVG'"),
    "string": (b"name: a", "f:1: name is a string: expected quotes, found 'a'"),
    "number": (b'layer { relu_param { negative_slope: "1" } }', 'f:1: negative_slope is a number, not a string: found "1"'),
    "bool": (b"force_backward: yes", "f:1: force_backward is true or false, found 'yes'"),
    "list": (b"name: ['a']", "f:1: name takes one value, not a list"),
    "mixed list": (b"layer: [1]", "f:1: layer is a list of messages"),
    "mixed list of values": (b"input_dim: [{}]", "f:1: input_dim is a list of values"),
    "required": (b"layer {\n clip_param { min: 1 } }", "f:2: ClipParameter needs max"),
    "no colon": (b"name 'a'", "f:1: expected ':' or '{' after 'name', found \"'a'\""),
    "stray": (b"= 1", "f:1: expected a field's name, found '='"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_text_is_one_clear_message(name):
    data, message = BAD[name]
    with pytest.raises(MalformedModel) as caught:
        parse(data, NetParameter, "f")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "layer {",
        "layer { a {",
        "a {",
        "a <",
        "a: [",
        "a: [{",
        "a: [{b",
        '"',
        "\\",
        "name: '\\",
        "-",
        "a: -",
        "}",
        "9",
        "[",
        "name: ''''",
    ],
)
def test_hostile_text_fails_at_once(unit):
    start = time.perf_counter()
    with pytest.raises(MalformedModel) as caught:
        parse(unit.encode() * 100_000, NetParameter, "f")
    assert time.perf_counter() - start < 5
    assert len(str(caught.value)) < 200


def test_any_cut_of_a_net_is_an_error_or_a_shorter_net():
    text = b'name: "n" input: "x" layer { name: "a" pooling_param: < pool: AVE kernel_size: 0x3 > loss_weight: [1, -2] } # end'
    kept = 0
    for end in range(1, len(text)):
        try:
            parse(text[:end], NetParameter, "f")
            kept += 1
        except MalformedModel as error:
            assert re.match(r"f:1: ", str(error))
    assert 0 < kept < 40


def test_a_large_net_is_read_in_linear_time():
    unit = b'layer { name: "r" type: "ReLU" bottom: "a" top: "a"\n param { lr_mult: 1 } relu_param { negative_slope: 0.1 } }\n'
    start = time.perf_counter()
    assert len(parse(unit * 20_000, NetParameter, "f").layer) == 20_000
    assert time.perf_counter() - start < 15


def test_defaults_and_presence():
    layer = parse(b"layer { convolution_param { bias_term: true } }", NetParameter, "f").layer[0]
    param = layer.convolution_param
    assert param.has("bias_term") and not param.has("group") and not layer.has("pooling_param")
    assert (param.group, param.axis, param.pad, layer.pooling_param.pool, layer.pooling_param.stride) == (
        1,
        1,
        [],
        PoolMethod.MAX,
        1,
    )
    assert not layer.has("pooling_param")
    with pytest.raises(AttributeError):
        param.has("pads")
    with pytest.raises(TypeError):
        ConvolutionParameter(pads=1)


def test_text_written_reads_back_the_same():
    net = NetParameter(
        name='q"\\\n\t\x01é',
        layer=[
            LayerParameter(name="a", convolution_param=ConvolutionParameter(num_output=3, kernel_size=[1, 2], bias_term=False)),
            LayerParameter(loss_weight=[0.1, 1e-30, math.inf, -math.inf, 16777216.0, -0.0], propagate_down=[True, False]),
        ],
    )
    net.layer[0].pooling_param = parse(b"pool: AVE pad: 4294967295", type(net.layer[0].pooling_param), "f")
    net.layer[1].loss_weight = parse(b"loss_weight: [0.1, 1e-30, inf, -inf, 16777216, -0]", LayerParameter, "f").loss_weight
    text = format_message(net)
    assert parse(text.encode(), NetParameter, "f") == net
    assert "loss_weight: 0.1\n" in text and "loss_weight: 1e-30\n" in text and "pool: AVE\n" in text
