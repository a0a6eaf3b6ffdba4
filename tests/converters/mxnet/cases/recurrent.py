"""RNN: modes, layers, directions, states, projections, types; parameters that are weights, inputs, or joined."""

from itertools import product

from .case import Case, given, normal

MODES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


def _size(mode, layers, directions, hidden, features, projection=None):
    state = projection or hidden
    total = 0
    for layer in range(layers):
        inputs = features if layer == 0 else directions * state
        total += directions * (MODES[mode] * hidden * (inputs + state + 2) + (projection or 0) * hidden)
    return total


def sweep(mx):
    """Everything that MXNet's own code does."""
    names = ("data", "r_parameters", "r_state", "r_state_cell")
    for mode, layers, both, outputs, (steps, batch, features, hidden) in product(
        MODES, (1, 2, 3), (False, True), (False, True), ((4, 2, 3, 5), (1, 1, 1, 1))
    ):
        if layers == 3 and (both or steps == 1):
            continue
        yield _case(mx, f"{layers}", mode, layers, both, (steps, batch, features, hidden), state_outputs=outputs)
    for mode, dtype, both in product(MODES, ("float64",), (False, True)):
        yield _case(mx, dtype, mode, 2, both, (3, 2, 3, 4), dtype=dtype, state_outputs=True)
    for projection, layers in product((2, 4), (1, 2)):
        settings = {"state_outputs": True, "projection_size": projection}
        yield _case(mx, "projection", "lstm", layers, False, (4, 2, 3, 4), **settings)
        yield _case(mx, "projection,float64", "lstm", layers, False, (4, 2, 3, 4), dtype="float64", **settings)
    for mode, settings in product(MODES, ({"p": 0.5}, {"lstm_state_clip_min": -0.1, "lstm_state_clip_max": 0.1})):
        yield _case(mx, ",".join(settings), mode, 2, False, (4, 2, 3, 4), state_outputs=True, **settings)
    for mode in MODES:
        clip = {"lstm_state_clip_min": -0.1, "lstm_state_clip_max": 0.1, "lstm_state_clip_nan": True}
        yield _case(mx, "clip", mode, 2, True, (4, 2, 3, 4), dtype="float64", state_outputs=True, **clip)
        for dtype in ("float32", "float64"):
            yield _case(mx, "half a clip", mode, 1, False, (4, 2, 3, 4), dtype=dtype, lstm_state_clip_min=-0.1)
    clip = {"lstm_state_clip_min": -0.1, "lstm_state_clip_max": 0.1, "projection_size": 2}
    yield _case(mx, "projection,clip", "lstm", 1, False, (4, 2, 3, 4), **clip)
    for mode, both, dtype in product(MODES, (False, True), ("float32", "float64")):
        yield _case(mx, "lengths", mode, 2, both, (4, 3, 3, 4), dtype=dtype, lengths=True, state_outputs=True)
    yield _case(mx, "lengths,projection", "lstm", 2, False, (4, 3, 3, 4), lengths=True, projection_size=2)
    for mode in MODES:
        yield _case(mx, "parameters are an input", mode, 2, True, (3, 2, 3, 4), free=True, state_outputs=True)
    yield _case(mx, "parameters are an input,projection", "lstm", 1, False, (3, 2, 3, 4), free=True, projection_size=2, state_outputs=True)
    yield _case(mx, "parameters are an input", "lstm", 1, False, (3, 2, 3, 4), free=True, dtype="float64")
    yield Case(
        "RNN,no steps axis",
        mx.sym.RNN(*(mx.sym.Variable(name) for name in names[:3]), mode="gru", state_size=4, num_layers=1, name="r"),
        {"data": normal(2, 3), "r_parameters": normal(108), "r_state": normal(1, 2, 4)},
    )
    data, parameters, state = (mx.sym.Variable(name) for name in names[:3])
    made = mx.sym.RNN(data, parameters, state, mode="gru", state_size=4, num_layers=1, state_outputs=True, name="r")
    feeds = {"data": normal(3, 2, 3), "r_state": normal(1, 2, 4)}
    yield Case("RNN,its state alone", made[1], feeds, {"r_parameters": normal(108)})
    halves = mx.sym.Concat(mx.sym.Variable("left", shape=(6, 10)), mx.sym.Variable("right", shape=(6, 8)), dim=1)
    joined = mx.sym.RNN(data, mx.sym.Reshape(halves, shape=(-1,)), state, mode="gru", state_size=4, num_layers=1, name="r")
    yield Case("RNN,parameters joined by columns", joined, feeds, {"left": normal(6, 10), "right": normal(6, 8)})
    halves = mx.sym.Concat(mx.sym.Variable("left", shape=(600, 100)), mx.sym.Variable("right", shape=(600, 152)), dim=1)
    many = {"left": normal(600, 100, scale=0.1), "right": normal(600, 152, scale=0.1)}
    joined = mx.sym.RNN(data, mx.sym.Reshape(halves, shape=(-1,)), state, mx.sym.Variable("c"), mode="lstm", state_size=150, num_layers=1)
    large = {"data": normal(2, 1, 100), "r_state": normal(1, 1, 150), "c": normal(1, 1, 150)}
    yield Case("RNN,many parameters joined by columns", joined, large, many)
    ends = [mx.sym.Reshape(mx.sym.Variable(name, shape=size), shape=(-1,)) for name, size in (("left", (5, 10)), ("right", (58,)))]
    joined = mx.sym.RNN(data, mx.sym.Concat(*ends, dim=0), state, mode="gru", state_size=4, num_layers=1, name="r")
    yield Case("RNN,parameters joined in the middle of a weight", joined, feeds, {"left": normal(5, 10), "right": normal(58)})
    yield Case("RNN,too few parameters", made, feeds, {"r_parameters": normal(107)})


def _case(mx, label, mode, layers, both, sizes, *, dtype="float32", lengths=False, free=False, **settings):
    steps, batch, features, hidden = sizes
    directions, projection = 2 if both else 1, settings.get("projection_size")
    state = normal(layers * directions, batch, projection or hidden, dtype=dtype)
    arrays = {"data": normal(steps, batch, features, dtype=dtype)}
    weights = {"r_parameters": normal(_size(mode, layers, directions, hidden, features, projection), scale=0.5, dtype=dtype)}
    moving = {"data": ("steps", "batch", features), "r_state": (layers * directions, "batch", state.shape[2])}
    arrays["r_state"] = state
    inputs = {"data": "data", "parameters": "r_parameters", "state": "r_state"}
    if mode == "lstm":
        arrays["r_state_cell"] = normal(layers * directions, batch, hidden, dtype=dtype)
        moving["r_state_cell"] = (layers * directions, "batch", hidden)
        inputs["state_cell"] = "r_state_cell"
    if lengths:
        arrays["lengths"] = given([3, 1, 4][:batch], dtype=dtype)
        moving["lengths"] = ("batch",)
        inputs["sequence_length"] = "lengths"
        settings["use_sequence_length"] = True
    symbols = {key: mx.sym.Variable(name, dtype=dtype) for key, name in inputs.items()}
    symbol = mx.sym.RNN(**symbols, mode=mode, state_size=hidden, num_layers=layers, bidirectional=both, name="r", **settings)
    if free:
        arrays.update(weights)
    described = ",".join(f"{key}={value}" for key, value in settings.items())
    return Case(
        f"RNN,{mode},{label},{layers},both={both},{sizes},{described},{dtype}",
        symbol,
        arrays,
        {} if free else weights,
        dynamic=moving,
    )
