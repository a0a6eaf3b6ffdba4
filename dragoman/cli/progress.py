"""Progress of long work: a line on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
import time

import click

_WIDTH = 28
_INTERVAL = 0.1


class Progress:
    """Called with what is being done, how much is done and how much there is; draws one line on standard error."""

    def __init__(self, enabled: bool = True) -> None:
        """Nothing is drawn unless standard error is a terminal."""
        self._enabled = enabled and sys.stderr.isatty()
        self._drawn = 0.0
        self._shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draw, at most ten times a second."""
        now = time.monotonic()
        if not self._enabled or (now - self._drawn < _INTERVAL and done < total):
            return
        self._drawn, self._shown = now, True
        share = min(1.0, done / total) if total else 1.0
        bar = "█" * round(share * _WIDTH)
        click.echo(f"\r\x1b[2K{what:<12} {bar:<{_WIDTH}} {share:4.0%}", err=True, nl=False)

    def clear(self) -> None:
        """Wipe the line, before a result is printed."""
        if self._shown:
            click.echo("\r\x1b[2K", err=True, nl=False)
            self._shown = False
