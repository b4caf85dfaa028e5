"""Gradual pruning while the network trains."""

import pytest
import torch
from compress_networks import accuracy, trained
from torch import Tensor, nn

from archwright import data
from archwright.compress import Gradual, Masks, Pruning, cubic, prunable, prune
from archwright.compress._gradual import _Masked
from archwright.errors import UserError
from archwright.train import Trainer, supervised

TRAINER = Trainer(epochs=4, lr=0.05, augment=None)


def test_the_cubic_schedule() -> None:
    found = [cubic(place, 0, 0.9) for place in (0, 0.1, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx([0, 0.2439, 0.5203125, 0.7875, 0.8859375, 0.9])
    assert cubic(-1, 0.2, 0.9) == pytest.approx(0.2)
    assert cubic(2, 0.2, 0.9) == pytest.approx(0.9)


class Backward:
    """As the training loop gives it to a step."""

    def __init__(self, net: nn.Module) -> None:
        self.optimizer = torch.optim.SGD(net.parameters(), 0.1)

    def __call__(self, loss: Tensor) -> None:
        loss.backward()


def test_a_pruned_weight_keeps_its_value_gets_no_gradient_and_returns() -> None:
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    weight = net[0].weight
    weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    step = _Masked(net, Pruning(sparsity=0.5), Gradual(end=1.0, updates=2), supervised)
    step.on_update(1, 1)
    assert Masks(step.masks) == Masks({"0.weight": torch.tensor([[0, 0], [1, 1]])})
    x, y = torch.ones(4, 2), torch.tensor([0, 1, 1, 1])
    told = step(net, x, y, backward=Backward(net), rng=None)  # type: ignore[arg-type]
    assert weight.tolist() == [[1, 2], [3, 4]]
    assert weight.grad is not None
    assert weight.grad[0].tolist() == [0, 0]
    assert bool((weight.grad[1] != 0).all())
    with torch.no_grad():
        net[0].weight[0] = 0
        assert float(told["loss"]) == pytest.approx(float(nn.functional.cross_entropy(net(x), y)))  # type: ignore[arg-type]
    weight.data = torch.tensor([[5.0, 2.0], [3.0, 4.0]])
    step._choose(0.5)
    assert step.masks["0.weight"].tolist() == [[True, False], [False, True]]


def test_sparsity_follows_the_schedule_and_ends_exactly() -> None:
    net, _, test_x, test_y = trained()
    splits = data.load("digits", seed=0)
    sparse = prune(net, sparsity=0.9, method="gradual", classifier=False, data=splits, trainer=TRAINER)
    masks = Masks.of(sparse, classifier=False)
    assert masks.total - masks.kept == round(0.9 * 13_968)
    assert accuracy(sparse, test_x, test_y) > 93
    assert all(bool(w.all()) for n, w in prunable(sparse).items() if n not in masks)
    further = prune(sparse, sparsity=0.95, method=Gradual(end=1.0), classifier=False, data=splits, trainer=TRAINER)
    after = Masks.of(further, classifier=False)
    assert (masks & after) == after
    assert after.total - after.kept == round(0.95 * 13_968)


def test_masks_follow_the_schedule() -> None:
    net = nn.Sequential(nn.Linear(100, 100))
    step = _Masked(net, Pruning(sparsity=0.9), Gradual(start=0.2, end=0.6, updates=4), supervised)
    seen = []
    for update in range(1, 11):
        step.on_update(update / 10, 1.0)
        seen.append(round(step.masks.sparsity, 4))
    steps = [cubic(place, 0, 0.9) for place in (0, 0.25, 0.5, 0.75, 1)]
    assert seen == [0, *[round(s, 4) for s in steps], *[0.9] * 4]
    step.on_update(3.0, float("inf"))  # a time budget has not fixed the length yet
    assert step.masks.sparsity == pytest.approx(0.9)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match=r"start and end are 0 <= start < end <= 1, got 0\.5 and 0\.2"):
        Gradual(start=0.5, end=0.2)
    with pytest.raises(UserError, match="updates must be at least 1"):
        Gradual(updates=0)
    with pytest.raises(UserError, match="criterion 'taylor' needs a pass over data"):
        Gradual(criterion="taylor")
    net, _, _, _ = trained()
    splits = data.load("digits", seed=0)
    with pytest.raises(UserError, match="no patience, got 2"):
        prune(net, sparsity=0.9, method="gradual", data=splits, trainer=Trainer(epochs=4, patience=2))
    with pytest.raises(UserError, match="every layer keeps one"):
        prune(net, sparsity=0.99999, method="gradual", data=splits, trainer=TRAINER)
