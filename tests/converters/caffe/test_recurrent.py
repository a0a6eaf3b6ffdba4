"""LSTM, RNN and LSTMUnit beyond the recorded sweep: dynamic sizes, the state between calls, and what Caffe refuses."""

import pytest
from cases.case import data, layer
from layer_support import check_recorded, load

from dragoman.graph_ir.errors import MalformedModel

STATIC = {"data": ("t", "n", 3), "cont": ("t", "n"), "static": ("n", 5)}
EXPOSED = {"data": ("t", "n", 3), "cont": ("t", "n"), "h_first": (1, "n", 3)}


@pytest.mark.parametrize(
    ("case_id", "inputs"),
    [
        ("LSTM,fractions,steps=5,batch=3,size=2,num_output=3", {"data": (5, "n", 2), "cont": (5, "n")}),
        ("LSTM,fractions,steps=5,batch=3,size=2,num_output=3", {"data": ("t", 3, 2), "cont": ("t", 3)}),
        ("LSTM,restarts,steps=4,batch=2,size=3,num_output=4", {"data": ("t", "n", 3), "cont": ("t", "n")}),
        ("RNN,fractions,steps=5,batch=3,size=2,num_output=3", {"data": ("t", "n", 2), "cont": ("t", "n")}),
        ("LSTM,static", STATIC),
        ("RNN,static", STATIC),
        ("LSTM,expose_hidden,goes-on,static=None", EXPOSED | {"c_first": (1, "n", 3)}),
        ("RNN,expose_hidden,goes-on,static=None", EXPOSED),
        ("LSTMUnit,batch=2,size=3", {"data": (1, "n", 3), "gates": (1, "n", 12), "cont": (1, "n")}),
    ],
)
def test_dynamic_sizes_give_what_caffe_gave(case_id, inputs, tmp_path):
    check_recorded("recurrent", case_id, tmp_path, inputs)


@pytest.mark.parametrize("layer_type", ["LSTM", "RNN"])
def test_a_state_that_caffe_would_keep_is_noted(layer_type, tmp_path):
    """``goes-on`` starts with cont 1: Caffe's first call, which is recorded, starts with zeros."""
    kept = check_recorded("recurrent", f"{layer_type},goes-on,steps=4,batch=2,size=3,num_output=4", tmp_path)
    assert any("carries its state over" in note for note in kept.notes)
    exposed = check_recorded("recurrent", f"{layer_type},expose_hidden,goes-on,static=None", tmp_path)
    assert exposed.notes == []


@pytest.mark.parametrize(
    ("layer_type", "shapes", "tops", "message"),
    [
        ("LSTM", {"x": (3, 2), "cont": (3, 2)}, 1, "takes (steps, sequences, features)"),
        ("RNN", {"x": (3, 2, 2), "cont": (3, 1)}, 1, "takes (steps, sequences, features)"),
        ("LSTM", {"x": (3, 2, 2), "cont": (3, 2), "static": (2,)}, 1, "its static input is"),
        ("RNN", {"x": (3, 2, 2), "cont": (3, 2), "static": (3, 2)}, 1, "its static input is"),
        ("LSTM", {"x": (3, 2, 2), "cont": (3, 2), "static": (2, 2), "more": (2, 2)}, 1, "has 4 bottoms"),
        ("LSTM", {"x": (3, 2, 2), "cont": (3, 2), "h": (1, 2, 3), "c": (1, 2, 3)}, 3, "a state is"),
        ("RNN", {"x": (3, 2, 2), "cont": (3, 2), "h": (2, 2, 2)}, 2, "a state is"),
        ("LSTM", {"x": (3, 2, 2), "cont": (3, 2), "h": (1, 2, 2)}, 3, "has 3 bottoms"),
        ("LSTM", {"x": (3, 2, 2), "cont": (3, 2)}, 2, "tops"),
    ],
)
def test_what_caffe_refuses_is_an_error(layer_type, shapes, tops, message, tmp_path):
    form = {"num_output": 2, "expose_hidden": "h" in shapes, "weight_filler": {"type": "constant", "value": 1}}
    text = data(**shapes) + layer(
        layer_type, list(shapes), ["out", "h_last", "c_last"][:tops], name="unrolled", recurrent_param=form
    )
    with pytest.raises(MalformedModel) as error:
        load(text, tmp_path)
    assert message in str(error.value)
    assert "unrolled" in str(error.value)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3, 2), (2, 3, 8), (2, 3)),
        ((1, 3, 2), (1, 3, 6), (1, 3)),
        ((1, 3, 2), (1, 2, 8), (1, 3)),
        ((1, 3, 2), (1, 3, 8), (1, 3, 1)),
    ],
)
def test_a_unit_takes_one_step_of_four_gates(shapes, tmp_path):
    text = data(**dict(zip(("c", "gates", "cont"), shapes, strict=True))) + layer(
        "LSTMUnit", ["c", "gates", "cont"], ["c_next", "h"]
    )
    with pytest.raises(MalformedModel, match="takes"):
        load(text, tmp_path)
