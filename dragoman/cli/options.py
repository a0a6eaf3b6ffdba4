"""Options that several commands share, and those that the formats bring along."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from dragoman.converters.formats import Option, formats

F = TypeVar("F", bound=Callable[..., Any])
Dims = tuple[str, tuple[int | str, ...]]


class InputShape(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases
    """``name:1,3,224,224``; a word instead of a number is a dynamic dimension."""

    name = "NAME:DIMS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Dims:
        """The name and its dimensions."""
        if isinstance(value, tuple):
            return value
        name, separator, text = str(value).rpartition(":")
        if not separator or not name:
            self.fail(f"{value!r}: write NAME:DIMS, such as data:1,3,224,224 or data:batch,3,224,224", param, ctx)
        dims: list[int | str] = []
        for part in text.split(",") if text else []:
            word = part.strip()
            if word.isdecimal():
                dims.append(int(word))
            elif word.isidentifier():
                dims.append(word)
            else:
                self.fail(f"{word!r} in {value!r} is neither a size nor a name", param, ctx)
        return name, tuple(dims)


PATH = click.Path(path_type=Path)


def compose(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator of several, the first one outermost."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def source_options(function: F) -> F:
    """How to read the source."""
    return compose(
        click.option("-w", "--weights", type=PATH, help="The source's weights, where its format keeps them apart."),
        click.option("--from", "source_format", metavar="FORMAT", help="The source's format, if its content doesn't tell."),
        click.option(
            "-i",
            "--input",
            "inputs",
            type=InputShape(),
            multiple=True,
            help="An input's shape; a word is a dynamic dimension: data:batch,3,224,224.",
        ),
        click.option(
            "-o",
            "--output",
            "outputs",
            multiple=True,
            metavar="NAME",
            help="A tensor to give as output, instead of the source's own outputs.",
        ),
        _format_options("reader"),
    )(function)


def writer_options(function: F) -> F:
    """How to write the target."""
    return _format_options("writer")(function)


def verify_options(function: F) -> F:
    """How to compare."""
    return compose(
        click.option(
            "--samples", type=PATH, help="Inputs to compare on, before the generated ones: .npz, or .npy for a single input."
        ),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed of the generated inputs."),
        click.option(
            "--atol", type=click.FloatRange(min=0), help="Absolute tolerance, in place of the network's own rounding noise."
        ),
        click.option(
            "--rtol", type=click.FloatRange(min=0), help="Relative tolerance, in place of the network's own rounding noise."
        ),
        click.option(
            "--source-python", metavar="COMMAND", help="An interpreter (or command prefix) that has the original framework."
        ),
    )(function)


def output_options(function: F) -> F:
    """How to speak."""
    return compose(
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document, and nothing else."),
        click.option("--debug", is_flag=True, help="Show the trace of a failure."),
    )(function)


def _format_options(role: str) -> Callable[[F], F]:
    """The options of every format's reader or writer; one name means the same in all of them."""
    found: dict[str, tuple[Option, list[str]]] = {}
    for fmt in formats().values():
        for option in fmt.reader_options if role == "reader" else fmt.writer_options:
            found.setdefault(option.name, (option, []))[1].append(fmt.title)
    return compose(*(_click_option(option, titles) for option, titles in found.values()))


def _click_option(option: Option, titles: Iterable[str]) -> Callable[[F], F]:
    flag = f"--{option.name.replace('_', '-')}"
    text = f"{', '.join(titles)}: {option.help}."
    if option.type is bool:
        return click.option(flag, option.name, is_flag=True, default=None, help=text)
    kind = click.Choice(option.choices) if option.choices else option.type
    return click.option(flag, option.name, type=kind, multiple=option.multiple, help=text)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were set."""
    return {name: value for name, value in options.items() if value is not None and value != ()}
