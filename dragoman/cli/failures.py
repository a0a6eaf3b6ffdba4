"""Failures as one readable message and the exit code of the design's table."""

from __future__ import annotations

import json
import os
import sys
import traceback

import click

from dragoman.graph_ir.errors import DragomanError, ExitCode

INTERRUPTED = 130
INTERNAL = 70


def report_failure(error: BaseException, *, debug: bool, as_json: bool) -> int:
    """Say what went wrong on standard error (with ``as_json``, as one document on standard output); return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return int(ExitCode.USAGE)
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has gone
        return 0
    code, kind, message = _describe(error)
    if debug and not isinstance(error, (click.ClickException, click.Abort)):
        traceback.print_exception(error)
    if as_json:
        click.echo(json.dumps({"error": {"kind": kind, "message": message}, "exit_code": code}, indent=2))
    else:
        click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    return code


def _describe(error: BaseException) -> tuple[int, str, str]:
    if isinstance(error, DragomanError):
        return int(error.exit_code), type(error).__name__, str(error)
    if isinstance(error, click.UsageError):
        usage = f" (see {error.ctx.command_path} --help)" if error.ctx is not None else ""
        return int(ExitCode.USAGE), "UsageError", error.format_message() + usage
    if isinstance(error, click.ClickException):
        return int(ExitCode.USAGE), "UsageError", error.format_message()
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED, "Interrupted", "interrupted; nothing was left half-written"
    if isinstance(error, MemoryError):
        return INTERNAL, "MemoryError", "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return int(ExitCode.TARGET), "OSError", where + error.strerror
    return (
        INTERNAL,
        type(error).__name__,
        f"internal error ({type(error).__name__}: {error}); run again with --debug and report the trace",
    )
