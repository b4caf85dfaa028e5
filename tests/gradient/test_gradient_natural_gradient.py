"""The natural gradient in the probabilities against the exact figures of the variational sheet."""

import pytest
import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient import NaturalGradient, Reinforce

D = torch.float64
F = torch.tensor([1.0, 2.0, 4.0], dtype=D)


def start() -> Tensor:
    return torch.tensor([1 / 6, 1 / 3, 1 / 2], dtype=D).log()


def exact(alpha: Tensor) -> Tensor:
    theta = alpha.softmax(0)
    return theta * (F - theta @ F)


def test_the_gradient_by_logits_is_the_natural_one_and_one_step_of_it() -> None:
    alpha = start()
    assert torch.allclose(-exact(alpha), torch.tensor([0.305556, 0.277778, -0.583333], dtype=D), atol=1e-6)
    NaturalGradient(lr=0.1).begin([alpha]).step([exact(alpha)])
    theta = alpha.softmax(0)
    assert torch.allclose(theta, torch.tensor([0.197222, 0.361111, 0.441667], dtype=D), atol=1e-6)
    assert (theta @ F).item() == pytest.approx(2.686111, abs=1e-6)


def test_a_hundred_steps_beat_the_plain_gradient() -> None:
    alpha, plain = start(), start()
    mover = NaturalGradient(lr=0.1, floor=1e-9).begin([alpha])
    seen = []
    for _ in range(100):
        mover.step([exact(alpha)])
        plain = plain - 0.1 * exact(plain)
        seen.append(plain.softmax(0)[0].item())
    assert alpha.softmax(0)[0].item() == pytest.approx(0.999936, abs=1e-6)
    assert seen[98] == pytest.approx(0.90185, abs=1e-5)  # the sheet's figure is that of 99 steps
    assert seen[99] == pytest.approx(0.903516, abs=1e-6)


def test_the_sampled_estimate_has_no_bias() -> None:
    found = Reinforce(baseline="none").each(
        lambda w: w[0] @ F, [start()], samples=200_000, generator=torch.Generator().manual_seed(0)
    )[0]
    assert ((found.mean(0) - exact(start())).abs() < 5 * found.std(0) / 200_000**0.5).all()


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(1.0, [0.705385, 0.259496, 0.035119]), (0.5, [0.878878, 0.118943, 0.002179]), (0.05, [1.0, 0.0, 0.0])],
)
def test_the_end_is_the_gibbs_distribution(temperature: float, expected: list[float]) -> None:
    alpha = start()
    mover = NaturalGradient(lr=0.1, temperature=temperature, floor=1e-9).begin([alpha])
    for _ in range(1000):
        mover.step([exact(alpha)])
    assert torch.allclose(alpha.softmax(0), torch.tensor(expected, dtype=D), atol=1e-6)
    assert torch.allclose(alpha.softmax(0), (-F / temperature).softmax(0), atol=1e-6)


def test_probabilities_stay_over_the_floor_and_can_come_back() -> None:
    alpha = start()
    mover = NaturalGradient(lr=0.5, floor=0.01).begin([alpha])
    for _ in range(50):
        mover.step([exact(alpha)])
    assert alpha.softmax(0).min().item() == pytest.approx(0.01, rel=0.03)
    for _ in range(50):
        mover.step([-exact(alpha)])
    assert alpha.softmax(0)[2].item() > 0.97


def test_options_that_are_gone_keep_their_parameters() -> None:
    alpha = torch.tensor([0.3, 7.0, -0.2], dtype=D)
    before = alpha.clone()
    NaturalGradient(lr=0.1).begin([alpha]).step([torch.tensor([0.2, 0.0, -0.2], dtype=D)])
    assert alpha[1] == before[1]
    assert alpha[0] < before[0]
    pairs = [t[[0, 2]].softmax(0) for t in (before, alpha)]
    assert torch.allclose(pairs[1] - pairs[0], torch.tensor([-0.02, 0.02], dtype=D))
    assert torch.allclose(alpha[[0, 2]].logsumexp(0), before[[0, 2]].logsumexp(0))


def test_ranks_find_the_best_at_any_scale() -> None:
    for scale in (1e-3, 1e3):
        alpha, generator = torch.zeros(3, dtype=D), torch.Generator().manual_seed(0)
        mover, estimator = NaturalGradient(lr=0.1).begin([alpha]), Reinforce(utility="rank", samples=8)
        for _ in range(200):
            mover.step(estimator(lambda w, k=scale: k * (w[0] @ F), [alpha], generator=generator))  # type: ignore[misc]
        assert alpha.softmax(0)[0].item() > 0.9


def test_independent_variables_cannot_say_here_only_with_there() -> None:
    """On an exclusive-or table the exact gradient vanishes at the uniform distribution: a limit of the family."""
    table = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=D)
    theta = torch.full((2,), 0.5, dtype=D)
    by_option = table @ theta
    assert (theta * (by_option - theta @ by_option)).abs().max() == 0


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"floor": 0.0}, {"floor": 1.0}, {"temperature": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        NaturalGradient(**wrong)
