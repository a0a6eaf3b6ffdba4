"""Layers of the detection forks, as OpenCV's dnn runs them: PriorBox, DetectionOutput, ROIPooling, PSROIPooling, Interp, Reorg."""

from itertools import product

from .case import Case, data, given, label, layer, normal, uniform

BOXES = (
    0.1,
    0.1,
    0.5,
    0.6,
    0.12,
    0.1,
    0.52,
    0.6,
    0.4,
    0.3,
    0.9,
    0.8,
    0.0,
    0.5,
    0.3,
    1.0,
    0.6,
    0.05,
    0.95,
    0.35,
    0.2,
    0.2,
    0.8,
    0.7,
)
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def prior_boxes():
    """Sizes, ratios, flips, clips, variances, steps and offsets; images and feature maps that aren't square."""
    forms = {
        "one-size": {"min_size": 12},
        "two-sizes": {"min_size": [8, 16]},
        "max": {"min_size": 12, "max_size": 20},
        "ratio": {"min_size": 12, "aspect_ratio": 2},
        "ratios-max": {"min_size": 12, "max_size": 20, "aspect_ratio": [2, 3]},
        "no-flip": {"min_size": 12, "max_size": 20, "aspect_ratio": [2, 3], "flip": False},
        "clip": {"min_size": 30, "max_size": 40, "aspect_ratio": 2, "clip": True},
        "one-variance": {"min_size": 12, "aspect_ratio": 2, "variance": 0.2},
        "step": {"min_size": 12, "step": 8},
        "step-h-w": {"min_size": 12, "step_h": 8, "step_w": 6},
        "offset": {"min_size": 12, "step": 8, "offset": 0.25},
        "ratio-1-repeated": {"min_size": 12, "aspect_ratio": [1, 2, 2, 0.5]},
        "two-sizes-two-max": {"min_size": [8, 16], "max_size": [10, 20], "aspect_ratio": 2},
    }
    said = {"clip": False, "variance": list(VARIANCES)}  # SSD has defaults for both, OpenCV others
    shapes = (((1, 2, 3, 4), (1, 3, 24, 32)), ((1, 4, 2, 2), (1, 3, 33, 17)))
    for (name, form), (feature, image) in product(forms.items(), shapes):
        yield network(
            f"PriorBox,{name},{label(feature=feature)}",
            {"feature": feature, "data": image},
            layer("PriorBox", ["feature", "data"], "out", prior_box_param={**said, **form}),
        )


def detections():
    """Boxes decoded, scores thresholded, overlaps suppressed, the best kept."""
    for code, shared, threshold, keep, top_k in product(
        ("CENTER_SIZE", "CORNER"), (True, False), (0.01, 0.4), (4, 100), (3, 100)
    ):
        if not shared and code == "CORNER":
            continue
        classes, priors = 3, 6
        form = {
            "num_classes": classes, "share_location": shared, "background_label_id": 0, "nms_param": {"nms_threshold": 0.45, "top_k": top_k}, "code_type": code,
            "keep_top_k": keep, "confidence_threshold": threshold,
        }  # fmt: skip
        shapes = {
            "loc": (1, priors * 4 * (1 if shared else classes)),
            "conf": (1, priors * classes),
            "prior": (1, 2, priors * 4),
        }
        text = layer("DetectionOutput", list(shapes), "out", detection_output_param=form)
        inputs = {"loc": normal(0, 0.5), "conf": uniform(0.02, 0.98), "prior": given(*BOXES, *VARIANCES * priors)}
        yield network(
            f"DetectionOutput,{label(code_type=code, shared=shared, threshold=threshold, keep=keep, top_k=top_k)}",
            shapes,
            text,
            inputs,
        )


def regions():
    """Regions as (image, x1, y1, x2, y2)."""
    rois = (0, 0, 0, 15, 15, 0, 4, 2, 11, 13, 0, 8, 8, 8, 8, 0, 3, 5, 14, 9)
    for pooled, scale in product(((2, 2), (3, 2)), (0.5, 0.25)):
        form = {"pooled_h": pooled[0], "pooled_w": pooled[1], "spatial_scale": scale}
        shapes = {"data": (1, 2, int(16 * scale), int(16 * scale)), "rois": (4, 5)}
        yield network(
            f"ROIPooling,{label(**form)}",
            shapes,
            layer("ROIPooling", ["data", "rois"], "out", roi_pooling_param=form),
            {"rois": given(*rois)},
        )
    for group, scale in product((2, 3), (0.5, 0.25)):
        form = {"spatial_scale": scale, "output_dim": 2, "group_size": group}
        shapes = {"data": (1, 2 * group * group, int(16 * scale), int(16 * scale)), "rois": (4, 5)}
        yield network(
            f"PSROIPooling,{label(**form)}",
            shapes,
            layer("PSROIPooling", ["data", "rois"], "out", psroi_pooling_param=form),
            {"rois": given(*rois)},
        )


def resizing():
    """Interp by size and by zoom factor; Reorg."""
    for size in ((8, 10), (3, 2), (5, 5), (1, 1), (9, 9)):
        text = layer("Interp", "data", "out", interp_param={"height": size[0], "width": size[1]})
        yield network(f"Interp,{label(size=size)}", {"data": (1, 2, 5, 5)}, text)
    for zoom in (2, 3):
        yield network(
            f"Interp,{label(zoom_factor=zoom)}",
            {"data": (1, 2, 4, 5)},
            layer("Interp", "data", "out", interp_param={"zoom_factor": zoom}),
        )
    yield network("Reorg,stride=2", {"data": (1, 8, 6, 6)}, layer("Reorg", "data", "out", reorg_param={"stride": 2}))


def network(case_id, shapes, text, inputs=None):
    """A case whose inputs' shapes the recorder is told."""
    return Case(case_id, data(**shapes) + text, inputs or {}, shapes=shapes)


CASES = [*prior_boxes(), *detections(), *regions(), *resizing()]
