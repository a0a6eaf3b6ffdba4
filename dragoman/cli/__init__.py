"""The command line: a thin layer over the public functions. Commands are imported when they are called."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any

import click

from dragoman import __version__
from dragoman.cli.failures import report_failure

COMMANDS = {
    "convert": "Convert a model and prove that the result computes the same.",
    "verify": "Compare two models on the same inputs.",
    "run": "Run a model on given or seeded inputs.",
    "check": "List all that keeps a model from being converted.",
    "inspect": "Show a model's inputs, outputs, operators and size.",
    "formats": "List the formats that are read, written and run.",
    "doctor": "Say which runtimes work here, and how to get the others.",
    "demo": "Make a real network, convert it and verify it.",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of a newcomer's questions."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"dragoman.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", prog_name="dragoman")
def group() -> None:
    """Convert neural networks between formats, and prove that the result computes the same.

    \b
    dragoman demo
    dragoman convert deploy.prototxt net.onnx --weights net.caffemodel
    dragoman verify deploy.prototxt net.onnx --weights net.caffemodel

    Exit codes: 0 done and verified; 1 the numbers differ; 2 usage; 3 names, shapes or types differ; 4 the source can't be read or
    converted; 5 the original can't be run; 6 the target can't be written or run; 7 inconclusive.
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and exits with the code of the table in ``--help``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--no-verify" in arguments:
        gc.disable()  # a process that only converts ends before a collection pays
    code = invoke(arguments)
    gc.freeze()  # nor is what it made walked through once more at its end
    sys.exit(code)


def invoke(arguments: list[str]) -> int:
    """Run a command; every failure becomes one message and an exit code."""
    try:
        result: Any = group.main(args=arguments, prog_name="dragoman", standalone_mode=False)
    except BaseException as error:
        return report_failure(error, debug="--debug" in arguments, as_json="--json" in arguments)
    return int(result) if isinstance(result, int) else 0
