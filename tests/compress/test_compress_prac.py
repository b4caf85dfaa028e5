from __future__ import annotations

import dataclasses
import functools
import math
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archwright import data
from archwright.compress import EarlyBird, Forgetting, Masks, Prac, PracSet, PracTicket, Pruning, prune, train_held
from archwright.compress._prac import _steps
from archwright.data import Splits
from archwright.errors import UserError
from archwright.train import Trainer, evaluate

QUICK = Trainer(epochs=6, batch_size=64, lr=0.1, augment=None, precision="32")


@functools.cache
def digits(count: int = 640) -> Splits:
    """With that many of the 1168 training images."""
    splits = data.load("digits", seed=0)
    return dataclasses.replace(splits, train=splits.train.subset(torch.arange(count)))


def network(channels: int = 8, seed: int = 0, inputs: int = 1) -> nn.Sequential:
    """Not trained."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(inputs, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False), nn.BatchNorm2d(2 * channels), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * channels, 10),
        )  # fmt: skip


# forgetting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "count"),
    [("01101001", 2), ("000", math.inf), ("111", 0), ("1010", 2), ("001", 0), ("1000", 1), ("010", 1), ("", -1)],
)
def test_forgetting_counts(record: str, count: float) -> None:
    found = Forgetting(3)
    for right in record:
        found.tell(torch.tensor([1]), torch.tensor([right == "1"]))
    assert found.counts.tolist() == [-1, count, -1]


def test_hardest_are_never_learned_then_forgotten_then_learned_late() -> None:
    found = Forgetting(6)
    for right in ([1, 0, 0, 1, 0], [0, 0, 1, 1, 0], [1, 1, 1, 1, 0]):
        found.tell(torch.arange(5), torch.tensor(right, dtype=torch.bool))
    assert found.counts.tolist() == [1, 0, 0, 0, math.inf, -1]
    assert found.hardest(torch.arange(6), 6).tolist() == [4, 0, 1, 2, 3, 5]
    assert found.hardest(torch.tensor([3, 2, 0]), 2).tolist() == [0, 2]


# schedule and masks ---------------------------------------------------------------------------------------------------


def test_schedule_of_the_paper() -> None:
    trainer, how = Trainer(epochs=182, batch_size=128), Prac()
    for share, epochs, steps in ((0.3532, 64, 8000), (0.5, 91, 16016), (0.7819, 142, 39050)):
        examples = round(share * 45_000)
        assert how.epochs(trainer, examples, 45_000) == epochs
        assert epochs * math.ceil(examples / 128) == steps
        assert steps / (182 * 352) == pytest.approx(share**2, rel=0.01)


def test_rounds_have_a_least_number_of_steps() -> None:
    trainer = Trainer(epochs=12, batch_size=64)
    for least, expected in ((1000, 108), (50, 50), (1, 1)):
        epochs = Prac(least_steps=least).epochs(trainer, 80, 1200)
        assert epochs * _steps(80, trainer) >= expected
        assert (epochs - 1) * _steps(80, trainer) < expected
    assert Prac().epochs(trainer, 1200, 1200) == 12


def candidate(*gone: int) -> Masks:
    mask = torch.ones(10, dtype=torch.bool)
    mask[list(gone)] = False
    return Masks({"w": mask})


def test_distance_of_masks() -> None:
    bird = EarlyBird(10)
    assert not bird.tell(candidate(0, 1))
    bird.tell(candidate(0, 2))
    assert bird.distances == [0.2]


def told(bird: EarlyBird, moves: str) -> list[bool]:
    """One candidate after another; where there is a 1 it differs from the one before."""
    place, found = 0, [bird.tell(candidate(0))]
    for move in moves:
        place = (place + int(move)) % 10
        found.append(bird.tell(candidate(place)))
    return found


def test_masks_have_settled_after_five_still_epochs() -> None:
    assert not any(told(EarlyBird(10), "00000000"))  # they never moved
    assert told(EarlyBird(10), "1000000").index(True) == 6
    assert told(EarlyBird(10), "1100100000").index(True) == 10
    assert told(EarlyBird(10, queue=2), "1000").index(True) == 3
    assert told(EarlyBird(10, queue=2, warmup=3), "10000000").index(True) == 5
    assert told(EarlyBird(10, queue=2, least=7), "10000000").index(True) == 6
    assert not any(told(EarlyBird(10, eps=0.0), "1000000"))


# sets -----------------------------------------------------------------------------------------------------------------


def test_sets_are_stored(tmp_path: Path) -> None:
    found = PracSet((torch.arange(9), torch.tensor([1, 4])), 9, "abc")
    found.save(tmp_path / "set.npz")
    again = PracSet.load(tmp_path / "set.npz")
    assert (again.total, again.fingerprint, again.sizes) == (9, "abc", (9, 2))
    assert all(torch.equal(a, b) for a, b in zip(found.rounds, again.rounds))
    assert again[0].tolist() == list(range(9))
    assert again[1].tolist() == again[7].tolist() == [1, 4]
    assert repr(again) == "PracSet(9, 2 of 9)"
    (tmp_path / "no.npz").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="holds no critical set"):
        PracSet.load(tmp_path / "no.npz")


def test_random_sets_have_the_same_sizes() -> None:
    found = PracSet((torch.arange(90), torch.arange(20)), 90)
    drawn = found.random_like(torch.Generator().manual_seed(0))
    assert drawn.sizes == found.sizes
    assert drawn[1].tolist() != found[1].tolist() == torch.unique(found[1]).tolist()


# search ---------------------------------------------------------------------------------------------------------------


def searched(
    how: Prac, sparsity: float = 0.48, trainer: Trainer = QUICK, splits: Splits | None = None, channels: int = 8
) -> tuple[nn.Module, PracTicket]:
    net = network(channels)
    asked = Pruning(sparsity=sparsity, trainer=trainer, data=splits or digits(), classifier=False)
    return net, how.search(net, asked)


def test_a_ticket_is_rewound_and_has_the_sparsity_asked_for() -> None:
    net, found = searched(Prac())
    assert Masks.of(net, classifier=False) == found.masks
    assert found.masks.sparsity == pytest.approx(0.48, abs=1e-3)
    first = dict(network().named_parameters())
    for name, parameter in net.named_parameters():
        mask = found.masks.get(name, torch.tensor(True))
        assert torch.equal(parameter, torch.where(mask, first[name], 0))
    assert len(found.rounds) == 3
    assert found.rounds[0].planned == 6
    assert found.rounds[0].examples == 640
    assert found.sets.sizes == tuple(r.examples for r in found.rounds)
    assert found.sets.sizes[1] < 640
    assert found.steps == sum(r.steps for r in found.rounds) < 3 * 6 * 10
    assert all(r.epochs == r.planned for r in found.rounds)
    assert [r.passes for r in found.rounds] == [640, 640, 0]
    assert found.rounds[0].disagreeing == 0 < found.rounds[1].disagreeing


def test_search_is_repeatable_and_sets_can_be_given() -> None:
    _, one = searched(Prac())
    _, two = searched(Prac())
    assert one.masks == two.masks
    _, given = searched(Prac(sets=one.sets))
    assert given.masks == one.masks  # the same examples, so the same network
    assert given.sets.sizes == one.sets.sizes
    assert [r.passes for r in given.rounds] == [0, 0, 0]
    _, control = searched(Prac(sets=one.sets.random_like(torch.Generator().manual_seed(0))))
    assert control.sets.sizes == one.sets.sizes
    assert control.masks != one.masks


def test_a_set_serves_another_architecture() -> None:
    _, one = searched(Prac())
    other = prune(network(channels=4), sparsity=0.5, method=Prac(sets=one.sets), data=digits(), trainer=QUICK)
    assert Masks.of(other).sparsity == pytest.approx(0.5, abs=2e-3)
    assert evaluate(other, digits())["accuracy"] > 30
    small = dataclasses.replace(digits(), train=digits().train.subset(torch.arange(100)))
    with pytest.raises(UserError, match="the critical set is of other data"):
        prune(network(), sparsity=0.5, method=Prac(sets=one.sets), data=small, trainer=QUICK)


def test_rewinding_goes_back_to_an_epoch() -> None:
    net, found = searched(Prac(rewind=2))
    epochs = iter(QUICK.fit(again := network(), digits(), seed=0))
    next(epochs), next(epochs)
    name = "3.weight"
    mask = found.masks[name]
    torch.testing.assert_close(net.get_parameter(name)[mask], again.get_parameter(name)[mask])
    assert not torch.equal(net.get_buffer("1.running_mean"), network().get_buffer("1.running_mean"))


def test_rounds_end_when_masks_have_settled() -> None:
    long = dataclasses.replace(QUICK, epochs=25)
    _, found = searched(Prac(eps=0.15, queue=2, rewind=5), 0.36, long)
    assert 6 <= found.rounds[0].epochs < 25
    assert max(found.rounds[0].distances[-2:]) < 0.15
    assert found.rounds[0].steps == 10 * found.rounds[0].epochs
    _, found = searched(Prac(eps=0.0), 0.36, long)
    assert found.rounds[0].epochs == 25


def test_small_sets_are_filled_up() -> None:
    _, found = searched(Prac(least_share=0.9, threshold=5), 0.36)
    assert found.sets.sizes[1] == math.ceil(0.9 * 640)


def noisy(splits: Splits, share: float) -> tuple[Splits, Tensor]:
    """Training labels of a share of the examples moved to the next class; whose."""
    generator = torch.Generator().manual_seed(1)
    wrong = torch.rand(len(splits.train), generator=generator) < share
    y = torch.where(wrong, (splits.train.y + 1) % 10, splits.train.y)
    return dataclasses.replace(splits, train=dataclasses.replace(splits.train, y=y)), wrong


def test_wrongly_labelled_examples_are_critical() -> None:
    splits, wrong = noisy(digits(1168), 0.1)
    _, found = searched(Prac(least_share=0.01), 0.36, dataclasses.replace(QUICK, epochs=12), splits)
    critical = torch.zeros(len(wrong), dtype=torch.bool)
    critical[found.sets[1]] = True
    assert critical[wrong].float().mean() > 0.9
    assert critical[~wrong].float().mean() < 0.6


def test_disagreement_grows_with_sparsity() -> None:
    _, found = searched(Prac(rate=0.6), 0.97, dataclasses.replace(QUICK, epochs=12), channels=16)
    disagreeing = [r.disagreeing for r in found.rounds[1:-1]]
    assert len(disagreeing) == 2
    assert disagreeing[-1] > disagreeing[0] > 0


def test_bad_settings() -> None:
    with pytest.raises(UserError, match=r"rate must be in \(0, 1\), got 1"):
        Prac(rate=1)
    with pytest.raises(UserError, match="queue must be at least 1, got 0"):
        Prac(queue=0)
    with pytest.raises(UserError, match="rewind must be below the 6 epochs, got 6"):
        searched(Prac(rewind=6))
    with pytest.raises(UserError, match="neither minutes nor patience"):
        searched(Prac(), trainer=dataclasses.replace(QUICK, patience=3))
    with pytest.raises(UserError, match="at least one in each round"):
        PracSet((torch.tensor([3]),), 3)


@pytest.mark.slow
def test_ticket_quality_on_fashion_mnist() -> None:
    """Against iterative pruning on all data, random sets of the same sizes and random masks with the same counts; all
    are trained on all data at the end."""
    if not (Path(os.environ.get("ARCHWRIGHT_DATA", "nowhere")) / "images" / "fashion_mnist").is_dir():
        pytest.skip("Fashion-MNIST is in $ARCHWRIGHT_DATA/images/fashion_mnist, which is not here")
    splits = data.load("fashion-mnist", seed=0)
    some = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(0))[:5000].sort().values
    splits = dataclasses.replace(splits, train=splits.train.subset(some), valid=splits.valid.subset(torch.arange(1000)))
    trainer = Trainer(epochs=8, batch_size=64, lr=0.1, augment=None)
    asked = Pruning(sparsity=1 - 0.8**6, data=splits, trainer=trainer, classifier=False)

    def retrained(masks: Masks) -> float:
        net = network(channels=16)
        train_held(net, masks, asked, trainer)
        return evaluate(net, splits.test)["accuracy"]

    generator = torch.Generator().manual_seed(0)
    found = Prac().search(network(channels=16), asked)
    control = Prac(sets=found.sets.random_like(generator)).search(network(channels=16), asked)
    whole = prune(
        network(channels=16),
        sparsity=asked.sparsity,
        method="iterative",
        data=splits,
        trainer=trainer,
        classifier=False,
    )
    ticket, random, full = retrained(found.masks), retrained(control.masks), evaluate(whole, splits.test)["accuracy"]
    assert sum(found.sets.sizes[1:]) / 5 / 5000 < 0.65
    assert found.steps < 0.7 * 6 * 8 * (5000 // 64)
    assert ticket > full - 1.5
    assert ticket > retrained(found.masks.random_like(generator)) + 1
    assert abs(ticket - random) < 1.5  # less data does the work, not the choice of examples
