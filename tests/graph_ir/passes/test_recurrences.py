"""Unrolled cells become LSTM, GRU and RNN: in every form, and only if they are what they seem."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.graph_ir import Builder, Model, Origin, Source
from dragoman.graph_ir.passes import optimize
from dragoman.graph_ir.provenance import origins, set_origins

FLOAT, INT = ir.DataType.FLOAT, ir.DataType.INT64
GATES = {"lstm": "ifgo", "gru": "rzn", "gru-before": "rzn", "rnn": "n"}
OPERATORS = {"lstm": "LSTM", "gru": "GRU", "gru-before": "GRU", "rnn": "RNN"}
WIDTH, HIDDEN, WORDS = 3, 4, 7


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """A network of embedded words and one cell."""

    kind: str = "lstm"
    steps: int | str = 5
    batch: int | str = "batch"
    order: str = ""
    product: str = "two"
    taken: str = "split"
    biases: int = 2
    picked: str = "gather"
    time: int = 1
    state: str = "zeros"
    given: str = "stacked"
    words: bool = True

    @property
    def gates(self) -> str:
        return self.order or GATES[self.kind]


class Net:
    """Builds a case; a subclass's ``change`` makes one step differ."""

    def __init__(self, case: Case) -> None:
        self.case, self.g = case, Builder("g")
        n = len(case.gates) * HIDDEN
        g = self.g
        self.w, self.r = g.const(floats(n, WIDTH, seed=1)), g.const(floats(n, HIDDEN, seed=2))
        self.wt, self.rt = g.const(floats(n, WIDTH, seed=1).T.copy()), g.const(floats(n, HIDDEN, seed=2).T.copy())
        self.both = g.const(np.concatenate([floats(n, WIDTH, seed=1), floats(n, HIDDEN, seed=2)], 1))
        self.bias = [g.const(floats(n, seed=3 + i)) for i in range(case.biases)]
        shape: list[int | str] = [case.batch, case.batch]
        shape[case.time] = case.steps
        if case.words:
            self.input = g.input("words", INT, shape)
            self.x = g.op("Gather", g.const(floats(WORDS, WIDTH, seed=9)), self.input)
        else:
            self.input = self.x = g.input("x", FLOAT, (*shape, WIDTH))

    def columns(self, value: ir.Value, gates: str = "") -> list[ir.Value]:
        g, gates = self.g, gates or self.case.gates
        if len(gates) == 1:
            return [value]
        if self.case.taken == "split":
            return list(g.ops("Split", value, axis=-1, num_outputs=len(gates), outputs=len(gates)))
        ends = [HIDDEN * i for i in range(len(gates) + 1)]
        return [g.op("Slice", value, g.const([a]), g.const([b]), g.const([1])) for a, b in pairwise(ends)]

    def linear(self, x: ir.Value, h: ir.Value, step: int = 0) -> ir.Value:
        g, product, bias = self.g, self.case.product, self.bias
        if product == "two":
            return g.op("Add", g.op("Gemm", x, self.w, *bias[:1], transB=1), g.op("Gemm", h, self.r, *bias[1:], transB=1))
        if product == "one":
            found = g.op("Gemm", g.op("Concat", x, h, axis=1), self.both, *bias[:1], transB=1)
        else:
            found = g.op("Add", g.op("MatMul", h, self.rt), g.op("MatMul", x, self.wt))
            bias = [*bias, bias[0]][: len(bias)] if bias else []
        for extra in bias[1:] if product == "one" else bias:
            found = g.op("Add", found, extra)
        return found

    def step(self, x: ir.Value, h: ir.Value, c: ir.Value, t: int) -> tuple[ir.Value, ir.Value]:
        g, kind = self.g, self.case.kind
        if kind == "rnn":
            return g.op("Tanh", self.linear(x, h)), c
        if kind == "lstm":
            part = dict(zip(self.case.gates, self.columns(self.linear(x, h)), strict=True))
            i, f, o = (g.op("Sigmoid", part[name]) for name in "ifo")
            c = g.op("Add", g.op("Mul", f, c), g.op("Mul", i, g.op("Tanh", part["g"])))
            return g.op("Mul", o, g.op("Tanh", c)), c
        one = g.const(np.float32(1))
        if kind == "gru":
            from_x, from_h = (
                dict(zip(self.case.gates, self.columns(g.op("Gemm", value, matrix, *bias, transB=1)), strict=True))
                for value, matrix, bias in ((x, self.w, self.bias[:1]), (h, self.r, self.bias[1:]))
            )
            r, z = (g.op("Sigmoid", g.op("Add", from_x[name], from_h[name])) for name in "rz")
            n = g.op("Tanh", g.op("Add", from_x["n"], g.op("Mul", r, from_h["n"])))
            return g.op("Add", g.op("Mul", g.op("Sub", h, n), z), n), c
        k = 2 * HIDDEN
        w, r_matrix = floats(3 * HIDDEN, WIDTH, seed=1), floats(3 * HIDDEN, HIDDEN, seed=2)
        both = np.concatenate([w, r_matrix], 1)
        first, last = (self.shared(f"both{i}", part) for i, part in enumerate((both[:k], both[k:])))
        r, z = (g.op("Sigmoid", part) for part in self.columns(g.op("Gemm", g.op("Concat", x, h, axis=1), first, transB=1), "rz"))
        n = g.op("Tanh", g.op("Gemm", g.op("Concat", x, g.op("Mul", r, h), axis=1), last, transB=1))
        return g.op("Add", g.op("Mul", z, h), g.op("Mul", g.op("Sub", one, z), n)), c

    def shared(self, name: str, array: np.ndarray) -> ir.Value:
        known = self.__dict__.setdefault("_shared", {})
        if name not in known:
            known[name] = self.g.const(array)
        found: ir.Value = known[name]
        return found

    def parts(self) -> Iterator[ir.Value]:
        g, case = self.g, self.case
        if case.picked == "split":
            for part in g.ops("Split", self.x, axis=case.time, num_outputs=case.steps, outputs=case.steps):
                yield g.op("Squeeze", part, g.const([case.time]))
            return
        for t in range(case.steps):
            if case.picked == "gather":
                yield g.op("Gather", self.x, g.const(t), axis=case.time)
            elif case.picked == "backwards":
                yield g.op("Gather", self.x, g.const(-1 - t), axis=case.time)
            elif case.picked == "slice":
                yield g.op("Squeeze", g.op("Slice", self.x, g.const([t]), g.const([t + 1]), g.const([case.time])), g.const([case.time]))
            else:
                yield g.op("Gather", g.const(floats(WORDS, WIDTH, seed=20 + t)), g.op("Gather", self.input, g.const(t), axis=case.time))

    def state(self, seed: int) -> ir.Value:
        g, case = self.g, self.case
        rows = g.op("Gather", g.op("Shape", self.input), g.const([1 - case.time]))
        shape = g.op("Concat", rows, g.const([HIDDEN]), axis=0)
        if case.state == "zeros":
            return g.op("Expand", g.const(np.float32(0)), shape)
        if case.state == "fill":
            return g.op("ConstantOfShape", shape, value=ir.Tensor(np.array([0.5], np.float32)))
        if case.state == "constant":
            return g.op("Expand", g.const(floats(1, HIDDEN, seed=seed)), shape)
        if case.state == "words":
            return g.op("Gather", g.const(floats(WORDS, HIDDEN, seed=seed)), g.op("Gather", self.input, g.const(0), axis=case.time))
        return g.input(f"state{seed}", FLOAT, (case.batch, HIDDEN))

    def build(self) -> ir.Model:
        g, case = self.g, self.case
        h, c = self.state(30), self.state(31)
        hs = []
        for t, x in enumerate(self.parts()):
            h, c = self.step(x, h, c, t)
            hs.append(h)
        if case.given.startswith("stacked"):
            axis = int(case.given[7:] or case.time)
            g.output(g.op("Concat", *(g.op("Unsqueeze", h, g.const([axis])) for h in hs), axis=axis), "y")
        if case.given == "side":
            g.output(g.op("Concat", *hs, axis=1), "y")
        if case.given in ("last", "state"):
            g.output(h, "h")
        if case.given == "state" and case.kind == "lstm":
            g.output(c, "c")
        if case.given == "each":
            for t, h in enumerate(hs):
                g.output(h, f"h{t}")
        return g.model()


def checked(before: ir.Model, batches: Sequence[int] = (1, 2, 3), special: float | None = None) -> list[str]:
    """Simplify, compare in ONNX Runtime, and give the operators that are left."""
    model = Model(before.clone(), Source("test"))
    for node in model.nodes():
        set_origins(node, [Origin(node.outputs[0].name or "", node.op_type)])
    recurrent = {origin for node in model.nodes() if node.op_type in ("Tanh", "Sigmoid", "Add", "Gemm") for origin in origins(node)}
    after = optimize(model).ir
    protos = [ir.serde.serialize_model(m) for m in (before, after)]
    onnx.checker.check_model(protos[1], full_check=True)
    assert all(origins(node) for node in after.graph)
    for node in after.graph:
        assert node.op_type not in ("LSTM", "GRU", "RNN") or len(recurrent & set(origins(node))) >= 4
    sessions = [onnxruntime.InferenceSession(p.SerializeToString(), providers=["CPUExecutionProvider"]) for p in protos]
    for batch in batches:
        feeds = {}
        for index, value in enumerate(before.graph.inputs):
            shape = [size if isinstance(size, int) else batch + 3 * (size == "steps") for size in value.shape or ()]
            numbers = np.random.default_rng([index, batch])
            feeds[value.name] = numbers.integers(0, WORDS, shape) if value.dtype == INT else numbers.standard_normal(shape).astype(np.float32)
            if special is not None and value.dtype == FLOAT:
                feeds[value.name].reshape(-1)[len(shape)] = special
        for name, *values in zip([v.name for v in before.graph.outputs], *(s.run(None, feeds) for s in sessions), strict=True):
            assert (values[0].dtype, values[0].shape) == (values[1].dtype, values[1].shape)
            np.testing.assert_allclose(values[1], values[0], rtol=0, atol=3e-6, err_msg=name)
    return [node.op_type for node in after.graph]


FOUND = [
    *(Case(kind, steps=n) for kind in ("lstm", "gru", "gru-before") for n in (2, 3, 6)),
    *(Case(kind, batch=2, state=state) for kind in ("lstm", "gru", "gru-before") for state in ("zeros", "words")),
    *(Case(kind, state=state) for kind in ("lstm", "gru", "gru-before") for state in ("constant", "fill", "words")),
    *(Case(order=order) for order in ("iofg", "gfio", "ogif")),
    *(Case(kind, order=order) for kind in ("gru", "gru-before") for order in ("zrn", "nrz") if kind == "gru" or order == "zrn"),
    *(Case(product=product, biases=n, taken=taken) for product in ("two", "one", "matmul") for n in (0, 1, 2) for taken in ("split", "slice")),
    *(Case("gru", biases=n, taken=taken) for n in (0, 1, 2) for taken in ("split", "slice")),
    *(Case(kind, picked=picked, time=time) for kind in ("lstm", "gru") for picked in ("split", "gather", "slice", "backwards", "apart") for time in (0, 1)),
    *(Case(kind, given=given, time=time) for kind in ("lstm", "gru") for given in ("stacked0", "stacked1", "side", "last", "state", "each") for time in (0, 1)),
    *(Case("rnn", batch=1, product=product, words=words) for product in ("two", "one", "matmul") for words in (True, False)),
    *(Case("rnn", batch=1, state=state, words=False) for state in ("zeros", "input")),
]


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_unrolled_cells(case: Case) -> None:
    before = Net(case).build()
    after = checked(before)
    assert after.count(OPERATORS[case.kind]) == 1
    assert not {"Tanh", "Sigmoid", "Gemm", "MatMul", "Split"} & set(after)
    assert len(after) < len(list(before.graph)) // 3 or case.given in ("each", "side") or case.picked == "apart" or case.steps < 4


@pytest.mark.parametrize(("kind", "curves"), [("lstm", 2), ("gru", 1), ("gru-before", 0), ("rnn", 1)])
@pytest.mark.parametrize("state", ["constant", "fill"])
def test_a_first_step_whose_state_was_multiplied_already_stays(kind: str, curves: int, state: str) -> None:
    after = checked(Net(Case(kind, steps=6, batch=1, state=state)).build())
    assert (after.count(OPERATORS[kind]), after.count("Tanh")) == (1, curves)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_counts(kind: str) -> None:
    before = Net(Case(kind)).build()
    assert (len(list(before.graph)), checked(before)) == ({"lstm": 85, "gru": 90}[kind], ["Gather", "Transpose", OPERATORS[kind], "Squeeze", "Transpose"])


def test_layers_above_each_other() -> None:
    """The second reads what the first gives at each step: nothing is stacked and taken apart between them."""
    net = Net(Case(given="none"))
    g = net.g
    w, r = g.const(floats(3 * HIDDEN, HIDDEN, seed=40)), g.const(floats(3 * HIDDEN, HIDDEN, seed=41))
    h, c = net.state(0), net.state(0)
    top, outputs = h, []
    for t, x in enumerate(net.parts()):
        h, c = net.step(x, h, c, t)
        from_x, from_h = (g.ops("Split", g.op("Gemm", v, m, transB=1), axis=1, num_outputs=3, outputs=3) for v, m in ((h, w), (top, r)))
        reset, update = (g.op("Sigmoid", g.op("Add", from_x[i], from_h[i])) for i in (0, 1))
        new = g.op("Tanh", g.op("Add", from_x[2], g.op("Mul", reset, from_h[2])))
        top = g.op("Add", g.op("Mul", g.op("Sub", top, new), update), new)
        outputs.append(g.op("Unsqueeze", top, g.const([1])))
    g.output(g.op("Concat", *outputs, axis=1), "y")
    assert checked(g.model()) == ["Gather", "Transpose", "LSTM", "Squeeze", "GRU", "Squeeze", "Transpose"]


def test_outputs_that_are_stacked_twice_and_given_themselves() -> None:
    net = Net(Case(given="none"))
    g, (h, c), rows = net.g, (net.state(0), net.state(1)), []
    for t, x in enumerate(net.parts()):
        h, c = net.step(x, h, c, t)
        rows.append(g.op("Unsqueeze", h, g.const([1])))
    for name in ("y", "z"):
        g.output(g.op("Concat", *rows, axis=1), name)
    g.output(rows[0], "first")
    g.output(g.op("Neg", c), "last")
    assert checked(g.model()).count("LSTM") == 1


# -- what must stay as it is -----------------------------------------------------------------------------


class Changed(Net):
    """A network in which one thing is another."""

    def __init__(self, case: Case, change: str) -> None:
        super().__init__(case)
        self.change = change

    def step(self, x: ir.Value, h: ir.Value, c: ir.Value, t: int) -> tuple[ir.Value, ir.Value]:
        g, change = self.g, self.change
        if change in ("weight", "bias") and t % 2:
            known = self.w, self.bias
            self.w = self.shared("w", floats(len(self.case.gates) * HIDDEN, WIDTH, seed=50)) if change == "weight" else self.w
            self.bias = [self.shared("b", floats(len(self.case.gates) * HIDDEN, seed=51)), *self.bias[1:]] if change == "bias" else self.bias
            found = super().step(x, h, c, t)
            self.w, self.bias = known
            return found
        if change == "own words" and t:
            x = g.op("Add", x, g.op("Slice", h, g.const([0]), g.const([WIDTH]), g.const([1])))
        if self.case.kind != "lstm" or change in ("weight", "bias", "own words", "states", "batch"):
            h, c = super().step(x, h, c, t)
            return (h, g.op("Clip", c, g.const(np.float32(-0.5)), g.const(np.float32(0.5)))) if change == "clipped" else (h, c)
        part = dict(zip(self.case.gates, self.columns(self.linear(x, h)), strict=True))
        if change == "peephole":
            part["i"] = g.op("Add", part["i"], g.op("Mul", c, self.shared("p", floats(HIDDEN, seed=52))))
        curve = "HardSigmoid" if change == "hard" else "Sigmoid"
        i, f, o = (g.op(curve, part[name]) for name in "ifo")
        if change == "coupled":
            f = g.op("Sub", g.const(np.float32(1)), i)
        if change == "read" and t == 2:
            g.output(f, "gate")
        new = g.op("Relu" if change == "relu" else "Tanh", part["g"])
        c = g.op("Add", g.op("Mul", f, c), g.op("Mul", i, new))
        if change == "clipped":
            c = g.op("Clip", c, g.const(np.float32(-0.5)), g.const(np.float32(0.5)))
        if change == "read cell" and t == 2:
            g.output(g.op("Neg", c), "cell")
        return g.op("Mul", o, g.op("Tanh", c)), c


@pytest.mark.parametrize("change", ["weight", "bias", "own words", "peephole", "hard", "coupled", "read", "relu", "clipped", "read cell"])
def test_what_seems_an_lstm_stays(change: str) -> None:
    assert "LSTM" not in checked(Changed(Case(), change).build())


@pytest.mark.parametrize("change", ["weight", "bias", "own words"])
def test_what_seems_a_gru_stays(change: str) -> None:
    assert "GRU" not in checked(Changed(Case("gru"), change).build())


@pytest.mark.parametrize("kind", ["lstm", "gru", "gru-before"])
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("words", "state"), [(False, "zeros"), (True, "input")])
def test_what_may_be_nan_stays(kind: str, special: float, words: bool, state: str) -> None:
    """ONNX Runtime's LSTM and GRU give finite numbers for it."""
    assert OPERATORS[kind] not in checked(Net(Case(kind, words=words, state=state)).build(), special=special)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("state", ["zeros", "input"])
def test_an_rnn_keeps_nan(special: float, state: str) -> None:
    assert "RNN" in checked(Net(Case("rnn", batch=1, words=False, state=state)).build(), special=special)


@pytest.mark.parametrize("special", [np.nan, np.inf, 3e38])
@pytest.mark.parametrize(("kind", "where"), [("rnn", "w"), ("rnn", "r"), *(("lstm", where) for where in ("table", "w", "r", "bias"))])
def test_weights_that_leave_what_is_finite(special: float, kind: str, where: str) -> None:
    net = Net(Case(kind, batch=1))
    value = {"table": net.x.producer().inputs[0], "w": net.w, "r": net.r, "bias": net.bias[0]}[where]  # type: ignore[union-attr]
    value.const_value.numpy()[-1] = special  # type: ignore[union-attr]
    assert OPERATORS[kind] not in checked(net.build())


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_one_step_stays(kind: str) -> None:
    assert OPERATORS[kind] not in checked(Net(Case(kind, steps=1)).build())


@pytest.mark.parametrize(("kind", "steps", "batch"), [("rnn", 4, 1), ("rnn", 5, 2), ("rnn", 5, "batch"), ("gru", 5, 9)])
def test_what_would_be_slower_stays(kind: str, steps: int, batch: int | str) -> None:
    assert OPERATORS[kind] not in checked(Net(Case(kind, steps=steps, batch=batch)).build())


def test_states_of_another_batch_stay() -> None:
    """One word, read with the states of three, is three."""
    net = Net(Case(batch=1))
    net.state = lambda seed: net.g.const(floats(3, HIDDEN, seed=seed))  # type: ignore[method-assign]
    assert checked(net.build(), (1,)).count("Tanh") == 10


def test_zeros_of_another_batch_stay() -> None:
    net = Net(Case(batch=1))
    net.state = lambda seed: net.g.op("Expand", net.g.const(np.float32(0)), net.g.op("Concat", net.g.op("Shape", net.g.input(f"like{seed}", FLOAT, ("more",))), net.g.const([HIDDEN]), axis=0))  # type: ignore[method-assign]
    assert "LSTM" not in checked(net.build(), (3,))


# -- loops -----------------------------------------------------------------------------------------------


def scanned(case: Case, order: str = "hc", change: str = "", steps: int | str = "steps", outputs: str = "") -> ir.Model:
    """A Scan over words, whose body is a step; ``order`` is that of the states."""
    case = replace(case, steps=steps, time=0)
    net = Changed(case, change) if change else Net(case)
    g, x = net.g, net.x
    states = {name: net.state(60 + i) for i, name in enumerate("hc")}
    order = order if case.kind == "lstm" else "h"
    with g.subgraph("body") as body:
        bound = {}
        for name in (*order, "x"):
            bound[name] = ir.Value(name=f"in_{name}", type=ir.TensorType(FLOAT), shape=ir.Shape((case.batch, WIDTH if name == "x" else HIDDEN)))
            body.inputs.append(bound[name])
        h, c = net.step(bound["x"], bound["h"], bound.get("c", bound["h"]), 0)
        made = {"h": h, "c": c}
        result = g.op("Neg", h) if outputs == "other" else c if outputs == "cell" else h
        body.outputs.extend(g.op("Identity", value) for value in (*(made[name] for name in order), result))
    found = g.ops("Scan", *(states[name] for name in order), x, outputs=len(order) + 1, body=body, num_scan_inputs=1, **({"scan_input_directions": [1]} if outputs == "backwards" else {}))
    for name, value in zip((*order, "y"), found, strict=True):
        value.type, value.shape = ir.TensorType(FLOAT), ir.Shape((steps, case.batch, HIDDEN) if name == "y" else (case.batch, HIDDEN))
        if name != "c" or outputs != "unread":
            g.output(value, name)
    return g.model()


@pytest.mark.parametrize("state", ["zeros", "constant", "words"])
@pytest.mark.parametrize(("kind", "order"), [("lstm", "hc"), ("lstm", "ch"), ("gru", "h"), ("gru-before", "h")])
@pytest.mark.parametrize("product", ["two", "one"])
@pytest.mark.parametrize("outputs", ["", "unread"])
def test_scans(kind: str, order: str, state: str, product: str, outputs: str) -> None:
    after = checked(scanned(Case(kind, product=product, state=state), order, outputs=outputs))
    assert (after.count("Scan"), after.count(OPERATORS[kind])) == (0, 1)


@pytest.mark.parametrize("change", ["peephole", "hard", "coupled", "relu", "clipped"])
def test_scans_of_other_cells_stay(change: str) -> None:
    assert "LSTM" not in checked(scanned(Case(), change=change))


@pytest.mark.parametrize("outputs", ["other", "cell", "backwards"])
def test_scans_that_give_something_else_stay(outputs: str) -> None:
    assert "LSTM" not in checked(scanned(Case(), outputs=outputs))


@pytest.mark.parametrize(("words", "state"), [(False, "zeros"), (True, "input")])
def test_scans_of_what_may_be_nan_stay(words: bool, state: str) -> None:
    assert "LSTM" not in checked(scanned(Case(words=words, state=state)), special=np.nan)
