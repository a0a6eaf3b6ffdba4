"""Regions of interest: pooling, alignment, proposals."""

from itertools import product

from .case import Case, distinct, given, normal, uniform, variable

REGIONS = {
    "inside": [[0, 16, 16, 150, 120], [1, 3, 40, 100, 90], [0, 0, 0, 223, 175]],
    "halves": [[0, 8, 8, 24, 40], [0, 24, 8.5, 72, 56], [1, 0.5, 1.5, 2.5, 3.5], [1, 7.999999, 8.000001, 40, 40]],
    "partly outside": [[0, -40, -30, 60, 70], [0, 150, 120, 400, 300]],
    "outside": [[0, -400, -300, -100, -100], [1, 900, 900, 990, 990]],
    "small": [[0, 50, 50, 50, 50], [1, 50, 50, 51, 60], [1, 64, 64, 64.5, 64.5]],
    "swapped": [[0, 100, 100, 20, 30], [1, 100, 20, 30, 90]],
}


def sweep(mx):
    """Regions inside, outside, empty and on half pixels; one image and more; proposals of few and of many anchors."""
    data, rois = variable(mx, "data"), variable(mx, "rois")
    dynamic = {"data": ("batch", 2, "height", "width"), "rois": ("regions", 5)}
    for (name, regions), size in product(REGIONS.items(), ((2, 3), (7, 7), (1, 1))):
        inputs = {"data": normal(2, 2, 11, 14), "rois": given(regions)}
        symbol = mx.sym.ROIPooling(data, rois, pooled_size=size, spatial_scale=0.0625, name="p")
        yield Case(f"ROIPooling,{name},{size}", symbol, inputs, {}, dynamic)
        for ratio, aligned in product((-1, 2, 0), (False, True)):
            if aligned and name == "swapped":
                continue  # MXNet stops at a region without area, and its process with it
            if aligned and name == "small":
                inputs = {"data": normal(2, 2, 11, 14), "rois": given(regions[1:])}
            symbol = mx.sym.contrib.ROIAlign(
                data, rois, pooled_size=size, spatial_scale=0.0625, sample_ratio=ratio, aligned=aligned, name="a"
            )
            yield Case(f"ROIAlign,{name},{size},{ratio},{aligned}", symbol, inputs, {}, dynamic)
    yield Case(
        "ROIPooling,regions of no image",
        mx.sym.ROIPooling(data, rois, pooled_size=(2, 2), spatial_scale=1.0, name="p"),
        {"data": normal(2, 2, 5, 5), "rois": given([[-1, 0, 0, 3, 3], [2, 0, 0, 3, 3], [1, 0, 0, 3, 3]])},
    )
    for dtype in ("float64", "float16"):
        data, rois = variable(mx, "data", dtype), variable(mx, "rois", dtype)
        inputs = {"data": distinct(2, 2, 6, 7, scale=0.125, dtype=dtype), "rois": given(REGIONS["inside"], dtype=dtype)}
        symbol = mx.sym.ROIPooling(data, rois, pooled_size=(2, 3), spatial_scale=0.03125, name="p")
        yield Case(f"ROIPooling,{dtype}", symbol, inputs)
        yield Case(
            f"ROIAlign,{dtype}",
            mx.sym.contrib.ROIAlign(data, rois, pooled_size=(2, 3), spatial_scale=0.03125, name="a"),
            inputs,
            tolerance=2e-2 if dtype == "float16" else 1e-5,  # MXNet rounds places to halves
        )
    data, rois = variable(mx, "data"), variable(mx, "rois")
    yield Case(
        "ROIAlign,4 values",
        mx.sym.contrib.ROIAlign(data, rois, pooled_size=(3, 3), spatial_scale=0.5, name="a"),
        {"data": normal(2, 3, 8, 8), "rois": uniform(0, 16, 5, 4)},
    )
    for size, ratio, aligned in product(((2, 3), (3, 3)), (-1, 2), (False, True)):
        yield Case(
            f"ROIAlign,position sensitive,{size},{ratio},{aligned}",
            mx.sym.contrib.ROIAlign(
                data, rois, pooled_size=size, spatial_scale=0.5, position_sensitive=True, sample_ratio=ratio, aligned=aligned, name="a"
            ),
            {"data": normal(2, 2 * size[0] * size[1], 8, 8), "rois": given([[0, 1, 2, 9, 8], [1, 0, 0, 15, 15], [1, 3, 3, 6, 5]])},
        )
    for size, group, dim in ((3, 3, 2), (2, 0, 3), (4, 2, 1)):
        for name in ("inside", "halves", "partly outside", "small"):
            yield Case(
                f"PSROIPooling,{size},{group},{dim},{name}",
                mx.sym.contrib.PSROIPooling(
                    data, rois, spatial_scale=0.0625, output_dim=dim, pooled_size=size, group_size=group, name="p"
                ),
                {"data": normal(2, dim * (group or size) ** 2, 11, 14), "rois": given(REGIONS[name])},
            )
    for number, (shape, width) in enumerate((((2, 2, 5, 5), 4), ((2, 2, 5), 5))):
        refused = mx.sym.ROIPooling(data, rois, pooled_size=(2, 2), spatial_scale=1.0)
        yield Case(f"ROIPooling,refused,{number}", refused, {"data": normal(*shape), "rois": normal(3, width)})
    yield from proposals(mx)


def proposals(mx):
    prob, delta, info = (variable(mx, name) for name in ("prob", "delta", "info"))
    settings = (
        {}, {"rpn_post_nms_top_n": 5}, {"rpn_pre_nms_top_n": 20, "rpn_post_nms_top_n": 30}, {"rpn_pre_nms_top_n": -1, "threshold": 0.5},
        {"output_score": True, "rpn_post_nms_top_n": 10}, {"iou_loss": True, "rpn_post_nms_top_n": 12}, {"rpn_min_size": 0},
        {"feature_stride": 8, "scales": (2, 5), "ratios": (0.3, 1, 3), "rpn_min_size": 4, "rpn_post_nms_top_n": 9}, {"threshold": 1.0},
        {"scales": (8,), "ratios": (1,), "rpn_min_size": 40, "rpn_post_nms_top_n": 8},
    )  # fmt: skip
    for number, setting in enumerate(settings):
        anchors = len(setting.get("scales", "1234")) * len(setting.get("ratios", "123"))
        stride = setting.get("feature_stride", 16)
        height, width = 4, 5
        common = {"rpn_post_nms_top_n": 20, "rpn_min_size": 2, **setting}
        for kind, batch in (("Proposal", 1), ("MultiProposal", 1), ("MultiProposal", 2)):
            dynamic = {"prob": ("batch", 2 * anchors, "h", "w"), "delta": ("batch", 4 * anchors, "h", "w"), "info": ("batch", 3)}
            sizes = [[height * stride, width * stride, 1], [height * stride - 9, width * stride - 20, 1.5]]
            yield Case(
                f"{kind},{batch},{number}",
                getattr(mx.sym.contrib, kind)(prob, delta, info, name="p", **common),
                {
                    "prob": uniform(0, 1, batch, 2 * anchors, height, width),
                    "delta": normal(batch, 4 * anchors, height, width, scale=0.3),
                    "info": given(sizes[:batch]),
                },
                dynamic=dynamic if kind == "MultiProposal" else {},
            )
    whole = mx.sym.contrib.Proposal(prob, delta, info, rpn_post_nms_top_n=4, output_score=True, name="p")
    inputs = {"prob": uniform(0, 1, 1, 24, 3, 3), "delta": normal(1, 48, 3, 3, scale=0.2), "info": given([[48, 48, 1]])}
    yield Case("Proposal,both outputs", whole, inputs)
    features = variable(mx, "features")
    pooled = mx.sym.ROIPooling(features, whole[0], pooled_size=(3, 3), spatial_scale=0.0625, name="pool")
    aligned = mx.sym.contrib.ROIAlign(features, whole[0], pooled_size=(2, 2), spatial_scale=0.0625, name="align")
    yield Case(
        "network,R-CNN",
        mx.sym.Group([mx.sym.FullyConnected(pooled, num_hidden=7, name="fc"), aligned]),
        {**inputs, "features": normal(1, 4, 3, 3)},
        {"fc_weight": normal(7, 36, scale=0.2), "fc_bias": normal(7)},
    )
