"""The file of named runtimes, and what the doctor finds."""

from __future__ import annotations

import json
import os
import sys

import pytest

from dragoman.graph_ir.errors import UsageError
from dragoman.validators import runtimes


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "runtimes.json"
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(path))
    return path


def test_add_and_remove(config, tmp_path, monkeypatch):
    assert runtimes.configured() == {}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "python").symlink_to(sys.executable)
    assert runtimes.add("caffe", "./python") == config
    assert runtimes.command_for("caffe") == [str(tmp_path / "python")]  # the link itself: a virtual environment is one
    runtimes.add("caffe", "docker run -i caffe python")
    assert runtimes.configured() == {"caffe": ["docker", "run", "-i", "caffe", "python"]}
    assert json.loads(config.read_text())["version"] == 1
    runtimes.remove("caffe")
    assert runtimes.configured() == {}
    assert [p.name for p in config.parent.iterdir()] == [config.name]


def test_unknown_names():
    with pytest.raises(UsageError, match="unknown runtime 'torch7'; known: caffe"):
        runtimes.add("torch7", "python")
    with pytest.raises(UsageError, match="no runtime 'caffe' is remembered"):
        runtimes.remove("caffe")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"runtimes": 3}',
        '{"runtimes": {"caffe": {"command": "python"}}}',
        '{"runtimes": {"caffe": {}}}',
        "\xff\xfe",
    ],
)
def test_damaged_file(content, config):
    config.parent.mkdir()
    config.write_bytes(content.encode("latin-1"))
    for call in (runtimes.configured, lambda: runtimes.add("caffe", sys.executable)):
        with pytest.raises(UsageError, match=r"is damaged .* repair it or delete it"):
            call()
    assert config.read_bytes() == content.encode("latin-1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder(config):
    config.parent.mkdir(mode=0o500)
    with pytest.raises(UsageError, match="can't write"):
        runtimes.add("caffe", sys.executable)


def test_folder_in_the_way(config):
    config.mkdir(parents=True)
    with pytest.raises(UsageError, match="can't read the list of runtimes"):
        runtimes.configured()


def test_paths(monkeypatch, tmp_path):
    monkeypatch.delenv("DRAGOMAN_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert runtimes.config_path() == tmp_path / "dragoman" / "runtimes.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert runtimes.config_path() == tmp_path / "home" / ".config" / "dragoman" / "runtimes.json"


def test_probe_tells_what_is_missing():
    found = {s.name: s for s in runtimes.probe()}
    assert found["onnxruntime"].works
    assert not found["caffe"].works
    assert "--add caffe=" in found["caffe"].hint


def test_probe_of_a_broken_runtime():
    runtimes.add("caffe", sys.executable)  # which has no pycaffe
    status = {s.name: s for s in runtimes.probe()}["caffe"]
    assert not status.works
    assert "can't import caffe" in status.problem


def test_probe_of_real_caffe(caffe_python):
    runtimes.add("caffe", caffe_python)
    status = {s.name: s for s in runtimes.probe()}["caffe"]
    assert status.works
    assert status.version.startswith("1.0")
