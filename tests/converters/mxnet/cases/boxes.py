"""Boxes: SSD's priors, detections and targets; overlaps, coding, suppression, matching."""

from itertools import product

from .case import Case, distinct, given, integers, normal, uniform, variable


def sweep(mx):
    """Every attribute; ties, empty boxes, swapped corners, thresholds that are met exactly."""
    yield from priors(mx)
    yield from detections(mx)
    yield from targets(mx)
    yield from overlaps(mx)
    yield from coding(mx)
    yield from suppression(mx)
    yield from matching(mx)


def priors(mx):
    x = variable(mx, "data")
    settings = (
        {}, {"sizes": (0.5, 0.25)}, {"ratios": (1, 2, 0.5)}, {"sizes": (0.4, 0.9, 0.1), "ratios": (2, 1, 0.3), "clip": True},
        {"steps": (0.3, 0.2)}, {"steps": (0.3, 0.2), "offsets": (0, 0.3), "clip": True}, {"offsets": (0.25, 0.75), "ratios": (3.0,)},
        {"steps": (0.3, -1)}, {"steps": (0, 0)}, {"sizes": "(0.5,)", "ratios": "[1, 2]", "clip": "True"},
    )  # fmt: skip
    for setting, shape in product(settings, ((1, 3, 2, 3), (2, 1, 1, 1), (1, 2, 5, 4))):
        yield Case(
            f"MultiBoxPrior,{setting},{shape}",
            mx.sym.contrib.MultiBoxPrior(x, name="p", **setting),
            {"data": normal(*shape)},
            dynamic={"data": ("batch", shape[1], "height", "width")},
        )


def detections(mx):
    prob, loc, anchor = (variable(mx, name) for name in ("prob", "loc", "anchor"))
    dynamic = {"prob": ("batch", 4, "anchors"), "loc": ("batch", "values"), "anchor": (1, "anchors", 4)}
    settings = (
        {}, {"nms_topk": 1}, {"nms_topk": 5}, {"nms_topk": 100}, {"force_suppress": True}, {"nms_threshold": 0}, {"nms_threshold": 1.0},
        {"nms_threshold": 0.2}, {"nms_threshold": 1.5}, {"threshold": 0.4}, {"threshold": 2.0}, {"background_id": 2}, {"clip": False},
        {"variances": (0.2, 0.3, 0.1, 0.4), "clip": False}, {"threshold": -2.0, "force_suppress": True, "nms_topk": 7},
        {"nms_topk": 4, "nms_threshold": 0.3, "threshold": 0.3}, {"nms_topk": 0},
    )  # fmt: skip
    for setting in settings:
        yield Case(
            f"MultiBoxDetection,{setting}",
            mx.sym.contrib.MultiBoxDetection(prob, loc, anchor, name="d", **setting),
            {"prob": uniform(0, 1, 2, 4, 12), "loc": normal(2, 48), "anchor": uniform(0, 1, 1, 12, 4)},
            dynamic=dynamic,
        )
    boxes = [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.25], [0.5, 0.5, 0.5, 0.75], [0.25, 0.25, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 1, 1]]
    for threshold, force, topk in product((0.5, 0.25, 1.0), (False, True), (-1, 3)):
        yield Case(
            f"MultiBoxDetection,ties,{threshold},{force},{topk}",
            mx.sym.contrib.MultiBoxDetection(prob, loc, anchor, nms_threshold=threshold, force_suppress=force, nms_topk=topk, name="d"),
            {"prob": integers(0, 2, 3, 3, 6), "loc": given([0] * 72, (3, 24)), "anchor": given([boxes])},
        )
    yield Case(
        "MultiBoxDetection,nothing",
        mx.sym.contrib.MultiBoxDetection(prob, loc, anchor, name="d"),
        {"prob": uniform(-3, -2, 2, 4, 5), "loc": normal(2, 20), "anchor": uniform(0, 1, 1, 5, 4)},
    )
    yield Case(
        "MultiBoxDetection,codes of another number",
        mx.sym.contrib.MultiBoxDetection(prob, loc, anchor, name="d"),
        {"prob": uniform(0, 1, 2, 4, 5), "loc": normal(2, 24), "anchor": uniform(0, 1, 1, 5, 4)},
    )


LABELS = [
    [[2, 0, 0, 0.5, 0.5], [0, 0.5, 0.5, 0.8, 0.8], [-1] * 5],
    [[-1] * 5] * 3,
    [[1, 0.1, 0.1, 0.6, 0.6], [3, 0.1, 0.1, 0.6, 0.6], [0, 0.2, 0.2, 0.3, 0.3]],
    [[1, 0.3, 0.3, 0.3, 0.3], [-1] * 5, [-1] * 5],
]
ANCHORS = [
    [0, 0, 0.5, 0.5], [0.1, 0.1, 0.6, 0.6], [0.2, 0.2, 0.3, 0.3], [0, 0, 0.52, 0.5], [0.5, 0.5, 0.9, 0.9], [0.7, 0.7, 0.7, 0.7],
    [0.8, 0.8, 0.6, 0.6], [0.1, 0.1, 0.6, 0.6], [0.05, 0, 0.45, 0.5],
]  # fmt: skip


def targets(mx):
    anchor, label, pred = (variable(mx, name) for name in ("anchor", "label", "pred"))
    settings = (
        {}, {"overlap_threshold": 0.3}, {"overlap_threshold": 0}, {"overlap_threshold": 0.9, "ignore_label": -7},
        {"negative_mining_ratio": 1}, {"negative_mining_ratio": 0.5, "negative_mining_thresh": 0.6},
        {"negative_mining_ratio": 0.2, "minimum_negative_samples": 4}, {"variances": (0.1, 0.2, 0.3, 0.4)},
        {"negative_mining_ratio": 3, "negative_mining_thresh": 0.99, "overlap_threshold": 0.4, "ignore_label": 5},
    )  # fmt: skip
    inputs = {"anchor": given([ANCHORS]), "label": given(LABELS), "pred": normal(4, 5, 9)}
    for setting in settings:
        yield Case(
            f"MultiBoxTarget,{setting}",
            mx.sym.contrib.MultiBoxTarget(anchor, label, pred, name="t", **setting),
            inputs,
            dynamic={"anchor": (1, "anchors", 4), "label": ("batch", "labels", 5), "pred": ("batch", 5, "anchors")},
        )
        yield Case(
            f"MultiBoxTarget,random,{setting}",
            mx.sym.contrib.MultiBoxTarget(anchor, label, pred, name="t", **setting),
            {"anchor": uniform(0, 1, 1, 40, 4), "label": uniform(0, 1, 3, 6, 6), "pred": normal(3, 3, 40)},
        )
    whole = mx.sym.contrib.MultiBoxTarget(anchor, label, pred, name="t")
    yield Case("MultiBoxTarget,one output", whole[2], inputs)


def overlaps(mx):
    odd = [[0, 0, 2, 2], [2, 2, 0, 0], [1, 1, 1, 1], [1, 1, 3, 3], [0.5, 0.5, 1, -1], [-3, -3, 4, 4], [0, 0, 0, 0]]
    for dtype, form in product(("float32", "float64", "float16"), ("corner", "center")):
        a, b = variable(mx, "a", dtype), variable(mx, "b", dtype)
        for left, right in (((5, 4), (3, 4)), ((2, 3, 4), (4, 4)), ((3, 4), (2, 2, 4)), ((1, 2, 2, 4), (2, 3, 4))):
            yield Case(
                f"box_iou,{dtype},{form},{left},{right}",
                mx.sym.contrib.box_iou(a, b, format=form, name="iou"),
                {"a": uniform(0, 3, *left, dtype=dtype), "b": uniform(0, 3, *right, dtype=dtype)},
                dynamic={"a": ("batch", *left[1:]), "b": ("other", *right[1:])},
                tolerance=4e-3 if dtype == "float16" else 1e-5,  # MXNet rounds each step to halves
            )
        boxes = {"a": given(odd, dtype=dtype), "b": given(odd, dtype=dtype)}
        yield Case(f"box_iou,odd,{dtype},{form}", mx.sym.contrib.box_iou(a, b, format=form), boxes, tolerance=2e-3)
    yield Case("box_iou,no boxes", mx.sym.contrib.box_iou(variable(mx, "a"), variable(mx, "b")), {"a": normal(3, 5), "b": normal(2, 4)})


def coding(mx):
    for dtype, form, clip in product(("float32", "float64", "float16"), ("corner", "center"), (-1, 0, 0.5)):
        data, anchors = variable(mx, "data", dtype), variable(mx, "anchors", dtype)
        for stds in ({}, {"std0": 0.1, "std1": 0.2, "std2": 0.3, "std3": 0.4}):
            yield Case(
                f"box_decode,{dtype},{form},{clip},{len(stds)}",
                mx.sym.contrib.box_decode(data, anchors, format=form, clip=clip, name="decode", **stds),
                {"data": normal(2, 6, 4, dtype=dtype), "anchors": uniform(0, 9, 1, 6, 4, dtype=dtype)},
                dynamic={"data": ("batch", "boxes", 4), "anchors": (1, "boxes", 4)},
                tolerance=5e-3 if dtype == "float16" else 1e-5,  # MXNet rounds each step to halves
            )
    yield Case(
        "box_decode,anchors of each item",
        mx.sym.contrib.box_decode(variable(mx, "data"), variable(mx, "anchors")),
        {"data": normal(2, 6, 4), "anchors": uniform(0, 9, 2, 6, 4)},
    )
    names = ("samples", "matches", "anchors", "refs", "means", "stds")
    for dtype in ("float32", "float64"):
        yield Case(
            f"box_encode,{dtype}",
            mx.sym.contrib.box_encode(*(variable(mx, name, dtype) for name in names), name="encode"),
            {
                "samples": given([[1, -1, 0.6, 0.4, 0.5], [0, 1, 1, 1, -1]], dtype=dtype),
                "matches": integers(0, 2, 2, 5, dtype=dtype),
                "anchors": uniform(1, 2, 2, 5, 4, dtype=dtype),
                "refs": uniform(2, 3, 2, 3, 4, dtype=dtype),
                "means": given([0, 0.1, 0.2, 0], dtype=dtype),
                "stds": given([0.1, 0.1, 0.2, 0.3], dtype=dtype),
            },
            dynamic={"samples": ("batch", 5), "matches": ("batch", 5), "anchors": ("batch", 5, 4), "refs": ("batch", 3, 4)},
        )


ROWS = [
    [0, 0.5, 0, 0, 1, 1], [0, 0.5, 2, 2, 3, 3], [1, 0.9, 0, 0, 1, 1], [-1, 0.8, 0, 0, 1, 1],
    [0, 0.5, 0, 0, 1, 1.25], [1.9, 0.7, 0, 0, 1, 0.5],
    [2, 0.75, 1, 1, 0, 0], [2, 0.75, -0.5, -0.5, 1, 1], [0, -0.5, 5, 5, 6, 6], [1, 0, 7, 7, 8, 8], [0, 0.25, 0.5, 0.5, 0.5, 0.5],
]  # fmt: skip


def suppression(mx):
    settings = (
        {}, {"id_index": 0}, {"id_index": 0, "background_id": 0}, {"background_id": 0}, {"id_index": 0, "force_suppress": True},
        {"id_index": 0, "background_id": 1, "force_suppress": True}, {"overlap_thresh": 0}, {"overlap_thresh": 0.8}, {"overlap_thresh": 1},
        {"overlap_thresh": 2.5, "id_index": 0}, {"valid_thresh": 0.5}, {"valid_thresh": -1}, {"valid_thresh": 5}, {"topk": 0}, {"topk": 1},
        {"topk": 3}, {"topk": 100, "id_index": 0}, {"topk": 4, "id_index": 0, "valid_thresh": 0.3, "overlap_thresh": 0.4},
        {"overlap_thresh": 0.7, "id_index": 0, "background_id": -5},
    )  # fmt: skip
    formats = (("corner", "corner"), ("corner", "center"), ("center", "corner"), ("center", "center"))
    for setting, (read, written) in product(settings, formats):
        data = variable(mx, "data")
        if read != written and len(setting) > 2:
            continue
        form = {"in_format": read, "out_format": written} if (read, written) != ("corner", "corner") else {}
        symbol = mx.sym.contrib.box_nms(data, name="nms", **setting, **form)
        yield Case(f"box_nms,odd,{setting},{read},{written}", symbol, {"data": given([ROWS, ROWS[::-1]])})
        yield Case(
            f"box_nms,random,{setting},{read},{written}",
            symbol,
            {"data": uniform(0, 3, 3, 15, 6)},
            dynamic={"data": ("batch", "rows", 6)},
        )
    for dtype in ("float64", "float16"):
        yield Case(
            f"box_nms,{dtype}",
            mx.sym.contrib.box_nms(variable(mx, "data", dtype), id_index=0, topk=4, out_format="center", name="nms"),
            {"data": given([ROWS], dtype=dtype)},
            tolerance=1e-3 if dtype == "float16" else 1e-5,
        )
    data = variable(mx, "data")
    for shape in ((7, 6), (2, 3, 7, 6), (1, 1, 2, 5, 6)):
        yield Case(f"box_nms,{shape}", mx.sym.contrib.box_nms(data, id_index=0, name="nms"), {"data": uniform(0, 3, *shape)})
    for setting, width in (
        ({"coord_start": 0, "score_index": 4}, 5), ({"coord_start": 3, "score_index": 0, "id_index": 2, "out_format": "center"}, 8),
        ({"coord_start": 1, "score_index": 0, "in_format": "center"}, 5), ({"coord_start": 2, "score_index": 3}, 6),
        ({"id_index": 1}, 6), ({"coord_start": 3}, 6), ({}, 4), ({"score_index": 7}, 6),
    ):  # fmt: skip
        yield Case(f"box_nms,{setting},{width}", mx.sym.contrib.box_nms(data, name="nms", **setting), {"data": uniform(0, 2, 2, 9, width)})
    yield Case("box_nms,alias", mx.sym.contrib.box_non_maximum_suppression(data, topk=3), {"data": uniform(0, 2, 2, 9, 6)})


def matching(mx):
    for dtype, shape, ascend, topk in product(("float32", "float64"), ((4, 3), (2, 3, 5), (2, 1, 6, 2)), (False, True), (-1, 1, 2)):
        yield Case(
            f"bipartite_matching,{dtype},{shape},{ascend},{topk}",
            mx.sym.contrib.bipartite_matching(variable(mx, "data", dtype), is_ascend=ascend, topk=topk, threshold=0.4, name="m"),
            {"data": uniform(0, 1, *shape, dtype=dtype)},
            dynamic={"data": ("batch", *shape[1:])},
        )
        yield Case(
            f"bipartite_matching,ties,{dtype},{shape},{ascend},{topk}",
            mx.sym.contrib.bipartite_matching(variable(mx, "data", dtype), is_ascend=ascend, topk=topk, threshold=1, name="m"),
            {"data": integers(0, 3, *shape, dtype=dtype)},
        )
    yield Case("bipartite_matching,vector", mx.sym.contrib.bipartite_matching(variable(mx, "data"), threshold=0), {"data": distinct(4)})
