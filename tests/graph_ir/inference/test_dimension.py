"""Arithmetic on dimensions: Python's own arithmetic on numbers is the authority."""

from __future__ import annotations

import random

import pytest

from dragoman.graph_ir.inference.dimension import (
    at_least,
    broadcast,
    evaluate,
    lower_bound,
    maximum,
    minimum,
    product,
    substitute,
)
from dragoman.graph_ir.inference.notation import parse
from dragoman.graph_ir.inference.size import Dim, symbol, symbols

h, w, n = symbol("h"), symbol("w"), symbol("n")

PRINTED = {
    "batch*4": "4*batch",
    "4*batch": "4*batch",
    "(h - 1)//2 + 1": "(h + 1)//2",
    "((h - 1)//2 + 1 - 1)//2 + 1": "(h + 3)//4",
    "n*h*w*3//(h*w)": "3*n",
    "(n*h + n*w)//(h + w)": "n",
    "-(-h//2)": "(h + 1)//2",
    "(2*h + 3)//4": "(h + 1)//2",
    "(4*h + 3)//4": "h",
    "3*h//2": "h + h//2",
    "h%2": "h - 2*(h//2)",
    "n**2 - 1": "n**2 - 1",
    "n*n": "n**2",
    "h - h": "0",
    "w - h - 1": "w - h - 1",
    "max(b, a, 0)": "max(a, b)",
    "max(h + 1, h)": "h + 1",
    "min(h, h + 3)": "h",
    "min(h, 3, 5)": "min(h, 3)",
    "max(1, 2)": "2",
    "broadcast(b, 1, a, b)": "broadcast(a, b)",
    "broadcast(a, 7)": "7",
    "broadcast(a, min(a, 256))": "a",
    "broadcast(min(a, 256, c + 1), a)": "a",
    "broadcast(a, min(a, c))": "broadcast(a, min(a, c))",  # a = 1, c = 0
    "broadcast(a, min(c, 256))": "broadcast(a, min(c, 256))",
    "h*w//(n*w)": "h//n",
    "  spaced + 1 ": "spaced + 1",
}


@pytest.mark.parametrize("text", PRINTED)
def test_canonical_form(text: str) -> None:
    assert str(parse(text)) == PRINTED[text]
    assert parse(PRINTED[text]) == parse(text)


NAMES = [
    "batch",
    "conv1/Pool_2",
    "/model/layer.0/NonZero_output_0_1",
    "batch-size",
    "a b",
    "x:0_1",
    "floor(h/2)",
    "h +",
    "h//0",
    "2**h",
    "ünï",
]


@pytest.mark.parametrize("text", NAMES)
def test_what_isnt_arithmetic_is_a_name(text: str) -> None:
    assert parse(text) == symbol(text)
    assert symbols(parse(text)) == {text}


@pytest.mark.parametrize("name", [name for name in NAMES if name.isprintable() and " " not in name and "(" not in name][:4])
def test_arithmetic_on_such_names_parses_back(name: str) -> None:
    size = symbol(name) * 2 + 1
    assert str(size) == f"2*{name} + 1"
    assert parse(str(size)) == size


def test_ints_stay_ints() -> None:
    assert isinstance(h * 2 // h, int)
    assert isinstance(h - h + 3, int)
    assert product([2, 3]) == 6
    assert product([]) == 1
    assert product([h, 2, w]) == 2 * h * w


def test_equal_sizes_are_equal_however_made() -> None:
    assert (h + 1) * (h - 1) == h * h - 1
    assert hash(h + w) == hash(w + h)
    assert (h + w) * n == n * w + n * h
    assert h != w
    assert h != 1


def test_bounds() -> None:
    assert lower_bound(h + 3) == 3
    assert lower_bound(3 - h) is None
    assert lower_bound(maximum(h - 3, 0)) == 0
    assert lower_bound(minimum(h, 5)) == 0
    assert lower_bound((h + 7) // 2) == 3
    assert at_least(h + w + 1, h)
    assert not at_least(h, w)
    assert at_least(h, h // 2)
    assert at_least(h // 2 + 1, (h + 1) // 2)
    assert not at_least(h // 2, h)
    assert at_least(2 * ((h + 1) // 2), h)
    assert not at_least(2 * (h // 2), h)


def test_broadcast() -> None:
    assert broadcast(1, h) == h
    assert broadcast(h, 5) == 5
    assert broadcast(h, h) == h
    assert broadcast(1, 1) == 1
    size = broadcast(h, w)
    assert [evaluate(size, {"h": a, "w": b}) for a, b in [(1, 4), (4, 1), (3, 3), (0, 1)]] == [4, 4, 3, 0]
    with pytest.raises(ValueError, match="3 and 4"):
        broadcast(3, h, 4)


def test_substitute() -> None:
    assert substitute(h // 2 + w, {"h": 2 * n}) == n + w
    assert evaluate(h + w, {"h": 1}) is None
    assert evaluate(h + w, {"h": 1, "w": 2}) == 3


def _random(source: random.Random, depth: int) -> str:
    kind = source.random()
    if depth == 0 or kind < 0.25:
        return source.choice(["h", "w", "n", str(source.randint(0, 7))])
    left, right = _random(source, depth - 1), _random(source, depth - 1)
    if kind < 0.75:
        return f"({left} {source.choice('+-*')} {right})"
    if kind < 0.9:
        return f"({left}){source.choice(['//', '%'])}{source.choice(['2', '3', '4', '6', '(h + 1)', 'n'])}"
    return f"{source.choice(['max', 'min'])}({left}, {right})"


@pytest.mark.parametrize("seed", range(8))
def test_against_python(seed: int) -> None:
    source = random.Random(seed)
    compared = 0
    for _ in range(300):
        text = _random(source, 4)
        size: Dim = parse(text)
        if "//0" in text.replace(" ", "") or symbols(size) - {"h", "w", "n"}:
            continue  # a division by zero makes a name
        assert parse(str(size)) == size, text
        for _ in range(4):
            values = {name: source.randint(1, 30) for name in "hwn"}
            try:
                expected = eval(text, {}, {**values, "max": max, "min": min})
            except ZeroDivisionError:
                continue
            assert evaluate(size, values) == expected, (text, str(size), values)
            low = lower_bound(size)
            assert low is None or low <= expected
            compared += 1
    assert compared > 800
