"""Rotated regions, and regions with bins that are moved."""

from itertools import product

from .case import Case, given, normal, uniform, variable

ROTATED = [[0, 20, 20, 16, 24, 30], [1, 30.5, 10, 40, 8, -75], [0, 0, 0, 12, 12, 0], [1, 60, 40, 30, 30, 180], [0, 24, 24, 0.5, 1, 45]]
REGIONS = [[0, 8, 8, 24, 40], [1, 0, 0, 47, 47], [0, 24.5, 8.5, 72, 56], [1, 16, 16, 16, 16], [0, -40, -30, -20, -20]]


def sweep(mx):
    """Turned by every kind of angle, inside and outside; shifts for one class and for each."""
    data, rois, trans = (variable(mx, name) for name in ("data", "rois", "trans"))
    for size, ratio in product(((2, 3), (1, 1), (4, 4)), (1, 2, -1)):
        yield Case(
            f"RROIAlign,{size},{ratio}",
            mx.sym.contrib.RROIAlign(data, rois, pooled_size=size, spatial_scale=0.25, sampling_ratio=ratio, name="r"),
            {"data": normal(2, 3, 12, 14), "rois": given(ROTATED)},
            dynamic={"data": ("batch", 3, "height", "width"), "rois": ("regions", 6)},
        )
    for pooled, group, dim, samples in ((2, 2, 2, 1), (3, 3, 2, 2), (4, 2, 1, 4), (2, 3, 2, 3)):
        common = {"spatial_scale": 0.25, "output_dim": dim, "pooled_size": pooled, "group_size": group, "sample_per_part": samples}
        inputs = {"data": normal(2, dim * group**2, 12, 14), "rois": given(REGIONS)}
        dynamic = {"data": ("batch", dim * group**2, "height", "width"), "rois": ("regions", 5)}
        symbol = mx.sym.contrib.DeformablePSROIPooling(data, rois, no_trans=True, name="d", **common)
        yield Case(f"DeformablePSROIPooling,{pooled},{group},{dim},{samples},no_trans", symbol, inputs, {}, dynamic)
        for classes, part in ((1, pooled), (dim, 2), (1, 0)):
            symbol = mx.sym.contrib.DeformablePSROIPooling(data, rois, trans, part_size=part, trans_std=0.3, name="d", **common)
            shifts = uniform(-1, 1, 5, 2 * classes, part or pooled, part or pooled)
            yield Case(f"DeformablePSROIPooling,{pooled},{group},{dim},{samples},{classes},{part}", symbol, {**inputs, "trans": shifts})
