"""Files that appear whole or not at all: written beside their target and renamed into place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from dragoman.graph_ir.errors import TargetError


class AtomicFiles:
    """A set of files that appears only when all of them are complete, in the order in which they were opened.

    Only the last may replace a file: what was there before is whole until then, and stays so if anything fails.
    """

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._pending: list[tuple[IO[bytes], Path, Path]] = []

    def open(self, target: str | os.PathLike[str]) -> IO[bytes]:
        """A file to write, which will be ``target``."""
        path = Path(target)
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.name[:32]}.", suffix=".part", dir=path.parent)
        except (OSError, ValueError) as error:
            raise TargetError(f"can't write {path}: {getattr(error, 'strerror', None) or error}") from error
        stream = os.fdopen(handle, "w+b")
        self._pending.append((stream, Path(name), path))
        return stream

    def __enter__(self) -> AtomicFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pending, self._pending = self._pending, []
        try:
            for stream, temporary, target in pending:
                stream.close()
                if kind is None:
                    temporary.chmod(_permissions(target))
            if kind is None:
                _rename([(temporary, target) for _, temporary, target in pending])
        except OSError as failure:
            raise TargetError(f"can't write {pending[-1][2]}: {failure.strerror or failure}") from failure
        finally:
            for stream, temporary, _ in pending:
                with contextlib.suppress(OSError):
                    stream.close()
                temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError) and pending:
            raise TargetError(f"can't write {pending[-1][2]}: {error.strerror or error}") from error


def _rename(files: list[tuple[Path, Path]]) -> None:
    """Rename all of them, or none: what the others have become is taken back if one can't."""
    done: list[Path] = []
    try:
        for temporary, target in files:
            temporary.replace(target)
            done.append(target)
    except BaseException:
        for target in done[: len(files) - 1]:
            target.unlink(missing_ok=True)
        raise


def _permissions(target: Path) -> int:
    """The mode of the file that is replaced, or what the user's mask gives a new one."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file; False if one doesn't lead anywhere."""
    try:
        return one.samefile(other)
    except OSError:
        return False


@contextmanager
def atomic_file(target: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """One file that replaces ``target`` when the block ends without an error; ``TargetError`` if it can't be written."""
    with AtomicFiles() as files:
        yield files.open(target)
