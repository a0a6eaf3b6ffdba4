"""Layers of ``mx.sym`` and ``mx.sym.np`` for what a network has so far. Runs in MXNet's Python."""

from cases.case import integers, uniform

from .arrays import codes


class Unfit(Exception):
    """The network has nothing that the layer could take."""


def window(net, rank):
    """Kernel, stride and pads for so many axes."""

    def many(*choices):
        return tuple(net.r.choice(choices) for _ in range(rank))

    settings = {"kernel": many(1, 2, 3)}
    if net.chance(0.6):
        settings["stride"] = many(1, 1, 2)
    if net.chance(0.5):
        settings["pad"] = many(0, 1)
    return settings


def convolution(net):
    x, s = net.pick(3, 4, 5)
    r, groups = net.r, net.r.choice([g for g in (1, 1, 2, s[1]) if s[1] % g == 0])
    settings = {
        **window(net, len(s) - 2),
        "num_filter": groups * r.randint(1, 3),
        "num_group": groups,
        "no_bias": net.chance(0.3),
    }
    if net.chance(0.2):
        settings["dilate"] = (r.randint(1, 2),) * (len(s) - 2)
    if net.chance(0.2):
        settings["weight"] = net.parameter((settings["num_filter"], s[1] // groups, *settings["kernel"]))
    return net.mx.sym.Convolution(x, name=net.name("conv"), **settings)


def deconvolution(net):
    x, s = net.pick(3, 4)
    settings = {**window(net, len(s) - 2), "num_filter": net.r.randint(1, 4), "no_bias": net.chance(0.5)}
    if "stride" in settings and net.chance(0.3) and min(settings["stride"]) > 1:
        settings["adj"] = (1,) * (len(s) - 2)
    return net.mx.sym.Deconvolution(x, name=net.name("deconv"), **settings)


def pooling(net):
    x, s = net.pick(3, 4, 5)
    kind = net.r.choice(("max", "avg", "avg", "sum", "lp"))
    settings = {"pool_type": kind, "pooling_convention": net.r.choice(("valid", "full"))}
    if kind == "lp":
        settings["p_value"] = net.r.choice((1, 2, 3))
        x = net.mx.sym.abs(x)
    if kind == "avg" and net.chance(0.5):
        settings["count_include_pad"] = net.chance(0.5)
    if net.chance(0.2):
        return net.mx.sym.Pooling(
            x, kernel=(1,) * (len(s) - 2), global_pool=True, pool_type=kind, **({"p_value": 2} if kind == "lp" else {})
        )
    return net.mx.sym.Pooling(x, name=net.name("pool"), **settings, **window(net, len(s) - 2))


def norm(net):
    x, s = net.pick(least=2)
    kind, sym = (
        net.r.choice(("BatchNorm", "BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "L2Normalization", "LRN")),
        net.mx.sym,
    )
    if kind in ("InstanceNorm", "GroupNorm") and len(s) < 3:
        raise Unfit
    if kind in ("LRN",) and len(s) != 4:
        raise Unfit
    if kind == "L2Normalization" and (len(s) < 3 or net.chance(0.2)):
        return sym.L2Normalization(x, mode="instance")
    settings = {
        "BatchNorm": lambda: {
            "fix_gamma": net.chance(0.5),
            "eps": net.r.choice((1e-3, 1e-5)),
            "use_global_stats": net.chance(0.3),
            **({"axis": net.r.choice((1, -1))} if net.chance(0.2) else {}),
        },
        "LayerNorm": lambda: {"axis": net.r.choice((-1, len(s) - 1, 1))},
        "InstanceNorm": lambda: {"eps": net.r.choice((1e-3, 1e-5))},
        "GroupNorm": lambda: {"num_groups": net.r.choice([g for g in (1, 2, 3) if s[1] % g == 0])},
        "L2Normalization": lambda: {"mode": net.r.choice(("channel", "spatial", "instance"))},
        "LRN": lambda: {"nsize": net.r.choice((3, 5)), "alpha": 0.01, "knorm": net.r.choice((1, 2))},
    }[kind]()
    if kind == "GroupNorm" and s[1] % 2:
        settings = {"num_groups": 1}
    return getattr(sym, kind)(x, name=net.name("norm"), **settings)


def dense(net):
    x, s = net.pick(least=2)
    flatten = net.chance(0.5)
    shared = [(n, a.shape) for n, a in net.params.items() if len(a.shape) == 2 and n.startswith(("aw", "bw", "Zw"))]
    size = s[-1]
    if flatten:
        size = 1
        for d in s[1:]:
            size *= d
    for name, shape in shared:
        if shape[1] == size and net.chance(0.5):
            return net.mx.sym.FullyConnected(
                x, net.variable(name), num_hidden=shape[0], flatten=flatten, no_bias=True, name=net.name("fc")
            )
    weight = {"weight": net.parameter((3, size))} if net.chance(0.4) else {}
    return net.mx.sym.FullyConnected(
        x,
        num_hidden=3 if weight else net.r.randint(1, 5),
        flatten=flatten,
        no_bias=net.chance(0.3),
        name=net.name("fc"),
        **weight,
    )


def activation(net):
    x, s = net.pick()
    sym, r = net.mx.sym, net.r
    return r.choice(
        (
            lambda: sym.Activation(x, act_type=r.choice(("relu", "sigmoid", "tanh", "softrelu", "softsign"))),
            lambda: sym.LeakyReLU(x, act_type=r.choice(("leaky", "elu", "selu", "gelu")), slope=r.choice((0.1, 0.25))),
            lambda: sym.LeakyReLU(x, act_type="rrelu")[0],  # its mask is what memory had
            lambda: sym.LeakyReLU(x, act_type="prelu", name=net.name("prelu")) if len(s) > 1 else sym.relu(x),
            lambda: sym.hard_sigmoid(x, alpha=r.choice((0.2, 0.3))),
            lambda: sym.clip(x, a_min=-0.5, a_max=r.choice((0.7, 6))),
            lambda: sym.smooth_l1(x, scalar=r.choice((1, 2.0))),
            lambda: getattr(
                sym,
                r.choice(
                    (
                        "sigmoid",
                        "tanh",
                        "relu",
                        "softsign",
                        "abs",
                        "square",
                        "sin",
                        "cos",
                        "arctan",
                        "erf",
                        "negative",
                        "arcsinh",
                        "cbrt",
                        "identity",
                        "BlockGrad",
                    )
                ),
            )(x),
            lambda: getattr(sym, r.choice(("sqrt", "log1p", "log", "rsqrt", "reciprocal", "log2")))(sym.abs(x) + 0.5),
            lambda: sym.exp(sym.clip(x, a_min=-4, a_max=2)),
            lambda: sym.Dropout(x, p=0.4, mode="training"),
        )
    )()


def softmax(net):
    x, s = net.pick(least=2)
    sym, r = net.mx.sym, net.r
    axis = r.randint(-len(s), len(s) - 1)
    return r.choice(
        (
            lambda: sym.softmax(x, axis=axis, temperature=r.choice((None, 2.0))),
            lambda: sym.log_softmax(x, axis=axis),
            lambda: sym.softmin(x, axis=axis),
            lambda: sym.SoftmaxActivation(x, mode=r.choice(("instance", "channel") if len(s) > 2 else ("instance",))),
            lambda: sym.SoftmaxOutput(
                x, name=net.name("softmax"), multi_output=len(s) > 2 and net.chance(0.5), preserve_shape=net.chance(0.3)
            ),
            lambda: sym.LinearRegressionOutput(x, name=net.name("loss")),
            lambda: sym.LogisticRegressionOutput(x, name=net.name("loss")),
            lambda: sym.MakeLoss(x),
        )
    )()


def scalar(net):
    x, _ = net.pick()
    value = net.r.choice((2, 0.5, -1.5, 1e-3, 3))
    return net.r.choice(
        (
            lambda: x + value, lambda: value - x, lambda: x * value, lambda: x / value, lambda: value / (net.mx.sym.abs(x) + 1),
            lambda: net.mx.sym.abs(x) ** 2, lambda: -x, lambda: x - value, lambda: net.mx.sym.maximum(x, 0.1), lambda: net.mx.sym.minimum(x, value),
            lambda: x > 0, lambda: x <= value, lambda: (x != 0) * x, lambda: net.mx.sym.hypot(x, 2.0),
        )
    )()  # fmt: skip


def binary(net):
    x, s = net.pick()
    y, sym, r = net.like(s), net.mx.sym, net.r
    if net.chance(0.3):
        narrow = tuple(1 if net.chance(0.5) else d for d in s)
        kind = r.choice(("add", "sub", "mul", "maximum", "minimum", "hypot", "greater", "lesser_equal", "not_equal"))
        return getattr(sym, f"broadcast_{kind}")(x, net.parameter(narrow) if net.chance(0.6) else net.like(narrow))
    return r.choice(
        (
            lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / (sym.abs(y) + 0.5), lambda: sym.maximum(x, y), lambda: sym.minimum(x, y),
            lambda: sym.add_n(x, y, x), lambda: sym.ElementWiseSum(x, y), lambda: sym.where(x > 0, x, y), lambda: sym.broadcast_div(x, sym.square(y) + 1), lambda: x > y,
        )
    )()  # fmt: skip


def join(net):
    x, s = net.pick(least=1)
    sym, r = net.mx.sym, net.r
    others = [one for one, shape in net.made if len(shape) == len(s)]
    axis = r.randint(-len(s), len(s) - 1)
    fit = [
        one
        for one, shape in net.made
        if len(shape) == len(s) and all(a == b for i, (a, b) in enumerate(zip(s, shape)) if i != axis % len(s))
    ]
    if net.chance(0.3) or not others:
        return sym.stack(x, net.like(s), axis=r.randint(-len(s) - 1, len(s)))
    return sym.Concat(x, *r.sample(fit, min(len(fit), r.randint(1, 2))), dim=axis)


def part(net):
    x, s = net.pick(least=1)
    sym, r = net.mx.sym, net.r
    axis = r.randrange(len(s))
    count = r.choice([p for p in range(1, min(s[axis], 5) + 1) if s[axis] % p == 0])
    signed = axis - len(s) if net.chance(0.3) else axis
    low = r.randrange(s[axis])
    return r.choice(
        (
            lambda: sym.split(x, num_outputs=count, axis=signed, squeeze_axis=count == s[axis] and len(s) > 1 and count > 1),
            lambda: sym.slice_axis(x, axis=signed, begin=low, end=r.choice((None, r.randint(low + 1, s[axis])))),
            lambda: sym.slice(
                x, begin=(None,) * axis + (low,), end=(None,) * axis + (None,), step=(None,) * axis + (r.choice((1, 2)),)
            ),
            lambda: sym.split_v2(x, (low,), axis=axis) if low else sym.reverse(x, axis=axis),
            lambda: sym.take(x, net.parameter((2,), integers(0, s[axis] - 1, 2), "index"), axis=signed),
            lambda: sym.slice_like(x, net.like(s), axes=(axis,)),
        )
    )()


def shaped(net):
    x, s = net.pick(least=1)
    sym, r = net.mx.sym, net.r
    order = r.sample(range(len(s)), len(s))
    rank = len(s)
    axis = r.randrange(rank)
    return r.choice(
        (
            lambda: sym.Reshape(x, shape=codes(r, s, False)),
            lambda: sym.Reshape(x, shape=(0, -1) if rank > 1 else (-1, 1)),
            lambda: sym.Reshape(x, shape=(-1, s[-1]), reverse=True),
            lambda: sym.transpose(x, axes=order) if rank > 1 else sym.transpose(x),
            lambda: sym.transpose(x, axes=(0, *r.sample(range(1, rank), rank - 1))),
            lambda: sym.Flatten(x), lambda: sym.expand_dims(x, axis=r.randint(-rank - 1, rank)), lambda: sym.swapaxes(x, dim1=axis, dim2=order[0]),
            lambda: sym.tile(x, reps=(1,) * (rank - 1) + (2,)), lambda: sym.repeat(x, repeats=2, axis=axis), lambda: sym.squeeze(x, axis=axis) if s[axis] == 1 else sym.reverse(x, axis=axis),
            lambda: sym.flip(x, axis=axis),
            lambda: sym.Pad(x, mode=r.choice(("constant", "edge", "reflect")), pad_width=(0, 0, 0, 0) + (1, 1) * (rank - 2)) if rank in (4, 5) and min(s[2:]) > 1 else sym.Flatten(x),
            lambda: sym.space_to_depth(x, block_size=1) if rank == 4 else sym.zeros_like(x) + x,
            lambda: sym.UpSampling(x, scale=2, sample_type="nearest") if rank == 4 else sym.ones_like(x) * x,
            lambda: sym.contrib.BilinearResize2D(x, height=r.randint(2, 7), width=r.randint(2, 7)) if rank == 4 else sym.BlockGrad(x),
            lambda: sym.contrib.AdaptiveAvgPooling2D(x, output_size=r.randint(1, 4)) if rank == 4 else sym.BlockGrad(x),
        )
    )()  # fmt: skip


def reduction(net):
    x, s = net.pick(least=2)
    kind = net.r.choice(("sum", "mean", "max", "min", "norm", "argmax", "sum_axis", "nansum"))
    axis = net.r.randint(-len(s), len(s) - 1)
    if kind == "argmax":
        return net.mx.sym.argmax(x, axis=axis, keepdims=net.chance(0.5))
    if kind == "norm":
        return net.mx.sym.norm(x, ord=net.r.choice((1, 2)), axis=axis, keepdims=net.chance(0.6))
    axes = axis if net.chance(0.5) else tuple(net.r.sample(range(len(s)), net.r.randint(1, len(s) - 1)))
    return getattr(net.mx.sym, kind)(
        x, axis=axes, keepdims=net.chance(0.6), **({"exclude": net.chance(0.2)} if kind != "norm" else {})
    )


def product(net):
    x, s = net.pick(2, 3)
    sym = net.mx.sym
    if len(s) == 3:
        y, o = net.pick(3)
        if o[0] != s[0] or o[2] != s[2]:
            y = x
        return net.r.choice(
            (
                lambda: sym.batch_dot(x, y, transpose_b=True),
                lambda: sym.batch_dot(sym.softmax(sym.batch_dot(x, x, transpose_b=True) / 2), x),
                lambda: sym.linalg.gemm2(x, y, transpose_b=True, alpha=0.5),
            )
        )()
    return net.r.choice(
        (lambda: sym.dot(x, net.parameter((s[1], 3))), lambda: sym.dot(x, x, transpose_a=True), lambda: sym.linalg.syrk(x))
    )()


def recurrent(net):
    x, s = net.pick(3)
    mode, hidden, bi = net.r.choice(("lstm", "gru", "rnn_tanh", "rnn_relu")), net.r.randint(1, 4), net.chance(0.4)
    settings = {
        "state_size": hidden,
        "num_layers": net.r.randint(1, 2),
        "mode": mode,
        "bidirectional": bi,
        "state_outputs": net.chance(0.4),
    }
    shape = (settings["num_layers"] * (1 + bi), s[1], hidden)
    states = {"state": net.parameter(shape)} if net.chance(0.5) else {"state": net.mx.sym.zeros(shape)}
    if mode == "lstm":
        states["state_cell"] = net.parameter(shape) if net.chance(0.5) else net.mx.sym.zeros(shape)
    return net.mx.sym.RNN(x, name=net.name("rnn"), **states, **settings)


def cells(net):
    x, s = net.pick(3)
    kind, hidden, rnn = net.r.choice(("LSTMCell", "GRUCell", "RNNCell")), net.r.randint(1, 4), net.mx.rnn
    if s[1] > 4:
        raise Unfit
    cell = getattr(rnn, kind)(hidden, prefix=net.name("cell"))
    if net.chance(0.3):
        cell = rnn.ResidualCell(getattr(rnn, kind)(s[2], prefix=net.name("cell")))
    outputs, _ = cell.unroll(s[1], inputs=x, layout="NTC", merge_outputs=True)
    return outputs


def embedding(net):
    n = net.batch
    index, _ = net.fed((n, 3), integers(0, 4, n, 3, dtype=net.r.choice(("float32", "int32"))))
    net.made.pop()
    return net.r.choice(
        (
            lambda: net.mx.sym.Embedding(index, input_dim=5, output_dim=4, name=net.name("embed")),
            lambda: net.mx.sym.one_hot(index, depth=5),
        )
    )()


def sequence(net):
    x, s = net.pick(least=2)
    if s[1] != net.batch:
        raise Unfit
    kind = net.r.choice(("SequenceMask", "SequenceLast", "SequenceReverse"))
    return getattr(net.mx.sym, kind)(x, net.parameter((s[1],), integers(1, s[0], s[1]), "length"), use_sequence_length=True)


def cast(net):
    x, _ = net.pick()
    sym = net.mx.sym
    return net.r.choice(
        (
            lambda: sym.Cast(sym.Cast(x, dtype="float64"), dtype="float32"),
            lambda: sym.cast(x > 0, dtype="float32"),
            lambda: sym.Cast(sym.Cast(x, dtype="float64") * 2, dtype="float32"),
            lambda: sym.amp_cast(x, dtype="float32"),
        )
    )()


def sorting(net):
    x, s = net.pick(least=2)
    return net.r.choice(
        (
            lambda: net.mx.sym.topk(x, k=net.r.randint(1, s[-1]), ret_typ="value"),
            lambda: net.mx.sym.sort(x, axis=-1),
            lambda: net.mx.sym.topk(x, k=1, ret_typ="mask"),
        )
    )()


def detection(net):
    x, s = net.pick(4)
    sym = net.mx.sym
    rois = net.parameter((3, 5), uniform(0, 0.9, 3, 5), "rois")
    return net.r.choice(
        (
            lambda: sym.contrib.MultiBoxPrior(x, sizes=(0.3, 0.5), ratios=(1, 2)),
            lambda: sym.contrib.ROIAlign(x, rois * 5, pooled_size=(2, 2), spatial_scale=0.5) if s[0] > 4 else sym.Flatten(x),
            lambda: sym.ROIPooling(x, sym.floor(rois), pooled_size=(2, 2), spatial_scale=1),
            lambda: sym.SpatialTransformer(
                x, net.parameter((s[0], 6)), target_shape=(3, 4), transform_type="affine", sampler_type="bilinear"
            ),
            lambda: sym.contrib.div_sqrt_dim(x),
        )
    )()


RECIPES = {
    convolution: 5, deconvolution: 1, pooling: 4, norm: 4, dense: 3, activation: 5, softmax: 2, scalar: 3, binary: 5, join: 3, part: 4, shaped: 5, reduction: 2,
    product: 2, recurrent: 2, cells: 1, embedding: 1, sequence: 1, cast: 1, sorting: 1, detection: 1,
}  # fmt: skip


def numpy_layer(net):
    x, s = net.pick(least=1)
    np, npx, r = net.mx.sym.np, net.mx.sym.npx, net.r
    axis = r.randint(-len(s), len(s) - 1)
    y = net.like(s)
    low = r.randrange(s[axis])
    return r.choice(
        (
            lambda: x + y, lambda: x * y, lambda: x - 0.5, lambda: 2 / (np.abs(x) + 1), lambda: np.maximum(x, y), lambda: np.where(x > 0, x, y), lambda: np.sum(x, axis=axis, keepdims=net.chance(0.7)),
            lambda: np.mean(x, axis=axis), lambda: np.max(x, axis=axis, keepdims=True), lambda: np.concatenate([x, y], axis=axis), lambda: np.stack([x, y], axis=axis), lambda: np.transpose(x),
            lambda: np.expand_dims(x, axis), lambda: np.reshape(x, (s[0], -1)), lambda: npx.reshape(x, (-2, -1)), lambda: npx.relu(x), lambda: npx.sigmoid(x), lambda: np.tanh(x), lambda: npx.softmax(x, axis=axis),
            lambda: npx.log_softmax(x, axis=axis), lambda: np.exp(np.clip(x, -2, 2)), lambda: np.sqrt(np.abs(x) + 1), lambda: np.square(x), lambda: np.swapaxes(x, 0, axis), lambda: np.std(x, axis=axis),
            lambda: npx.leaky_relu(x, act_type="leaky", slope=0.2), lambda: npx.layer_norm(x, net.parameter((s[-1],)), net.parameter((s[-1],)), axis=-1), lambda: npx.fully_connected(x, net.parameter((3, s[-1])), num_hidden=3, no_bias=True, flatten=False),
            lambda: np.dot(x, net.parameter((s[-1], 2))), lambda: np.matmul(x, net.parameter((s[-1], 2))), lambda: np.einsum("...i,ij->...j", x, net.parameter((s[-1], 2))) if len(s) == 9 else np.tile(x, (2,)), lambda: x[low] if len(s) > 9 else np.flip(x, axis), lambda: np.split(x, s[axis], axis=axis)[low] if s[axis] < 5 else np.roll(x, 1, axis),
            lambda: np.broadcast_to(x, (2, *s)), lambda: np.squeeze(x), lambda: np.ones_like(x) + x, lambda: npx.pick(x, net.parameter(s[:-1], integers(0, s[-1] - 1, *s[:-1]), "index"), axis=-1) if len(s) > 1 else x * 2,
            lambda: npx.convolution(x, net.parameter((4, s[1], *[1] * (len(s) - 2))), net.parameter((4,)), kernel=(1,) * (len(s) - 2), num_filter=4) if len(s) in (3, 4) else np.cos(x), lambda: np.var(x, axis=axis, keepdims=True),
            lambda: npx.pooling(x, kernel=(2,) * (len(s) - 2), pool_type="avg") if len(s) in (3, 4) and min(s[2:]) > 1 else np.sin(x), lambda: np.cumsum(x, axis=axis), lambda: npx.batch_norm(x, *(net.parameter((s[1],)) for _ in range(3)), net.parameter((s[1],), uniform(0.4, 1.4, s[1]))) if len(s) > 1 else np.abs(x),
            lambda: npx.batch_dot(x, x, transpose_b=True) if len(s) == 3 else np.arctan(x), lambda: npx.topk(x, k=1, ret_typ="value", axis=axis), lambda: np.argmax(x, axis=axis).astype("float32"), lambda: (x > y).astype("float32"), lambda: np.power(np.abs(x) + 0.1, 2.0), lambda: x ** 2, lambda: np.prod(x, axis=axis),
        )
    )()  # fmt: skip
