"""The client of the worker: a model loaded in another interpreter, whose death is a report here and not ours."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from dragoman.graph_ir.errors import DragomanError, MissingRuntime, UsageError
from dragoman.validators.runners.base import Array, Description, Feeds, RunnerBase, TensorSpec, check_feeds

WORKER = Path(__file__).resolve().parent.parent / "worker.py"
PROTOCOL = 1
TAIL_LINES = 20
BANNER_LINES = 200
"""Lines that a wrapper (an environment's activation, a container) may print before the worker speaks."""
SIGNALS = {
    "SIGKILL": "killed, perhaps out of memory",
    "SIGSEGV": "a crash inside the runtime",
    "SIGABRT": "the runtime gave up; its last words say why",
}
_END = object()


def command_of(interpreter: str | os.PathLike[str] | Sequence[str]) -> list[str]:
    """An interpreter or a command prefix as a list: a path that exists stays whole even if it holds spaces."""
    if not isinstance(interpreter, (str, os.PathLike)):
        command = [str(part) for part in interpreter]
    elif Path(interpreter).is_file():
        command = [str(interpreter)]
    else:
        try:
            command = shlex.split(os.fspath(interpreter))
        except ValueError as error:
            raise UsageError(f"can't read the command {os.fspath(interpreter)!r}: {error}") from error
    if not command:
        raise UsageError("the interpreter's command is empty")
    return command


class Worker:
    """A running ``worker.py``: requests, answers, timeouts, and a readable error for each way to die.

    A container's prefix must keep stdin open and see this machine's temporary folder and the model's (``docker run -i -v …``).
    """

    def __init__(
        self,
        interpreter: str | os.PathLike[str] | Sequence[str] = sys.executable,
        *,
        start_timeout: float = 60.0,
        timeout: float = 600.0,
        error: type[DragomanError] = MissingRuntime,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start the interpreter and wait for the worker's greeting. Timeouts in seconds; failures are raised as ``error``."""
        self.command = command_of(interpreter)
        self.timeout = timeout
        self._error = error
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.folder = Path(tempfile.mkdtemp(prefix="dragoman-"))
        try:
            self._start({**os.environ, **(env or {})})
            self.hello = self._greeting(start_timeout)
        except BaseException:
            self.close()
            raise

    def _start(self, env: Mapping[str, str]) -> None:
        try:
            # A session of its own: Ctrl-C is ours to handle, and everything that the command starts can be ended with it.
            self._process = subprocess.Popen(
                [*self.command, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                start_new_session=True,
            )
        except OSError as failure:
            raise self._error(f"can't start {shlex.join(self.command)}: {failure.strerror or failure}") from failure
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._lines: queue.Queue[Any] = queue.Queue()
        self._threads = [
            threading.Thread(target=_pump, args=(self._process.stdout, self._lines.put), daemon=True),
            threading.Thread(target=_pump, args=(self._process.stderr, self._keep), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _keep(self, line: Any) -> None:
        if line is not _END:
            self._tail.append(line.decode("utf-8", "replace").rstrip())

    def _greeting(self, timeout: float) -> dict[str, Any]:
        banner: list[str] = []
        until = time.monotonic() + timeout
        while len(banner) < BANNER_LINES:
            line = self._line(until, timeout, "greet", banner)
            message = _parse(line)
            if message is not None and "dragoman" in message:
                if message["dragoman"] != PROTOCOL:
                    raise self.failure(f"speaks version {message['dragoman']} of the worker's protocol, not {PROTOCOL}")
                if "error" in message:
                    raise self.failure(f"Python {message['python']} there {message['error']}; install numpy in it")
                return message
            banner.append(line.decode("utf-8", "replace").rstrip()[:200])
        raise self.failure(f"isn't a Python interpreter: it answered {banner[0]!r}")

    def check_alive(self) -> None:
        """Raise the runner's error if the worker was closed, or died in an earlier call."""
        if self._process is None:
            raise self._error(f"{shlex.join(self.command)} has ended")

    def call(self, op: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        """Send one request and wait for its result. The runner's error if it fails, dies, hangs or answers nonsense."""
        self.check_alive()
        self._count += 1
        assert self._process is not None
        assert self._process.stdin is not None
        limit = self.timeout if timeout is None else timeout
        try:
            self._process.stdin.write(json.dumps({"id": self._count, "op": op, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer(limit, op)
        except BrokenPipeError:
            raise self._death(f"before it could {op}") from None
        except BaseException:
            self.close()  # after a timeout, a crash or Ctrl-C the worker's state is unknown
            raise
        if "error" in answer:
            raise self._refusal(answer["error"])
        return answer["result"]

    def _answer(self, limit: float, op: str) -> dict[str, Any]:
        line = self._line(time.monotonic() + limit, limit, op, [])
        answer = _parse(line)
        if answer is None or answer.get("id") != self._count or not answer.keys() & {"result", "error"}:
            said = line.decode("utf-8", "replace").rstrip()[:200]
            raise self.failure(f"answered {said!r} to {op}, which isn't the worker's protocol")
        return answer

    def _line(self, until: float, limit: float, op: str, banner: list[str]) -> bytes:
        try:
            line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise self.failure(f"gave no answer to {op} within {limit:g} s (hangs, or needs a longer timeout)") from None
        if line is not _END:
            return bytes(line)
        raise self._death(f"during {op}" if op != "greet" else "before it answered", banner)

    def _refusal(self, error: Any) -> DragomanError:
        message = error["message"] if isinstance(error, dict) and "message" in error else repr(error)
        return self.failure(str(message), hint=False)

    def _death(self, when: str, banner: Sequence[str] = ()) -> DragomanError:
        """The error for a process that ended: by a signal, or with a status."""
        assert self._process is not None
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return self.failure(f"closed its output {when} and went on running")
        # A shell between us and the interpreter tells a signal as 128 + its number.
        number = -status if status < 0 else status - 128 if 128 < status < 128 + 65 else None
        if number is None:
            hint = "; is it a Python interpreter?" if when == "before it answered" else ""
            said = f"; it printed {banner[0]!r}" if banner else ""
            return self.failure(f"exited with status {status} {when}{hint}{said}")
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return self.failure(f"died {when}: {name}" + (f" ({SIGNALS[name]})" if name in SIGNALS else ""))

    def failure(self, what: str, *, hint: bool = True) -> DragomanError:
        """The error that says ``what`` this command did, with the tail of its stderr."""
        text = f"{shlex.join(self.command)}: {what}"
        if hint and self._process is not None:
            if self._process.poll() is not None:
                self._threads[1].join(timeout=2)  # the last words may still be in the pipe
            if self._tail:
                text += "\nits last words:\n" + "\n".join(f"  {line}" for line in self._tail)
        return self._error(text)

    def close(self) -> None:
        """End the worker and everything it started, and remove its folder. May be called twice."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
            _end(process)
            for thread in self._threads:
                thread.join(timeout=2)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process's session, and collect it."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _pump(stream: IO[bytes], put: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            put(line)
    put(_END)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


class ProcessRunner(RunnerBase):
    """A model loaded by one of the worker's adapters."""

    def __init__(self, adapter: str, options: Mapping[str, Any], interpreter: Any = sys.executable, **settings: Any) -> None:
        """``adapter`` and ``options`` as in ``worker.py``; ``settings`` are ``Worker``'s."""
        self._worker = Worker(interpreter, **settings)
        try:
            answer = self._worker.call("load", adapter=adapter, options=dict(options))
            self._description = _description(answer, self._worker)
        except BaseException:
            self.close()
            raise

    def describe(self) -> Description:
        """The model's inputs, outputs and runtime."""
        return self._description

    def run(self, feeds: Feeds, taps: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs by name, and the tensors of ``taps``; tensors pass through files that only this user can read."""
        check_feeds(feeds, [TensorSpec(s.name, s.dtype, None) for s in self._description.inputs])
        given, made = self._worker.folder / "in.npz", self._worker.folder / "out.npz"
        keys = {name: f"t{index}" for index, name in enumerate(feeds)}
        arrays: dict[str, Any] = {keys[name]: value for name, value in feeds.items()}
        try:
            self._worker.check_alive()
            np.savez(given, **arrays)
            answer = self._worker.call("run", file=str(given), keys=keys, taps=list(taps), into=str(made))
            return _tensors(made, answer["keys"], self._worker)
        except OSError as error:
            raise self._worker.failure(f"can't be sent its tensors: {error.strerror or error}") from error
        finally:
            given.unlink(missing_ok=True)
            made.unlink(missing_ok=True)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()


def _tensors(file: Path, keys: Mapping[str, str], worker: Worker) -> dict[str, Array]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            return {name: stored[key] for name, key in keys.items()}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise worker.failure(f"left no readable tensors: {error}") from error


def _description(answer: Mapping[str, Any], worker: Worker) -> Description:
    def specs(entries: Sequence[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(e["name"], e["dtype"], None if e["shape"] is None else tuple(e["shape"])) for e in entries)

    return Description(
        runtime=answer["runtime"],
        version=answer["version"],
        inputs=specs(answer["inputs"]),
        outputs=specs(answer["outputs"]),
        ordered=bool(answer.get("ordered", True)),
        details={"python": worker.hello["python"], "numpy": worker.hello["numpy"], **_command(worker)},
    )


def _command(worker: Worker) -> dict[str, str]:
    """What started the worker, unless it is the interpreter that runs us."""
    return {} if worker.command == [sys.executable] else {"command": shlex.join(worker.command)}
