"""Small networks of many operators, as Gluon and the symbol API make them."""

from .case import Case, integers, normal, uniform


def sweep(mx):
    """Residual blocks, a recurrent language model, an encoder with attention, an encoder and a decoder."""
    from mxnet import gluon

    yield _case(mx, "residual block", _residual(mx), {"data": (2, 3, 9, 9)}, {"data": ("batch", 3, "height", "width")})
    yield _case(mx, "residual block, first version", _residual(mx, "_v1"), {"data": (2, 3, 9, 9)}, {"data": ("batch", 3, 9, 9)})
    for layers, both, kind in ((1, False, "LSTM"), (2, True, "LSTM"), (2, False, "GRU"), (1, True, "RNN")):
        net = getattr(gluon.rnn, kind)(5, layers, bidirectional=both, input_size=4, prefix="rnn_")
        symbol = net(mx.sym.Variable("data"))
        yield _case(mx, f"gluon.rnn.{kind},{layers},{both}", symbol, {"data": (3, 2, 4)}, {"data": ("steps", "batch", 4)})
    net = gluon.rnn.LSTM(200, 2, input_size=100, prefix="rnn_")
    yield _case(mx, "gluon.rnn.LSTM,large", net(mx.sym.Variable("data")), {"data": (2, 1, 100)}, {"data": ("steps", "batch", 100)})
    for layout in ("TNC", "NTC"):
        net = gluon.rnn.LSTM(5, 2, layout=layout, input_size=4, prefix="rnn_")
        states = [mx.sym.Variable(name) for name in ("h", "c")]
        output, (hidden, cell) = net(mx.sym.Variable("data"), states)
        feeds = {"data": (3, 2, 4), "h": (2, 2 if layout == "TNC" else 3, 5), "c": (2, 2 if layout == "TNC" else 3, 5)}
        yield _case(mx, f"gluon.rnn.LSTM,states,{layout}", mx.sym.Group([output, hidden, cell]), feeds)
    for kind in ("LSTMCell", "GRUCell", "RNNCell"):
        cell = getattr(gluon.rnn, kind)(5, input_size=4, prefix="cell_")
        outputs, _ = cell.unroll(3, mx.sym.Variable("data"), layout="NTC", merge_outputs=True)
        yield _case(mx, f"gluon.rnn.{kind},unrolled", outputs, {"data": (2, 3, 4)}, {"data": ("batch", 3, 4)})
    yield _case(mx, "language model", _language_model(mx), {"data": (4, 2)}, {"data": ("steps", "batch")}, {"data": 11})
    yield _case(mx, "encoder", _encoder(mx), {"data": (5, 2)}, {"data": ("length", "batch")}, {"data": 11})
    yield _case(mx, "unmasked decoder", _decoder(mx), {"data": (4, 2, 8), "memory": (5, 2, 8)}, {"data": ("length", "batch", 8)})
    yield _case(mx, "pyramid", _pyramid(mx), {"data": (2, 3, 8, 8)}, {"data": ("batch", 3, 8, 8)})
    yield from _shared(mx)
    net = gluon.model_zoo.vision.mobilenet_v2_0_25(classes=7, prefix="net_")
    yield _case(mx, "MobileNet", net(mx.sym.Variable("data")), {"data": (1, 3, 64, 64)}, {"data": ("batch", 3, 64, 64)})


def _shared(mx):
    """One tensor at two places."""
    x, w, h = (mx.sym.Variable(name) for name in ("data", "w", "h"))
    once = mx.sym.Convolution(x, w, no_bias=True, num_filter=3, kernel=(1, 1), name="a")
    twice = mx.sym.Convolution(once, w, no_bias=True, num_filter=3, kernel=(1, 1), name="b")
    yield Case("shared,convolutions", twice, {"data": normal(2, 3, 4, 4)}, {"w": normal(3, 3, 1, 1)})
    states = mx.sym.RNN(x, w, h, h, mode="lstm", state_size=4, num_layers=1, state_outputs=True, name="r")
    yield Case("shared,states", states, {"data": normal(3, 2, 4), "h": normal(1, 2, 4)}, {"w": normal(160)})
    yield Case("shared,gamma and beta", mx.sym.LayerNorm(x, w, w, name="n"), {"data": normal(3, 4)}, {"w": normal(4)})
    up = mx.sym.UpSampling(x, x, scale=2, sample_type="nearest", num_args=2, name="u")
    yield Case("shared,images", mx.sym.contrib.BilinearResize2D(up, up, mode="like", name="z"), {"data": normal(2, 3, 2, 2)})
    first = mx.sym.RNN(x, w, h, mode="gru", state_size=4, num_layers=1, name="r0")
    second = mx.sym.RNN(first, w, h, mode="gru", state_size=4, num_layers=1, name="r1")
    yield Case("shared,parameters", second, {"data": normal(3, 2, 4), "h": normal(1, 2, 4)}, {"w": normal(120)})


def _case(mx, label, symbol, shapes, dynamic=None, words=None):
    """Weights of the shapes that MXNet infers, so small that nothing saturates; words are whole numbers below a bound."""
    arguments, _, states = symbol.infer_shape(**shapes)
    feeds = {n: integers(0, words[n] - 1, *s) if n in (words or {}) else normal(*s) for n, s in shapes.items()}
    params = {}
    for name, shape in zip(symbol.list_arguments() + symbol.list_auxiliary_states(), arguments + states, strict=True):
        if name not in shapes:
            fan = max(1, int(shape[-1] if len(shape) < 3 else shape[1] * shape[2] * shape[-1]))
            kept = uniform(0.5, 1.5, *shape) if name.endswith(("gamma", "var")) else normal(*shape, scale=fan**-0.5)
            params[name] = kept
    return Case(f"network,{label}", symbol, feeds, params, dynamic=dynamic or {})


def _residual(mx, version=""):
    conv, norm, pool = (getattr(mx.sym, f"{name}{version}") for name in ("Convolution", "BatchNorm", "Pooling"))
    x = mx.sym.Variable("data")
    x = mx.sym.Activation(norm(conv(x, num_filter=8, kernel=(3, 3), pad=(1, 1), name="c0"), name="n0"), act_type="relu")
    y = norm(conv(x, num_filter=8, kernel=(3, 3), pad=(1, 1), no_bias=True, name="c1"), fix_gamma=False, name="n1")
    y = mx.sym.Activation(y, act_type="relu")
    y = norm(conv(y, num_filter=8, kernel=(3, 3), pad=(1, 1), name="c2"), name="n2")
    x = pool(mx.sym.Activation(x + y, act_type="relu"), kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full")
    x = mx.sym.Flatten(pool(x, global_pool=True, kernel=(1, 1), pool_type="avg"))
    return mx.sym.softmax(mx.sym.FullyConnected(x, num_hidden=5, name="fc"), name="out")


def _language_model(mx):
    weight = mx.sym.Variable("words_weight")
    words = mx.sym.Embedding(mx.sym.Variable("data"), weight, input_dim=11, output_dim=6, name="words")
    hidden = mx.sym.RNN(
        mx.sym.Dropout(words, p=0.3),
        mx.sym.Variable("rnn_parameters"),
        mx.sym.zeros(shape=(2, 0, 6), name="h"),
        mx.sym.zeros(shape=(2, 0, 6), name="c"),
        mode="lstm",
        state_size=6,
        num_layers=2,
        p=0.2,
        name="rnn",
    )
    scores = mx.sym.FullyConnected(hidden, weight, num_hidden=11, flatten=False, name="decoder")
    return mx.sym.log_softmax(scores, axis=-1, name="out")


def _encoder(mx):
    x = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=11, output_dim=8, name="words")
    for layer in range(2):
        name = f"l{layer}_"
        both = mx.sym.FullyConnected(x, num_hidden=24, flatten=False, name=f"{name}qkv")
        scores = mx.sym.contrib.interleaved_matmul_selfatt_qk(both, heads=2)
        weights = mx.sym.Dropout(mx.sym.softmax(scores, axis=-1), p=0.1)
        seen = mx.sym.contrib.interleaved_matmul_selfatt_valatt(both, weights, heads=2)
        seen = mx.sym.FullyConnected(seen, num_hidden=8, flatten=False, name=f"{name}proj")
        x = mx.sym.LayerNorm(x + seen, eps=1e-12, name=f"{name}n0")
        inner = mx.sym.LeakyReLU(mx.sym.FullyConnected(x, num_hidden=16, flatten=False, name=f"{name}ffn0"), act_type="gelu")
        x = mx.sym.LayerNorm(x + mx.sym.FullyConnected(inner, num_hidden=8, flatten=False, name=f"{name}ffn1"), name=f"{name}n1")
    return x


def _decoder(mx):
    x, memory = mx.sym.Variable("data"), mx.sym.Variable("memory")
    queries = mx.sym.FullyConnected(x, num_hidden=8, flatten=False, name="q")
    pairs = mx.sym.FullyConnected(memory, num_hidden=16, flatten=False, name="kv")
    weights = mx.sym.softmax(mx.sym.contrib.interleaved_matmul_encdec_qk(queries, pairs, heads=4), axis=-1)
    return x + mx.sym.contrib.interleaved_matmul_encdec_valatt(pairs, weights, heads=4)


def _pyramid(mx):
    x = mx.sym.Variable("data")
    fine = mx.sym.Convolution(x, num_filter=4, kernel=(3, 3), pad=(1, 1), name="c0")
    coarse = mx.sym.Convolution(fine, num_filter=4, kernel=(3, 3), stride=(2, 2), pad=(1, 1), name="c1")
    coarse = mx.sym.GroupNorm(mx.sym.InstanceNorm(coarse, name="i"), num_groups=2, name="g")
    up = mx.sym.UpSampling(coarse, scale=2, sample_type="nearest", num_args=1)
    smooth = mx.sym.UpSampling(coarse, mx.sym.Variable("up_weight"), scale=2, sample_type="bilinear", num_filter=4, num_args=2)
    resized = mx.sym.contrib.BilinearResize2D(coarse, height=8, width=8)
    return mx.sym.Concat(mx.sym.LRN(fine, nsize=3), up, smooth, resized, dim=1, name="out")
