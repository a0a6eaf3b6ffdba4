"""SPP beyond the recorded sweep: dynamic sizes, and what Caffe refuses."""

import pytest
from cases.case import one
from layer_support import check_recorded, load, recording

from dragoman.graph_ir.errors import MalformedModel, UnsupportedAttribute


@pytest.mark.parametrize(
    "case_id",
    [
        "SPP,pool=MAX,pyramid_height=3,size=12x10",
        "SPP,pool=AVE,pyramid_height=2,size=7x5",
        "SPP,pool=AVE,pyramid_height=1,size=6x9",
    ],
)
def test_a_dynamic_batch_gives_what_caffe_gave(case_id, tmp_path):
    shape = recording("pooling").entries[case_id]["inputs"]["data"]
    model = check_recorded("pooling", case_id, tmp_path, {"data": ("batch", *shape[1:])})
    assert model.graph.outputs[0].shape[0] == "batch"


@pytest.mark.parametrize(
    ("size", "height", "pool", "message"),
    [
        ((1, 1), 2, "MAX", "too small"),
        ((5, 5), 3, "AVE", "too small"),
        ((9, 4), 4, "MAX", "too small"),
        ((11, 23), 4, "AVE", "too small"),
        ((7, 8), 2, "STOCHASTIC", "no padding"),
        ((8, 8), 0, "MAX", "must be positive"),
    ],
)
def test_what_caffe_refuses_is_an_error(size, height, pool, message, tmp_path):
    with pytest.raises(MalformedModel, match=message):
        load(one("SPP", "SPP", (1, 2, *size), spp_param={"pyramid_height": height, "pool": pool}).prototxt, tmp_path)


def test_a_dynamic_image_is_refused(tmp_path):
    text = one("SPP", "SPP", (1, 2, 8, 8), spp_param={"pyramid_height": 2}).prototxt
    with pytest.raises(UnsupportedAttribute, match="axis 2 of its input is dynamic"):
        load(text, tmp_path, inputs={"data": (1, 2, "height", "width")})
