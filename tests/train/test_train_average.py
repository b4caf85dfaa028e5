import pytest
import torch
from torch import nn

from archwright.train._average import Average, persistent_tensors


def test_average_follows_the_recursion() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 1.0)
    average = Average(module, 0.99)
    expected = 1.0
    for t, value in enumerate([2.0, 3.0, -1.0], start=1):
        nn.init.constant_(module.weight, value)
        average.update()
        decay = (1 + t) / (10 + t)
        expected = decay * expected + (1 - decay) * value
    assert average.state_dict()["weight"].item() == pytest.approx(expected)


def test_small_decay_is_used_as_it_is() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 0.0)
    average = Average(module, 0.1)
    nn.init.constant_(module.weight, 1.0)
    average.update()
    assert average.state_dict()["weight"].item() == pytest.approx(0.9)


def test_batch_norm_statistics_are_averaged_and_counters_copied() -> None:
    module = nn.BatchNorm1d(2)
    average = Average(module, 0.5)
    module.running_mean.fill_(11.0)
    module.num_batches_tracked.fill_(7)
    average.update()
    kept = average.state_dict()
    assert kept["running_mean"].tolist() == pytest.approx([9.0, 9.0])  # decay 2 / 11
    assert kept["num_batches_tracked"].item() == 7


def test_swapping_twice_gives_back_the_same_bits_and_objects() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    average = Average(module, 0.9)
    before = {name: t.clone() for name, t in module.state_dict().items()}
    objects = [id(p) for p in module.parameters()]
    with torch.no_grad():
        module[0].weight.add_(1.0)
    changed = module[0].weight.detach().clone()
    average.swap()
    assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())
    average.swap()
    assert torch.equal(module[0].weight, changed)
    assert [id(p) for p in module.parameters()] == objects


def test_shared_weights_are_swapped_once() -> None:
    module = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    module["b"].weight = module["a"].weight
    average = Average(module, 0.5)
    with torch.no_grad():
        module["a"].weight.add_(1.0)
    live = module["a"].weight.detach().clone()
    average.swap()
    average.swap()
    assert torch.equal(module["a"].weight, live)
    assert "b.weight" not in persistent_tensors(module)


def test_buffers_that_are_not_stored_are_left_alone() -> None:
    module = nn.Linear(1, 1)
    module.register_buffer("mask", torch.ones(1), persistent=False)
    assert set(persistent_tensors(module)) == {"weight", "bias"}
