from __future__ import annotations

import copy
import dataclasses
import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright import data
from archwright.compress import Jackpots, Masks, Pruning, Scored, prune
from archwright.data import Splits
from archwright.errors import UserError
from archwright.train import Trainer, evaluate

QUICK = Trainer(epochs=8, batch_size=64, augment=None, precision="32")


@functools.cache
def digits() -> Splits:
    return data.load("digits", seed=0)


@functools.cache
def dense() -> nn.Sequential:
    """16-32-32 channels, 98 % of the test images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
        )  # fmt: skip
    adam = Trainer(epochs=12, batch_size=64, optimizer="adam", lr=3e-3, weight_decay=0.0, augment=None, precision="32")
    list(adam.fit(net, digits()))
    return net


def network() -> nn.Sequential:
    return copy.deepcopy(dense())


def one_unit() -> Scored:
    unit = nn.Linear(4, 1, bias=False)
    unit.weight = nn.Parameter(torch.tensor([[1.0, -2.0, 3.0, 0.5]]))
    return Scored(unit, Masks({"weight": torch.tensor([[False, True, True, False]])}))


def kept(scored: Scored) -> list[float]:
    """The weights that are kept."""
    return [w for w in next(iter(scored.weights().values())).flatten().tolist() if w != 0]


def test_a_trace_by_hand_oscillates_with_period_six() -> None:
    scored = one_unit()
    optimiser = torch.optim.SGD(scored.scores, lr=0.01)
    seen: list[tuple[list[float], float]] = []
    for step in range(12):
        loss = (scored(torch.ones(1, 4)) - 3.5).square().sum() / 2
        seen.append((kept(scored), round(loss.item(), 6)))
        optimiser.zero_grad()
        loss.backward()
        gradient = scored.scores[0].grad
        optimiser.step()
        if step == 0:
            torch.testing.assert_close(gradient, torch.tensor([[-2.5, 5, -7.5, -1.25]]))
            torch.testing.assert_close(scored.scores[0].detach(), torch.tensor([[1.015, 0.95, 1.075, 1.0025]]))
        scored.swap()
    period = [([-2.0, 3.0], 3.125), *5 * [([1.0, 3.0], 0.125)]]
    assert seen == 2 * period


def test_scores_of_pruned_weights_get_gradients_and_weights_none() -> None:
    scored = one_unit()
    scored(torch.ones(1, 4)).sum().backward()
    assert scored.scores[0].grad.flatten().tolist() == [1, -2, 3, 0.5]
    assert scored.module.weight.grad is None


def test_magnitudes_of_scores_carry_their_signs() -> None:
    """Edge-popup: the gradient goes through |score|."""
    unit = nn.Linear(3, 1, bias=False)
    unit.weight = nn.Parameter(torch.tensor([[1.0, -2.0, 3.0]]))
    scores = {"weight": torch.tensor([[-0.5, 0.2, 0.3]])}
    scored = Scored(unit, Masks({"weight": torch.tensor([[False, True, True]])}), scores=scores, absolute=True)
    scored(torch.ones(1, 3)).sum().backward()
    assert scored.scores[0].grad.flatten().tolist() == [-1, -2, 3]
    swapped = scored.swap()
    assert swapped == 1
    assert kept(scored) == [1, 3]


def random_scored(seed: int, levels: int) -> Scored:
    """Two layers with few different scores, so that many are equal."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    masks = Masks({f"{n}.weight": torch.rand(s, generator=generator) < 0.4 for n, s in ((0, (5, 7)), (1, (3, 5)))})
    scored = Scored(net, masks)
    with torch.no_grad():
        for score in scored.scores:
            score.copy_(torch.randint(levels, score.shape, generator=generator).float())
    return scored


@pytest.mark.parametrize("levels", [2, 5, 10**6])
@pytest.mark.parametrize("restriction", [1.0, 0.3])
def test_swaps_keep_counts_and_end_at_the_highest_scores(levels: int, restriction: float) -> None:
    for seed in range(20):
        scored = random_scored(seed, levels)
        first, before = scored.masks, scored.masks
        wanting = copy.deepcopy(scored).swap()
        swapped = scored.swap(restriction)
        layers = len(first)
        assert restriction * wanting <= swapped <= restriction * wanting + layers
        assert before.distance(scored.masks) == 2 * swapped
        while scored.swap(restriction):
            pass
        for name, score in zip(scored.names, scored.scores):
            mask = scored.masks[name]
            assert int(mask.sum()) == int(first[name].sum())
            if 0 < int(mask.sum()) < mask.numel():
                assert score[mask].min() >= score[~mask].max()
        assert scored.swap(1.0) == 0
        again = random_scored(seed, levels)
        while again.swap(restriction):
            pass
        assert again.masks == scored.masks


def test_weights_pruned_before_never_come_back() -> None:
    net = nn.Linear(4, 1, bias=False)
    net.weight = nn.Parameter(torch.tensor([[1.0, 0.0, 3.0, 0.5]]))
    scored = Scored(net, Masks({"weight": torch.tensor([[True, False, False, False]])}))
    with torch.no_grad():
        scored.scores[0].copy_(torch.tensor([[1.0, 9.0, 2.0, 0.0]]))
    assert scored.swap() == 1
    assert scored.masks["weight"].tolist() == [[False, False, True, False]]
    with pytest.raises(UserError, match="zero or were pruned before"):
        Scored(net, Masks({"weight": torch.ones(1, 4)}))


@pytest.mark.parametrize("restriction", [1.0, 0.1, "falling"])
def test_search_moves_masks_only(restriction: float) -> None:
    net = network()
    first = copy.deepcopy(net)
    asked = Pruning(sparsity=0.9, data=digits(), trainer=dataclasses.replace(QUICK, epochs=2), classifier=False)
    masks, history = Jackpots(restriction=restriction).search(net, asked)
    start = Masks.of(prune(first, sparsity=0.9, classifier=False), classifier=False)
    assert masks.densities() == start.densities()
    assert masks.distance(start) > 0
    assert masks == Masks.of(net, classifier=False)
    assert [r.metrics["swaps"] > 0 for r in history] == [True, True]
    whole: dict[str, Tensor] = dict(first.named_parameters())
    for name, parameter in net.named_parameters():
        assert parameter.requires_grad
        mask = masks.get(name, torch.tensor(True))
        assert torch.equal(parameter, torch.where(mask, whole[name], 0))
    assert not torch.equal(net.get_buffer("1.running_mean"), first.get_buffer("1.running_mean"))


def test_search_is_repeatable_and_the_best_masks_stay() -> None:
    splits, found = digits(), []
    for _ in range(2):
        net = network()
        asked = Pruning(sparsity=0.95, data=splits, trainer=dataclasses.replace(QUICK, epochs=4, lr=0.3))
        masks, history = Jackpots().search(net, asked)
        assert evaluate(net, splits)["accuracy"] == pytest.approx(max(r.metrics["accuracy"] for r in history))
        found.append(masks)
    assert found[0] == found[1]


def test_jackpot_beats_its_start() -> None:
    """Magnitude pruning at 90 % without training, with statistics of its own: 64 %; the search finds 95 %."""
    splits = digits()
    start = evaluate(prune(network(), sparsity=0.9, data=splits, classifier=False), splits.test)["accuracy"]
    found = prune(network(), sparsity=0.9, method="jackpots", data=splits, trainer=QUICK, classifier=False)
    assert Masks.of(found, classifier=False).sparsity == pytest.approx(0.9, abs=1e-4)
    assert evaluate(found, splits.test)["accuracy"] > start + 20


def test_tuning_trains_the_kept_weights() -> None:
    splits = digits()
    tuning = Trainer(epochs=1, lr=0.01, weight_decay=0.0, augment=None)
    quick = dataclasses.replace(QUICK, epochs=1)
    bare, tuned = (
        prune(network(), sparsity=0.9, method=Jackpots(tuning=t), data=splits, trainer=quick) for t in (None, tuning)
    )
    assert Masks.of(bare) == Masks.of(tuned)
    assert not torch.equal(bare.get_parameter("0.weight"), tuned.get_parameter("0.weight"))


def test_falling_restriction() -> None:
    how = Jackpots(restriction="falling")
    assert [how.restricted(p) for p in (0.0, 0.5, 1.0)] == [1, 1 / 16, 0]
    assert Jackpots(restriction=0.2).restricted(0.7) == 0.2


def test_bad_settings() -> None:
    with pytest.raises(UserError, match="unknown start 'weights'"):
        Jackpots(start="weights")  # type: ignore[arg-type]
    for restriction in (0.0, 1.5, "rising"):
        with pytest.raises(UserError, match=r"restriction is in \(0, 1\] or 'falling'"):
            Jackpots(restriction=restriction)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="training needs data"):
        prune(network(), sparsity=0.9, method="jackpots", data=digits().train)


def _searched(start: str, seed: int, restriction: float | str = 1.0) -> tuple[nn.Sequential, Masks, list[float], float]:
    net = network()
    asked = Pruning(sparsity=0.9, data=digits(), trainer=QUICK, classifier=False, seed=seed)
    masks, history = Jackpots(start=start, restriction=restriction).search(net, asked)  # type: ignore[arg-type]
    swaps = math.fsum(r.metrics["swaps"] for r in history)
    return net, masks, [r.metrics["accuracy"] for r in history], swaps


@pytest.mark.slow
def test_starts() -> None:
    """The magnitude start overlaps most with what is found and is better after one epoch."""
    splits, first, last, shared = digits(), {}, {}, {}
    start = Masks.of(prune(network(), sparsity=0.9, classifier=False), classifier=False)
    for how in ("magnitude", "random", "edge-popup"):
        runs = [_searched(how, seed) for seed in range(3)]
        first[how] = sum(run[2][0] for run in runs) / 3
        last[how] = sum(evaluate(run[0], splits.test)["accuracy"] for run in runs) / 3
        shares = [[float((run[1][n] & start[n]).sum() / start[n].sum()) for n in start] for run in runs]
        shared[how] = torch.tensor(shares).mean(0)
    assert (shared["magnitude"] > shared["random"]).all()
    assert (shared["magnitude"] > shared["edge-popup"]).all()
    assert shared["random"][1] > 2 * float(start["3.weight"].float().mean())  # large weights matter wherever it starts
    assert first["magnitude"] > first["random"]
    assert first["magnitude"] > first["edge-popup"]
    assert last["magnitude"] > last["random"] - 2


@pytest.mark.slow
def test_restriction_swaps_less_and_loses_little() -> None:
    splits = digits()
    free, tight = ([_searched("magnitude", seed, r) for seed in range(3)] for r in (1.0, 0.1))
    for one, two in zip(free, tight):
        assert two[3] < 0.7 * one[3]
    means = [sum(evaluate(run[0], splits.test)["accuracy"] for run in runs) / 3 for runs in (free, tight)]
    assert means[1] > means[0] - 2


@pytest.mark.slow
def test_tuning_of_magnitude_masks_is_better_at_equal_epochs() -> None:
    """What a figure of jackpots must be shown beside."""
    splits = digits()
    scores: dict[str, list[Tensor | float]] = {"search": [], "tuning": []}
    for seed in range(3):
        scores["search"].append(evaluate(_searched("magnitude", seed)[0], splits.test)["accuracy"])
        lr = dataclasses.replace(QUICK, lr=0.02)
        tuned = prune(network(), sparsity=0.9, data=splits, trainer=lr, classifier=False, seed=seed)
        scores["tuning"].append(evaluate(tuned, splits.test)["accuracy"])
    assert sum(scores["tuning"]) >= sum(scores["search"]) - 1
    assert F.l1_loss(torch.tensor(scores["search"]), torch.tensor(scores["tuning"])) < 5
