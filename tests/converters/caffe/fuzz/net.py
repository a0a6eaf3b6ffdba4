"""A random network while it is drawn: its layers, and what each of its blobs holds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

ODD_NAMES = (" ", "/", "'", '\\"', "é✓", ":0", ".weight", "/Conv", "$" * 300, "_1")


class Unfit(Exception):
    """The network has nothing that the layer could take."""


@dataclass(frozen=True)
class Blob:
    """``exact``: without rounding, so that what jumps may read it. ``low``: no value is negative. ``free``: nothing reads it yet."""

    name: str
    shape: tuple[int, ...]
    exact: bool = False
    low: bool = False
    free: bool = True


@dataclass
class Input:
    """A blob fed from outside: how its values are drawn, and whether its first axis is the batch."""

    shape: tuple[int, ...]
    values: tuple[Any, ...] = ("normal",)
    batched: bool = True


@dataclass
class Net:
    """What was drawn so far."""

    r: random.Random
    odd: bool = False
    batch: int = 2
    layers: list[dict[str, Any]] = field(default_factory=list)
    inputs: dict[str, Input] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    parameters: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def name(self, stem: str) -> str:
        """A new name; names of blobs don't sort in the order in which they are made."""
        number = len(self.layers) + len(self.inputs)
        return f"{self.r.choice('aZbq')}{stem}{number}" + (
            self.r.choice(ODD_NAMES) if self.odd and self.r.random() < 0.6 else ""
        )

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return self.r.random() < p

    def pick(self, *ranks: int, exact: bool = False, low: bool = False, at_least: int = 1) -> Blob:
        """A blob of one of these ranks; the younger the likelier."""
        found = [
            b
            for b in self.blobs.values()
            if (not ranks or len(b.shape) in ranks) and b.exact >= exact and b.low >= low and len(b.shape) >= at_least
        ]
        if not found:
            raise Unfit
        return found[max(self.r.randrange(len(found)), self.r.randrange(len(found)))]

    def fed(self, shape: tuple[int, ...], *values: Any, batched: bool | None = None) -> Blob:
        """A new input."""
        name = self.name("in")
        self.inputs[name] = Input(shape, values or ("normal",), shape[:1] == (self.batch,) if batched is None else batched)
        self.blobs[name] = Blob(name, shape, exact=True, low=values[:1] == ("uniform",))
        return self.blobs[name]

    def like(self, x: Blob, shape: tuple[int, ...] | None = None) -> Blob:
        """A blob of the shape of ``x``, or of ``shape``: one there is, one made of ``x``, a parameter or an input."""
        wanted = shape if shape is not None else x.shape
        found = [b for b in self.blobs.values() if b.shape == wanted]
        if found and self.chance(0.8):
            return self.r.choice(found)
        if wanted == x.shape and self.chance(0.7):
            return self.add(self.r.choice(("Sigmoid", "TanH", "AbsVal", "Dropout")), [x], [x.shape])[0]
        if self.chance(0.3) and wanted:
            return self.add("Parameter", [], [wanted], parameter_param={"shape": {"dim": list(wanted)}})[0]
        return self.fed(wanted)

    def add(
        self,
        kind: str,
        bottoms: list[Blob],
        shapes: list[tuple[int, ...]],
        *,
        exact: bool = False,
        low: bool = False,
        in_place: float = 0.0,
        **fields: Any,
    ) -> list[Blob]:
        """A layer; in place with probability ``in_place`` if nothing else reads its first bottom."""
        name = self.name(kind.lower())
        shared = {"Split", "Flatten", "Reshape"}
        same = (
            bottoms
            and self.blobs[bottoms[0].name].free
            and shapes
            and shapes[0] == bottoms[0].shape
            and sum(b.name == bottoms[0].name for b in bottoms) == 1
        )
        over = bool(same) and self.chance(in_place)
        tops = [bottoms[0].name if over and i == 0 else self.name("t") + f"_{i}" for i in range(len(shapes))]
        for b in bottoms:
            self.blobs[b.name] = replace(self.blobs[b.name], free=kind in shared and self.chance(0.3))
        exact = exact and all(b.exact for b in bottoms)
        made = [Blob(top, tuple(shape), exact, low) for top, shape in zip(tops, shapes)]
        self.blobs.update({b.name: b for b in made})
        self.layers.append({"name": name, "type": kind, "bottom": [b.name for b in bottoms], "top": tops, **fields})
        return made
