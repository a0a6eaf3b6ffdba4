"""Nets of the older formats, upgraded as the real Caffe upgrades them."""

import base64

import pytest
from reader_support import RECORDED, as_json

from dragoman.converters.caffe.reader import read_network
from dragoman.converters.caffe.schema import NetParameter
from dragoman.converters.caffe.text import parse
from dragoman.converters.caffe.upgrade import upgrade_net
from dragoman.graph_ir.errors import MalformedModel

UPGRADES = RECORDED["upgrades"]


def unsplit(layers):
    """Caffe's layers as they were before it inserted Split layers: those gone, and bottoms by their old names."""
    names = {top: layer["bottom"][0] for layer in layers if layer["type"] == "Split" for top in layer["top"]}
    kept = [layer for layer in layers if layer["type"] != "Split"]
    return [
        {**layer, **({"bottom": [names.get(b, b) for b in layer["bottom"]]} if "bottom" in layer else {})} for layer in kept
    ]


@pytest.mark.parametrize("form", ["text", "binary"])
@pytest.mark.parametrize("name", UPGRADES)
def test_upgrades_as_caffe_does(name, form, tmp_path):
    entry = UPGRADES[name]
    path = tmp_path / "net"
    path.write_bytes(entry["text"].encode() if form == "text" else base64.b64decode(entry["binary"]))
    net = read_network(path)
    assert [as_json(layer.param) for layer in net.layers] == unsplit(entry["layers"])
    assert {top for layer in net.layers for top in layer.tops} == {name for name in entry["tops"] if "_split_" not in name}
    for top, shape in net.input_shapes.items():
        assert list(shape) == entry["tops"][top]


def upgraded(text):
    return upgrade_net(parse(text.encode(), NetParameter, "f"))


def test_preprocessing_moves_to_transform_param():
    text = """
    layers { name: "d" type: DATA top: "d"
      data_param { source: "x" scale: 0.5 mean_file: "m" crop_size: 7 mirror: true batch_size: 3 } }
    layers { name: "i" type: IMAGE_DATA top: "i"
      image_data_param { source: "x" crop_size: 7 } transform_param { mirror: true } }
    """
    data, images = upgraded(text).layer
    assert as_json(data.transform_param) == {"scale": "0.5", "mirror": True, "crop_size": 7, "mean_file": "m"}
    assert as_json(data.data_param) == {"source": "x", "batch_size": 3}
    assert as_json(images.transform_param) == {"mirror": True, "crop_size": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('layers { name: "a" type: RELU }\nlayer { name: "b" type: "ReLU" }', "f:1: has both 'layer' and 'layers' fields"),
        (
            'layers { layer { name: "a" type: "relu" } }\nlayers { name: "b" type: RELU }',
            "f:2: layer b: is of the second format",
        ),
        ('layers {\n layer { name: "a" type: "swish" } }', "f:1: layer a: unknown layer type 'swish'"),
        ('layers { layer { name: "a" type: "relu" num_output: 3 } }', "f:1: layer a: a relu layer has no num_output"),
        ('layers { layer { name: "a" type: "conv" new_num: 3 } }', "f:1: layer a: a conv layer has no new_num"),
        ('layers { layer { name: "a" type: "relu" } type: RELU }', "f:1: layer a: type can't stand beside 'layer'"),
        ('layers { layer { name: "a" type: "relu" } bottom: "x" }', "f:1: layer a: unknown bottom blob 'x'"),
        (
            'input: "x" input_dim: [1,1,1,1]\nlayers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }\n'
            'layers { layer { name: "a" type: "relu" } bottom: "p" }',
            "f:3: layer a: a padding layer may be followed by a conv or pool layer",
        ),
        ('input: "x" input_dim: [1, 2, 3]', "f:1: has 1 input and 3 input_dim fields"),
        ('input: "x" input: "y" input_shape { dim: 1 }', "f:1: has 2 input and 1 input_shape fields"),
        ('input: "x" input_shape { dim: 1 } input_dim: [1, 1, 1, 1]', "f:1: has both input_shape and input_dim"),
    ],
)
def test_what_cannot_be_upgraded_without_loss(text, message):
    with pytest.raises(MalformedModel) as caught:
        upgraded(text)
    assert str(caught.value).startswith(message)
