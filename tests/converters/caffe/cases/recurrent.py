"""LSTM, RNN and LSTMUnit: time first; cont is 0 where a sequence starts."""

from itertools import product

from .case import Case, data, given, label, layer, normal, one, uniform

SMALL = uniform(-0.6, 0.6)
CONTINUATIONS = {
    "one-sequence": (0, 0, 1, 1, 1, 1, 1, 1),
    "restarts": (0, 0, 1, 0, 0, 1, 1, 1),
    "goes-on": (1,),
    "always-starts": (0,),
    "fractions": (0, 0, 0.5, 1, 2, 0.25, 1, 1),
}


def sweep():
    """Steps, sequences, sizes and continuations."""
    for layer_type, (name, cont) in product(("LSTM", "RNN"), CONTINUATIONS.items()):
        for steps, batch, size, outputs in ((4, 2, 3, 4), (1, 2, 3, 2), (3, 1, 1, 1), (5, 3, 2, 3)):
            yield recurrent(
                f"{layer_type},{name},{label(steps=steps, batch=batch, size=size, num_output=outputs)}",
                layer_type,
                (steps, batch, size),
                outputs,
                cont,
            )
    for layer_type in ("LSTM", "RNN"):
        yield recurrent(f"{layer_type},4-axes", layer_type, (3, 2, 2, 3), 4, (0, 0, 1, 1, 1, 1))
        yield recurrent(f"{layer_type},static", layer_type, (4, 2, 3), 3, CONTINUATIONS["restarts"], static=(2, 5))
        yield recurrent(
            f"{layer_type},static-3-axes", layer_type, (2, 2, 3), 3, CONTINUATIONS["one-sequence"], static=(2, 2, 2)
        )
        yield recurrent(
            f"{layer_type},saturated", layer_type, (4, 2, 3), 3, CONTINUATIONS["one-sequence"], weights=normal(0, 4)
        )
        for static in (None, (2, 2)):
            for name in ("one-sequence", "goes-on", "restarts"):
                yield exposed(
                    f"{layer_type},expose_hidden,{name},{label(static=static)}", layer_type, CONTINUATIONS[name], static
                )
        yield recurrent(
            f"{layer_type},filler", layer_type, (2, 2, 3), 2, (0, 0, 1, 1), filler={"type": "constant", "value": 0.3}
        )
    yield Case(
        "LSTM,stacked",
        data(data=(4, 2, 3), cont=(4, 2))
        + layer("LSTM", ["data", "cont"], "first", recurrent_param={"num_output": 4})
        + layer("LSTM", ["first", "cont"], "second", recurrent_param={"num_output": 3})
        + layer("InnerProduct", "second", "out", inner_product_param={"num_output": 2, "axis": 2}),
        {"cont": given(*CONTINUATIONS["restarts"])},
    )


def recurrent(case_id, layer_type, shape, outputs, cont, static=None, weights=SMALL, filler=None):
    """x, cont and perhaps a static input in; the hidden state (RNN: the output) of each step out."""
    shapes = {"data": shape, "cont": shape[:2], **({"static": static} if static else {})}
    form = {"num_output": outputs, **({"weight_filler": filler, "bias_filler": filler} if filler else {})}
    text = data(**shapes) + layer(layer_type, list(shapes), "out", recurrent_param=form)
    return Case(case_id, text, {"cont": given(*cont)}, {"out": [weights] * 6}, unstored=["out"] if filler else ())


def exposed(case_id, layer_type, cont, static):
    """The first hidden state is an input, and the last an output."""
    states = ["h"] if layer_type == "RNN" else ["h", "c"]
    shapes = {
        "data": (4, 2, 3),
        "cont": (4, 2),
        **({"static": static} if static else {}),
        **{f"{s}_first": (1, 2, 3) for s in states},
    }
    text = data(**shapes) + layer(
        layer_type,
        list(shapes),
        ["out", *(f"{s}_last" for s in states)],
        recurrent_param={"num_output": 3, "expose_hidden": True},
    )
    return Case(case_id, text, {"cont": given(*cont), "h_first": uniform(-0.9, 0.9)}, {"out": [SMALL] * 6})


def units():
    """LSTMUnit, the step that LSTM is unrolled into: gates in, forget, out, candidate side by side."""
    for batch, size in ((1, 1), (2, 3), (3, 2)):
        shapes = {"data": (1, batch, size), "gates": (1, batch, 4 * size), "cont": (1, batch)}
        yield Case(
            f"LSTMUnit,{label(batch=batch, size=size)}",
            data(**shapes) + layer("LSTMUnit", list(shapes), ["c", "h"]),
            {"gates": normal(0, 2), "cont": given(1, 0, 1)},
        )


def refusals():
    """What Caffe stops at."""
    form = {"recurrent_param": {"num_output": 2}}
    yield one("LSTM,refused,cont-shape", "LSTM", (4, 2, 3), extra={"cont": (3, 2)}, refused=True, **form)
    yield one("LSTM,refused,cont-axes", "LSTM", (4, 2, 3), extra={"cont": (4, 2, 1)}, refused=True, **form)
    yield one("LSTM,refused,no-cont", "LSTM", (4, 2, 3), refused=True, **form)
    yield one("LSTM,refused,num_output", "LSTM", (4, 2, 3), extra={"cont": (4, 2)}, refused=True)


CASES = [*sweep(), *units(), *refusals()]
