"""Keep what MXNet infers of the inputs' shapes and types: ``inference.json``.

    MXNET_PYTHON tests/converters/mxnet/record_inference.py [--check]

Needs an interpreter with mxnet 1.9.1 and a numpy below 2, nothing of Dragoman.
"""

import json
import sys
from pathlib import Path

import numpy as np

for _name, _type in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if _name not in np.__dict__:
        setattr(np, _name, _type)
import mxnet as mx

TARGET = Path(__file__).with_name("inference.json")


def cases():
    """A name, a symbol, the shapes and the types that are given, and the weights among its variables."""
    s = mx.sym
    x, y, z = s.var("x"), s.var("y"), s.var("z")
    yield "elementwise, forwards", s.elemwise_add(x, y), {"x": (2, 3)}, {"x": "float16"}, ()
    yield "elementwise, backwards", s.elemwise_mul(s.tanh(x), s.Activation(y, act_type="relu")), {"y": (2, 3)}, {"y": "float64"}, ()
    yield "a chain", s.add_n(s.sqrt(x * 2 + 1), s.BlockGrad(y), s.Dropout(z)), {"z": (4, 5, 6)}, {"z": "int32"}, ()
    dense = s.FullyConnected(x, num_hidden=3, name="fc")
    yield "a dense layer's weights", dense, {"x": (2, 4)}, {"fc_weight": "float16"}, ("fc_weight", "fc_bias")
    yield "an image and a residual", s.Convolution(x, num_filter=3, kernel=(1, 1), name="c") + y, {"x": (2, 4, 5, 6)}, {"y": "float64"}, (
        "c_weight",
        "c_bias",
    )
    yield "batch from another layer", s.FullyConnected(y, num_hidden=3, name="h", flatten=True) + dense, {"x": (2, 4), "y": (0, 7)}, {}, (
        *("fc_weight", "fc_bias"),
        *("h_weight", "h_bias"),
    )
    yield "concatenation", s.Concat(s.elemwise_add(x, y), z, dim=1), {"x": (2, 3), "z": (2, 4)}, {"z": "float16"}, ()
    parts = s.SliceChannel(x, num_outputs=3, axis=1, squeeze_axis=True)
    yield "parts", s.elemwise_add(parts[1], y), {"x": (2, 3, 4)}, {"y": "float16"}, ()
    words = s.Embedding(x, input_dim=9, output_dim=4, name="e")
    yield "words", words * y, {"x": (2, 5)}, {"x": "int32", "e_weight": "float16"}, ("e_weight",)
    for mode in ("lstm", "gru"):
        net = s.RNN(x, state_size=3, num_layers=2, mode=mode, bidirectional=True, name="r")
        yield f"states of {mode}", net, {"x": (5, 2, 4)}, {"x": "float16"}, ("r_parameters",)
    yield "a picked element", s.pick(x, y, axis=1), {"x": (2, 3, 4)}, {"x": "float16", "y": "float32"}, ()
    yield "a kept axis", s.pick(x, y, axis=-1, keepdims=True), {"x": (2, 3, 4)}, {"x": "float32", "y": "int32"}, ()
    yield "lengths", s.SequenceMask(x, y, use_sequence_length=True), {"x": (5, 2, 3)}, {"x": "float16", "y": "int32"}, ()
    yield "a cast", s.Cast(x, dtype="float16") + y, {"x": (2, 3)}, {"x": "uint8"}, ()
    yield "an expanded axis", s.expand_dims(x, axis=1) + y, {"y": (2, 1, 3)}, {"y": "float16"}, ()
    yield "hints", s.var("x", shape=(2, 3), dtype="float16") + y, {}, {}, ()
    yield "normalised halves", s.BatchNorm(x, name="b") + y, {"x": (2, 3, 4, 4)}, {"x": "float16"}, ("b_gamma", "b_beta")
    cells = mx.rnn.SequentialRNNCell()
    cells.add(mx.rnn.LSTMCell(6, prefix="l0_"))
    cells.add(mx.rnn.GRUCell(5, prefix="l1_"))
    unrolled, _ = cells.unroll(3, words, layout="NTC", merge_outputs=True)
    yield "unrolled cells", unrolled, {"x": (2, 3)}, {}, tuple(n for n in unrolled.list_arguments() if n != "x")


def record():
    """What MXNet says of each case."""
    found = {}
    for name, symbol, shapes, types, weights in cases():
        arguments = symbol.list_arguments()
        sizes = symbol.infer_shape(**shapes)
        hinted = any("__dtype__" in attributes for attributes in symbol.attr_dict().values())
        kinds = symbol.infer_type(**(types or ({} if hinted else dict.fromkeys(arguments, "float32"))))
        entry = {"symbol": json.loads(symbol.tojson()), "shapes": shapes, "types": types}
        states = symbol.list_auxiliary_states()
        entry["weights"] = (*weights, *states)
        every = zip([*arguments, *states], [*sizes[0], *sizes[2]], [*kinds[0], *kinds[2]])
        entry["arguments"] = {n: [size, np.dtype(kind).name] for n, size, kind in every}
        entry["outputs"] = sizes[1]
        found[name] = entry
    return json.loads(json.dumps(found))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(record() != json.loads(TARGET.read_text()))
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in record().items())
    TARGET.write_text("{\n" + rows + "\n}\n")
