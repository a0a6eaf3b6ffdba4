"""``rewrite(text, seed, mx)``: a symbol's text as other versions, or other hands, write the same. Runs in MXNet's Python."""

import json
import random
import re

from .operators import registered

OLD_NAMES = {
    "elemwise_add": ("_plus", "_Plus", "_add"), "elemwise_sub": ("_minus", "_Minus", "_sub"), "elemwise_mul": ("_mul", "_Mul"),
    "elemwise_div": ("_div", "_Div"), "_copy": ("identity",), "add_n": ("ElementWiseSum",), "Concat": ("concat",), "Cast": ("cast",), "BlockGrad": ("stop_gradient",),
    "Flatten": ("flatten",), "Reshape": ("reshape",), "SwapAxis": ("swapaxes",), "_mul_scalar": ("_MulScalar",), "_plus_scalar": ("_PlusScalar",), "_minus_scalar": ("_MinusScalar",),
    "_div_scalar": ("_DivScalar",), "_maximum": ("_Maximum",), "sum": ("sum_axis",), "max": ("max_axis",), "broadcast_add": ("broadcast_plus",), "SliceChannel": ("split",), "reverse": ("flip",),
    "Pad": ("pad",), "MakeLoss": (), "_rminus_scalar": ("_RMinusScalar",), "_power_scalar": ("_PowerScalar",), "slice": ("crop",), "SoftmaxOutput": ("Softmax",), "expand_dims": (), "broadcast_axis": ("broadcast_axes",),
}  # fmt: skip
"""Names that MXNet still reads."""


def rewrite(text, seed):
    """Attributes that say the default are left out, operators go by their other names, attributes are under an older key."""
    r = random.Random(f"older{seed}")
    graph = json.loads(text)
    strip, rename, key = r.random() < 0.6, r.random() < 0.4, r.choice(("attrs", "attrs", "attr", "param"))
    for node in graph["nodes"]:
        said = node.get("attrs", {})
        if node["op"] != "null" and strip and node["op"] in registered():
            defaults = {n: re.search(r"default=(.*)$", t) for n, t in registered()[node["op"]][0]}
            for name, found in defaults.items():
                plain = found and found.group(1).strip("'")
                if (
                    plain is not None
                    and name in said
                    and (said[name] == plain or {said[name], plain} in ({"True", "1"}, {"False", "0"}))
                ):
                    del said[name]
        if rename:
            node["op"] = r.choice((node["op"], *OLD_NAMES.get(node["op"], ())))
        if node["op"] == "null" and strip:
            said = {name: value for name, value in said.items() if name in ("__dtype__", "__shape__")}
        node.pop("attrs", None)
        if key == "param":
            if node["op"] != "null":
                node["param"] = said
            elif said:
                node["attr"] = said
        elif said:
            node[key] = said
    if r.random() < 0.3:
        graph.pop("node_row_ptr", None)
    if key != "attrs" and not graph.get("attrs", {}).get("is_np_shape"):
        graph["attrs"] = {"mxnet_version": ["int", r.choice((900, 903, 1000))]}
    return json.dumps(graph)
