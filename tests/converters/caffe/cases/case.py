"""What a case is: a small Caffe network, and the seeded recipe of its inputs and weights. Read by real Caffe's Python 3.9 too."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence, Union

import numpy as np

Shape = Sequence[int]
Text = Union[str, Sequence[str]]


@dataclass(frozen=True)
class Values:
    """How an array is made: ``normal`` (mean, deviation), ``uniform`` (low, high), ``integers`` (low, below) or ``given``."""

    kind: str = "normal"
    first: float = 0.0
    second: float = 1.0
    given: Any = None

    def array(self, shape: Shape, *key: object) -> np.ndarray:
        """A float32 array of ``shape``; ``key`` seeds it, and numpy keeps RandomState's streams the same in every version."""
        random = np.random.RandomState(zlib.crc32("/".join(map(str, key)).encode()))
        if self.kind == "given":
            return np.resize(np.array(self.given, np.float32), shape)
        if self.kind == "uniform":
            return np.asarray(random.uniform(self.first, self.second, shape), np.float32)
        if self.kind == "integers":
            return np.asarray(random.randint(int(self.first), int(self.second), shape), np.float32)
        return np.asarray(self.first + self.second * random.standard_normal(shape), np.float32)


def normal(mean: float = 0.0, deviation: float = 1.0) -> Values:
    """Gaussian values."""
    return Values("normal", mean, deviation)


def uniform(low: float, high: float) -> Values:
    """Values evenly spread in [low, high)."""
    return Values("uniform", low, high)


def integers(low: int, below: int) -> Values:
    """Whole numbers, low ≤ x < below."""
    return Values("integers", low, below)


def given(*values: Any) -> Values:
    """These very values, repeated until the shape is full."""
    return Values("given", given=values)


STATISTICS = (normal(0, 0.5), uniform(0.3, 2.0), given(1))
"""BatchNorm's blobs: mean, variance, scale factor."""
DEFAULT_PARAMETERS: Mapping[str, Sequence[Values]] = {
    "BatchNorm": STATISTICS,
    "PReLU": (uniform(0.1, 0.5),),
    "Scale": (uniform(0.5, 1.5), normal(0, 0.5)),
}


@dataclass(frozen=True)
class Case:
    """One network to run in Caffe, and to convert.

    ``reference`` is an equivalent network of inference layers, run in the place of one that Caffe can't run as it stands (a training
    form, a fork's layer); its layers of the same name have the same weights. ``blobs`` states the weights' shapes where no layer of the
    reference has them. ``unstored`` layers keep their fillers and are absent from the weights. ``shapes`` of inputs are given to the
    converter where the network doesn't say them. ``refused`` networks make Caffe stop. ``runtime`` runs it: ``caffe`` or ``opencv``.
    """

    id: str
    prototxt: str
    inputs: Mapping[str, Values] = field(default_factory=dict)
    params: Mapping[str, Sequence[Values]] = field(default_factory=dict)
    reference: str = ""
    blobs: Mapping[str, Sequence[Shape]] = field(default_factory=dict)
    unstored: Sequence[str] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    refused: bool = False
    runtime: str = "caffe"
    tolerance: float = 1e-5

    def input(self, name: str, shape: Shape) -> np.ndarray:
        """The values of input ``name``."""
        return self.inputs.get(name, normal()).array(shape, self.id, name)

    def parameter(self, layer: str, layer_type: str, index: int, shape: Shape) -> np.ndarray:
        """The values of blob ``index`` of ``layer``."""
        recipes = self.params.get(layer) or DEFAULT_PARAMETERS.get(layer_type, ())
        recipe = recipes[index] if index < len(recipes) else normal(0, 0.4)
        return recipe.array(shape, self.id, layer, index)

    @property
    def digest(self) -> int:
        """Changes with anything that the recorded numbers depend on."""
        parts = (
            self.prototxt,
            self.reference,
            sorted(self.inputs.items()),
            sorted(self.params.items()),
            sorted(self.blobs.items()),
        )
        return zlib.crc32(repr((*parts, sorted(self.unstored), self.runtime)).encode())


def message(fields: Mapping[str, Any], indent: str = "  ") -> str:
    """Protobuf text: lists repeat the field, dicts nest, upper-case strings are enum values, save names and types."""
    lines = []
    for name, value in fields.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, Mapping):
                lines.append(f"{indent}{name} {{\n{message(item, indent + '  ')}{indent}}}\n")
            elif isinstance(item, bool):
                lines.append(f"{indent}{name}: {str(item).lower()}\n")
            elif isinstance(item, str) and (name in ("name", "type", "bottom", "top") or not item.isupper()):
                lines.append(f'{indent}{name}: "{item}"\n')
            else:
                lines.append(f"{indent}{name}: {item}\n")
    return "".join(lines)


def layer(layer_type: str, bottom: Text = "data", top: Text = "out", name: str = "", **fields: Any) -> str:
    """A V2 layer; its name is its first top's unless given."""
    bottoms, tops = ([x] if isinstance(x, str) else list(x) for x in (bottom, top))
    named = name or (tops[0] if tops else layer_type.lower())
    return f"layer {{\n{message({'name': named, 'type': layer_type, 'bottom': bottoms, 'top': tops, **fields})}}}\n"


def data(**shapes: Shape) -> str:
    """Input layers, one for each name."""
    return "".join(layer("Input", [], name, input_param={"shape": {"dim": list(shape)}}) for name, shape in shapes.items())


def one(
    case_id: str,
    layer_type: str,
    shape: Shape,
    *,
    values: Values | None = None,
    weights: Sequence[Values] = (),
    top: Text = "out",
    extra: Mapping[str, Shape] | None = None,
    inputs: Mapping[str, Values] | None = None,
    refused: bool = False,
    tolerance: float = 1e-5,
    **fields: Any,
) -> Case:
    """A network of one layer on ``data`` of ``shape``, and on the ``extra`` inputs."""
    extra = extra or {}
    text = data(data=shape, **extra) + layer(layer_type, ["data", *extra], top, name="layer", **fields)
    recipes = {**({"data": values} if values else {}), **(inputs or {})}
    return Case(case_id, text, recipes, {"layer": weights} if weights else {}, refused=refused, tolerance=tolerance)


def label(**attributes: Any) -> str:
    """A case's id from what it varies: ``kernel=3x2,pad=1``."""
    shown = {k: "x".join(map(str, v)) if isinstance(v, (list, tuple)) else str(v) for k, v in attributes.items()}
    return ",".join(f"{k}={v}" for k, v in shown.items())
