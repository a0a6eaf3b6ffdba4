"""Im2col beyond the recorded sweep: dynamic sizes, and windows wider than the image."""

import pytest
from cases.case import given, one
from layer_support import check_given, check_recorded, load

from dragoman.graph_ir.errors import MalformedModel


@pytest.mark.parametrize(
    "case_id", ["Im2col,kernel_size=3,stride=1,pad=1,dilation=1", "Im2col,kernel_size=2,stride=2,pad=0,dilation=1"]
)
@pytest.mark.parametrize("shape", [("batch", 2, 5, 6), (2, 2, "height", "width"), ("batch", 2, "height", 6)])
def test_dynamic_sizes_give_what_caffe_gave(case_id, shape, tmp_path):
    check_recorded("conv", case_id, tmp_path, {"data": shape})


def test_truncation_leaves_one_window_wider_than_the_image(tmp_path):
    case = one(
        "wide", "Im2col", (1, 1, 2, 3), values=given(1, 2, 3, 4, 5, 6), convolution_param={"kernel_size": 3, "stride": 2}
    )
    check_given(case, {"out": [[[[v]] for v in (1, 2, 3, 4, 5, 6, 0, 0, 0)]]}, tmp_path)


def test_truncation_with_dilation_on_one_axis(tmp_path):
    case = one(
        "wide", "Im2col", (1, 1, 2), values=given(1, 2), convolution_param={"kernel_size": 2, "stride": 3, "dilation": 3}
    )
    check_given(case, {"out": [[[1], [0]]]}, tmp_path)


@pytest.mark.parametrize(
    ("shape", "form", "message"),
    [
        ((1, 2, 3, 3), {"kernel_size": 5}, "doesn't fit"),
        ((1, 2, 3, 3), {"kernel_size": 0}, "must be positive"),
        ((1, 2, 3, 3), {"kernel_size": 1, "stride": 0}, "must be positive"),
        ((1, 2, 3, 3), {"pad": 0}, "kernel is given 0 times"),
        ((1, 2), {"kernel_size": 1}, "no spatial axis"),
    ],
)
def test_what_caffe_refuses_is_an_error(shape, form, message, tmp_path):
    with pytest.raises(MalformedModel, match=message):
        load(one("refused", "Im2col", shape, convolution_param=form).prototxt, tmp_path)
