"""A model and the data beside it: whatever fails, and whenever, what is there is one whole pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from dragoman.converters.onnx.exporter import save
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir import Builder, Model, Source
from dragoman.graph_ir.errors import TargetError
from dragoman.graph_ir.writer import write_onnx


def model(value: float, source: Source | None = None) -> Model:
    g = Builder("pair")
    x = g.input("x", ir.DataType.FLOAT, (1, 600))
    g.output(g.op("Mul", x, g.initializer(ir.Tensor(np.full((1, 600), value, np.float32)), "w")), "y")
    return Model(g.model(), source or Source("test"))


def weight(path: Path) -> float:
    """The weight's value in the model at ``path``, wherever it is; all of it is the same."""
    (value,) = set(load(path).graph.initializers["w"].const_value.numpy().reshape(-1).tolist())
    return float(value)


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_pair_replaces_a_pair_under_the_same_names(tmp_path: Path) -> None:
    for value in (1.0, 2.0, 3.0):
        path = save(model(value), tmp_path / "m.onnx", external_data=True)
        assert weight(path) == value
        assert files(tmp_path) == ["m.onnx", "m.onnx.data"]
        assert not (tmp_path / "m.onnx.data").is_symlink()
        onnx.checker.check_model(path, full_check=True)


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(12))
@pytest.mark.parametrize("failure", [Crash, OSError(5, "Input/output error")], ids=["crash", "error"])
def test_at_every_step_there_is_a_whole_pair(
    tmp_path: Path, step: int, failure: type[BaseException] | OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every change of a name, counted, fails in turn; only what the change's own failure allows is cleaned up."""
    path = save(model(1.0), tmp_path / "m.onnx", external_data=True)
    count = 0

    def failing(real):
        def change(self, *arguments, **keywords):
            nonlocal count
            count += 1
            if count == step + 1:
                raise failure
            return real(self, *arguments, **keywords)

        return change

    with monkeypatch.context() as patch:
        for name in ("replace", "symlink_to", "unlink"):
            patch.setattr(Path, name, failing(getattr(Path, name)))
        try:
            save(model(2.0), path, external_data=True)
        except (Crash, TargetError, OSError):
            pass
        else:
            assert step >= 2 or not isinstance(failure, type)
    assert weight(path) in (1.0, 2.0)
    assert weight(save(model(3.0), path, external_data=True)) == 3.0


def test_a_model_replaces_its_own_pair(tmp_path: Path) -> None:
    path = save(model(1.0), tmp_path / "m.onnx", external_data=True)
    save(load(path), path, external_data=True)
    assert weight(path) == 1.0
    assert files(tmp_path) == ["m.onnx", "m.onnx.data"]
    save(load(path), path, external_data=False)
    assert weight(path) == 1.0


def test_data_of_another_model_is_not_replaced(tmp_path: Path) -> None:
    """``b.onnx.data`` is what a.onnx reads its weights from; writing b.onnx from it must not take its place."""
    path = save(model(1.0), tmp_path / "b.onnx", external_data=True)
    path.rename(tmp_path / "a.onnx")
    other = save(load(tmp_path / "a.onnx"), tmp_path / "b.onnx", external_data=True)
    assert files(tmp_path) == ["a.onnx", "b.onnx", "b.onnx.1.data", "b.onnx.data"]
    assert weight(other) == weight(tmp_path / "a.onnx") == 1.0
    other.unlink()
    (tmp_path / "b.onnx.1.data").unlink()
    assert weight(tmp_path / "a.onnx") == 1.0


def test_without_links_new_data_has_a_new_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(model(1.0), tmp_path / "m.onnx", external_data=True)

    def refused(*arguments: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refused)
    save(model(2.0), path, external_data=True)
    assert files(tmp_path) == ["m.onnx", "m.onnx.1.data"]
    assert weight(path) == 2.0


@pytest.mark.parametrize("name", ["a..b.onnx", "#1.onnx", "C:model.onnx", "é 层.onnx", "a\nb.onnx", "...onnx"])
def test_names_that_readers_would_refuse(tmp_path: Path, name: str) -> None:
    path = save(model(1.0), tmp_path / name, external_data=True)
    onnx.checker.check_model(path, full_check=True)
    assert weight(path) == 1.0


def test_what_is_too_big_for_protobuf_says_so(tmp_path: Path) -> None:
    """Nothing is computed for it: the values would be."""
    g = Builder("big")
    x = g.input("x", ir.DataType.FLOAT, (1, 1))
    big = ir.LazyTensor(lambda: pytest.fail("computed"), dtype=ir.DataType.FLOAT, shape=ir.Shape((1 << 15, 1 << 15)), name="w")
    g.output(g.op("Mul", x, g.initializer(big, "w")), "y")
    with pytest.raises(TargetError, match=r"4,294,967,\d+ bytes"):
        write_onnx(g.model(), tmp_path / "m.onnx", external_data=False)
    assert files(tmp_path) == []


def test_small_models_have_no_empty_data(tmp_path: Path) -> None:
    g = Builder("small")
    x = g.input("x", ir.DataType.FLOAT, (1,))
    g.output(g.op("Mul", x, g.const(2.0)), "y")
    save(Model(g.model(), Source("test")), tmp_path / "m.onnx", external_data=True)
    assert files(tmp_path) == ["m.onnx"]


def test_the_old_files_mode_is_kept(tmp_path: Path) -> None:
    path = save(model(1.0), tmp_path / "m.onnx")
    path.chmod(0o640)
    save(model(2.0), path)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("again", [True, False])
def test_a_single_file_takes_the_place_of_a_pair(tmp_path: Path, again: bool) -> None:
    """The data file goes with the model that named it, also where that is the one that is written again."""
    path = save(model(1.0), tmp_path / "m.onnx", external_data=True)
    save(load(path) if again else model(2.0), path, external_data=False)
    assert files(tmp_path) == ["m.onnx"]
    assert weight(path) == (1.0 if again else 2.0)


def test_data_that_others_may_need_stays(tmp_path: Path) -> None:
    path, data = tmp_path / "m.onnx", tmp_path / "m.onnx.data"

    def replaced() -> list[str]:
        save(model(2.0), path, external_data=False)
        return files(tmp_path)

    data.write_bytes(b"not of this model")
    save(model(1.0), path, external_data=False)
    assert replaced() == ["m.onnx", "m.onnx.data"]
    data.unlink()

    save(model(1.0), path, external_data=True)
    other = tmp_path / "other.onnx"
    other.write_bytes(path.read_bytes())
    assert replaced() == ["m.onnx", "m.onnx.data", "other.onnx"]
    assert weight(other) == 1.0
    other.write_bytes(b"can't be read")
    save(model(1.0), path, external_data=True)
    assert replaced() == ["m.onnx", "m.onnx.data", "other.onnx"]
    other.unlink()

    save(model(1.0), path, external_data=True)
    source = load(path)
    copy = save(source, tmp_path / "copy.onnx", external_data=False)
    save(source, copy, external_data=False)
    assert files(tmp_path) == ["copy.onnx", "m.onnx", "m.onnx.data"]
    copy.unlink()

    (tmp_path / "link").hardlink_to(data)
    assert replaced() == ["link", "m.onnx", "m.onnx.data"]
    (tmp_path / "link").unlink()

    save(model(1.0), path, external_data=True)
    data.rename(tmp_path / "link")
    data.symlink_to("link")
    assert replaced() == ["link", "m.onnx", "m.onnx.data"]


def test_a_failure_leaves_the_pair(tmp_path: Path) -> None:
    path = save(model(1.0), tmp_path / "m.onnx", external_data=True)
    broken = model(2.0)
    broken.graph.initializers["w"].const_value = ir.LazyTensor(lambda: 1 / 0, ir.DataType.FLOAT, ir.Shape((1, 600)), name="w")
    with pytest.raises((TargetError, ZeroDivisionError)):
        save(broken, path, external_data=False)
    assert weight(path) == 1.0
