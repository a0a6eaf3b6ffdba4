"""``draw(mx, seed)``: a random network through MXNet's own frontends: ``mx.sym``, ``mx.sym.np`` or Gluon. Runs in MXNet's Python."""

import json
import random
from dataclasses import replace

from cases.case import FLAGS, normal, uniform

from .layers import RECIPES, Unfit, numpy_layer


class Net:
    """What was drawn so far: symbols with their shapes, the inputs, and the weights."""

    def __init__(self, mx, r, numpy):
        self.mx, self.r, self.numpy = mx, r, numpy
        self.batch = r.randint(1, 3)
        self.inputs, self.params, self.batched = {}, {}, []
        self.made, self.number = [], 0

    def chance(self, p):
        """True with probability ``p``."""
        return self.r.random() < p

    def name(self, stem):
        """A new name."""
        self.number += 1
        return f"{self.r.choice('abZ')}{stem}{self.number}"

    def variable(self, name, **settings):
        """A variable of the frontend's kind."""
        made = self.mx.sym.Variable(name, **settings)
        return made.as_np_ndarray() if self.numpy else made

    def fed(self, shape, array=None):
        """A new input."""
        name = self.name("in")
        self.inputs[name] = array or self.r.choice((normal, lambda *s: uniform(0.1, 2, *s)))(*shape)
        if shape and shape[0] == self.batch:
            self.batched.append(name)
        dtype = self.inputs[name].dtype
        made = self.variable(name) if dtype == "float32" else self.variable(name, dtype=dtype)
        self.made.append((made, shape))
        return self.made[-1]

    def parameter(self, shape, array=None, stem="w"):
        """A variable with values in the parameters' file."""
        name = self.name(stem)
        self.params[name] = array or normal(*shape, scale=0.5)
        return self.variable(name)

    def pick(self, *ranks, least=1):
        """(symbol, shape) of one of these ranks; the younger the likelier."""
        found = [one for one in self.made if (not ranks or len(one[1]) in ranks) and len(one[1]) >= least]
        if not found:
            raise Unfit
        return found[max(self.r.randrange(len(found)), self.r.randrange(len(found)))]

    def like(self, shape):
        """Something of this shape."""
        found = [one for one, own in self.made if own == shape]
        if found and self.chance(0.8):
            return self.r.choice(found)
        return self.parameter(shape) if self.chance(0.4) else self.fed(shape)[0]

    def keep(self, symbol):
        """Take a new symbol's outputs with their shapes, and make its weights."""
        known = {name: array.shape for name, array in {**self.inputs, **self.params}.items()}
        known = {name: shape for name, shape in known.items() if name in symbol.list_inputs()}
        with self.mx.util.np_shape(self.numpy):
            own, shapes, auxiliary = symbol.infer_shape(**known)
        if own is None or any(0 in shape or max(shape, default=0) > 2000 for shape in shapes) or len(shapes) > 6:
            raise Unfit
        for name, shape in [*zip(symbol.list_arguments(), own), *zip(symbol.list_auxiliary_states(), auxiliary)]:
            if name not in known:
                positive = name.endswith(("gamma", "_var"))
                self.params[name] = uniform(0.4, 1.5, *shape) if positive else normal(*shape, scale=0.4)
        self.made += [(symbol[i] if len(shapes) > 1 else symbol, shape) for i, shape in enumerate(shapes)]


def gluon(mx, r):
    """A stack of Gluon's blocks, with a residual block among them."""
    nn, rank = mx.gluon.nn, r.choice((1, 2, 2, 2, 3))
    conv, transposed = getattr(nn, f"Conv{rank}D"), getattr(nn, f"Conv{rank}DTranspose")

    class Residual(nn.HybridBlock):
        def __init__(self, body):
            super().__init__()
            with self.name_scope():
                self.body = body

        def hybrid_forward(self, F, x):
            return F.relu(self.body(x) + x)

    channels = [r.randint(1, 4)]

    def wide(block, size):
        channels[0] = size
        return block

    def residual():
        body = nn.HybridSequential()
        body.add(
            conv(channels[0], 3, padding=1, use_bias=False),
            nn.BatchNorm(epsilon=1e-5),
            nn.Activation("relu"),
            conv(channels[0], 1),
        )
        return Residual(body)

    def concurrent():
        block = mx.gluon.contrib.nn.HybridConcurrent(axis=1)
        block.add(conv(2, 1), conv(3, 3, padding=1), mx.gluon.contrib.nn.Identity())
        return wide(block, channels[0] + 5)

    size = r.randint(1, 5)
    pools = [getattr(nn, f"{kind}Pool{rank}D") for kind in ("Max", "Avg")]
    makers = (
        lambda: wide(conv(size, r.choice((1, 3)), strides=r.choice((1, 2)), padding=1, use_bias=r.random() < 0.5, activation=r.choice((None, "relu", "tanh"))), size),
        lambda: wide(transposed(size, 2, strides=2), size), lambda: nn.BatchNorm(scale=r.random() < 0.5, center=r.random() < 0.7), nn.InstanceNorm, lambda: nn.LayerNorm(axis=r.choice((1, -1))),
        lambda: nn.GroupNorm(1), nn.PReLU, lambda: nn.LeakyReLU(0.2), nn.SELU, nn.GELU, nn.Swish, lambda: nn.ELU(0.7), lambda: nn.Dropout(0.3), residual, residual, concurrent,
        lambda: pools[0](r.choice((2, 3)), strides=2, padding=1, ceil_mode=False), lambda: pools[1](2, strides=r.choice((1, 2)), ceil_mode=r.random() < 0.5, count_include_pad=r.random() < 0.5), lambda: nn.HybridLambda("tanh"),
        mx.gluon.contrib.nn.Identity, lambda: conv(channels[0], 3, padding=1, groups=channels[0]),
    )  # fmt: skip
    net = nn.HybridSequential()
    with net.name_scope():
        data = (r.randint(1, 3), channels[0], *(r.randint(7, 10) for _ in range(rank)))
        for _ in range(r.randint(1, 8)):
            net.add(r.choice(makers)())
        if r.random() < 0.6:
            net.add(
                getattr(nn, f"GlobalAvgPool{rank}D")() if r.random() < 0.5 else nn.Flatten(),
                nn.Dense(r.randint(1, 5), activation=r.choice((None, "relu"))),
            )
            if r.random() < 0.3:
                net.add(nn.Dense(3, flatten=False))
    return net, data


def draw(mx, seed):
    """(symbol, inputs, parameters, whether shapes are numpy's, the inputs with a batch, tolerance, the block that is to save them)."""
    r = random.Random(seed)
    kind = r.choice(("sym", "sym", "sym", "np", "gluon"))
    net = Net(mx, r, kind == "np")
    if kind == "gluon":
        block, data = gluon(mx, r)
        net.batch = data[0]
        net.inputs["data"], net.batched = normal(*data), ["data"]
        net.keep(block(mx.sym.Variable("data")))
        return (
            net.made[-1][0],
            net.inputs,
            used(net, net.made[-1][0]),
            False,
            net.batched,
            3e-5,
            block if net.chance(0.5) else None,
        )
    for _ in range(r.choice((1, 1, 2))):
        rank = r.choice((1, 2, 3, 3, 4, 4, 4, 4, 5))
        net.fed((net.batch, *((r.choice((1, 2, 3, 4, 6)),) if rank > 1 else ()), *(r.randint(3, 8) for _ in range(rank - 2))))
    for _ in range(r.randint(2, 14)):
        for _ in range(12):
            recipe = r.choices([*RECIPES], [*RECIPES.values()])[0] if kind == "sym" else numpy_layer
            try:
                net.keep(recipe(net))
                break
            except Exception:  # MXNet has its own reasons against many a drawing
                continue
    heads = [one for one, _ in net.made if one.list_outputs()[0] not in net.inputs][-r.choice((1, 1, 1, 2, 3)) :]
    symbol = heads[0] if len(heads) == 1 else mx.sym.Group(heads)
    if net.chance(0.05):  # nothing is fed at all
        net.params.update(net.inputs)
        net.inputs, net.batched = {}, []
    inputs = {name: array for name, array in net.inputs.items() if name in symbol.list_inputs()}
    params, tolerance = used(net, symbol), 3e-5
    if kind == "sym" and net.chance(0.2):
        dtype = r.choice(("float64", "float64", "float16"))
        symbol, tolerance = typed(mx, symbol, inputs, dtype), 3e-2 if dtype == "float16" else 3e-5
        inputs, params = (
            {n: replace(a, dtype=dtype) if a.dtype == "float32" else a for n, a in all_.items()} for all_ in (inputs, params)
        )
    return symbol, inputs, params, net.numpy, [name for name in net.batched if name in inputs], tolerance


def typed(mx, symbol, inputs, dtype):
    """The symbol whose inputs say that they are of this type."""
    graph = json.loads(symbol.tojson())
    for node in graph["nodes"]:
        if node["name"] in inputs and "__dtype__" not in node.get("attrs", {}):
            node.setdefault("attrs", {})["__dtype__"] = str(FLAGS[dtype])
    return mx.sym.load_json(json.dumps(graph))


def used(net, symbol):
    """The parameters that the symbol has; labels stay without values."""
    names = symbol.list_inputs()
    return {name: array for name, array in net.params.items() if name in names and not name.endswith("_label")}
