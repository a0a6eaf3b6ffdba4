"""Recorded cases converted with dynamic sizes: what the layers must work out in the graph."""

import pytest
from layer_support import check_recorded

IMAGE = ("batch", "channels", "height", "width")


@pytest.mark.parametrize(
    ("family", "case_id", "inputs"),
    [
        ("activation", "Power,power=3,scale=0,shift=3", {"data": ("batch", "steps", "features")}),
        ("conv", "Convolution,5-axes-from-2", {"data": ("batch", "frames", 2, "height", "width")}),
        ("conv", "Deconvolution,5-axes-from-2", {"data": ("batch", "frames", 2, "height", "width")}),
        (
            "dense",
            "InnerProduct,shape=2x3x4,num_output=5,transpose=False,bias_term=True,axis=2",
            {"data": ("steps", "batch", 4)},
        ),
        ("elementwise", "in-place,on-shared-memory", {"data": IMAGE}),
        ("pooling", "Pooling,mask,kernel_size=3,stride=2,pad=1,ties=False", {"data": IMAGE}),
        ("pooling", "Pooling,mask,kernel_size=3,stride=3,pad=2,ties=True", {"data": IMAGE}),
        ("pooling", "Pooling,mask,kernel_size=2,stride=3,pad=0,ties=True", {"data": IMAGE}),
        ("pooling", "Pooling,mask,asymmetric", {"data": IMAGE}),
        ("pooling", "Pooling,mask,global", {"data": IMAGE}),
        ("shape", "Slice,axis=0,tops=2", {"data": IMAGE}),
        ("shape", "Slice,axis=2,tops=3", {"data": IMAGE}),
        ("shape", "Slice,points=1x3,axis=-1", {"data": IMAGE}),
    ],
)
def test_gives_what_caffe_gave(family, case_id, inputs, tmp_path):
    check_recorded(family, case_id, tmp_path, inputs)
