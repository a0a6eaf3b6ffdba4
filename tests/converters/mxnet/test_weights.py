"""Which array of a file is which variable's; another network's file is one error with both sides' names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dragoman
from dragoman.graph_ir.errors import MalformedModel

from .params_file import write_params
from .symbols import Net

RNG = np.random.default_rng(5)


def draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def residual(middle: int = 3) -> Net:
    """Two branches, the shortcut read first and made last, as Gluon's residual blocks are."""
    net = Net()
    data = net.var("data")
    shortcut = net.dense("net0_dense2", data, 4)
    branch = net.dense("net0_dense1", net.dense("net0_dense0", data, middle), 4)
    net.op("elemwise_add", "net0_plus0", (shortcut, branch))
    return net


ARRAYS = {
    **{"body.0.weight": draw(3, 5), "body.0.bias": draw(3), "body.1.weight": draw(4, 3), "body.1.bias": draw(4)},
    **{"shortcut.weight": draw(4, 5), "shortcut.bias": draw(4)},
}
NAMES = {"body.0": "net0_dense0", "body.1": "net0_dense1", "shortcut": "net0_dense2"}


def loaded(net: Net, folder: Path, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    symbol = net.save(folder, len(net.nodes) - 1)
    weights = write_params(folder / "any.params", arrays)
    graph = dragoman.load(symbol, weights=weights, inputs={"data": (2, 5)}).graph
    return {name: value.const_value.numpy() for name, value in graph.initializers.items()}


def own_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {}
    for name, array in arrays.items():
        block, _, kind = name.rpartition(".")
        found[f"{NAMES[block]}_{kind}"] = array
    return found


@pytest.mark.parametrize("naming", ["structure", "checkpoint", "plain", "without the prefix"])
def test_namings(naming: str, tmp_path: Path) -> None:
    own = own_names(ARRAYS)
    given = {
        "structure": ARRAYS,
        "checkpoint": {f"arg:{name}": array for name, array in own.items()},
        "plain": own,
        "without the prefix": {name.removeprefix("net0_"): array for name, array in own.items()},
    }[naming]
    found = loaded(residual(), tmp_path, given)
    assert found.keys() == own.keys()
    for name, array in own.items():
        np.testing.assert_array_equal(found[name], array)


def test_numpy_archives_by_structure(tmp_path: Path) -> None:
    symbol = residual().save(tmp_path, len(residual().nodes) - 1)
    np.savez(tmp_path / "net.npz", **ARRAYS)
    graph = dragoman.load(symbol, weights=tmp_path / "net.npz", inputs={"data": (2, 5)}).graph
    np.testing.assert_array_equal(graph.initializers["net0_dense2_weight"].const_value.numpy(), ARRAYS["shortcut.weight"])


def test_what_shapes_cannot_tell_apart_is_refused(tmp_path: Path) -> None:
    alike = {name: draw(*((4, 5) if array.ndim == 2 else (4,))) for name, array in ARRAYS.items()}
    alike["body.1.weight"] = draw(4, 4)
    with pytest.raises(MalformedModel, match=r"without doubt: .*body\.0\.weight \(net0_dense0_weight or net0_dense2_weight\)"):
        loaded(residual(4), tmp_path, alike)


def test_structure_that_does_not_fit(tmp_path: Path) -> None:
    wrong = {**ARRAYS, "body.1.weight": draw(7, 3)}
    with pytest.raises(MalformedModel, match=r"body\.1\.weight is \[7, 3\], net0_dense1_weight takes \[4, '\?'\]"):
        loaded(residual(), tmp_path, wrong)
    with pytest.raises(MalformedModel, match=r"it has 4 arrays …bias"):
        loaded(residual(), tmp_path, {**ARRAYS, "more.bias": draw(3)})


def test_a_file_of_another_network(tmp_path: Path) -> None:
    own = own_names(ARRAYS)
    some = {name: array for name, array in own.items() if "dense1" not in name}
    with pytest.raises(MalformedModel, match=r"no values for net0_dense1_weight, net0_dense1_bias: any\.params .* know: conv9_weight"):
        loaded(residual(), tmp_path, {**some, "conv9_weight": draw(2, 2)})
    with pytest.raises(MalformedModel, match=r"another network.*net0_dense2_weight.*conv9_gain"):
        loaded(residual(), tmp_path, {"conv9_gain": draw(2, 2)})


def test_arrays_of_no_use_are_a_note(tmp_path: Path) -> None:
    symbol = residual().save(tmp_path, len(residual().nodes) - 1)
    weights = write_params(tmp_path / "any.params", {**own_names(ARRAYS), "optimizer_step": draw(1)})
    assert dragoman.load(symbol, weights=weights, inputs={"data": (2, 5)}).notes == ["any.params: unused optimizer_step"]


def test_a_weight_that_two_layers_share_is_stored_once(tmp_path: Path) -> None:
    net = Net()
    data, weight = net.var("data"), net.var("w")
    first = net.op("FullyConnected", "a", (data, weight), num_hidden="5", no_bias="True")
    net.op("FullyConnected", "b", (first, weight), num_hidden="5", no_bias="True")
    assert list(loaded(net, tmp_path, {"w": draw(5, 5)})) == ["w"]


def test_old_symbols_get_their_states(tmp_path: Path) -> None:
    net = Net()
    inputs = [net.var(name) for name in ("data", "bn_gamma", "bn_beta")]
    net.op("BatchNorm", "bn", inputs, fix_gamma="False")
    symbol = net.save(tmp_path, 3, version=800)
    arrays = {f"arg:bn_{name}": np.full(5, 2, np.float32) for name in ("gamma", "beta")}
    states = {f"aux:bn_{name}": np.full(5, 3, np.float32) for name in ("moving_mean", "moving_var")}
    weights = write_params(tmp_path / "any.params", {**arrays, **states})
    result = dragoman.convert(symbol, tmp_path / "net.onnx", weights=weights, inputs={"data": (2, 5)}, verify=False)
    x = draw(2, 5)
    wanted = 2 * (x - 3) / np.sqrt(3 + 1e-3) + 2
    np.testing.assert_allclose(dragoman.run(result.path, {"data": x})["bn_output"], wanted, rtol=1e-5)
    with pytest.raises(MalformedModel, match="no values for bn_moving_mean, bn_moving_var"):
        dragoman.load(symbol, weights=write_params(tmp_path / "some.params", arrays), inputs={"data": (2, 5)})


def test_old_argmax_over_everything(tmp_path: Path) -> None:
    for version, shape in ((904, []), (905, [2])):
        net = Net()
        net.op("argmax", "m", (net.var("data"),), axis="-1")
        symbol = net.save(tmp_path, 1, version=version)
        graph = dragoman.load(symbol, inputs={"data": (2, 5)}).graph
        assert list(graph.outputs[0].shape or ()) == (shape or [1])
