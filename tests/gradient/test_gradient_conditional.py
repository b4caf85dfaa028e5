"""Conditional samples of relaxed variables against the figures of the REBAR/RELAX sheet."""

import pytest
import torch

from archwright.gradient import (
    conditional_bernoulli,
    conditional_categorical,
    relaxed_bernoulli,
    relaxed_categorical,
)

D = torch.float64
THETA = torch.tensor([1 / 6, 1 / 3, 1 / 2], dtype=D)
MEANS = torch.tensor([-1.214, -0.522, -0.115], dtype=D)  # of z: ln theta + Euler's constant


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=D)


@pytest.mark.parametrize(("b", "z"), [(1.0, 0.578458), (0.0, -1.828164)])
def test_the_bernoulli_sample_of_the_sheet(b: float, z: float) -> None:
    found = conditional_bernoulli(number(0.3), number(b), number(0.25))
    assert found.item() == pytest.approx(z, abs=1e-6)


def test_the_categorical_sample_of_the_sheet() -> None:
    v = torch.tensor([0.2, 0.5, 0.7], dtype=D)
    found = conditional_categorical(THETA.log(), torch.tensor(1), -v.log())
    assert torch.allclose(found, torch.tensor([-2.3370, 0.3665, -0.3411], dtype=D), atol=1e-4)


def test_a_conditional_sample_keeps_the_discrete_value_and_the_marginal() -> None:
    generator, count = torch.Generator().manual_seed(0), 200_000
    log_p = THETA.log().expand(count, 3)
    e, other = torch.empty(2, count, 3, dtype=D).exponential_(generator=generator)
    z = relaxed_categorical(log_p, e)
    given = conditional_categorical(log_p, z.argmax(-1), other)
    assert torch.equal(given.argmax(-1), z.argmax(-1))
    shares = torch.bincount(z.argmax(-1)) / count
    assert torch.allclose(shares.to(D), THETA, atol=5 * (0.25 / count) ** 0.5)
    error = 5 * 1.2826 / count**0.5  # five standard errors of a Gumbel mean
    for sample in (z, given):
        assert torch.allclose(sample.mean(0), MEANS, atol=error + 1e-3)
        assert torch.allclose(sample.var(0), torch.full((3,), 1.6449, dtype=D), atol=0.04)


def test_the_noise_of_the_draw_itself_would_be_biased() -> None:
    generator, count = torch.Generator().manual_seed(0), 200_000
    log_p = THETA.log().expand(count, 3)
    e = torch.empty(count, 3, dtype=D).exponential_(generator=generator)
    reused = conditional_categorical(log_p, relaxed_categorical(log_p, e).argmax(-1), e)
    assert not torch.allclose(reused.mean(0), MEANS, atol=0.1)


def test_a_conditional_bernoulli_keeps_the_marginal() -> None:
    generator, count = torch.Generator().manual_seed(0), 200_000
    logit, (u, v) = torch.full((count,), 0.3, dtype=D), torch.rand(2, count, generator=generator, dtype=D)
    z = relaxed_bernoulli(logit, u)
    given = conditional_bernoulli(logit, (z > 0).to(D), v)
    assert torch.equal(given > 0, z > 0)
    assert given.mean().item() == pytest.approx(0.3, abs=5 * 1.814 / count**0.5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_noise_and_logits_stay_finite(dtype: torch.dtype) -> None:
    log_p = torch.tensor([[-200.0, 0.0, -1e9]], dtype=dtype).log_softmax(-1).requires_grad_()
    e = torch.tensor([[0.0, 0.0, 90.0]], dtype=dtype)
    found = conditional_categorical(log_p, torch.tensor([1]), e)
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert found.isfinite().all()
    assert log_p.grad is not None
    assert log_p.grad.isfinite().all()
    ends = torch.tensor([0.0, 1.0], dtype=dtype)
    assert (
        conditional_bernoulli(torch.zeros(2, dtype=dtype), torch.tensor([0.0, 1.0], dtype=dtype), ends).isfinite().all()
    )
    assert relaxed_bernoulli(torch.zeros(2, dtype=dtype), ends).isfinite().all()
