"""Every way in which the other interpreter can fail is one readable error; nothing of it is left behind."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dragoman.graph_ir.errors import ContractMismatch, MissingRuntime, TargetError, UsageError
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.runners.process import WORKER, ProcessRunner, Worker, command_of

CV2 = '''
"""An imitation of OpenCV whose network does to itself what its prototxt says."""
import ctypes, os, sys, time
import numpy
__version__ = "4.99"

class Net:
    def __init__(self, deed):
        self.deed = deed
    def enableFusion(self, on):
        print("a framework prints this to stdout")
        os.write(1, b"and its C++ writes this\\n")
    def getLayerNames(self):
        return ["layer"]
    def setInput(self, value, name):
        self.value = value
    def forwardAndRetrieve(self, names):
        print("last words", file=sys.stderr, flush=True)
        exec(self.deed)
        return [[self.value * 2] for _ in names]

class dnn:
    @staticmethod
    def readNetFromCaffe(prototxt, weights):
        return Net(open(prototxt).read())
'''


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """The temporary folders that workers leave behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return lambda: list((tmp_path / "temporary").iterdir())


@pytest.fixture
def runner(tmp_path, folders):
    """A runner whose network does ``deed`` when it runs."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "cv2.py").write_text(CV2)
    started = []

    def start(deed="pass", **settings):
        (tmp_path / "net").write_text(deed)
        options = {
            "prototxt": str(tmp_path / "net"),
            "layers": [{"name": "layer", "type": "ReLU", "tops": ["y"]}],
            "inputs": [{"name": "x", "shape": [2, 3]}],
            "outputs": ["y"],
        }
        started.append(ProcessRunner("opencv", options, sys.executable, env={"PYTHONPATH": str(tmp_path / "site")}, **settings))
        return started[-1]

    yield start
    for each in started:
        each.close()


X = np.arange(6, dtype=np.float32).reshape(2, 3)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_round_trip_is_not_disturbed_by_prints(runner, folders):
    with runner() as model:
        pid = model._worker._process.pid
        assert model.describe().inputs == (TensorSpec("x", "float32", (2, 3)),)
        assert model.describe().details["python"] == sys.version.split()[0]
        for _ in range(3):
            np.testing.assert_array_equal(model.run({"x": X})["y"], 2 * X)
        assert stat.S_IMODE(model._worker.folder.stat().st_mode) == 0o700
        assert list(model._worker.folder.iterdir()) == []
    assert folders() == []
    assert not alive(pid)


@pytest.mark.parametrize("name", ["a/../../b", "x.npy", "файл", "file", "t0"])
def test_tensor_names_are_never_paths(name, runner, tmp_path):
    model = runner(f"self.value = {{}}; self.__class__.names = {name!r}; self.value = numpy.ones(3, 'f')")
    object.__setattr__(model._description, "inputs", (TensorSpec(name, "float32", (3,)),))
    assert model.run({name: np.ones(3, np.float32)})["y"].tolist() == [2, 2, 2]


DEATHS = {
    "os.kill(os.getpid(), 9)": "SIGKILL (killed, perhaps out of memory)",
    "ctypes.string_at(0)": "SIGSEGV (a crash inside the runtime)",
    "os.abort()": "SIGABRT",
    "os._exit(3)": "exited with status 3 during run",
}


@pytest.mark.parametrize("deed", DEATHS)
def test_death_is_told_with_its_last_words(deed, runner, folders):
    model = runner(deed)
    pid = model._worker._process.pid
    with pytest.raises(MissingRuntime) as error:
        model.run({"x": X})
    assert DEATHS[deed] in str(error.value)
    assert "last words" in str(error.value)
    assert not alive(pid)
    assert folders() == []
    with pytest.raises(MissingRuntime, match="has ended"):
        model.run({"x": X})


def test_hang_ends_at_the_timeout(runner, folders):
    model = runner("time.sleep(60)", timeout=0.5)
    pid, start = model._worker._process.pid, time.monotonic()
    with pytest.raises(MissingRuntime, match=r"no answer to run within 0\.5 s"):
        model.run({"x": X})
    assert time.monotonic() - start < 10
    assert not alive(pid)
    assert folders() == []


def test_an_exception_leaves_the_worker_usable(runner):
    model = runner("if self.value[0, 0] > 5: raise ValueError('too large')")
    with pytest.raises(MissingRuntime, match="ValueError: too large"):
        model.run({"x": X + 9})
    np.testing.assert_array_equal(model.run({"x": X})["y"], 2 * X)


def test_objects_are_not_sent(runner):
    model = runner("class Odd:\n  def __mul__(self, n): return numpy.array([None])\nself.value = Odd()")
    with pytest.raises(MissingRuntime, match="tensor 'y' has dtype object, which can't be sent"):
        model.run({"x": X})
    with pytest.raises(ContractMismatch, match="input x is float32"):
        model.run({"x": np.array([None])})


def test_feeds_must_be_the_inputs(runner):
    with runner() as model, pytest.raises(ContractMismatch, match="no value for the input x; given: y"):
        model.run({"y": X})
    with pytest.raises(ContractMismatch, match="float32, given float64"):
        runner().run({"x": X.astype(np.float64)})


def script(tmp_path, text):
    path = tmp_path / "interpreter"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


NOT_WORKERS = {
    "exit 0": "exited with status 0 before it answered; is it a Python interpreter?",
    "echo oops >&2; exit 2": "exited with status 2 before it answered; is it a Python interpreter?\nits last words:\n  oops",
    "while true; do echo garbage; done": "isn't a Python interpreter: it answered 'garbage'",
    "sleep 60": "gave no answer to greet within 1 s",
    "kill -SEGV $$": "died before it answered: SIGSEGV",
    """echo '{"dragoman": 99}'; sleep 60""": "speaks version 99 of the worker's protocol, not 1",
    """echo '{"dragoman": 1, "python": "3.6.0", "error": "lacks numpy"}'""": "lacks numpy; install numpy in it",
}


@pytest.mark.parametrize("text", NOT_WORKERS)
def test_what_is_no_worker(text, tmp_path, folders):
    with pytest.raises(MissingRuntime) as error:
        Worker(script(tmp_path, text), start_timeout=1)
    assert NOT_WORKERS[text] in str(error.value)
    assert folders() == []


def test_interpreter_without_numpy(tmp_path, folders):
    """A Python that can't import numpy, as a fresh installation can't."""
    with pytest.raises(MissingRuntime, match=r"can't import numpy: ModuleNotFoundError.*install numpy in it"):
        Worker([sys.executable, "-S", "-E", "-I"])
    assert folders() == []


def test_garbage_after_the_greeting(tmp_path, folders):
    text = """echo '{"dragoman": 1, "python": "3.6.0", "numpy": "1.19"}'; read line; echo nonsense; sleep 60"""
    worker = Worker(script(tmp_path, text))
    with pytest.raises(MissingRuntime, match="answered 'nonsense' to version, which isn't the worker's protocol"):
        worker.call("version", adapter="caffe")
    assert folders() == []


def test_banner_before_the_greeting(tmp_path):
    worker = Worker(script(tmp_path, f'echo "Activating the environment"; exec {sys.executable} "$@"'))
    try:
        with pytest.raises(MissingRuntime, match="can't import caffe"):
            worker.call("version", adapter="caffe")
    finally:
        worker.close()


def test_nothing_to_start(folders):
    with pytest.raises(TargetError, match="can't start /no/such/python: No such file"):
        Worker("/no/such/python", error=TargetError)
    assert folders() == []


def test_ctrl_c_leaves_nothing(runner, folders, monkeypatch):
    model = runner("time.sleep(60)")
    pid = model._worker._process.pid

    def interrupted(timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(model._worker._lines, "get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.run({"x": X})
    assert not alive(pid)
    assert folders() == []


def test_worker_ends_with_its_parent(tmp_path):
    """A parent that is killed can't clean up: the worker sees its requests end."""
    parent = (
        "import os, time; from dragoman.validators.runners.process import Worker; w = Worker(); "
        "print(w._process.pid, w.folder, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    pid, folder = process.stdout.readline().split()
    process.kill()
    process.wait()
    process.stdout.close()
    until = time.monotonic() + 10
    while alive(int(pid)) and time.monotonic() < until and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        time.sleep(0.05)
    assert not alive(int(pid)) or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    Path(folder).rmdir()


def test_worker_stands_alone_in_old_syntax():
    tree = ast.parse(WORKER.read_text(), feature_version=(3, 6))
    imported = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert imported <= {"json", "os", "sys", "traceback", "faulthandler", "numpy", "caffe", "cv2", "mxnet"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def test_command_prefixes(tmp_path):
    spaced = tmp_path / "my python"
    spaced.write_text("")
    assert command_of(str(spaced)) == [str(spaced)]
    assert command_of("docker run -i 'my image' python") == ["docker", "run", "-i", "my image", "python"]
    for bad in ("", "a 'b", []):
        with pytest.raises(UsageError):
            command_of(bad)
