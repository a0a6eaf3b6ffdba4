"""Named runtimes that the user told us of, kept in a small file, and what each of them can do."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dragoman.graph_ir.errors import DragomanError, UsageError
from dragoman.validators.runners.process import Worker, command_of

ADAPTERS: Mapping[str, str] = {"caffe": "Caffe", "mxnet": "MXNet"}
"""The names that can be remembered, and what people call them."""

ENVIRONMENT: Mapping[str, str] = {"mxnet": "DRAGOMAN_MXNET_PYTHON"}
"""Variables that name a runtime's command where none is remembered."""

HOW_TO_GET: Mapping[str, str] = {
    "caffe": "install BVLC Caffe with its Python module for any interpreter (Debian 11: apt install caffe-cpu; conda: caffe),"
    " then dragoman doctor --add caffe=/path/to/python",
    "mxnet": "pip install mxnet==1.9.1 (Linux, Python 3.6 to 3.11) in an environment of its own with numpy<2, then dragoman doctor --add"
    " mxnet=/path/to/python",
    "opencv": "pip install 'dragoman[caffe]'",
    "onnxruntime": "pip install onnxruntime",
}


@dataclass(frozen=True)
class Status:
    """What one runtime can do: ``version`` where it works, else ``problem``; ``hint`` says how to get or repair it."""

    name: str
    command: str
    version: str | None
    problem: str = ""
    hint: str = ""

    @property
    def works(self) -> bool:
        """Whether the runtime answered with a version."""
        return self.version is not None


def config_path() -> Path:
    """The file of runtimes: ``$DRAGOMAN_CONFIG``, else ``dragoman/runtimes.json`` in the user's configuration folder."""
    if named := os.environ.get("DRAGOMAN_CONFIG"):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "dragoman" / "runtimes.json"


def configured() -> dict[str, list[str]]:
    """The remembered commands by runtime; empty if there is no file. ``UsageError`` if the file can't be understood."""
    path = config_path()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = content["runtimes"]
        return {str(name): _command(entry["command"]) for name, entry in entries.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"can't read the list of runtimes {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"the list of runtimes {path} is damaged ({why}); repair it or delete it") from error


def _command(parts: object) -> list[str]:
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise TypeError(f"a command is a list of words, not {parts!r}")
    return parts


def command_for(name: str) -> list[str] | None:
    """The remembered command of a runtime, or the one that the environment names; None if there is none."""
    named = os.environ.get(ENVIRONMENT.get(name, ""))
    return configured().get(name) or (command_of(named) if named else None)


def add(name: str, interpreter: str | Sequence[str]) -> Path:
    """Remember an interpreter or command prefix for a runtime, in place of an earlier one; returns the file's path."""
    if name not in ADAPTERS:
        raise UsageError(f"unknown runtime {name!r}; known: {', '.join(ADAPTERS)}")
    command = command_of(interpreter)
    if Path(command[0]).is_file():
        command[0] = os.path.abspath(command[0])  # noqa: PTH100 - resolve() would leave a virtual environment through its link
    return _write({**configured(), name: command})


def remove(name: str) -> Path:
    """Forget a runtime; ``UsageError`` if it isn't remembered."""
    entries = configured()
    if entries.pop(name, None) is None:
        raise UsageError(f"no runtime {name!r} is remembered; remembered: {', '.join(entries) or 'none'}")
    return _write(entries)


def _write(entries: Mapping[str, Sequence[str]]) -> Path:
    """Replace the file in one step: whoever reads it sees the old list or the new one."""
    path = config_path()
    content = {"version": 1, "runtimes": {name: {"command": list(command)} for name, command in sorted(entries.items())}}
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=2) + "\n")
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        raise UsageError(f"can't write the list of runtimes {path}: {error.strerror or error}") from error
    return path


def probe(timeout: float = 60.0) -> list[Status]:
    """Start each runtime once: ONNX Runtime, OpenCV, and what is remembered or, as MXNet may be, installed here."""
    statuses = [probe_onnxruntime(), probe_worker("opencv", [sys.executable], timeout)]
    for name, title in ADAPTERS.items():
        here = [sys.executable] if name == "mxnet" and find_spec("mxnet") is not None else None
        if (command := command_for(name) or here) is not None:
            statuses.append(probe_worker(name, command, timeout))
        else:
            statuses.append(Status(name, "", None, f"no interpreter with {title} is remembered", HOW_TO_GET[name]))
    return statuses


def probe_onnxruntime() -> Status:
    """ONNX Runtime in this process."""
    try:
        import onnxruntime  # noqa: PLC0415 - only the doctor needs it
    except ImportError as error:
        return Status("onnxruntime", sys.executable, None, str(error), HOW_TO_GET["onnxruntime"])
    return Status("onnxruntime", sys.executable, onnxruntime.__version__)


def probe_worker(adapter: str, command: Sequence[str], timeout: float = 60.0) -> Status:
    """A framework in another interpreter, through the worker."""
    shown = shlex.join(command)
    try:
        worker = Worker(list(command), start_timeout=timeout, timeout=timeout)
        try:
            version = worker.call("version", adapter=adapter)["version"]
        finally:
            worker.close()
    except DragomanError as error:
        return Status(adapter, shown, None, error.message, HOW_TO_GET[adapter])
    if adapter == "opencv" and int(version.partition(".")[0] or 0) >= 5:
        return Status(adapter, shown, None, f"OpenCV {version} has no Caffe reader", HOW_TO_GET["opencv"])
    return Status(adapter, shown, version)
