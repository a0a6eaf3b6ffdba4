"""Samples: seeded, varied, in their bounds; and the user's own, taken as they are or refused."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.graph_ir.domains import Domain
from dragoman.graph_ir.errors import ContractMismatch, UsageError
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.sampling import generate, load_samples

IMAGE = TensorSpec("data", "float32", ("batch", 3, "h", 8))
TOKENS = TensorSpec("ids", "int64", (1, "length"))
MASK = TensorSpec("mask", "bool", (4,))


def test_seeded():
    first, again, other = generate([IMAGE], seed=1), generate([IMAGE], seed=1), generate([IMAGE], seed=2)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.feeds["data"], b.feeds["data"])
    assert not np.array_equal(first[0].feeds["data"], other[0].feeds["data"])
    with_another = generate([IMAGE, TOKENS], seed=1)
    np.testing.assert_array_equal(with_another[0].feeds["data"], first[0].feeds["data"])


def test_varied():
    samples = {s.name: s.feeds["data"] for s in generate([IMAGE], sizes={"h": 5})}
    assert {v.shape for v in samples.values()} == {(b, 3, 5, 8) for b in (1, 2, 3)}
    assert all(v.dtype == np.float32 for v in samples.values())
    assert samples["wide"].min() < -100
    assert samples["wide"].max() > 100
    assert samples["positive"].min() >= 0
    assert samples["positive"].max() > 200
    assert not samples["zeros"].any()
    assert len(np.unique(samples["constant"])) == 1
    assert {6.0, -6.0, 0.0} <= set(np.unique(samples["edges"]).tolist())
    assert (samples["pixels"] == np.rint(samples["pixels"])).all()


def test_fixed_and_named_sizes():
    assert generate([TOKENS], sizes={"length": 7})[1].feeds["ids"].shape == (1, 7)
    assert generate([TOKENS])[1].feeds["ids"].shape == (1, 16)
    assert generate([IMAGE], sizes={"batch": 4, "h": 2})[2].feeds["data"].shape == (4, 3, 2, 8)


def test_a_name_has_one_size():
    steps, state = TensorSpec("data", "float32", ("steps", "batch", 3)), TensorSpec("state", "float32", ("batch", 3))
    for sample in generate([steps, state]):
        assert sample.feeds["data"].shape[1:] == sample.feeds["state"].shape


def test_integers_and_booleans():
    for sample in generate([TOKENS, MASK]):
        ids = sample.feeds["ids"]
        assert ids.dtype == np.int64
        assert ids.min() >= 0
        assert ids.max() <= 9
        assert sample.feeds["mask"].dtype == bool


@pytest.mark.parametrize(
    ("spec", "domain"),
    [
        (TensorSpec("x", "float32", (40,)), Domain(-0.5, 2)),
        (TensorSpec("x", "float32", (40,)), Domain(3, 40, integral=True)),
        (TensorSpec("x", "int32", (40,)), Domain(-7, -3)),
        (TensorSpec("x", "int64", (40,)), Domain(2, 2)),
    ],
)
def test_domains(spec, domain):
    samples = generate([spec], domains={"x": [domain]})
    values = np.concatenate([s.feeds["x"] for s in samples])
    assert values.min() >= domain.low
    assert values.max() <= domain.high
    assert {domain.low, domain.high} <= set(values.tolist())
    if domain.integral or spec.dtype.startswith("int"):
        assert (values == np.rint(values)).all()


def test_columns_have_domains_of_their_own():
    spec = TensorSpec("regions", "float32", (50, 3, 1))
    bounds = [Domain(0, 1, integral=True), Domain(-2.5, -2), Domain(7, 7)]
    for sample in generate([spec], domains={"regions": bounds}):
        values = sample.feeds["regions"]
        assert values.shape == (50, 3, 1)
        for column, domain in enumerate(bounds):
            assert domain.low <= values[:, column].min()
            assert values[:, column].max() <= domain.high
        assert set(np.unique(values[:, 0]).tolist()) <= {0.0, 1.0}


def test_what_has_no_samples():
    for spec, domains in (
        (TensorSpec("x", "float32", (4, 3)), {"x": [Domain(0, 1), Domain(0, 1)]}),
        (TensorSpec("s", "str", (1,)), {}),
        (TensorSpec("x", "float32", None), {}),
        (TensorSpec("x", "float32", (2,)), {"y": [Domain(0, 1)]}),
        (TensorSpec("x", "int64", (2,)), {"x": [Domain(0.2, 0.8)]}),
    ):
        with pytest.raises(UsageError):
            generate([spec], domains=domains)
    with pytest.raises(UsageError, match="no value lies between"):
        Domain(1, 0)


def test_user_samples(tmp_path):
    x, ids = np.ones((2, 3, 4, 8), np.float32), np.zeros((1, 3), np.int64)
    np.savez(tmp_path / "both.npz", data=x, ids=ids)
    np.save(tmp_path / "one.npy", x)
    (sample,) = load_samples(tmp_path / "both.npz", [IMAGE, TOKENS])
    assert sample.feeds["ids"].shape == (1, 3)
    assert sample.origin == str(tmp_path / "both.npz")
    np.testing.assert_array_equal(load_samples(tmp_path / "one.npy", [IMAGE])[0].feeds["data"], x)


BAD = [
    ({"image": np.ones((1, 3, 4, 8), np.float32)}, "no value for the input data; given: image"),
    ({"data": np.ones((1, 3, 4, 8), np.float32), "more": np.ones(1)}, "no input more; its inputs: data float32"),
    ({"data": np.ones((1, 3, 4, 8))}, "data is float32, given float64"),
    (
        {"data": np.ones((1, 4, 8, 3), np.float32)},
        r"data float32 \(batch, 3, h, 8\) can't take a value of shape \(1, 4, 8, 3\)",
    ),
    ({"data": np.ones((3, 4, 8), np.float32)}, "can't take a value of shape"),
    ({}, "no value for the input data; given: nothing"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_user_samples_that_do_not_fit(arrays, message, tmp_path):
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(ContractMismatch, match=message):
        load_samples(tmp_path / "s.npz", [IMAGE])


def test_unreadable_user_samples(tmp_path):
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "pickled.npz", data=np.array([{}], object))
    (tmp_path / "text.npz").write_text("not an archive")
    (tmp_path / "empty.npy").write_bytes(b"")
    whole = tmp_path / "whole.npz"
    np.savez(whole, data=np.ones((1, 3, 4, 8), np.float32))
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:60])
    for name in ("pickled.npy", "pickled.npz", "text.npz", "empty.npy", "cut.npz", "none.npz"):
        with pytest.raises(UsageError, match=name):
            load_samples(tmp_path / name, [IMAGE])
    with pytest.raises(UsageError, match="never unpickled"):
        load_samples(tmp_path / "pickled.npz", [IMAGE])


def test_an_array_for_two_inputs(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(ContractMismatch, match=r"inputs data, ids: give an \.npz"):
        load_samples(tmp_path / "x.npy", [IMAGE, TOKENS])
