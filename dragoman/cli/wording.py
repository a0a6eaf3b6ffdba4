"""How results are worded for people: sizes, counts, shapes, and lines that fit the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping

COLUMNS = 120
"""The width of a page where there is no terminal."""
NARROWEST = 40
GLUE = "\u00a0"
"""A space at which no line is broken; it is printed as any other."""
_LONG = 240
"""Characters of a text of the model's own that are shown."""
_UNITS = ("B", "KB", "MB", "GB", "TB")


def size_text(nbytes: int) -> str:
    """Bytes in the unit that a person would choose: 553.4 MB."""
    value = float(nbytes)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def shape_text(shape: tuple[int | str | None, ...] | None) -> str:
    """A shape as people write it: 1×3×224×224."""
    return "shape unknown" if shape is None else "×".join("?" if d is None else visible(str(d)) for d in shape) or "scalar"


def terminal_width() -> int:
    """The columns of the terminal, or of the page that a pipe is taken for."""
    return shutil.get_terminal_size((COLUMNS, 24)).columns


def visible(text: str) -> str:
    """Text of a model, which may hold anything, as one line that can't steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def clipped(text: str) -> str:
    """The beginning of a text, in one line."""
    text = " ".join(text.split())
    return visible(text) if len(text) <= _LONG else f"{visible(text[:_LONG])}… ({len(text):,} characters)"


def plural(count: int, noun: str) -> str:
    """``1 node``, ``2,000 nodes``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def count_text(count: int) -> str:
    """A large number as people say it: 1.82 G."""
    value, units = float(count), ["", " k", " M", " G", " T", " P"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g}{units[0]}"


def counts_text(found: Mapping[str, int]) -> str:
    """``Conv × 20, Relu × 17``."""
    return ", ".join(f"{visible(name)}{GLUE}×{GLUE}{count:,}" for name, count in found.items())


def folded(text: str, first: str, rest: str) -> list[str]:
    """Text in lines of the terminal's width, but not broken at ``GLUE``: the first begins with ``first``, others with ``rest``."""
    width = max(terminal_width(), NARROWEST)
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(GLUE, " ") for line in lines or [first.rstrip()]]
