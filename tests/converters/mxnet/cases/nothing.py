"""No boxes, no regions, no images: what numpy's shapes allow."""

from .case import Case, given, normal, variable


def sweep(mx):
    """Each axis that can be empty."""
    a, b, c = (variable(mx, name) for name in "abc")
    contrib = mx.sym.contrib
    for name, symbol, shapes in (
        ("box_nms", contrib.box_nms(a, id_index=0), [(0, 6)]), ("box_nms,batch", contrib.box_nms(a, topk=3), [(0, 4, 6)]),
        ("box_nms,rows", contrib.box_nms(a, out_format="center"), [(2, 0, 6)]), ("box_iou", contrib.box_iou(a, b), [(0, 4), (2, 4)]),
        ("box_iou,both", contrib.box_iou(a, b, format="center"), [(3, 0, 4), (0, 4)]),
        ("box_decode", contrib.box_decode(a, b), [(2, 0, 4), (1, 0, 4)]),
        ("box_decode,batch", contrib.box_decode(a, b), [(0, 3, 4), (1, 3, 4)]),
        ("ROIAlign", contrib.ROIAlign(a, b, pooled_size=(2, 2), spatial_scale=1), [(1, 2, 4, 4), (0, 5)]),
        (
            "ROIAlign,sensitive",
            contrib.ROIAlign(a, b, pooled_size=(2, 1), spatial_scale=1, position_sensitive=True),
            [(1, 4, 4, 4), (0, 5)],
        ),
        ("ROIPooling", mx.sym.ROIPooling(a, b, pooled_size=(2, 2), spatial_scale=1), [(1, 2, 4, 4), (0, 5)]),
        ("MultiBoxPrior", contrib.MultiBoxPrior(a, sizes=(0.5, 0.2)), [(0, 3, 2, 2)]),
        ("MultiBoxDetection", contrib.MultiBoxDetection(a, b, c), [(0, 3, 4), (0, 16), (1, 4, 4)]),
        ("BilinearSampler", mx.sym.BilinearSampler(a, b), [(0, 1, 4, 4), (0, 2, 3, 3)]),
        ("Correlation", mx.sym.Correlation(a, b), [(0, 1, 4, 4), (0, 1, 4, 4)]),
        ("random_uniform", mx.sym.random.uniform(shape=(0, 3)), []),
        ("random_normal", mx.sym.random.normal(shape=(2, 0)), []),
    ):  # fmt: skip
        yield Case(name, symbol, {key: normal(*shape) for key, shape in zip("abc", shapes, strict=False)}, numpy=True)
    yield Case("random_normal,a number", mx.sym.random.normal(3, 0, shape=()), {}, numpy=True)
    yield Case("random_randint,a number", mx.sym.random.randint(3, 4, shape=()), {}, numpy=True)
    fed = {"a": normal(0, 2, dtype="int8"), "b": given([0.0]), "c": given([2.0])}
    yield Case("dequantize", contrib.dequantize(variable(mx, "a", "int8"), b, c), fed, numpy=True)
