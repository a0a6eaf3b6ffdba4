"""Operators by other names than the one that MXNet writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import dragoman
from dragoman.converters.mxnet.names import _ALIASES, canonical
from dragoman.converters.mxnet.table import OPERATORS

LOOK_UP = """
import ctypes, json, sys
import numpy as np
for name, kind in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if name not in np.__dict__:
        setattr(np, name, kind)
from mxnet.base import _LIB, check_call
own = {}
for alias in json.load(sys.stdin):
    handle, name, info = ctypes.c_void_p(), ctypes.c_char_p(), [ctypes.c_void_p() for _ in range(6)]
    check_call(_LIB.NNGetOpHandle(alias.encode(), ctypes.byref(handle)))
    check_call(_LIB.NNGetOpInfo(handle, ctypes.byref(name), *map(ctypes.byref, info)))
    own[alias] = name.value.decode()
print(json.dumps(own))
"""


@pytest.mark.parametrize("alias", ["_Plus", "_plus", "_add", "elemwise_add", "ElementWiseSum", "_PlusScalar"])
def test_other_names_convert(alias: str, tmp_path: Path) -> None:
    binary = not alias.endswith("Scalar")
    variables = [{"op": "null", "name": name, "inputs": []} for name in ("a", "b")[: 1 + binary]]
    reads = [[index, 0, 0] for index in range(len(variables))]
    node = {"op": alias, "name": "y", "inputs": reads, "attrs": {} if binary else {"scalar": "2"}}
    symbol = {"nodes": [*variables, node], "arg_nodes": list(range(len(reads))), "heads": [[len(reads), 0, 0]]}
    path = tmp_path / "net-symbol.json"
    path.write_text(json.dumps(symbol))
    names = ("a", "b")[: len(variables)]
    model = dragoman.load(path, inputs=dict.fromkeys(names, (2,)))
    feeds = {name: np.full(2, 2, np.float32) for name in names}
    target = dragoman.save(model, tmp_path / "net.onnx")
    np.testing.assert_array_equal(dragoman.run(target, feeds)["y_output"], np.full(2, 4, np.float32))


def test_no_name_leads_to_another() -> None:
    assert not [alias for alias, name in _ALIASES.items() if canonical(name) != name or alias == name]


def test_handlers_are_of_own_names_only() -> None:
    assert not [name for name in OPERATORS if name in _ALIASES and _ALIASES[name] not in OPERATORS]


def test_names_are_those_of_mxnet(mxnet_python: str) -> None:
    done = subprocess.run([mxnet_python, "-c", LOOK_UP], input=json.dumps(list(_ALIASES)), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == _ALIASES
