"""Filter, BatchReindex, ArgMax and Embed beyond the recorded sweep: dynamic sizes, several bottoms, and what Caffe refuses."""

import pytest
from cases.case import data, given, layer, one
from layer_support import check_given, check_recorded, load

from dragoman.graph_ir.errors import MalformedModel


@pytest.mark.parametrize(
    ("family", "case_id", "inputs"),
    [
        ("reduction", "ArgMax,out_max_val=True,top_k=2,shape=3x5", {"data": ("batch", "classes")}),
        ("reduction", "ArgMax,ties,top_k=3", {"data": ("batch", "classes")}),
        ("reduction", "ArgMax,ties-4-axes,top_k=3,axis=1", {"data": ("batch", 4, "height", "width")}),
        ("reduction", "ArgMax,ties-4-axes,top_k=1,axis=-1", {"data": ("batch", 4, "height", "width")}),
        ("reduction", "ArgMax,ties-4-axes,top_k=3", {"data": ("batch", 4, "height", "width")}),
        ("shape", "Filter,some,shape=4x3", {"data": ("batch", 3), "by": ("batch",)}),
        ("shape", "BatchReindex,repeat,shape=3x4", {"data": ("batch", 4), "index": ("count",)}),
        ("dense", "Embed,shape=2x3,bias_term=True", {"data": ("batch", "steps")}),
    ],
)
def test_dynamic_sizes_give_what_caffe_gave(family, case_id, inputs, tmp_path):
    check_recorded(family, case_id, tmp_path, inputs)


def test_filter_takes_any_number_of_bottoms_and_a_selector_of_any_rank(tmp_path):
    values = {"data": given(1, 2, 3), "other": given(4, 5, 6), "more": given(1, 2, 3, 4, 5, 6), "by": given(0.1, 0, -2)}
    case = one(
        "three",
        "Filter",
        (3, 1),
        top=["a", "b", "c"],
        extra={"other": (3,), "more": (3, 1, 2), "by": (3, 1, 1, 1)},
        inputs=values,
    )
    check_given(case, {"a": [[1], [3]], "b": [4, 6], "c": [[[1, 2]], [[5, 6]]]}, tmp_path)


def test_batch_reindex_truncates(tmp_path):
    case = one(
        "fractions", "BatchReindex", (3, 1), values=given(1, 2, 3), extra={"index": (3,)}, inputs={"index": given(1.7, 0.2, 2)}
    )
    check_given(case, {"out": [[2], [1], [3]]}, tmp_path)


@pytest.mark.parametrize(
    ("shape", "values", "form", "expected"),
    [
        ((3,), (2, 3, 1), {"out_max_val": True}, [[[0], [2]], [[0], [3]], [[0], [1]]]),
        ((1, 2, 1, 1, 2), (1, 5, 5, 5), {"top_k": 3}, [[[[[3]], [[2]], [[1]]]]]),
        ((1, 4), (1, 5, 5, 2), {"top_k": 3, "axis": 1}, [[2, 1, 3]]),
    ],
)
def test_argmax_of_few_and_many_axes(shape, values, form, expected, tmp_path):
    check_given(one("argmax", "ArgMax", shape, values=given(*values), argmax_param=form), {"out": expected}, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (data(x=(3, 2), by=(3, 2)) + layer("Filter", ["x", "by"]), "one number for each item"),
        (data(x=(3, 2), by=(3,)) + layer("Filter", ["x", "by"], ["a", "b"]), "has 2 tops for 1"),
        (data(x=(3, 2), i=(2, 1)) + layer("BatchReindex", ["x", "i"]), "have one axis"),
        (data(x=(3, 2)) + layer("ArgMax", "x", argmax_param={"axis": 1, "top_k": 3}), "top_k 3"),
        (data(x=(3, 2)) + layer("ArgMax", "x", argmax_param={"axis": 2}), "axis 2 is out of range"),
        (data(x=(3,)) + layer("ArgMax", "x", argmax_param={"top_k": 2}), "top_k 2"),
        (data(x=(3,)) + layer("Embed", "x", embed_param={"num_output": 2}), "input_dim 0"),
        (data(x=(3,)) + layer("Embed", "x", embed_param={"input_dim": 2}), "num_output 0"),
    ],
)
def test_what_caffe_refuses_is_an_error(text, message, tmp_path):
    with pytest.raises(MalformedModel, match=message):
        load(text, tmp_path)
