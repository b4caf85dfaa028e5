from __future__ import annotations

import pytest
import torch

from archwright.data import Batches, Split
from archwright.errors import UserError


def numbered(n: int = 10, **kwargs: object) -> Split:
    """Sample i is a 1x2x2 image of the value i with label i."""
    x = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, 2, 2).contiguous()
    return Split(x, torch.arange(n), **kwargs)


def labels(batches: Batches) -> list[list[int]]:
    return [y.tolist() for _, y in batches]


def order(**options: int) -> list[int]:
    return [i for batch in labels(numbered(100).batches(7, shuffle=True, **options)) for i in batch]


def test_stored_order_and_last_short_batch() -> None:
    assert labels(numbered().batches(4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_x_belongs_to_y() -> None:
    for x, y in numbered(50).batches(8, shuffle=True, seed=1):
        assert x.dtype == torch.float32
        assert y.dtype == torch.int64
        assert x.shape == (len(y), 1, 2, 2)
        assert torch.equal(x[:, 0, 1, 1].long(), y)


def test_normalised_by_hand() -> None:
    split = numbered(4, mean=torch.tensor([1.0]), std=torch.tensor([2.0]))
    ((x, _),) = split.batches(4)
    assert x[:, 0, 0, 0].tolist() == [-0.5, 0.0, 0.5, 1.0]
    ((raw, _),) = split.batches(4, normalise=False)
    assert raw[:, 0, 0, 0].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_normalising_leaves_the_stored_values_alone() -> None:
    split = Split(torch.ones(4, 3), torch.zeros(4).long(), torch.ones(3), torch.ones(3))
    assert [x.sum().item() for x, _ in split.batches(4)] == [0.0]
    assert split.x.sum() == 12


def test_each_epoch_sees_every_sample_once_in_its_own_order() -> None:
    orders = [order(), order(epoch=1), order(epoch=2), order(seed=1), order(seed=1, epoch=1)]
    assert all(sorted(drawn) == list(range(100)) for drawn in orders)
    assert len({tuple(drawn) for drawn in orders}) == 5


def test_order_is_fixed_by_seed_and_epoch_and_leaves_global_generators_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = labels(numbered(100).batches(7, shuffle=True, seed=3, epoch=2, augment=jitter))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert labels(numbered(100).batches(7, shuffle=True, seed=3, epoch=2, augment=jitter)) == first


def jitter(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return x + torch.rand(len(x), 1, 1, 1, generator=generator)


@pytest.mark.parametrize("start", [0, 1, 5, 8])
def test_starting_in_the_middle_continues_the_same_epoch(start: int) -> None:
    options = {"shuffle": True, "seed": 5, "epoch": 1, "augment": jitter}
    whole = list(numbered(30).batches(4, **options))
    rest = list(numbered(30).batches(4, start=start, **options))
    assert len(rest) == len(whole) - start == len(numbered(30).batches(4, start=start, **options))
    for (x, y), (x_rest, y_rest) in zip(whole[start:], rest, strict=True):
        assert torch.equal(x, x_rest)
        assert torch.equal(y, y_rest)


def test_augmentation_differs_between_batches_and_epochs() -> None:
    split = Split(torch.zeros(8, 1, 2, 2), torch.zeros(8).long())
    (a, _), (b, _) = split.batches(4, augment=jitter)
    (c, _), _ = split.batches(4, augment=jitter, epoch=1)
    assert not torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize(
    ("n", "size", "drop", "steps"), [(10, 4, False, 3), (10, 4, True, 2), (8, 4, True, 2), (3, 4, True, 1)]
)
def test_length(n: int, size: int, drop: bool, steps: int) -> None:
    batches = numbered(n).batches(size, drop_last=drop)
    assert len(batches) == len(list(batches)) == steps


def test_iterating_twice_gives_the_same() -> None:
    batches = numbered(20).batches(6, shuffle=True)
    assert labels(batches) == labels(batches)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"size": 4, "epoch": -1}, "epoch"),
        ({"size": 4, "start": 9}, "start is 9"),
    ],
)
def test_refuses_numbers_out_of_range(options: dict[str, int], match: str) -> None:
    with pytest.raises(UserError, match=match):
        numbered().batches(**options)


def test_split_refuses_different_lengths() -> None:
    with pytest.raises(UserError, match="3 samples but y has 2"):
        Split(torch.zeros(3, 2), torch.zeros(2).long())


def test_subset_keeps_pairs_and_normalisation() -> None:
    split = numbered(10, mean=torch.tensor([1.0]), std=torch.tensor([2.0])).subset(torch.tensor([7, 3]))
    ((x, y),) = split.batches(4)
    assert y.tolist() == [7, 3]
    assert x[:, 0, 0, 0].tolist() == [3.0, 1.0]


def test_device_moves_everything() -> None:
    split = numbered(4, mean=torch.tensor([1.0]), std=torch.tensor([2.0])).to("meta")
    assert split.x.device == split.y.device == split.mean.device == torch.device("meta")
    ((x, y),) = numbered(4, mean=torch.tensor([1.0]), std=torch.tensor([2.0])).batches(4, device="meta")
    assert x.device == y.device == torch.device("meta")
