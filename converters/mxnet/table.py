"""The table of MXNet operator handlers, filled by the modules of ``ops/``.

A handler is ``(g: SymbolBuilder, node: Node, *inputs, *, settings…) → the outputs``: one value or a tuple. Its parameters before the
star are called as MXNet calls the inputs; the keyword-only ones are the operator's attributes, with their types and defaults.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.converters.handlers import HandlerTable

OPERATORS = HandlerTable("dragoman.converters.mxnet.ops")
op = OPERATORS.op

OUTPUT_NAMES: Mapping[str, tuple[str, ...]] = {
    "BatchNorm": ("output", "mean", "var"),
    "BatchNorm_v1": ("output", "mean", "var"),
    "Dropout": ("output", "mask"),
    "GroupNorm": ("output", "mean", "std"),
    "InstanceNorm": ("output",),
    "LayerNorm": ("output", "mean", "std"),
    "LeakyReLU": ("output", "mask"),
    "RNN": ("output", "state_output", "statecell_output"),
    "_npx_batch_norm": ("output", "mean", "var"),
    "_npx_layer_norm": ("output", "mean", "std"),
    "_npx_rnn": ("output", "state_output", "statecell_output"),
    "_contrib_BatchNormWithReLU": ("output", "mean", "var"),
    "_contrib_MultiBoxTarget": ("loc_target", "loc_mask", "cls_target"),
    "_contrib_Proposal": ("output", "score"),
    "_contrib_SyncBatchNorm": ("output", "mean", "var"),
    "_contrib_MultiProposal": ("output", "score"),
    "_npi_concatenate": ("out",),
    "_npi_dstack": ("out",),
    "_npi_hstack": ("out",),
    "_npi_matmul": ("out",),
    "_npi_std": ("std", "mean"),
    "_npi_var": ("var", "mean"),
    "make_loss": ("loss",),
    **{
        f"_contrib_quantized_{kind}": ("output", "min_output", "max_output")
        for kind in (
            "act", "batch_norm", "concat", "conv", "elemwise_add", "elemwise_mul", "embedding", "flatten", "fully_connected", "pooling",
        )
    },
}  # fmt: skip
"""What MXNet calls the outputs of operators that name them (FListOutputNames); the others' are ``output``, or numbered."""

NUMBERED = frozenset(
    {
        "SliceChannel", "_contrib_box_nms", "_linalg_det", "_npi_det", "_npi_norm", "_npi_exponential", "_npi_gumbel", "_npi_logistic",
        "_npi_normal", "_npi_pareto", "_npi_rayleigh", "_npi_weibull", "linalg_det", "split",
    }
)  # fmt: skip
"""Operators whose outputs are numbered even where there is, or a program sees, one."""

UNREAD: Mapping[str, int] = {
    "IdentityAttachKLSparseReg": 1,
    "LinearRegressionOutput": 1,
    "LogisticRegressionOutput": 1,
    "MAERegressionOutput": 1,
    "SVMOutput": 1,
    "SoftmaxOutput": 1,
}
"""How many inputs inference reads of operators that also take a label."""


def output_name(op_type: str, node: str, index: int, count: int) -> str:
    """The name of an output, as Symbol.list_outputs gives it."""
    names = OUTPUT_NAMES.get(op_type)
    if names is not None and index < len(names):
        own = names[index]
    else:
        own = f"output{index}" if count > 1 or op_type in NUMBERED else "output"
    return f"{node}_{own}" if node else own
