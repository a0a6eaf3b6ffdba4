"""Reduction beyond the recorded sweep: dynamic sizes, and axes out of range."""

import pytest
from cases.case import one
from layer_support import check_recorded, load

from dragoman.graph_ir.errors import MalformedModel


@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
@pytest.mark.parametrize(
    ("settings", "kept"),
    [("axis=1,coeff=-2", ["batch"]), ("axis=-1,coeff=0.5", ["batch", 3, "height"]), ("axis=0,coeff=0.5", [])],
)
def test_dynamic_sizes_give_what_caffe_gave(operation, settings, kept, tmp_path):
    model = check_recorded(
        "reduction", f"Reduction,operation={operation},{settings}", tmp_path, {"data": ("batch", 3, "height", "width")}
    )
    assert list(model.graph.outputs[0].shape) == kept


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_out_of_range_is_an_error(axis, tmp_path):
    with pytest.raises(MalformedModel, match=f"axis {axis} is out of range"):
        load(one("refused", "Reduction", (2, 3), reduction_param={"axis": axis}).prototxt, tmp_path)
