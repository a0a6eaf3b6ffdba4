"""Pooling and SPP: ceil mode, the dropped last window, AVE's divisor, global pooling and the mask."""

from itertools import product

from .case import Case, data, integers, label, layer, one, uniform


def sweep():
    """Kernels, strides and pads on odd and even sizes; Caffe rounds up unless told otherwise."""
    for pool, kernel, stride, pad in product(("MAX", "AVE"), (1, 2, 3, 4), (1, 2, 3, 5), (0, 1, 2)):
        if pad >= kernel:
            continue
        for size in ((7, 6), (5, 8)) if stride > 1 else ((5, 6),):
            attributes = {"pool": pool, "kernel_size": kernel, "stride": stride, "pad": pad}
            yield one(f"Pooling,{label(**attributes, size=size)}", "Pooling", (2, 2, *size), pooling_param=attributes)


def rounding():
    """round_mode, where floor and ceiling differ and where they don't."""
    for pool, mode, (kernel, stride, pad) in product(
        ("MAX", "AVE"), ("CEIL", "FLOOR"), ((2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 3, 1), (3, 3, 2))
    ):
        attributes = {"pool": pool, "kernel_size": kernel, "stride": stride, "pad": pad, "round_mode": mode}
        yield one(f"Pooling,{label(**attributes)}", "Pooling", (1, 3, 7, 8), pooling_param=attributes)


def spellings():
    """Asymmetric windows, global pooling, engines, the mask and what a negative image gives."""
    for pool in ("MAX", "AVE"):
        for name, form in {
            "h-w": {"kernel_h": 3, "kernel_w": 2, "stride_h": 1, "stride_w": 2, "pad_h": 2, "pad_w": 0},
            "h-w-wide": {"kernel_h": 1, "kernel_w": 4, "stride": 3},
            "h-w-one-pad": {"kernel_h": 3, "kernel_w": 4, "pad": 2, "stride": 2},
            "pad-h-w-on-size": {"kernel_size": 3, "pad_h": 1, "pad_w": 2, "stride_h": 2, "stride_w": 3},
            "stride-default": {"kernel_size": 2},
            "whole-image": {"kernel_h": 7, "kernel_w": 5},
            "global": {"global_pooling": True},
            "global-with-stride": {"global_pooling": True, "stride": 1, "pad": 0},
            "engine": {"kernel_size": 3, "stride": 2, "engine": "CAFFE"},
            "stride-over-kernel": {"kernel_size": 2, "stride": 4},
            "stride-over-image": {"kernel_size": 2, "stride": 20},
            "padding-only-last-window": {"kernel_size": 2, "stride": 2, "pad": 1},
            "wide-pad-stride": {"kernel_size": 5, "stride": 4, "pad": 4},
        }.items():
            yield one(f"Pooling,{pool},{name}", "Pooling", (2, 3, 7, 5), pooling_param={"pool": pool, **form})
        yield one(
            f"Pooling,{pool},all-negative",
            "Pooling",
            (1, 2, 5, 5),
            values=uniform(-9, -5),
            pooling_param={"pool": pool, "kernel_size": 3, "pad": 2, "stride": 2},
        )
        yield one(
            f"Pooling,{pool},one-pixel",
            "Pooling",
            (2, 3, 1, 1),
            pooling_param={"pool": pool, "kernel_size": 3, "pad": 1, "stride": 2},
        )
        yield one(
            f"Pooling,{pool},one-pixel-global", "Pooling", (2, 3, 1, 1), pooling_param={"pool": pool, "global_pooling": True}
        )
        yield one(
            f"Pooling,{pool},kernel-over-image",
            "Pooling",
            (1, 2, 3, 3),
            pooling_param={"pool": pool, "kernel_size": 4, "pad": 1},
        )
    yield one("Pooling,default-pool", "Pooling", (1, 2, 5, 5), pooling_param={"kernel_size": 3, "stride": 2})


def masks():
    """MAX's second top: the flat index in its own image, the first of equals."""
    for kernel, stride, pad, ties in (
        (2, 2, 0, False),
        (3, 2, 0, False),
        (3, 2, 1, False),
        (2, 1, 1, True),
        (3, 3, 2, True),
        (2, 3, 0, True),
    ):
        attributes = {"kernel_size": kernel, "stride": stride, "pad": pad}
        yield one(
            f"Pooling,mask,{label(**attributes, ties=ties)}", "Pooling", (2, 3, 5, 6), top=["out", "mask"],
            values=integers(0, 3) if ties else None, pooling_param={"pool": "MAX", **attributes},
        )  # fmt: skip
    yield one(
        "Pooling,mask,global",
        "Pooling",
        (2, 3, 4, 5),
        top=["out", "mask"],
        pooling_param={"pool": "MAX", "global_pooling": True},
    )
    yield one(
        "Pooling,mask,asymmetric",
        "Pooling",
        (1, 2, 5, 7),
        top=["out", "mask"],
        pooling_param={"kernel_h": 2, "kernel_w": 3, "stride_h": 3, "stride_w": 2},
    )


def stochastic():
    """STOCHASTIC at test is the mean weighted by the values themselves; its reference is two AVE poolings and their quotient."""
    for name, form in {
        "kernel=2": {"kernel_size": 2, "stride": 2},
        "kernel=3": {"kernel_size": 3, "stride": 2},
        "h-w": {"kernel_h": 2, "kernel_w": 3},
    }.items():
        source = data(data=(2, 3, 5, 7))
        yield Case(
            f"Pooling,STOCHASTIC,{name}",
            source + layer("Pooling", pooling_param={"pool": "STOCHASTIC", **form}),
            {"data": uniform(0.1, 2)},
            reference=source
            + layer("Eltwise", ["data", "data"], "square", eltwise_param={"operation": "PROD"})
            + layer("Pooling", "square", "squares", pooling_param={"pool": "AVE", **form})
            + layer("Pooling", "data", "sums", pooling_param={"pool": "AVE", **form})
            + layer("Power", "sums", "inverse", power_param={"power": -1})
            + layer("Eltwise", ["squares", "inverse"], "out", eltwise_param={"operation": "PROD"}),
        )


def pyramids():
    """SPP: 1, 4, 16, … bins, each pyramid level padded so that its kernels cover the image."""
    for pool, height, size in product(("MAX", "AVE"), (1, 2, 3), ((8, 8), (7, 5), (6, 9), (4, 4), (12, 10))):
        if height == 3 and size == (7, 5):
            continue  # the padding would be as wide as the kernel
        yield one(
            f"SPP,{label(pool=pool, pyramid_height=height, size=size)}",
            "SPP",
            (2, 3, *size),
            spp_param={"pool": pool, "pyramid_height": height},
        )
    yield one("SPP,default-pool", "SPP", (1, 2, 4, 4), spp_param={"pyramid_height": 2})
    yield one("SPP,engine", "SPP", (1, 2, 4, 4), spp_param={"pyramid_height": 2, "engine": "CAFFE"})


def refusals():
    """What Caffe stops at."""
    for name, form in (
        ("no-kernel", {}),
        ("kernel=0", {"kernel_size": 0}),
        ("pad-as-wide-as-kernel", {"kernel_size": 2, "pad": 2}),
        ("size-and-h-w", {"kernel_size": 2, "kernel_h": 2, "kernel_w": 2}),
        ("kernel-h-only", {"kernel_h": 2}),
        ("global-with-kernel", {"global_pooling": True, "kernel_size": 2}),
        ("global-with-pad", {"global_pooling": True, "pad": 1}),
        ("global-with-stride-2", {"global_pooling": True, "stride": 2}),
        ("pad-and-pad-h", {"kernel_size": 3, "pad": 1, "pad_h": 1, "pad_w": 1}),
        ("stride-and-stride-h", {"kernel_size": 3, "stride": 1, "stride_h": 1, "stride_w": 1}),
    ):
        yield one(f"Pooling,refused,{name}", "Pooling", (1, 2, 5, 5), refused=True, pooling_param=form)
    yield one("Pooling,refused,3-axes", "Pooling", (2, 5, 6), refused=True, pooling_param={"kernel_size": 2})
    yield one(
        "Pooling,refused,AVE-with-mask",
        "Pooling",
        (1, 2, 5, 5),
        top=["out", "mask"],
        refused=True,
        pooling_param={"pool": "AVE", "kernel_size": 2},
    )


CASES = [*sweep(), *rounding(), *spellings(), *masks(), *stochastic(), *pyramids(), *refusals()]
