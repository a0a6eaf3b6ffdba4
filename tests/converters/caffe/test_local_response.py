"""LRN beyond the recorded sweep: dynamic sizes, and settings that runtimes' own LRN refuses."""

import pytest
from cases.case import given, one
from layer_support import check_given, check_recorded, load

from dragoman.graph_ir.errors import MalformedModel

REGIONS = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")


@pytest.mark.parametrize("region", REGIONS)
def test_dynamic_sizes_give_what_caffe_gave(region, tmp_path):
    case_id = f"LRN,local_size=3,alpha=2,beta=0.5,k=1,norm_region={region}"
    model = check_recorded("normalization", case_id, tmp_path, {"data": ("batch", 6, "height", "width")})
    assert list(model.graph.outputs[0].shape) == ["batch", 6, "height", "width"]


@pytest.mark.parametrize(
    ("alpha", "beta", "k", "expected"),
    [
        (0, 0.75, 2, (0.594604, -1.189207, 0.297302, 1.783811, -0.891905, 1.189207)),
        (-0.01, 0.75, 3, (0.439149, -0.887009, 0.219988, 1.335032, -0.659411, 0.887009)),
        (1, 0, 1, (1.0, -2.0, 0.5, 3.0, -1.5, 2.0)),
        (1, -0.5, 1, (1.190238, -4.618802, 0.73598, 7.745967, -2.03101, 4.618802)),
    ],
)
def test_zero_and_negative_settings(alpha, beta, k, expected, tmp_path):
    form = {"local_size": 3, "alpha": alpha, "beta": beta, "k": k}
    case = one("signs", "LRN", (1, 3, 1, 2), values=given(1, -2, 0.5, 3, -1.5, 2), lrn_param=form)
    check_given(case, {"out": [[[list(expected[i : i + 2])] for i in (0, 2, 4)]]}, tmp_path)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("size", "shape"), [(4, (1, 2, 3, 3)), (0, (1, 2, 3, 3)), (3, (1, 2, 3)), (3, (1, 2, 3, 3, 3))])
def test_what_caffe_refuses_is_an_error(region, size, shape, tmp_path):
    with pytest.raises(MalformedModel, match=r"must be odd|normalizes 4 axes"):
        load(one("refused", "LRN", shape, lrn_param={"local_size": size, "norm_region": region}).prototxt, tmp_path)
