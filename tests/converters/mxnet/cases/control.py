"""Loops and conditions: states, captured variables, several outputs, one inside another."""

from .case import Case, given, normal


def sweep(mx):
    """foreach, while_loop, cond."""
    yield from _foreach(mx)
    yield from _while_loop(mx)
    yield from _cond(mx)


def _foreach(mx):
    data, other, state, cell, weight = (mx.sym.Variable(name) for name in ("data", "other", "state", "cell", "weight"))
    foreach, group = mx.sym.contrib.foreach, mx.sym.Group
    x, h, c = normal(4, 2, 3), normal(2, 3), normal(2, 3)
    steps = {"data": ("steps", 2, 3)}

    made = foreach(lambda x, s: (x + s[0], [s[0] * 2.0]), data, [state])
    yield Case("foreach,one state", group([made[0], made[1][0]]), {"data": x, "state": h}, dynamic=steps)
    yield Case("foreach,its outputs alone", made[0], {"data": x, "state": h}, dynamic=steps)
    yield Case("foreach,its state alone", made[1][0], {"data": x, "state": h}, dynamic=steps)
    made = foreach(lambda x, s: (x * s, x + s), data, state)
    moving = {"data": ("steps", "batch", 3), "state": ("batch", 3)}
    yield Case("foreach,no lists", group([made[0], made[1]]), {"data": x, "state": h}, dynamic=moving)
    made = foreach(lambda x, s: ([x[0] + s[0], x[1] * s[1] - x[0]], [s[1], s[0] + x[1]]), [data, other], [state, cell])
    feeds = {"data": x, "other": normal(4, 2, 3), "state": h, "cell": c}
    yield Case("foreach,two of each", group([*made[0], *made[1]]), feeds, dynamic={**steps, "other": ("steps", 2, 3)})
    made = foreach(lambda x, s: (mx.sym.broadcast_mul(x, weight) + s, s - x), data, state)
    yield Case("foreach,a captured input", group([*made]), {"data": x, "state": h, "weight": normal(1, 3)}, dynamic=steps)
    yield Case("foreach,a captured weight", group([*made]), {"data": x, "state": h}, {"weight": normal(1, 3)}, dynamic=steps)
    hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=3, flatten=False, name="fc"), act_type="tanh", name="t")
    made = foreach(lambda x, s: (mx.sym.broadcast_add(x, weight * 2.0), s + x), hidden, state)
    weights = {"fc_weight": normal(3, 3), "fc_bias": normal(3), "weight": normal(1, 3)}
    last = mx.sym.Activation(made[0] * 2.0, act_type="relu", name="r")
    yield Case("foreach,between others", group([last, made[1]]), {"data": x, "state": h}, weights, dynamic=steps)

    def cell_step(x, s):
        gates = mx.sym.FullyConnected(x, num_hidden=12, name="i2h") + mx.sym.FullyConnected(s[0], num_hidden=12, name="h2h")
        i, f, g, o = mx.sym.SliceChannel(gates, num_outputs=4, axis=1, name="s")
        i, f, o = (mx.sym.Activation(gate, act_type="sigmoid") for gate in (i, f, o))
        c = f * s[1] + i * mx.sym.Activation(g, act_type="tanh")
        h = o * mx.sym.Activation(c, act_type="tanh")
        return h, [h, c]

    made = foreach(cell_step, data, [state, cell])
    weights = {f"{name}_weight": normal(12, 3) for name in ("i2h", "h2h")} | {f"{name}_bias": normal(12) for name in ("i2h", "h2h")}
    moving = {"data": ("steps", "batch", 3), "state": ("batch", 3), "cell": ("batch", 3)}
    yield Case("foreach,an LSTM", group([made[0], *made[1]]), {"data": x, "state": h, "cell": c}, weights, dynamic=moving)
    inner = foreach(lambda rows, s: foreach(lambda x, t: (x + t, t * x + weight), rows, s), data, state)
    feeds = {"data": normal(3, 2, 4), "state": normal(4), "weight": normal(4)}
    yield Case("foreach,in foreach", group([*inner]), feeds, dynamic={"data": ("outer", "inner", 4)})
    made = foreach(lambda x, s: (s, x), data, state)
    yield Case("foreach,what it is given", group([*made]), {"data": x, "state": h}, dynamic=steps)
    made = foreach(lambda x, s: ([x, x, weight], s), data, state)
    yield Case("foreach,the same twice", group([*made[0], made[1]]), {"data": x, "state": h, "weight": normal(2)}, dynamic=steps)
    made = foreach(lambda x, s: (x * x, s), data, [])
    yield Case("foreach,no state", made[0], {"data": x}, dynamic=steps)
    made = foreach(lambda x, s: ([], [x + s[0]]), data, [state])
    yield Case("foreach,no outputs", made[1][0], {"data": x, "state": h}, dynamic=steps)
    made = foreach(lambda x, s: (x + s, s * 2), data, state)
    yield Case("foreach,one step", group([*made]), {"data": normal(1, 2, 3), "state": h}, dynamic=steps)
    for dtype in ("float64", "float16", "int32"):
        x64, s64 = mx.sym.Variable("data", dtype=dtype), mx.sym.Variable("state", dtype=dtype)
        made = foreach(lambda x, s: (x + s, s * x), x64, s64)
        feeds = {"data": normal(3, 2, scale=3.0, dtype=dtype), "state": normal(2, scale=3.0, dtype=dtype)}
        yield Case(f"foreach,{dtype}", group([*made]), feeds)


def _while_loop(mx):
    i, a, weight = (mx.sym.Variable(name) for name in ("i", "a", "weight"))
    loop, group = mx.sym.contrib.while_loop, mx.sym.Group
    feeds = {"i": given([1]), "a": given([2])}

    def count(limit, most, first=0, last=None):
        outputs, states = loop(lambda i, a: i <= limit, lambda i, a: ([i + a], [i + 1, a * 2.0]), (i, a), max_iterations=most)
        kept = [] if last == 0 else [mx.sym.slice_axis(outputs[0], axis=0, begin=first, end=last, name="kept")]
        return group([*kept, *states])

    yield Case("while_loop,all its steps", count(9, 4), feeds)
    yield Case("while_loop,stops by itself", count(5, 8, 0, 5), feeds)
    yield Case("while_loop,no step", count(0, 8, 0, 0), feeds)
    outputs, states = loop(lambda i, a: i <= 5, lambda i, a: (None, [i + 1, mx.sym.broadcast_mul(a, weight)]), (i, a), max_iterations=9)
    matrix = {"i": given([1]), "a": normal(2, 3), "weight": normal(2, 3)}
    yield Case("while_loop,no outputs", group(list(states)), matrix, dynamic={"a": ("rows", 3), "weight": ("rows", 3)})
    outputs, states = loop(lambda i, a: i < 4, lambda i, a: ([a, a + i], [i + 1, a * weight]), (i, a), max_iterations=3)
    feeds3 = {"i": given([1]), "a": normal(1), "weight": normal(1)}
    yield Case("while_loop,two outputs", group([*outputs, *states]), feeds3)
    yield Case("while_loop,a captured weight", group([*outputs, *states]), {"i": given([1]), "a": normal(1)}, {"weight": normal(1)})
    outputs, states = loop(lambda i, a: weight > i, lambda i, a: (a - 1, [i + weight / 4, a]), (i, a), max_iterations=2)
    feeds4 = {"i": given([1]), "a": normal(2, 2), "weight": given([9])}
    yield Case("while_loop,the condition captures", group([outputs, *states]), feeds4)

    def chosen(i, a):
        return mx.sym.contrib.cond(i > 2, lambda: a * 2, lambda: a + i)

    outputs, states = loop(lambda i, a: i < 9, lambda i, a: (a, [i + 1, chosen(i, a)]), (i, a), max_iterations=4)
    yield Case("while_loop,around cond", group([outputs, *states]), feeds)
    outputs, states = loop(lambda i, a: a < 100, lambda i, a: (i * 2, [i + 1, a * 3.0]), (i, a), max_iterations=2)
    yield Case("while_loop,no lists", group([outputs, *states]), feeds)


def _cond(mx):
    a, b, weight = (mx.sym.Variable(name) for name in ("a", "b", "weight"))
    cond, group = mx.sym.contrib.cond, mx.sym.Group
    made = cond(a > b, lambda: a * 2.0 + b, lambda: a - b * b)
    for first, second in ((1, 2), (2, 1), (2, 2)):
        yield Case(f"cond,{first},{second}", made, {"a": given([first]), "b": given([second])})
    chosen = cond(weight, lambda: [a * 2.0, b], lambda: [a - b, a])
    for value, dtype in ((0, "float32"), (1, "float32"), (-0.5, "float32")):
        symbol = cond(mx.sym.Variable("weight", dtype=dtype), lambda: [a * 2.0, b], lambda: [a - b, a])
        feeds = {"weight": given([value], dtype=dtype), "a": normal(2, 3), "b": normal(2, 3)}
        yield Case(f"cond,two outputs,{value},{dtype}", group(symbol), feeds, dynamic={"a": ("rows", 3), "b": ("rows", 3)})
    yield Case("cond,one of two", chosen[1], {"weight": given([1]), "a": normal(2, 3), "b": normal(2, 3)})
    nested = cond(a > b, lambda: cond(a > 5, lambda: a * 10, lambda: a + b), lambda: b)
    for first, second in ((6, 2), (2, 1), (1, 3)):
        yield Case(f"cond,in cond,{first},{second}", nested, {"a": given([first]), "b": given([second])})
    layered = cond(
        a < 0,
        lambda: mx.sym.FullyConnected(b, num_hidden=3, name="fc0"),
        lambda: mx.sym.Activation(mx.sym.FullyConnected(b, num_hidden=3, name="fc1"), act_type="relu"),
    )
    weights = {f"fc{n}_weight": normal(3, 4) for n in (0, 1)} | {f"fc{n}_bias": normal(3) for n in (0, 1)}
    for value in (-1, 1):
        yield Case(f"cond,with weights,{value}", layered, {"a": given([value]), "b": normal(2, 4)}, weights, {"b": ("batch", 4)})
