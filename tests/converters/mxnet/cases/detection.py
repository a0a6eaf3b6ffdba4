"""Small detection networks whole."""

from .case import Case, given, normal, variable

LABELS = [
    [[2, 0, 0, 0.5, 0.5], [0, 0.5, 0.5, 0.8, 0.8], [-1] * 5],
    [[1, 0.1, 0.1, 0.6, 0.6], [3, 0.1, 0.1, 0.6, 0.6], [0, 0.2, 0.2, 0.3, 0.3]],
]


def sweep(mx):
    """An SSD head over two maps, to detections and to targets; an R-CNN head over proposals."""
    yield from ssd(mx)
    yield from rcnn(mx)


def ssd(mx):
    data, label = variable(mx, "data"), variable(mx, "label")
    first = mx.sym.Convolution(data, num_filter=8, kernel=(3, 3), pad=(1, 1), stride=(2, 2), name="c1")
    second = mx.sym.Activation(first, act_type="relu", name="r1")
    second = mx.sym.Convolution(second, num_filter=8, kernel=(3, 3), pad=(1, 1), stride=(2, 2), name="c2")
    anchors, codes, scores, params = [], [], [], {}
    for number, (layer, sizes) in enumerate(((first, (0.3, 0.4)), (second, (0.6, 0.8)))):
        anchors.append(mx.sym.contrib.MultiBoxPrior(layer, sizes=sizes, ratios=(1, 2), clip=False, name=f"prior{number}"))
        for kind, filters, found in (("loc", 12, codes), ("cls", 12, scores)):
            x = mx.sym.Convolution(layer, num_filter=filters, kernel=(3, 3), pad=(1, 1), name=f"{kind}{number}")
            found.append(mx.sym.Flatten(mx.sym.transpose(x, axes=(0, 2, 3, 1))))
            params |= {f"{kind}{number}_weight": normal(filters, 8, 3, 3, scale=0.1), f"{kind}{number}_bias": normal(filters, scale=0.1)}
    params |= {"c1_weight": normal(8, 3, 3, 3, scale=0.2), "c1_bias": normal(8)}
    params |= {"c2_weight": normal(8, 8, 3, 3, scale=0.2), "c2_bias": normal(8)}
    anchor, code = mx.sym.concat(*anchors, dim=1, name="anchors"), mx.sym.concat(*codes, dim=1, name="codes")
    score = mx.sym.transpose(mx.sym.reshape(mx.sym.concat(*scores, dim=1, name="scores"), shape=(0, -1, 4)), axes=(0, 2, 1))
    prob = mx.sym.SoftmaxActivation(score, mode="channel", name="prob")
    found = mx.sym.contrib.MultiBoxDetection(prob, code, anchor, nms_threshold=0.45, nms_topk=30, name="detection")
    image = {"data": normal(2, 3, 16, 12)}
    yield Case("SSD", found, image, params, dynamic={"data": ("batch", 3, 16, 12)}, tolerance=1e-4)
    named = {name: array for name, array in params.items() if not name.startswith("loc")}
    wanted = mx.sym.contrib.MultiBoxTarget(anchor, label, score, negative_mining_ratio=3, name="target")
    yield Case("SSD targets", wanted, {**image, "label": given(LABELS)}, named, tolerance=1e-4)


def rcnn(mx):
    """Faster R-CNN for two images: proposals of a map, its pooled regions classified and moved, and those suppressed by class."""
    data, info = variable(mx, "data"), variable(mx, "info")
    layer = mx.sym.Convolution(data, num_filter=6, kernel=(3, 3), pad=(1, 1), stride=(4, 4), name="c")
    layer = mx.sym.LeakyReLU(layer, act_type="leaky", slope=0.1, name="r")
    score = mx.sym.Convolution(layer, num_filter=12, kernel=(1, 1), name="score")
    score = mx.sym.softmax(mx.sym.reshape(score, shape=(0, 2, -1, 0)), axis=1, name="prob")
    score = mx.sym.reshape(score, shape=(0, 12, -1, 0), name="likely")
    delta = mx.sym.Convolution(layer, num_filter=24, kernel=(1, 1), name="delta")
    settings = {"feature_stride": 4, "scales": (2, 4), "ratios": (0.5, 1, 2), "rpn_min_size": 2, "rpn_post_nms_top_n": 8}
    regions = mx.sym.contrib.MultiProposal(score, delta, info, name="proposal", **settings)
    pooled = mx.sym.contrib.ROIAlign(layer, regions, pooled_size=(3, 3), spatial_scale=0.25, sample_ratio=2, name="pool")
    hidden = mx.sym.Activation(mx.sym.FullyConnected(pooled, num_hidden=10, name="fc"), act_type="relu")
    likely = mx.sym.softmax(mx.sym.FullyConnected(hidden, num_hidden=4, name="cls"))
    best = mx.sym.expand_dims(mx.sym.max(likely, axis=1), axis=1)
    kind = mx.sym.expand_dims(mx.sym.argmax(likely, axis=1), axis=1)
    moved = mx.sym.FullyConnected(hidden, num_hidden=4, name="box") * 0.1
    boxes = mx.sym.slice_axis(regions, axis=1, begin=1, end=5)
    boxes = mx.sym.contrib.box_decode(mx.sym.expand_dims(moved, axis=0), mx.sym.expand_dims(boxes, axis=0), format="corner", clip=4.0)
    rows = mx.sym.concat(kind, best, mx.sym.reshape(boxes, shape=(-1, 4)), dim=1)
    rows = mx.sym.reshape(rows, shape=(-4, 2, 8, 0))
    found = mx.sym.contrib.box_nms(rows, overlap_thresh=0.3, topk=6, id_index=0, background_id=3, name="detection")
    params = {"c_weight": normal(6, 3, 3, 3, scale=0.3), "c_bias": normal(6)}
    for name, shape in (
        ("score", (12, 6, 1, 1)), ("delta", (24, 6, 1, 1)), ("fc", (10, 54)), ("cls", (4, 10)), ("box", (4, 10)),
    ):  # fmt: skip
        params |= {f"{name}_weight": normal(*shape, scale=0.2), f"{name}_bias": normal(shape[0], scale=0.1)}
    fed = {"data": normal(2, 3, 20, 24), "info": given([[20, 24, 1], [18, 20, 1.5]])}
    yield Case("R-CNN", mx.sym.Group([regions, found]), fed, params, tolerance=1e-4)
