"""Gradients: which parameters get them, how they add up."""

import dataclasses
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archwright.data import Splits
from archwright.train import Trainer

Make = Callable[..., nn.Sequential]
PLAIN = Trainer(
    epochs=1,
    batch_size=64,
    lr=0.1,
    momentum=0.0,
    weight_decay=0.0,
    schedule="constant",
    precision="32",
    device="cpu",
    augment=None,
)


class TwoPaths(nn.Module):
    """`a` and `b` behind a shared layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shared, self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 2), nn.Linear(8, 2)

    def forward(self, x: Tensor, path: str) -> Tensor:
        return (self.a if path == "a" else self.b)(self.shared(x))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_parameters_without_gradient_do_not_move(blobs: Splits, optimizer: str) -> None:
    """Neither momentum nor weight decay may touch a path that was not sampled in this step."""
    trainer = dataclasses.replace(PLAIN, optimizer=optimizer, momentum=0.9, weight_decay=0.1, batch_size=32)
    module, seen = TwoPaths(), []

    def step(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> dict[str, Tensor]:
        path = "ab"[len(seen) % 2]
        seen.append({n: p.detach().clone() for n, p in module.named_parameters()})
        assert all(p.grad is None for p in module.parameters())
        loss = F.cross_entropy(module(x, path), y)
        options["backward"](loss)
        return {"loss": loss}

    list(trainer.fit(module, blobs, step, metrics=lambda m: {}))
    for index, (before, after) in enumerate(zip(seen, seen[1:])):  # noqa: RUF007  the index is of the step between
        still = "ba"[index % 2]
        moved = "ab"[index % 2]
        assert torch.equal(before[f"{still}.weight"], after[f"{still}.weight"])
        assert torch.equal(before[f"{still}.bias"], after[f"{still}.bias"])
        assert not torch.equal(before[f"{moved}.weight"], after[f"{moved}.weight"])
        assert not torch.equal(before["shared.weight"], after["shared.weight"])


def test_several_backward_calls_add_up(blobs: Splits) -> None:
    def by_parts(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> dict[str, Tensor]:
        for path in "ab":
            options["backward"](F.cross_entropy(module(x, path), y))
        return {}

    def at_once(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> dict[str, Tensor]:
        options["backward"](F.cross_entropy(module(x, "a"), y) + F.cross_entropy(module(x, "b"), y))
        return {}

    first, second = TwoPaths(), TwoPaths()
    list(PLAIN.fit(first, blobs, by_parts, metrics=lambda m: {}))
    list(PLAIN.fit(second, blobs, at_once, metrics=lambda m: {}))
    torch.testing.assert_close(first.shared.weight, second.shared.weight)


def test_two_half_batches_equal_a_whole_one(blobs: Splits, mlp: Make) -> None:
    whole, halves, other = mlp(), mlp(), mlp()
    list(PLAIN.fit(whole, blobs))
    list(dataclasses.replace(PLAIN, batch_size=32, accumulate=2).fit(halves, blobs))
    list(dataclasses.replace(PLAIN, batch_size=32).fit(other, blobs))
    torch.testing.assert_close(whole.state_dict(), halves.state_dict())
    assert not torch.allclose(whole[0].weight, other[0].weight, atol=1e-4)


def test_last_group_of_batches_is_weighted_by_its_own_size(blobs: Splits, mlp: Make) -> None:
    """8 batches in groups of 5: the second update averages 3."""
    gradients: list[Tensor] = []
    weights: list[Tensor] = []

    def step(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> Mapping[str, Tensor]:
        weights.append(module[0].weight.detach().clone())
        loss = F.cross_entropy(module(x), y)
        gradients.append(torch.autograd.grad(loss, module[0].weight, retain_graph=True)[0])
        options["backward"](loss)
        return {}

    module = mlp()
    list(dataclasses.replace(PLAIN, batch_size=32, accumulate=5).fit(module, blobs, step))
    final = module[0].weight.detach()
    torch.testing.assert_close(weights[5] - weights[0], -0.1 * torch.stack(gradients[:5]).mean(0))
    torch.testing.assert_close(final - weights[5], -0.1 * torch.stack(gradients[5:]).mean(0))


def test_clip_bounds_the_global_norm(blobs: Splits, mlp: Make) -> None:
    module = mlp()
    before = {n: p.detach().clone() for n, p in module.named_parameters()}
    trainer = dataclasses.replace(PLAIN, clip=1e-3, batch_size=len(blobs.train))
    list(trainer.fit(module, blobs))
    moved = torch.cat([(p.detach() - before[n]).flatten() for n, p in module.named_parameters()])
    assert moved.norm().item() == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_autocast_is_on_in_the_step_and_off_in_backward(stripes: Splits, cnn: Make) -> None:
    seen = []

    def step(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> Mapping[str, Tensor]:
        logits = module(x)
        logits.register_hook(lambda grad: seen.append((torch.is_autocast_enabled("cpu"), grad.dtype)))
        assert torch.is_autocast_enabled("cpu")
        assert logits.dtype == torch.bfloat16
        options["backward"](F.cross_entropy(logits.float(), y))
        return {}

    module = cnn()
    list(dataclasses.replace(PLAIN, precision="bf16").fit(module, stripes, step))
    assert seen
    assert set(seen) == {(False, torch.bfloat16)}
    assert {p.dtype for p in module.parameters()} == {torch.float32}


def test_images_and_weights_are_channels_last_while_training(stripes: Splits, cnn: Make) -> None:
    def step(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> Mapping[str, Tensor]:
        assert x.is_contiguous(memory_format=torch.channels_last)
        assert not x.is_contiguous()
        assert module[0].weight.is_contiguous(memory_format=torch.channels_last)
        assert not module[0].weight.is_contiguous()
        options["backward"](F.cross_entropy(module(x), y))
        return {}

    list(PLAIN.fit(cnn(), stripes, step))


def test_step_sees_torch_seeded_per_batch(blobs: Splits, mlp: Make) -> None:
    def draws() -> list[float]:
        seen: list[float] = []

        def step(module: nn.Module, x: Tensor, y: Tensor, **options: Callable[[Tensor], None]) -> Mapping[str, Tensor]:
            seen.append(torch.rand(()).item())
            options["backward"](F.cross_entropy(module(x), y))
            return {}

        list(dataclasses.replace(PLAIN, epochs=2).fit(mlp(), blobs, step))
        return seen

    first = draws()
    assert len(set(first)) == len(first)
    assert draws() == first
