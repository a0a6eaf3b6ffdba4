"""What unrolled cells take in ONNX Runtime, and what they take as one LSTM, GRU or RNN: python benchmarks/recurrences.py

Words are embedded, read by one cell unrolled over time, and its outputs stacked. One thread; the least CPU time of the rounds in
which both sessions take turns.
"""

from __future__ import annotations

import time

import numpy as np
import onnx_ir as ir
import onnxruntime

from dragoman.graph_ir import Builder, Model, Source
from dragoman.graph_ir.passes import optimize

ROUNDS = 60
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def network(kind: str, steps: int, batch: int, hidden: int) -> ir.Model:
    """Gluon's cell of ``kind``, unrolled."""
    numbers, g, gates = np.random.default_rng(0), Builder("g"), GATES[kind]
    words = g.input("words", ir.DataType.INT64, (batch, steps))
    table, w, r, b, rb = (
        g.const(numbers.uniform(-0.2, 0.2, shape).astype(np.float32))
        for shape in ((100, hidden), (gates * hidden, hidden), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,))
    )
    x = g.op("Gather", table, words)
    h = c = g.op("Expand", g.const(np.float32(0)), g.const([batch, hidden]))
    outputs = []
    for step in range(steps):
        from_x = g.op("Gemm", g.op("Gather", x, g.const(step), axis=1), w, b, transB=1)
        from_h = g.op("Gemm", h, r, rb, transB=1)
        if kind == "RNN":
            h = g.op("Tanh", g.op("Add", from_x, from_h))
        elif kind == "LSTM":
            i, f, n, o = g.ops("Split", g.op("Add", from_x, from_h), axis=1, num_outputs=4, outputs=4)
            kept = g.op("Mul", g.op("Sigmoid", f), c)
            c = g.op("Add", kept, g.op("Mul", g.op("Sigmoid", i), g.op("Tanh", n)))
            h = g.op("Mul", g.op("Sigmoid", o), g.op("Tanh", c))
        else:
            xr, xz, xn = g.ops("Split", from_x, axis=1, num_outputs=3, outputs=3)
            hr, hz, hn = g.ops("Split", from_h, axis=1, num_outputs=3, outputs=3)
            z = g.op("Sigmoid", g.op("Add", xz, hz))
            n = g.op("Tanh", g.op("Add", xn, g.op("Mul", g.op("Sigmoid", g.op("Add", xr, hr)), hn)))
            h = g.op("Add", g.op("Mul", g.op("Sub", h, n), z), n)
        outputs.append(g.op("Unsqueeze", h, g.const([1])))
    g.output(g.op("Concat", *outputs, axis=1), "y")
    return g.model()


def latencies(models: list[ir.Model], feeds: dict[str, np.ndarray]) -> list[float]:
    """Milliseconds of each."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    serialized = [ir.serde.serialize_model(model).SerializeToString() for model in models]
    sessions = [onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]) for data in serialized]
    best = [float("inf")] * len(sessions)
    for _ in range(ROUNDS):
        for index, session in enumerate(sessions):
            start = time.process_time()
            session.run(None, feeds)
            best[index] = min(best[index], time.process_time() - start)
    return [1000 * seconds for seconds in best]


def main() -> None:
    print("| cell | steps | batch | hidden | nodes | ms | nodes | ms | ratio |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in GATES:
        for hidden in (16, 64, 256):
            for steps, batch in ((2, 1), (5, 1), (5, 8), (20, 1), (50, 1), (50, 8)):
                before = network(kind, steps, batch, hidden)
                after = optimize(Model(before.clone(), Source("onnx"))).ir
                words = np.random.default_rng(1).integers(0, 100, (batch, steps))
                old, new = latencies([before, after], {"words": words})
                counts = [len(list(model.graph)) for model in (before, after)]
                print(f"| {kind} | {steps} | {batch} | {hidden} | {counts[0]} | {old:.3f} | {counts[1]} | {new:.3f} | {new / old:.2f} |")


if __name__ == "__main__":
    main()
