"""Runs written symbols in real MXNet: each folder named on stdin has a symbol, parameters and ``feeds.npz``; it gets ``outputs.npz``.

    MXNET_PYTHON tests/converters/mxnet/run_symbols.py < folders

A symbol that MXNet refuses gets ``refused.txt`` with its words. Needs an interpreter with mxnet 1.9.1, nothing of Dragoman.
"""

import sys
from pathlib import Path

import numpy as np

for _name, _type in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if _name not in np.__dict__:
        setattr(np, _name, _type)
import mxnet as mx


def run(folder):
    """The outputs of one symbol, in order."""
    symbol = mx.sym.load(str(folder / "net-symbol.json"))
    params = folder / "net-0000.params"
    stored = mx.nd.load(str(params)) if params.stat().st_size > 32 else {}
    known = set(symbol.list_arguments())
    feeds = {name: value for name, value in np.load(folder / "feeds.npz").items() if name in known}
    types = {name: value.dtype for name, value in feeds.items()}
    types.update((name[4:], value.dtype) for name, value in stored.items() if name[4:] in known)
    shapes = {name: value.shape for name, value in feeds.items()}
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
    weights = {name[4:]: value for name, value in stored.items() if name.startswith("arg:")}
    executor.copy_params_from(weights, {name[4:]: value for name, value in stored.items() if name.startswith("aux:")})
    for name, value in feeds.items():
        executor.arg_dict[name][:] = mx.nd.array(value, dtype=value.dtype)
    return {str(number): value.asnumpy() for number, value in enumerate(executor.forward(is_train=False))}


def main():
    """Every folder; what goes wrong in one is written there."""
    for line in sys.stdin:
        folder = Path(line.strip())
        try:
            np.savez(folder / "outputs.npz", **run(folder))
        except Exception as error:
            (folder / "refused.txt").write_text(str(error))


if __name__ == "__main__":
    main()
