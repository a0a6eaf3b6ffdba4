"""What the two sides are run on: seeded and varied, because a lost clamp is invisible under unit noise."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dragoman.graph_ir.domains import Domain
from dragoman.graph_ir.errors import ContractMismatch, UsageError
from dragoman.validators.runners.base import Array, Feeds, TensorSpec, check_feeds

EDGES = (-128.0, -6.0, -3.0, -1.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 3.0, 6.0, 128.0, 255.0)
"""Where activations bend, and the ends of what images hold."""

BATCHES = (1, 2, 3)
LENGTH = 16
"""The size of a dynamic dimension that nothing else gives, unless it is the first one (the batch)."""

INTEGERS = (0, 9)
"""The bounds of an integer input that declares none: small, so that it is a valid index almost everywhere."""


class NoSamples(UsageError):
    """Nothing can be made up for an input: of unknown rank, of text, of a type that numpy lacks, or no tensor at all."""


@dataclass(frozen=True)
class Sample:
    """One set of feeds; ``origin`` says which seed and recipe, or which file, it came from."""

    name: str
    feeds: Feeds
    origin: str


Recipe = Callable[[np.random.Generator, tuple[int, ...]], Array]


def _recipes(image: bool) -> dict[str, Recipe]:
    """The kinds of samples for unbounded float inputs, in order."""
    return {
        "noise": lambda g, s: g.standard_normal(s),
        "wide": lambda g, s: g.uniform(-128.0, 128.0, s),
        "positive": lambda g, s: g.uniform(0.0, 255.0 if image else 10.0, s),
        "pixels" if image else "whole": lambda g, s: g.integers(0, 256, s).astype(np.float64),
        "small": lambda g, s: 1e-3 * g.standard_normal(s),
        "edges": lambda g, s: g.choice(np.array(EDGES), s),
        "zeros": lambda g, s: np.zeros(s),
        # Few bits: sums of equal terms err all to one side, by an amount that says more of their order than of the network.
        "constant": lambda g, s: np.full(s, float(g.integers(1, 17)) / 4),
        "more noise": lambda g, s: 3.0 * g.standard_normal(s),
    }


def generate(
    specs: Sequence[TensorSpec],
    *,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    domains: Mapping[str, Sequence[Domain]] | None = None,
) -> list[Sample]:
    """Nine samples for the inputs ``specs``, the same for the same ``seed``.

    ``sizes`` gives a size to dynamic dimensions by name; an input's first one that it doesn't name takes 1, 2 and 3 in
    turn. ``domains`` bounds inputs by name: all elements, or with several each index of axis 1. ``NoSamples`` for an input of
    unknown rank or a dtype that has none.
    """
    sizes, domains = sizes or {}, domains or {}
    names = {spec.name for spec in specs}
    if unknown := sorted(domains.keys() - names):
        raise UsageError(f"{', '.join(unknown)} has a range, but isn't an input; inputs: {', '.join(sorted(names))}")
    samples = []
    image = any(_is_image(spec) for spec in specs)
    for number, kind in enumerate(_recipes(image)):
        batch = BATCHES[number % len(BATCHES)]
        first = {dim: batch for spec in specs for dim in (spec.shape or ())[:1] if isinstance(dim, str)}
        named = {**first, **sizes}  # a name has one size, wherever it stands
        feeds = {}
        for position, spec in enumerate(specs):
            # One stream for each sample and input: adding an input doesn't change the others' values.
            generator = np.random.default_rng([seed, number, position])
            value = _values(spec, kind, bind(spec, named, batch), generator, domains.get(spec.name, ()))
            feeds[spec.name] = np.asarray(value)  # without axes numpy gives a scalar
        samples.append(Sample(kind, feeds, f"seed {seed}"))
    return samples


def bind(spec: TensorSpec, sizes: Mapping[str, int], batch: int = 1) -> tuple[int, ...]:
    """A shape of ``spec`` with every dynamic dimension given a size."""
    if spec.shape is None:
        raise NoSamples(f"the shape of input {spec.name} isn't known: give samples of your own")
    shape = []
    for axis, dim in enumerate(spec.shape):
        if isinstance(dim, int):
            shape.append(dim)
        elif dim is not None and dim in sizes:
            shape.append(sizes[dim])
        else:
            shape.append(batch if axis == 0 else LENGTH)
    return tuple(shape)


def _is_image(spec: TensorSpec) -> bool:
    return spec.shape is not None and len(spec.shape) == 4 and spec.shape[1] in (1, 3, 4)


def _values(
    spec: TensorSpec, kind: str, shape: tuple[int, ...], generator: np.random.Generator, domains: Sequence[Domain]
) -> Array:
    dtype = np.dtype(spec.dtype) if spec.dtype != "str" else np.dtype("U")
    if dtype.kind == "b":
        return np.zeros(shape, bool) if kind == "zeros" else generator.integers(0, 2, shape).astype(bool)
    if dtype.kind not in "iuf":
        raise NoSamples(f"no samples can be made up for input {spec.name} of dtype {spec.dtype}: give your own")
    if dtype.kind in "iu":
        domains = [replace(d, integral=True) for d in domains or [Domain(*INTEGERS)]]
    if not domains:
        return _recipes(_is_image(spec)).get(kind, _whole)(generator, shape).astype(dtype)
    if len(domains) == 1:
        return _bounded(kind, shape, generator, domains[0]).astype(dtype)
    if len(shape) < 2 or shape[1] != len(domains):
        raise UsageError(f"input {spec.name} of shape {shape} has bounds for {len(domains)} columns")
    columns = [_bounded(kind, (shape[0], *shape[2:]), generator, domain) for domain in domains]
    return np.stack(columns, axis=1).astype(dtype)


def _whole(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.integers(0, 256, shape).astype(np.float64)


def _bounded(kind: str, shape: tuple[int, ...], generator: np.random.Generator, domain: Domain) -> Array:
    """Values within a domain: its ends, one constant, as near to zero as it goes, or anything between."""
    low, high = (np.ceil(domain.low), np.floor(domain.high)) if domain.integral else (domain.low, domain.high)
    if low > high:
        raise UsageError(f"no whole number lies between {domain.low:g} and {domain.high:g}")
    if kind == "zeros":
        return np.full(shape, min(max(0.0, low), high))
    if kind == "edges":
        return np.where(generator.integers(0, 2, shape) == 0, low, high)
    if domain.integral:
        one = () if kind == "constant" else shape
        return np.broadcast_to(generator.integers(int(low), int(high), one, endpoint=True), shape).astype(np.float64)
    return np.full(shape, generator.uniform(low, high)) if kind == "constant" else generator.uniform(low, high, shape)


def load_samples(path: str | Path, specs: Sequence[TensorSpec]) -> list[Sample]:
    """The user's sample: an ``.npz`` with one array for each input, or an ``.npy`` for the only input.

    Nothing is unpickled and nothing is cast. ``UsageError`` if the file can't be read; ``ContractMismatch``, naming what is
    given and what is wanted, if its arrays don't fit the inputs.
    """
    path = Path(path)
    try:
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            feeds: dict[str, Array] = _only_input(path, stored, specs)
        else:
            with stored:
                feeds = {name: stored[name] for name in stored.files}
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        why = "it holds Python objects, which are never unpickled" if "allow_pickle" in str(error) else str(error)
        raise UsageError(f"can't read {path} as numpy arrays: {why}") from error
    try:
        check_feeds(feeds, specs)
    except ContractMismatch as error:
        raise ContractMismatch(f"{path}: {error.message}") from error
    return [Sample(path.name, feeds, str(path))]


def _only_input(path: Path, value: Array, specs: Sequence[TensorSpec]) -> dict[str, Array]:
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs)
        raise ContractMismatch(f"{path} is one array, and the model has inputs {names}: give an .npz")
    return {specs[0].name: value}
