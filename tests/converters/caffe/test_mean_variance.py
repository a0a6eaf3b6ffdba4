"""MVN beyond the recorded sweep: dynamic sizes, and other ranks than four."""

import pytest
from cases.case import given, one
from layer_support import check_given, check_recorded, load

from dragoman.graph_ir.errors import MalformedModel


@pytest.mark.parametrize("across", [True, False])
def test_dynamic_sizes_give_what_caffe_gave(across, tmp_path):
    case_id = f"MVN,normalize_variance=True,across_channels={across},eps=0.1,shape=2x3x4x5"
    model = check_recorded("normalization", case_id, tmp_path, {"data": ("batch", 3, "height", "width")})
    assert list(model.graph.outputs[0].shape) == ["batch", 3, "height", "width"]


def test_missing_axes_are_added(tmp_path):
    case = one("few", "MVN", (1, 2), values=given(1, 3), mvn_param={"across_channels": True, "eps": 1})
    check_given(case, {"out": [[[[-0.5]], [[0.5]]]]}, tmp_path)


def test_five_axes_are_refused(tmp_path):
    with pytest.raises(MalformedModel, match="at most 4 axes"):
        load(one("many", "MVN", (1, 2, 2, 2, 2)).prototxt, tmp_path)
