"""One function for each layer type: draws its attributes and its bottoms so that Caffe should accept them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .net import Blob, Net, Unfit

RECIPES: dict[str, tuple[int, Callable[[Net], object]]] = {}
"""Weight and function, by type."""


def recipe(kind: str, weight: int = 2) -> Callable[[Callable[[Net], object]], Callable[[Net], object]]:
    """The function draws a layer of this type, ``weight`` times as often as one of weight 1."""

    def register(function: Callable[[Net], object]) -> Callable[[Net], object]:
        RECIPES[kind] = (weight, function)
        return function

    return register


def maybe(net: Net, p: float = 0.5, **fields: Any) -> dict[str, Any]:
    """Each of the fields with probability ``p``."""
    return {k: v for k, v in fields.items() if net.chance(p)}


def signed(net: Net, axis: int, rank: int) -> int:
    """The same axis, perhaps counted from the end."""
    return axis - rank if net.chance(0.3) else axis


def number(net: Net, low: float = -2.0, high: float = 2.0) -> float:
    return round(net.r.uniform(low, high), 3)


def _elementwise(
    kind: str,
    key: str,
    draw: Callable[[Net], dict[str, Any]],
    *,
    exact: bool = False,
    low: bool = False,
    needs: str = "",
    weight: int = 1,
    place: float = 0.5,
) -> None:
    def function(net: Net) -> None:
        x = net.pick(exact=needs == "exact", low=needs == "low")
        fields = {key: draw(net)} if key else {}
        net.add(kind, [x], [x.shape], exact=exact, low=low or (kind == "Dropout" and x.low), in_place=place, **fields)

    RECIPES[kind] = (weight, function)


_elementwise("AbsVal", "", lambda n: {}, exact=True, low=True, place=0)
_elementwise("BNLL", "", lambda n: {}, low=True)
_elementwise("Clip", "clip_param", lambda n: {"min": number(n, -2, 0), "max": number(n, 0, 2)}, exact=True)
_elementwise("Dropout", "dropout_param", lambda n: maybe(n, dropout_ratio=0.3), exact=True)
_elementwise("ELU", "elu_param", lambda n: maybe(n, alpha=number(n, 0.1, 2)))
_elementwise(
    "Exp",
    "exp_param",
    lambda n: {"scale": number(n, -0.5, 0.5), **maybe(n, base=n.r.choice((-1.0, 2.0, 0.5)), shift=number(n, -1, 1))},
    low=True,
)
_elementwise(
    "Log",
    "log_param",
    lambda n: {"scale": number(n, 0.1, 2), "shift": number(n, 0.2, 2), **maybe(n, base=n.r.choice((-1.0, 2.0, 10.0)))},
    needs="low",
)
_elementwise(
    "Power",
    "power_param",
    lambda n: maybe(n, power=n.r.choice((0.0, 1.0, 2.0, 3.0)), scale=n.r.choice((0.0, 0.5, -1.5, 1.0)), shift=number(n, -1, 1)),
)
_elementwise(
    "ReLU", "relu_param", lambda n: maybe(n, 0.3, negative_slope=number(n, -0.5, 0.5)), exact=False, weight=4, place=0.7
)
_elementwise("Sigmoid", "", lambda n: {}, low=True)
_elementwise("Swish", "swish_param", lambda n: maybe(n, beta=number(n)))
_elementwise("TanH", "", lambda n: {})
_elementwise(
    "Threshold", "threshold_param", lambda n: maybe(n, threshold=number(n, -1, 1)), exact=True, low=True, needs="exact"
)


@recipe("RootPower", 1)
def root_power(net: Net) -> None:
    x = net.pick(low=True)
    net.add("Power", [x], [x.shape], in_place=0.5, power_param={"power": number(net, -1.5, 1.5), "shift": number(net, 0.3, 2)})


@recipe("PReLU", 1)
def prelu(net: Net) -> None:
    x = net.pick(2, 3, 4)
    net.add("PReLU", [x], [x.shape], in_place=0.5, prelu_param=maybe(net, 0.4, channel_shared=True))


@recipe("ArgMax", 1)
def arg_max(net: Net) -> None:
    x = net.pick(exact=True)
    rank = len(x.shape)
    if net.chance(0.5):
        axis = net.r.randrange(rank)
        k = net.r.randint(1, x.shape[axis]) if axis else 1
        shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
        net.add(
            "ArgMax",
            [x],
            [shape],
            exact=True,
            argmax_param={"axis": signed(net, axis, rank), "top_k": k, **maybe(net, out_max_val=True)},
        )
        return
    if rank == 1:
        raise Unfit
    k = net.r.randint(1, min(5, math.prod(x.shape[1:])))
    both = net.chance(0.5)
    net.add(
        "ArgMax",
        [x],
        [(x.shape[0], 2 if both else 1, k, *(1,) * (rank - 3))],
        exact=True,
        argmax_param={"top_k": k, "out_max_val": both},
    )


@recipe("BatchNorm", 3)
def batch_norm(net: Net) -> None:
    x = net.pick(at_least=2)
    net.add(
        "BatchNorm",
        [x],
        [x.shape],
        in_place=0.5,
        batch_norm_param=maybe(net, 0.2, eps=0.01, use_global_stats=net.chance(0.6) or math.prod(x.shape) < 30),
    )


@recipe("BatchReindex", 1)
def batch_reindex(net: Net) -> None:
    x = net.pick()
    count = net.r.randint(1, 4)
    index = net.fed((count,), "integers", 0, x.shape[0] if x.shape[0] != net.batch else 1, batched=False)
    net.add("BatchReindex", [x, index], [(count, *x.shape[1:])], exact=True)


def _span(net: Net, x: Blob) -> tuple[int, int]:
    start = net.r.randrange(len(x.shape))
    return start, net.r.randint(start, len(x.shape))


def _scale(kind: str, key: str) -> Callable[[Net], None]:
    def function(net: Net) -> None:
        x = net.pick()
        start, stop = _span(net, x)
        extra = maybe(net, bias_term=True) if kind == "Scale" else {}
        if net.chance(0.5):  # two bottoms
            fields = {key: {"axis": signed(net, start, len(x.shape)), **extra}}
            if stop == start:
                return
            net.add(kind, [x, net.like(x, x.shape[start:stop])], [x.shape], in_place=0.3, **fields)
            return
        if net.chance(0.3) and len(x.shape) > 1:
            net.add(kind, [x], [x.shape], in_place=0.5, **{key: extra})
            return
        length = -1 if net.chance(0.2) else stop - start
        net.add(
            kind, [x], [x.shape], in_place=0.5, **{key: {"axis": signed(net, start, len(x.shape)), "num_axes": length, **extra}}
        )

    return function


RECIPES["Scale"] = (3, _scale("Scale", "scale_param"))
RECIPES["Bias"] = (1, _scale("Bias", "bias_param"))


@recipe("Concat", 3)
def concat(net: Net) -> None:
    x = net.pick()
    axis = net.r.randrange(len(x.shape))
    xs = [x]
    for _ in range(net.r.choice((0, 1, 1, 2, 3))):
        fits = [
            b
            for b in net.blobs.values()
            if len(b.shape) == len(x.shape) and all(i == axis or m == n for i, (m, n) in enumerate(zip(b.shape, x.shape)))
        ]
        xs.append(net.r.choice(fits) if net.chance(0.8) else net.like(x))
    shape = (*x.shape[:axis], sum(b.shape[axis] for b in xs), *x.shape[axis + 1 :])
    if shape[axis] > 64:
        raise Unfit
    form = (
        {}
        if axis == 1 and net.chance(0.5)
        else {"concat_dim": axis}
        if net.chance(0.2)
        else {"axis": signed(net, axis, len(x.shape))}
    )
    net.add("Concat", xs, [shape], exact=True, concat_param=form)


def _window(net: Net, sizes: Sequence[int], most: int = 4) -> tuple[dict[str, Any], list[tuple[int, int, int, int]]]:
    """A convolution's fields, and (kernel, stride, pad, dilation) for each axis."""
    count = len(sizes)
    each = net.chance(0.3)
    drawn: list[tuple[int, int, int, int]] = []
    for i in range(count):
        if drawn and not each:
            drawn.append(drawn[0])
            continue
        pad = net.r.choice((0, 0, 1, 2))
        room = (sizes[i] if each else min(sizes)) + 2 * pad
        dilation = net.r.choice((1, 1, 1, 2))
        drawn.append(
            (net.r.randint(1, max(1, min(most, (room - 1) // dilation + 1))), net.r.choice((1, 1, 2, 3)), pad, dilation)
        )
    fields: dict[str, Any] = {}
    for i, name in enumerate(("kernel", "stride", "pad", "dilation")):
        values = [d[i] for d in drawn]
        if not values:
            if name == "kernel":
                fields["kernel_size"] = 1
        elif count == 2 and name != "dilation" and net.chance(0.2):
            fields[f"{name}_h"], fields[f"{name}_w"] = values
        else:
            fields["kernel_size" if name == "kernel" else name] = values if each else values[0]
    return fields, drawn


def _convolution(kind: str, transposed: bool) -> Callable[[Net], None]:
    def function(net: Net) -> None:
        x = net.pick(4, 4, 2, 3, 5) if net.chance(0.4) else net.pick(4)
        rank = len(x.shape)
        axis = 1 if net.chance(0.8) else net.r.randrange(rank)
        sizes, channels = x.shape[axis + 1 :], x.shape[axis]
        fields, drawn = _window(net, sizes)
        group = channels if net.chance(0.15) else net.r.choice([g for g in (1, 1, 1, 2, 3) if channels % g == 0])
        outputs = group * net.r.randint(1, 3)
        if transposed:
            out = tuple(s * (d - 1) + q * (k - 1) + 1 - 2 * p for d, (k, s, p, q) in zip(sizes, drawn))
        else:
            out = tuple((d + 2 * p - q * (k - 1) - 1) // s + 1 for d, (k, s, p, q) in zip(sizes, drawn))
        if min(out, default=1) < 1 or math.prod(out) > 2000:
            raise Unfit
        form = {
            "num_output": outputs,
            **fields,
            **({"group": group} if group > 1 else {}),
            **({"axis": signed(net, axis, rank)} if axis != 1 or net.chance(0.1) else {}),
        }
        form |= maybe(net, 0.2, bias_term=False) | maybe(net, 0.05, force_nd_im2col=True)
        shape = (*x.shape[:axis], outputs, *out)
        xs = [x] + ([net.like(x)] if net.chance(0.08) else [])
        specs: dict[str, Any] = {}
        if net.chance(0.15):
            key = f"w{len(net.layers)}"
            specs = {
                "param": [{"name": key}, *([{"name": key + "b"}] if net.chance(0.5) and form.get("bias_term", True) else [])]
            }
            net.add(kind, [net.like(x)], [shape], **specs, convolution_param=form)
        net.add(kind, xs, [shape] * len(xs), **specs, convolution_param=form)

    return function


RECIPES["Convolution"] = (6, _convolution("Convolution", False))
RECIPES["Deconvolution"] = (2, _convolution("Deconvolution", True))


@recipe("Im2col", 1)
def im2col(net: Net) -> None:
    x = net.pick(3, 4, 5)
    axis = 1 if net.chance(0.8) else net.r.randrange(len(x.shape) - 1)
    sizes = x.shape[axis + 1 :]
    fields, drawn = _window(net, sizes, 3)
    out = [(d + 2 * p - q * (k - 1) - 1) // s + 1 for d, (k, s, p, q) in zip(sizes, drawn)]
    shape = (*x.shape[:axis], x.shape[axis] * math.prod(k for k, *_ in drawn), *out)
    if min(out) < 1 or math.prod(shape) > 5000 or (axis != 1 and len(x.shape) - axis > 3):
        raise Unfit
    net.add("Im2col", [x], [shape], exact=True, convolution_param={**fields, **({"axis": axis} if axis != 1 else {})})


@recipe("Crop", 2)
def crop(net: Net) -> None:
    x = net.pick()
    rank = len(x.shape)
    axis = net.r.randrange(rank)
    fits = [
        b for b in net.blobs.values() if len(b.shape) == rank and all(m <= n for m, n in zip(b.shape[axis:], x.shape[axis:]))
    ]
    reference = net.r.choice(fits)
    room = [n - m for m, n in zip(reference.shape[axis:], x.shape[axis:])]
    offsets = net.r.choice(([], [net.r.randint(0, min(room))], [net.r.randint(0, n) for n in room]))
    form = {
        **({} if axis == 2 and net.chance(0.5) else {"axis": signed(net, axis, rank)}),
        **({"offset": offsets} if offsets else {}),
    }
    net.add("Crop", [x, reference], [(*x.shape[:axis], *reference.shape[axis:])], exact=True, crop_param=form)


@recipe("Eltwise", 4)
def eltwise(net: Net) -> None:
    x = net.pick()
    xs = [x, *(net.like(x) for _ in range(net.r.choice((1, 1, 2, 3))))]
    operation = net.r.choice(("SUM", "PROD", "MAX"))
    coefficients = (
        {"coeff": [net.r.choice((1.0, -1.0, 0.5, 0.0, -2.0)) for _ in xs]} if operation == "SUM" and net.chance(0.5) else {}
    )
    net.add(
        "Eltwise", xs, [x.shape], exact=operation == "MAX", in_place=0.1, eltwise_param={"operation": operation, **coefficients}
    )


@recipe("Embed", 1)
def embed(net: Net) -> None:
    shape = net.r.choice(((net.batch,), (net.batch, 3), (2, net.batch, 2)))
    size = net.r.randint(2, 6)
    x = net.fed(shape, "integers", 0, size)
    outputs = net.r.randint(1, 5)
    net.add(
        "Embed",
        [x],
        [(*shape, outputs)],
        embed_param={"num_output": outputs, "input_dim": size, **maybe(net, 0.3, bias_term=False)},
    )


@recipe("Filter", 1)
def filter_items(net: Net) -> None:
    x = net.pick()
    selector = net.fed((x.shape[0], *net.r.choice(((), (1,), (1, 1)))), "given", 1, 0, 1)
    (made,) = net.add("Filter", [x, selector], [x.shape], exact=True)
    del net.blobs[made.name]  # how many items it has depends on the values


@recipe("Flatten", 3)
def flatten(net: Net) -> None:
    x = net.pick()
    rank = len(x.shape)
    start = min(1, rank - 1) if net.chance(0.6) else net.r.randrange(rank)
    end = rank - 1 if net.chance(0.6) else net.r.randint(start, rank - 1)
    form = {
        **({} if start == 1 else {"axis": signed(net, start, rank)}),
        **({} if end == rank - 1 else {"end_axis": signed(net, end, rank)}),
    }
    net.add(
        "Flatten",
        [x],
        [(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])],
        exact=True,
        low=x.low,
        flatten_param=form,
    )


@recipe("Reshape", 3)
def reshape(net: Net) -> None:
    x = net.pick()
    rank = len(x.shape)
    start = net.r.randint(0, rank)
    length = net.r.choice((-1, net.r.randint(0, rank - start)))
    stop = rank if length == -1 else start + length
    total = math.prod(x.shape[start:stop])
    target: list[int] = []
    while len(target) < net.r.randint(1, 3) and start + stop > 0:
        target.append(net.r.choice([d for d in range(1, total + 1) if total % d == 0]))
        total //= target[-1]
    target += [total]
    if start == 0 and net.chance(0.8):  # keep the batch
        target = [x.shape[0], math.prod(x.shape[1:stop])] if stop > 0 else [1]
    dim = [0 if start + i < rank and d == x.shape[start + i] and net.chance(0.7) else d for i, d in enumerate(target)]
    if net.chance(0.5):
        dim[net.r.randrange(len(dim))] = -1
    shape = (*x.shape[:start], *target, *x.shape[stop:])
    if len(shape) > 6 or math.prod(target) != math.prod(x.shape[start:stop]):
        raise Unfit
    form = {
        "shape": {"dim": dim},
        **({"axis": start - rank - 1 if net.chance(0.3) else start} if start else {}),
        **({"num_axes": length} if length != -1 else {}),
    }
    net.add("Reshape", [x], [shape], exact=True, low=x.low, in_place=0.2, reshape_param=form)


@recipe("InnerProduct", 4)
def inner_product(net: Net) -> None:
    x = net.pick()
    rank = len(x.shape)
    axis = min(1, rank - 1) if net.chance(0.7) else net.r.randrange(rank)
    outputs = net.r.randint(1, 6)
    form = {
        "num_output": outputs,
        **({} if axis == 1 else {"axis": signed(net, axis, rank)}),
        **maybe(net, 0.2, transpose=True, bias_term=False),
    }
    specs: dict[str, Any] = {}
    if net.chance(0.15):
        specs = {"param": {"name": f"w{len(net.layers)}"}}
        net.add("InnerProduct", [net.like(x)], [(*x.shape[:axis], outputs)], **specs, inner_product_param=form)
    net.add("InnerProduct", [x], [(*x.shape[:axis], outputs)], **specs, inner_product_param=form)


@recipe("LRN", 2)
def lrn(net: Net) -> None:
    x = net.pick(4)
    form = maybe(
        net,
        0.6,
        local_size=net.r.choice((1, 3, 5)),
        alpha=number(net, 0.01, 1),
        beta=number(net, 0.2, 1),
        k=number(net, 0.5, 2),
        norm_region="WITHIN_CHANNEL",
    )
    net.add("LRN", [x], [x.shape], lrn_param=form)


@recipe("MVN", 1)
def mvn(net: Net) -> None:
    x = net.pick(2, 3, 4)
    form = {"eps": number(net, 0.01, 0.2), **maybe(net, 0.4, normalize_variance=False, across_channels=True)}
    if math.prod(x.shape[2:]) < 3 and not (form.get("across_channels") and math.prod(x.shape[1:]) > 3):
        raise Unfit
    net.add("MVN", [x], [(*x.shape, *(1,) * (4 - len(x.shape)))], mvn_param=form)


@recipe("Pooling", 6)
def pooling(net: Net) -> None:
    x = net.pick(4)
    kind = net.r.choice(("MAX", "AVE"))  # STOCHASTIC runs on GPUs only
    if net.chance(0.15):
        net.add(
            "Pooling",
            [x],
            [(*x.shape[:2], 1, 1)],
            exact=kind == "MAX",
            low=x.low,
            pooling_param={"pool": kind, "global_pooling": True},
        )
        return
    each = net.chance(0.3)
    form: dict[str, Any] = {"pool": kind}
    kernel = (
        [net.r.randint(1, min(5, n + 1)) for n in x.shape[2:]] if each else [net.r.randint(1, min(5, min(x.shape[2:]) + 1))] * 2
    )
    stride = [net.r.randint(1, 4) for _ in kernel] if each else [net.r.randint(1, 4)] * 2
    pad = [0, 0] if net.chance(0.4) else [net.r.randrange(k) for k in kernel] if each else [net.r.randrange(kernel[0])] * 2
    form |= (
        {
            "kernel_h": kernel[0],
            "kernel_w": kernel[1],
            "stride_h": stride[0],
            "stride_w": stride[1],
            "pad_h": pad[0],
            "pad_w": pad[1],
        }
        if each
        else {"kernel_size": kernel[0], "stride": stride[0], "pad": pad[0]}
    )
    floor = net.chance(0.2)
    form |= {"round_mode": "FLOOR"} if floor else {}
    out = []
    for n, k, s, p in zip(x.shape[2:], kernel, stride, pad):
        m = ((n + 2 * p - k) // s if floor else -((k - n - 2 * p) // s)) + 1
        out.append(m - 1 if any(pad) and (m - 1) * s >= n + p else m)
        if out[-1] < 1:
            raise Unfit
    shape = (*x.shape[:2], *out)
    tops = 2 if kind == "MAX" and x.exact and net.chance(0.3) else 1
    made = net.add("Pooling", [x], [shape] * tops, exact=kind == "MAX", low=x.low, pooling_param=form)
    if any(
        (m - 1) * s >= n + p for m, n, s, p in zip(out, x.shape[2:], stride, pad)
    ):  # a window outside of the image: the lowest number
        for blob in made:
            del net.blobs[blob.name]


@recipe("SPP", 1)
def spp(net: Net) -> None:
    x = net.pick(4)
    height = net.r.randint(1, 2)
    if min(x.shape[2:]) < 4:
        raise Unfit
    bins = sum(4**i for i in range(height))
    net.add(
        "SPP",
        [x],
        [(x.shape[0], x.shape[1] * bins) if height > 1 else (*x.shape[:2], 1, 1)],
        spp_param={"pyramid_height": height, "pool": net.r.choice(("MAX", "AVE"))},
    )


@recipe("Reduction", 2)
def reduction(net: Net) -> None:
    x = net.pick()
    axis = net.r.randrange(len(x.shape))
    form = {
        "operation": net.r.choice(("SUM", "ASUM", "SUMSQ", "MEAN")),
        **({"axis": signed(net, axis, len(x.shape))} if axis else {}),
        **maybe(net, 0.3, coeff=number(net)),
    }
    (made,) = net.add("Reduction", [x], [x.shape[:axis]], reduction_param=form)
    if not made.shape:
        del net.blobs[made.name]


@recipe("Slice", 3)
def slice_(net: Net) -> None:
    x = net.pick()
    axis = net.r.randrange(len(x.shape))
    size = x.shape[axis]
    if net.chance(0.5):
        count = net.r.choice([c for c in range(1, 5) if size % c == 0])
        parts, form = [size // count] * count, {}
    else:
        points = sorted(net.r.sample(range(1, size), min(size - 1, net.r.randint(1, 3))))
        parts = [b - a for a, b in zip([0, *points], [*points, size])]
        form = {"slice_point": points} if points else {}
    form |= (
        {}
        if axis == 1 and net.chance(0.5)
        else {"slice_dim": axis}
        if net.chance(0.2)
        else {"axis": signed(net, axis, len(x.shape))}
    )
    net.add("Slice", [x], [(*x.shape[:axis], p, *x.shape[axis + 1 :]) for p in parts], exact=True, low=x.low, slice_param=form)


@recipe("Softmax", 3)
def softmax(net: Net) -> None:
    x = net.pick()
    axis = net.r.randrange(len(x.shape))
    net.add(
        "Softmax",
        [x],
        [x.shape],
        low=True,
        in_place=0.3,
        softmax_param={} if axis == 1 else {"axis": signed(net, axis, len(x.shape))},
    )


@recipe("Split", 2)
def split(net: Net) -> None:
    x = net.pick()
    net.add("Split", [x], [x.shape] * net.r.randint(1, 3), exact=True, low=x.low)


@recipe("Silence", 1)
def silence(net: Net) -> None:
    if len(net.blobs) > 4:
        net.add("Silence", [net.pick()], [])


@recipe("Tile", 1)
def tile(net: Net) -> None:
    x = net.pick()
    axis, count = net.r.randrange(len(x.shape)), net.r.randint(1, 3)
    net.add(
        "Tile",
        [x],
        [(*x.shape[:axis], x.shape[axis] * count, *x.shape[axis + 1 :])],
        exact=True,
        low=x.low,
        tile_param={"tiles": count, **({} if axis == 1 and net.chance(0.5) else {"axis": signed(net, axis, len(x.shape))})},
    )


def _recurrent(kind: str) -> Callable[[Net], None]:
    def function(net: Net) -> None:
        x = net.pick(3, 4)
        steps, sequences = x.shape[:2]
        cont = net.fed((steps, sequences), "given", *[0] * sequences, *[1] * (sequences * (steps - 1)), batched=False)
        size = net.r.randint(1, 4)
        bottoms = [x, cont]
        if net.chance(0.3):
            bottoms.append(net.fed((sequences, 3), batched=False))
        net.add(kind, bottoms, [(steps, sequences, size)], recurrent_param={"num_output": size})

    return function


RECIPES["LSTM"] = (1, _recurrent("LSTM"))
RECIPES["RNN"] = (1, _recurrent("RNN"))
