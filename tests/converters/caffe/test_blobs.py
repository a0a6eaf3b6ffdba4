"""Blobs as memory: layers in place, memory that blobs share, and names."""

import pytest
from cases.case import Case, data, given, layer, one
from layer_support import check_given, load

from dragoman.graph_ir.errors import MalformedModel, UnsupportedAttribute

X = data(data=(1, 2, 2, 2)) + layer("TanH", "data", "x")


@pytest.mark.parametrize(
    ("layer_type", "settings"),
    [
        ("ArgMax", {}),
        ("Convolution", {"convolution_param": {"num_output": 2, "kernel_size": 1}}),
        ("Deconvolution", {"convolution_param": {"num_output": 2, "kernel_size": 1}}),
        ("Flatten", {}),
        ("Im2col", {"convolution_param": {"kernel_size": 2}}),
        ("InnerProduct", {"inner_product_param": {"num_output": 2}}),
        ("LRN", {}),
        ("Pooling", {"pooling_param": {"kernel_size": 2}}),
        ("Reduction", {}),
        ("Reshape", {"reshape_param": {"shape": {"dim": [0, -1]}}}),
        ("SPP", {"spp_param": {"pyramid_height": 1}}),
        ("Split", {}),
        ("Tile", {"tile_param": {"tiles": 2}}),
    ],
)
def test_a_layer_that_reads_after_it_writes_cant_work_in_place(layer_type, settings, tmp_path):
    filler = {"weight_filler": {"type": "constant", "value": 1}}
    settings = {key: {**form, **(filler if "num_output" in form else {})} for key, form in settings.items()}
    with pytest.raises(MalformedModel, match="can't work in place"):
        load(X + layer(layer_type, "x", "x", name="in-place", **settings), tmp_path)


def test_in_place_on_memory_that_another_bottom_shares(tmp_path):
    text = X + layer("Split", "x", ["a", "b"]) + layer("Eltwise", ["a", "b"], "a", name="sum")
    with pytest.raises(UnsupportedAttribute, match="shares"):
        load(text, tmp_path)


def test_an_input_changed_in_place_is_an_output_of_another_name(tmp_path):
    text = data(data=(2,), other=(2,)) + layer("Power", "other", "other", name="double", power_param={"scale": 2})
    case = Case("in-place", text + layer("AbsVal", "data", "out"), {"data": given(-1, 2), "other": given(3, -4)})
    check_given(case, {"other_out": [6, -8], "out": [1, 2]}, tmp_path)


def test_an_input_that_a_layer_leaves_as_it_is_in_place_is_an_output(tmp_path):
    text = data(data=(2,), other=(2,)) + layer("Dropout", "other", "other", name="drop") + layer("AbsVal", "data", "out")
    case = Case("in-place", text, {"data": given(-1, 2), "other": given(3, -4)})
    check_given(case, {"other": [3, -4], "out": [1, 2]}, tmp_path)


@pytest.mark.parametrize("name", ["a b", "a/b", 'quoted\\"', "é✓", "data:0", "x.weight", "x/TanH", "x" * 500])
def test_names_are_the_networks_own(name, tmp_path):
    text = data(data=(1,)) + layer("TanH", "data", name, name="x") + layer("AbsVal", name, name + "2", name=name)
    model = load(text, tmp_path)
    assert [value.name for value in model.graph.outputs] == [name.replace("\\", "") + "2"]


@pytest.mark.parametrize(
    "text", [layer("Input", [], [""], name="in", input_param={"shape": {"dim": [1]}}), X + layer("ReLU", "x", [""], name="r")]
)
def test_a_blob_without_a_name_is_an_error(text, tmp_path):
    with pytest.raises(UnsupportedAttribute, match="no name"):
        load(text, tmp_path)


def test_an_empty_input_is_an_error(tmp_path):
    with pytest.raises(MalformedModel, match="empty"):
        load(one("empty", "ReLU", (0, 3)).prototxt, tmp_path)
