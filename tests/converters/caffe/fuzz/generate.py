"""``generate(seed)``: a random network of 2 to 15 layers as prototxt, and how to feed it."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from cases.case import Values, message

from .layers import RECIPES
from .net import Input, Net, Unfit

Shapes = dict[str, tuple[int, ...]]

IMAGE_LAYERS = (
    "Convolution", "Convolution", "Convolution", "Deconvolution", "Pooling", "Pooling", "ReLU", "BatchNorm", "Scale", "PReLU", "Eltwise", "Concat", "Crop", "LRN", "Softmax", "Slice",
    "Sigmoid", "Dropout", "MVN", "Im2col", "Tile", "Reduction", "ArgMax", "Flatten", "Split", "ELU", "AbsVal", "Bias", "Power",
)  # fmt: skip
"""What fully convolutional networks are made of."""

V1_TYPES = {
    "AbsVal": "ABSVAL", "ArgMax": "ARGMAX", "BNLL": "BNLL", "Concat": "CONCAT", "Convolution": "CONVOLUTION", "Deconvolution": "DECONVOLUTION", "Dropout": "DROPOUT",
    "Eltwise": "ELTWISE", "Exp": "EXP", "Flatten": "FLATTEN", "Im2col": "IM2COL", "InnerProduct": "INNER_PRODUCT", "LRN": "LRN", "MVN": "MVN", "Pooling": "POOLING",
    "Power": "POWER", "ReLU": "RELU", "Sigmoid": "SIGMOID", "Silence": "SILENCE", "Slice": "SLICE", "Softmax": "SOFTMAX", "Split": "SPLIT", "TanH": "TANH", "Threshold": "THRESHOLD",
}  # fmt: skip
V1_LACKS = {"flatten_param", "round_mode", "num_axes"}


@dataclass(frozen=True)
class Example:
    """A network's text, its inputs as the file declares them, and other shapes to run it with, by what is dynamic then."""

    seed: int
    prototxt: str
    inputs: dict[str, Input]
    dynamic: dict[str, dict[str, tuple[int | str, ...]]] = field(default_factory=dict)
    variants: dict[str, list[Shapes]] = field(default_factory=dict)

    def feeds(self, shapes: Shapes) -> dict[str, np.ndarray]:
        """Seeded values of every input."""
        made = {}
        for name, shape in shapes.items():
            kind, *rest = self.inputs[name].values
            recipe = (
                Values("given", given=rest)
                if kind == "given"
                else Values(kind, *(float(v) for v in rest))
                if rest
                else Values(kind)
            )
            made[name] = recipe.array(shape, self.seed, name)
        return made


def generate(seed: int) -> Example:
    """The network of this seed, always the same."""
    r = random.Random(seed)
    net = Net(r, odd=r.random() < 0.1, batch=r.randint(1, 3))
    image = r.random() < 0.4
    _first_inputs(net, image)
    wanted = r.randint(2, 15)
    names = list(IMAGE_LAYERS) if image else [name for name, (weight, _) in RECIPES.items() for _ in range(weight)]
    for _ in range(10 * wanted):
        if len(net.layers) >= wanted:
            break
        try:
            RECIPES[r.choice(names)][1](net)
        except Unfit:
            continue
    dynamic, variants = _dynamic(net)
    return Example(
        seed,
        _text(net),
        _plain(net.inputs),
        {k: _plain(v) for k, v in dynamic.items()},
        {k: [_plain(v) for v in vs] for k, vs in variants.items()},
    )


def _plain(named: dict[str, Any]) -> dict[str, Any]:
    """Names as they are, not as text writes them."""
    return {name.replace('\\"', '"'): value for name, value in named.items()}


def _first_inputs(net: Net, image: bool) -> None:
    r = net.r
    for _ in range(1 if image else r.choice((1, 1, 1, 2))):
        rank = 4 if image else r.choice((1, 2, 2, 3, 4, 4, 4, 4, 5))
        shape = (
            net.batch,
            *((r.randint(1, 6),) if rank > 1 else ()),
            *(r.randint(3, 12) if rank < 5 else r.randint(2, 5) for _ in range(rank - 2)),
        )
        net.fed(shape, *r.choice(((), ("uniform", 0, 2))))


def _dynamic(net: Net) -> tuple[dict[str, dict[str, tuple[int | str, ...]]], dict[str, list[Shapes]]]:
    base = {name: given.shape for name, given in net.inputs.items()}
    dynamic: dict[str, dict[str, tuple[int | str, ...]]] = {"static": {}}
    variants: dict[str, list[Shapes]] = {"static": [base]}
    batched = [name for name, given in net.inputs.items() if given.batched]
    if batched:
        dynamic["batch"] = {name: ("batch", *base[name][1:]) for name in batched}
        variants["batch"] = [{**base, **{name: (n, *base[name][1:]) for name in batched}} for n in (1, 2, 3)]
    images = [name for name in base if len(base[name]) == 4]
    if images:
        dynamic["size"] = {
            name: (*base[name][:2], f"height{i}" if i else "height", f"width{i}" if i else "width")
            for i, name in enumerate(images)
        }
        variants["size"] = [
            {**base, **{n: (*base[n][:2], base[n][2] + a, base[n][3] + b) for n in images}}
            for a, b in ((0, 0), (1, 0), (2, 5), (7, 3))
        ]
        if set(images) == set(batched) == set(base):
            dynamic["all"] = {name: ("batch", base[name][1], "height", "width") for name in images} if len(images) == 1 else {}
            if not dynamic["all"]:
                del dynamic["all"]
            else:
                variants["all"] = [
                    {n: (k, base[n][1], base[n][2] + a, base[n][3] + b) for n in images} for k, a, b in ((1, 0, 0), (3, 1, 4))
                ]
    return dynamic, variants


def _text(net: Net) -> str:
    r = net.r
    rules = {i: _rule(net) for i in range(len(net.layers)) if net.chance(0.05)}
    types = {layer["type"] for layer in net.layers}
    used = {
        key
        for layer in net.layers
        for key, value in layer.items()
        for key in (key, *(value if isinstance(value, dict) else ()))
    }
    v1 = (
        types <= set(V1_TYPES)
        and not used & V1_LACKS
        and not any(
            "axis" in v
            for layer in net.layers
            for k, v in layer.items()
            if k in ("convolution_param", "softmax_param", "inner_product_param", "argmax_param") and isinstance(v, dict)
        )
        and net.chance(0.6)
    )
    header = r.choice(("layers", "fields")) if not v1 else "fields"
    parts = ['name: "fuzz"\n']
    if header == "fields":
        four = all(len(given.shape) == 4 for given in net.inputs.values())
        if four and net.chance(0.5):
            parts += [
                f'input: "{name}"\n' + "".join(f"input_dim: {d}\n" for d in given.shape) for name, given in net.inputs.items()
            ]
        else:
            parts += [f'input: "{name}"\n' for name in net.inputs] + [
                f"input_shape {{ {' '.join(f'dim: {d}' for d in given.shape)} }}\n" for given in net.inputs.values()
            ]
    else:
        parts += [
            _layer({"name": name, "type": "Input", "top": name, "input_param": {"shape": {"dim": list(given.shape)}}})
            for name, given in net.inputs.items()
        ]
    for i, layer in enumerate(net.layers):
        parts.append(_layer({**layer, **rules.get(i, {})}, v1))
        if net.chance(0.04) and layer["bottom"] and not v1:  # a layer that this phase leaves out
            rule = r.choice(
                (
                    {"include": {"phase": "TRAIN"}},
                    {"exclude": {"phase": "TEST"}},
                    {"include": {"stage": ["never"]}},
                    {"include": {"min_level": 1}},
                )
            )
            parts.append(
                _layer(
                    {
                        "name": f"out{i}",
                        "type": "Convolution",
                        "bottom": layer["bottom"],
                        "top": [f"out{i}"],
                        **rule,
                        "convolution_param": {"num_output": 2, "kernel_size": 1},
                    }
                )
            )
    return "".join(parts)


def _rule(net: Net) -> dict[str, Any]:
    return net.r.choice(
        (
            {"include": {"phase": "TEST"}},
            {"exclude": {"phase": "TRAIN"}},
            {"include": [{"phase": "TRAIN"}, {"max_level": 3}]},
            {"exclude": {"stage": ["never"]}},
        )
    )


def _layer(layer: dict[str, Any], v1: bool = False) -> str:
    if not v1:
        return f"layer {{\n{message(layer)}}}\n"
    settings = dict(layer)
    names = settings.pop("param", None)
    kind = V1_TYPES[settings.pop("type")]
    names = [names] if isinstance(names, dict) else names or []
    shared = "".join(f'  param: "{spec["name"]}"\n' for spec in names)
    return f"layers {{\n  type: {kind}\n{message(settings)}{shared}}}\n"
