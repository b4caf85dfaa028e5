from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archwright import data
from archwright.data._partition import Partition, cut
from archwright.errors import UserError


def draw(
    y: np.ndarray, seed: int = 0, fixed: dict[str, np.ndarray] | None = None, **shares: float
) -> dict[str, np.ndarray]:
    classes = tuple(str(k) for k in range(y.max() + 1))
    return cut(y, fixed or {}, classes, valid=shares.get("valid", 0.15), test=shares.get("test", 0.2), seed=seed)


def test_shares_and_strata_exact() -> None:
    y = np.repeat([0, 1], [100, 300])
    parts = draw(y)
    assert {part: np.bincount(y[i]).tolist() for part, i in parts.items()} == {
        "test": [20, 60], "valid": [15, 45], "train": [65, 195],
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(3, 40), min_size=2, max_size=8),
    seed=st.integers(0, 5),
    valid=st.sampled_from([0.05, 0.15, 0.3]),
)
def test_parts_are_disjoint_complete_sorted_and_leave_every_class_in_train(
    counts: list[int], seed: int, valid: float
) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = draw(y, seed, valid=valid)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(len(y)))
    assert all(np.array_equal(i, np.sort(i)) and len(i) for i in parts.values())
    assert set(y[parts["train"]]) == set(range(len(counts)))


def test_seed_decides() -> None:
    y = np.arange(200) % 4
    assert all(np.array_equal(a, b) for a, b in zip(draw(y, 1).values(), draw(y, 1).values(), strict=True))
    assert not np.array_equal(draw(y, 1)["test"], draw(y, 2)["test"])


def test_given_parts_are_kept_and_valid_is_a_share_of_the_rest() -> None:
    y = np.arange(200) % 2
    parts = draw(y, fixed={"test": np.arange(100, 200)}, valid=0.1)
    assert np.array_equal(parts["test"], np.arange(100, 200))
    assert len(parts["valid"]) == 10
    assert parts["valid"].max() < 100


def test_smallest_that_can_be_split() -> None:
    parts = draw(np.repeat(np.arange(10), 3))
    assert [len(parts[part]) for part in ("train", "valid", "test")] == [10, 10, 10]


@pytest.mark.parametrize(
    ("y", "options", "match"),
    [
        ([0] * 9 + [1] * 2, {}, "class '1' has 2 samples .* at least 3"),
        ([0, 1] * 9, {"valid": 0.0}, "valid must be a fraction between 0 and 1, got 0"),
        ([0, 1] * 9, {"test": 1.5}, "test must be a fraction"),
        ([0, 1] * 9, {"valid": 0.5, "test": 0.5}, "leave nothing"),
        ([0, 1] * 9, {"valid": 0.5, "test": 0.49}, "no training sample|too few"),
    ],
)
def test_refusals(y: list[int], options: dict[str, float], match: str) -> None:
    with pytest.raises(UserError, match=match):
        draw(np.array(y), **options)


def splits(x: np.ndarray, **options: object) -> data.Splits:
    return data.load((x, np.arange(len(x)) % 2), **options)


def test_a_stored_split_is_restored_exactly(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    made = splits(x, seed=4)
    made.save(tmp_path / "run" / "split.npz")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["split.npz"]
    again = splits(x, seed=9, valid=0.4, indices=tmp_path / "run" / "split.npz")
    assert again.seed == 4
    assert again.fingerprint == made.fingerprint
    for part in ("train", "valid", "test"):
        assert np.array_equal(made.indices[part], again.indices[part])
        assert np.array_equal(getattr(made, part).x, getattr(again, part).x)
    by_mapping = splits(x, indices=made.indices)
    assert np.array_equal(by_mapping.indices["test"], made.indices["test"])
    assert by_mapping.fingerprint == made.fingerprint
    assert np.array_equal(splits(x, indices=made.partition).indices["test"], made.indices["test"])


def test_a_stored_split_refuses_other_data(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    splits(x).save(tmp_path / "split.npz")
    x[17, 2] += 1e-3
    with pytest.raises(UserError, match="the data of arrays changed since the split was stored"):
        splits(x, indices=tmp_path / "split.npz")


def test_changed_labels_change_the_fingerprint() -> None:
    x = np.zeros((20, 2))
    assert data.load((x, np.arange(20) % 2)).fingerprint != data.load((x, np.arange(20) // 10)).fingerprint


@pytest.mark.parametrize(
    ("indices", "match"),
    [
        ({"train": [0], "valid": [1]}, "missing: test"),
        ({"train": ["a"], "valid": [1], "test": [2]}, "train holds <U1"),
        ({"train": [0], "valid": [1], "test": [99]}, "reach 99 but the data has 60"),
        ({"train": [0], "valid": [1], "test": [1]}, "two places"),
        ({"train": [0], "valid": [], "test": [1]}, "valid is empty"),
    ],
)
def test_a_stored_split_must_fit(indices: dict[str, list[int]], match: str) -> None:
    with pytest.raises(UserError, match=match):
        splits(np.zeros((60, 2)), indices=indices)


def test_a_stored_split_may_do_without_a_test_part() -> None:
    found = splits(np.zeros((60, 2)), indices={"train": [0, 2], "valid": [1], "test": []})
    assert (len(found.train), len(found.valid), len(found.test)) == (2, 1, 0)


def test_an_unreadable_stored_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stored split .*none\.npz cannot be read"):
        Partition.read(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(UserError, match=r"stored split .*text\.npz cannot be read"):
        Partition.read(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(UserError, match="missing: train, valid, test"):
        Partition.read(tmp_path / "other.npz")
