"""What a student learns from a teacher."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from archwright import supernet, zoo
from archwright.errors import UserError
from archwright.train import Distilled, Features, Logits, Relations, Seen, distillation, take, watching


def net(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4),
    )  # fmt: skip


def shown(module: nn.Module, x: torch.Tensor) -> Seen:
    with watching(module) as seen:
        return take(seen, module(x))


def test_soft_labels_by_hand() -> None:
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]])
    assert distillation(student, teacher).item() == pytest.approx(math.log(2))
    p = torch.tensor([[math.sqrt(3.0), 1.0]]) / (1 + math.sqrt(3.0))  # the teacher at T = 2
    assert distillation(student + torch.tensor([[2.0, 0.0]]), teacher, temperature=2).item() == pytest.approx(
        -4 * (p * torch.tensor([[1.0, 0.0]]).log_softmax(-1)).sum().item()
    )


def test_gradients_of_soft_labels_keep_their_size_with_the_temperature() -> None:
    torch.manual_seed(0)
    teacher = 0.01 * torch.randn(8, 5)
    norms = []
    for temperature in (1.0, 20.0):
        student = (0.01 * torch.randn(8, 5, generator=torch.Generator().manual_seed(1))).requires_grad_()
        distillation(student, teacher, temperature=temperature).backward()
        assert student.grad is not None
        norms.append(student.grad.norm().item())
    assert norms[1] == pytest.approx(norms[0], rel=0.02)


def test_a_pass_shows_the_last_map_of_every_resolution_and_the_embedding() -> None:
    seen = shown(net(6), torch.randn(3, 1, 8, 8))
    assert {size: tuple(x.shape) for size, x in seen.maps.items()} == {(8, 8): (3, 6, 8, 8), (4, 4): (3, 6, 4, 4)}
    assert seen.embedding is not None
    assert seen.embedding.shape == (3, 6)


@pytest.mark.parametrize("loss", [Logits(), Features(), Relations()])
def test_no_gradient_reaches_the_teacher(loss) -> None:
    x = torch.randn(5, 1, 8, 8)
    student, teacher = net(4), net(8)
    loss(shown(student, x), shown(teacher, x)).backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None for p in student.parameters())


@pytest.mark.parametrize("loss", [Features(), Relations()])
def test_what_is_compared_is_nothing_between_a_network_and_itself(loss) -> None:
    module, x = net(4), torch.randn(5, 1, 8, 8)
    a = shown(module, x)
    assert (loss(a, a) - Logits()(a, a)).item() == pytest.approx(0, abs=1e-6)


def test_maps_ignore_scale_and_relations_ignore_scale_and_rotation() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(4, 3, 5, 5), torch.randn(6, 7)
    logits = torch.zeros(4, 2)
    maps = Features(weight=1.0)
    soft = Logits()(Seen(logits), Seen(logits))
    assert torch.allclose(maps(Seen(logits, maps={(5, 5): 3 * a}), Seen(logits, maps={(5, 5): a})), soft)
    turned = 5 * b @ torch.linalg.qr(torch.randn(7, 7)).Q
    logits = torch.zeros(6, 2)
    assert torch.allclose(Relations()(Seen(logits, turned), Seen(logits, b)), soft, atol=1e-4)
    assert Relations()(Seen(logits, b.flip(1) ** 2), Seen(logits, b)) > soft + 0.01


def test_relations_by_hand() -> None:
    triangle = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])  # sides 3, 4, 5, mean 4
    line = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])  # 1, 2, 1, mean 4/3
    logits = torch.zeros(3, 2)
    found = Relations(distance=1, angle=0)(Seen(logits, triangle), Seen(logits, line)) - Logits()(
        Seen(logits), Seen(logits)
    )
    gaps = torch.tensor([3 / 4 - 3 / 4, 1.0 - 6 / 4, 5 / 4 - 3 / 4])
    assert found.item() == pytest.approx((gaps**2 / 2).sum().item() * 2 / 9, rel=1e-4)


def test_networks_without_what_is_compared_are_refused() -> None:
    logits = torch.zeros(3, 2)
    with pytest.raises(UserError, match="resolution"):
        Features()(Seen(logits), Seen(logits))
    with pytest.raises(UserError, match="linear layer"):
        Relations()(Seen(logits), Seen(logits))


@pytest.mark.parametrize("loss", [Features(), Relations()])
def test_supernets_are_trained_by_them(loss) -> None:
    x, y = torch.randn(6, 1, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2])
    net = zoo.build("convnet", in_channels=1, classes=3, image_size=16)
    plain = supernet.SupernetStep(net.space, supernet.Sandwich(random=1))
    richer = supernet.SupernetStep(net.space, supernet.Sandwich(random=1), distillation=loss)
    norms = []
    for step in (plain, richer):
        net.zero_grad()
        step(net, x, y, backward=torch.Tensor.backward, rng=np.random.default_rng(0))
        norms.append(sum(p.grad.norm() for p in net.parameters() if p.grad is not None).item())
    assert norms[0] != norms[1]


def test_a_student_of_another_width_comes_nearer_to_the_maps() -> None:
    torch.manual_seed(0)
    x, teacher, student = torch.randn(32, 1, 8, 8), net(8), net(4)
    goal, loss = shown(teacher, x).detach(), Features(weight=100.0)
    optimizer = torch.optim.Adam(student.parameters(), 0.01)

    def far() -> float:
        seen = shown(student, x)
        return (loss(seen, goal) - F.cross_entropy(seen.logits, goal.logits.softmax(-1))).item()

    before = far()
    for _ in range(50):
        optimizer.zero_grad()
        loss(shown(student, x), goal).backward()
        optimizer.step()
    assert far() < 0.7 * before


def test_labels_and_teacher_are_mixed_by_the_weight() -> None:
    student, teacher = nn.Linear(3, 2), nn.Linear(3, 2)
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    step = Distilled(teacher, weight=0.3, distillation=Logits(temperature=2.0), label_smoothing=0.1)
    told = step(student, x, y, backward=lambda loss: loss.backward(), rng=np.random.default_rng(0))  # type: ignore[arg-type]
    labels = F.cross_entropy(student(x), y, label_smoothing=0.1)
    soft = distillation(student(x), teacher(x), temperature=2.0)
    torch.testing.assert_close(told["loss"], (0.7 * labels + 0.3 * soft).detach())
    assert student.weight.grad is not None
    assert teacher.weight.grad is None
    with pytest.raises(UserError, match=r"weight of the teacher must be in \(0, 1\], got 0"):
        Distilled(teacher, weight=0)
