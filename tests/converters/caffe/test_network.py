"""Which layers a net has, how they connect and which blobs they get, as the real Caffe decides."""

import base64
import re

import numpy as np
import pytest
from reader_support import RECORDED

from dragoman.converters.caffe.reader import read_network
from dragoman.converters.caffe.weights import Blob, same_shape
from dragoman.graph_ir.errors import MalformedModel, UsageError

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }\n'


def net_at(tmp_path, text, weights=None, suffix="caffemodel", **options):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    stored = None
    if weights is not None:
        stored = tmp_path / f"net.{suffix}"
        stored.write_bytes(weights if isinstance(weights, bytes) else base64.b64decode(weights))
    return read_network(path, stored, **options)


@pytest.mark.parametrize("entry", RECORDED["rules"], ids=lambda entry: re.sub(r".*top: \"r\"|\n", "", entry["text"][-60:]))
def test_rules(entry, tmp_path):
    options = {key: entry[key] for key in ("phase", "level", "stages")}
    if entry["layers"] is None:
        with pytest.raises(MalformedModel, match=r"net.prototxt:2: layer r: has include rules and exclude rules"):
            net_at(tmp_path, entry["text"], **options)
        return
    assert [layer.name for layer in net_at(tmp_path, entry["text"], **options).layers] == entry["layers"]


@pytest.mark.parametrize("name", RECORDED["connections"])
def test_connections(name, tmp_path):
    entry = RECORDED["connections"][name]
    if entry["accepted"]:
        assert net_at(tmp_path, entry["text"]).layers
    else:
        with pytest.raises(MalformedModel, match=r"net.prototxt:\d+: layer l\d: (unknown bottom|top) blob '\w+' .*layer '\w+'"):
            net_at(tmp_path, entry["text"])


def flat(blobs):
    return [np.asarray(blob.tensor.numpy(), np.float32).ravel().tolist() for blob in blobs or ()]


@pytest.mark.parametrize("name", [name for name, entry in RECORDED["nets"].items() if entry["blobs"] is not None])
def test_blobs_are_those_that_caffe_ends_up_with(name, tmp_path):
    entry = RECORDED["nets"][name]
    layers = net_at(tmp_path, entry["text"], entry["weights"]).layers
    for layer, numbers, shapes in zip(layers, entry["blobs"], entry["shapes"], strict=True):
        if layer.blobs is None or len(layer.blobs) < len(numbers):
            filled = numbers[len(layer.blobs or ()) :]
            assert all(set(one) == {0.0} for one in filled), "only what the weights don't have is left to the filler"
        assert flat(layer.blobs) == numbers[: len(layer.blobs or ())]
        assert all(same_shape(blob, shape) for blob, shape in zip(layer.blobs or (), shapes, strict=False))


@pytest.mark.parametrize("name", [name for name, entry in RECORDED["nets"].items() if entry["blobs"] is None])
def test_blobs_that_caffe_refuses_are_of_another_shape(name, tmp_path):
    entry = RECORDED["nets"][name]
    blobs = net_at(tmp_path, entry["text"], entry["weights"]).layers[1].blobs
    assert not all(same_shape(blob, shape) for blob, shape in zip(blobs, [(2, 2), (2,)], strict=True))


@pytest.mark.parametrize("name", [name for name, entry in RECORDED["nets"].items() if "hdf5" in entry])
def test_hdf5_weights(name, tmp_path):
    entry = RECORDED["nets"][name]
    net = net_at(tmp_path, entry["text"], entry["hdf5"], "bin")  # known by its signature, not by its suffix
    assert [flat(layer.blobs) for layer in net.layers] == entry["hdf5_blobs"]


def test_shared_parameters_are_one_blob(tmp_path):
    entry = RECORDED["nets"]["shared"]
    _, first, second = net_at(tmp_path, entry["text"], entry["weights"]).layers
    assert first.blobs[0] is second.blobs[0] and first.blobs[1] is second.blobs[1]


def test_v0_weights(tmp_path):
    net = net_at(tmp_path, RECORDED["upgrades"]["v0"]["text"], RECORDED["nets"]["v0"]["weights"])
    blobs = {layer.name: layer.blobs for layer in net.layers if layer.blobs}
    assert {name: [(blob.shape, blob.legacy) for blob in own] for name, own in blobs.items()} == {
        "conv1": [((6, 2, 3, 3), True), ((1, 1, 1, 6), True)],
        "fc": [((1, 1, 5, 192), True)],
    }
    assert blobs["fc"][0].tensor.numpy().ravel()[:3].tolist() == [-192.0, -191.0, -190.0]


def test_notes_say_what_was_ignored(tmp_path):
    entry = RECORDED["nets"]["ignored"]
    assert net_at(tmp_path, entry["text"], entry["weights"]).notes == ("the weights have 1 layers that the net doesn't: z",)
    entry = RECORDED["nets"]["same name"]
    assert net_at(tmp_path, entry["text"], entry["weights"]).notes == ("2 layers are named 'a'",)


def test_inputs_may_be_given_other_shapes(tmp_path):
    assert net_at(tmp_path, INPUT).input_shapes == {"data": (1, 2)}
    assert net_at(tmp_path, INPUT, inputs={"data": ["batch", 2]}).input_shapes == {"data": ("batch", 2)}
    with pytest.raises(UsageError, match="the net has no input 'image'; its inputs are data"):
        net_at(tmp_path, INPUT, inputs={"image": (1, 2)})
    with pytest.raises(UsageError, match="phase is TEST or TRAIN, not 'DEPLOY'"):
        net_at(tmp_path, INPUT, phase="DEPLOY")


def test_an_input_without_a_shape(tmp_path):
    text = 'input: "x"\nlayer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    with pytest.raises(MalformedModel, match=r"net.prototxt:1: input 'x' has no shape"):
        net_at(tmp_path, text)
    net = net_at(tmp_path, text, inputs={"x": (1, 3)})
    assert (net.layers[0].type, net.layers[0].tops, net.input_shapes) == ("Input", ("x",), {"x": (1, 3)})
    assert net_at(tmp_path, 'input: "x"\n' + INPUT).layers[0].name == "data"


def test_a_data_layer_is_an_input_that_may_be_given_a_shape(tmp_path):
    text = 'layer { name: "d" type: "Data" top: "data" top: "label" }'
    assert net_at(tmp_path, text).input_shapes == {}
    assert net_at(tmp_path, text, inputs={"data": (1, 3, 4, 4)}).input_shapes == {"data": (1, 3, 4, 4)}


def test_one_shape_for_all_tops_of_an_input_layer(tmp_path):
    text = 'layer { name: "d" type: "Input" top: "a" top: "b" top: "c" input_param { %s } }'
    assert net_at(tmp_path, text % "shape { dim: 3 }").input_shapes == {"a": (3,), "b": (3,), "c": (3,)}
    with pytest.raises(MalformedModel, match="layer d: has 2 shapes for 3 tops"):
        net_at(tmp_path, text % "shape { dim: 3 } shape { dim: 4 }")


@pytest.mark.parametrize("text", ['name: "empty"', 'layer { name: "a" type: "ReLU" include { phase: TRAIN } }'])
def test_a_net_without_layers(text, tmp_path):
    with pytest.raises(MalformedModel, match="has no layers in phase TEST"):
        net_at(tmp_path, text)


def test_a_binary_net_holds_its_own_weights(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(base64.b64decode(RECORDED["nets"]["v0"]["weights"]))
    net = read_network(path)
    assert net.name == "v0" and [blob.shape for blob in net.layers[1].blobs] == [(6, 2, 3, 3), (1, 1, 1, 6)]


def test_shapes_are_compared_as_caffe_does():
    def blob(*shape, legacy):
        return Blob(shape, None, legacy)

    assert same_shape(blob(1, 1, 1, 5, legacy=True), (5,)) and same_shape(blob(1, 1, 2, 5, legacy=True), (2, 5))
    assert same_shape(blob(1, 1, 1, 1, legacy=True), ()) and same_shape(blob(2, 3, 4, 5, legacy=True), (2, 3, 4, 5))
    assert not same_shape(blob(5, 1, 1, 1, legacy=True), (5,)) and not same_shape(blob(1, 1, 1, 5, legacy=False), (5,))
    assert not same_shape(blob(1, 1, 1, 5, legacy=True), (1, 1, 1, 1, 5)) and same_shape(blob(5, legacy=False), (5,))
