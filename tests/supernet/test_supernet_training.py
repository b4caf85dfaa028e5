"""The training step of a supernet. Numbers of `methods/bignas.md` and `methods/spos.md`, "must show"."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from supernet_networks import mixed
from torch import Tensor, nn

from archwright.space import Arch, Choice, Space
from archwright.supernet import OneOf, Sampler, Sandwich, Supernet, SupernetStep, Uniform, extreme
from archwright.train import distillation

X = torch.randn(6, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 3, 4, 0])
Gradients = dict[str, Tensor]


class Fixed(Sampler):
    """Always the same architectures."""

    def __init__(self, archs: Sequence[Arch]) -> None:
        self.archs = list(archs)

    def __call__(self, space: Space, rng: np.random.Generator) -> list[Arch]:
        return self.archs


def collected(net: Supernet) -> Gradients:
    """The gradients in `net`, zeros where there are none; clears them."""
    found = {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in net.named_parameters()}
    net.zero_grad(set_to_none=True)
    return found


def of_step(net: Supernet, sampler: Sampler, y: Tensor = Y, **settings: object) -> Gradients:
    rule = SupernetStep(net.space, sampler, **settings)
    rule(net, X, y, backward=Tensor.backward, rng=np.random.default_rng(0))
    return collected(net)


def of_labels(net: Supernet, arch: Arch, y: Tensor = Y, **settings: float) -> Gradients:
    F.cross_entropy(net(X, arch), y, **settings).backward()
    return collected(net)


def of_distillation(net: Supernet, arch: Arch, teacher: Arch) -> Gradients:
    distillation(net(X, arch), net(X, teacher).detach()).backward()
    return collected(net)


def assert_sum(found: Gradients, *terms: Gradients) -> None:
    for name, g in found.items():
        torch.testing.assert_close(g, sum(t[name] for t in terms), rtol=1e-9, atol=1e-12)


@pytest.fixture
def net() -> Supernet:
    return mixed().double()


@pytest.fixture
def archs(net: Supernet) -> list[Arch]:
    """Largest, two random ones, smallest."""
    return Sandwich(random=2)(net.space, np.random.default_rng(1))


def test_distillation_of_the_unit_case() -> None:
    teacher, student = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    assert distillation(student, teacher).item() == pytest.approx(math.log(2), abs=1e-6)
    entropy = distillation(teacher, teacher).item()
    assert entropy == pytest.approx(0.3653, abs=5e-5)
    assert math.log(2) - entropy == pytest.approx(0.3278, abs=5e-5)


def test_no_gradient_reaches_the_teacher() -> None:
    teacher, student = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    distillation(student, teacher).backward()
    assert teacher.grad is None
    torch.testing.assert_close(student.grad, (student.softmax(-1) - teacher.softmax(-1)).detach() / 3)


def test_the_gradient_of_a_sandwich_step_is_the_sum_of_its_four_terms(net: Supernet, archs: list[Arch]) -> None:
    terms = [of_labels(net, archs[0]), *(of_distillation(net, arch, archs[0]) for arch in archs[1:])]
    assert_sum(of_step(net, Fixed(archs)), *terms)


def test_distillation_gives_no_gradient_to_the_private_weights_of_the_largest(net: Supernet) -> None:
    rng = np.random.default_rng(0)
    largest, smallest = extreme(net.space, rng, largest=True), extreme(net.space, rng, largest=False)
    both, alone = of_step(net, Fixed([largest, smallest])), of_labels(net, largest)
    private = {
        "module.stem.weight": np.s_[4:],  # rows of the wider widths
        "module.head.weight": np.s_[:, 4:],
        "module.blocks.blocks.0.expand.weight": np.s_[:, :, 0],  # outside the centre of the 1 x 1 kernel
        "module.blocks.blocks.2.project.weight": np.s_[:],  # a block that only depth 3 runs
    }
    for name, part in private.items():
        assert alone[name][part].abs().max() > 0
        assert torch.equal(both[name][part], alone[name][part])
    assert not torch.equal(both["module.head.weight"], alone["module.head.weight"])


def test_labels_matter_to_the_largest_only(net: Supernet, archs: list[Arch]) -> None:
    permuted = Y.roll(1)
    before, after = of_step(net, Fixed(archs)), of_step(net, Fixed(archs), permuted)
    old, new = of_labels(net, archs[0]), of_labels(net, archs[0], permuted)
    assert_sum({n: after[n] - before[n] for n in before}, {n: new[n] - old[n] for n in old})


def test_without_distillation_everyone_learns_from_the_labels(net: Supernet, archs: list[Arch]) -> None:
    found = of_step(net, Fixed(archs), distil=False, label_smoothing=0.1)
    assert_sum(found, *(of_labels(net, arch, label_smoothing=0.1) for arch in archs))


def test_label_smoothing_is_for_labels_not_for_soft_predictions(net: Supernet, archs: list[Arch]) -> None:
    found = of_step(net, Fixed(archs[:2]), label_smoothing=0.2)
    assert_sum(found, of_labels(net, archs[0], label_smoothing=0.2), of_distillation(net, archs[1], archs[0]))


def test_a_step_reports_the_loss_of_the_first(net: Supernet, archs: list[Arch]) -> None:
    losses = []
    rule = SupernetStep(net.space, Fixed(archs))
    found = rule(net, X, Y, backward=losses.append, rng=np.random.default_rng(0))
    assert len(losses) == 4
    assert found["loss"].item() == F.cross_entropy(net(X, archs[0]), Y).item()
    assert not found["loss"].requires_grad


def test_randomness_comes_from_the_given_generator(net: Supernet) -> None:
    rule = SupernetStep(net.space, Uniform())
    losses = [rule(net, X, Y, backward=Tensor.backward, rng=np.random.default_rng(s))["loss"].item() for s in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


class _Paths(nn.Module):
    """Three choice blocks of four operations each."""

    def __init__(self) -> None:
        super().__init__()
        names = ("a", "b", "c", "d")
        self.blocks = nn.Sequential(
            *(
                OneOf(Choice(f"block{i}", names), {n: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)) for n in names})
                for i in range(3)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


def test_weights_outside_the_sampled_path_stay_bitwise_the_same() -> None:
    """SPOS, isolation: with momentum and weight decay, if gradients are cleared to None."""
    net = Supernet(_Paths())
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)
    rng, visited = np.random.default_rng(0), set()
    for _ in range(6):  # every option gathers momentum somewhere on the way
        arch = net.space.sample(rng)
        before = copy.deepcopy(net.state_dict())
        optimiser.zero_grad(set_to_none=True)
        rule = SupernetStep(net.space, Fixed([arch]))
        rule(net, torch.randn(5, 8), torch.arange(5), backward=Tensor.backward, rng=rng)
        optimiser.step()
        changed = {
            (n.split(".")[2], n.split(".")[4]) for n, t in net.state_dict().items() if not torch.equal(t, before[n])
        }
        assert changed == {(str(i), str("abcd".index(arch[f"block{i}"]))) for i in range(3)}
        visited |= changed
    assert len(visited) > 8
