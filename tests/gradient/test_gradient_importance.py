"""PARSEC's importance weights and the gradient of training speed, against closed answers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from gradient_networks import blobs, cells, chain
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient import (
    Adam,
    BilevelStep,
    GradientSearch,
    ImportanceWeighted,
    Relaxed,
    Sampled,
    Softmax,
    TrainingSpeed,
)
from archwright.gradient._outer import OuterBatches, halves
from archwright.train import Trainer

D = torch.float64
F = torch.tensor([1.0, 2.0, 4.0], dtype=D)
THETA = torch.tensor([1 / 6, 1 / 3, 1 / 2], dtype=D)
DATA = blobs()


def posterior(observations: float) -> Tensor:
    return (THETA.log() - observations * F).softmax(0)


def test_the_limit_is_prior_less_posterior() -> None:
    """d -ln E_q[exp(-n f)] / d logits = q - q exp(-n f) / E_q[exp(-n f)]."""
    logits = THETA.log().requires_grad_()
    evidence = -(logits.log_softmax(0) - 0.5 * F).logsumexp(0)
    evidence.backward()
    assert logits.grad is not None
    exact = THETA - posterior(0.5)
    assert torch.allclose(logits.grad, exact)
    assert exact.tolist() == pytest.approx([-0.1803, -0.0875, 0.2678], abs=1e-4)
    estimate = ImportanceWeighted(samples=20_000, observations=0.5)(
        lambda w: w[0] @ F, [THETA.log()], generator=torch.Generator().manual_seed(0)
    )[0]
    assert torch.allclose(estimate, exact, atol=0.015)


def test_the_mean_with_two_samples_is_the_enumerated_one() -> None:
    """With few samples there is a bias, and it is the one that nine pairs give."""
    expected = torch.zeros(3, dtype=D)
    for i, j in itertools.product(range(3), repeat=2):
        r = torch.tensor([-F[i], -F[j]]).softmax(0)
        score = torch.stack([torch.eye(3, dtype=D)[n] - THETA for n in (i, j)])
        expected -= THETA[i] * THETA[j] * (r[:, None] * score).sum(0)
    generator = torch.Generator().manual_seed(0)
    estimator = ImportanceWeighted(samples=2, observations=1.0)
    found = torch.stack([estimator(lambda w: w[0] @ F, [THETA.log()], generator=generator)[0] for _ in range(4000)])
    assert ((found.mean(0) - expected).abs() < 5 * found.std(0) / 4000**0.5).all()
    assert (THETA - posterior(1.0))[0] < expected[0] < 0  # the right direction, shorter


def test_shares_are_likelihoods() -> None:
    estimator = ImportanceWeighted(samples=3, observations=64)
    assert estimator.shares(torch.zeros(3)).tolist() == pytest.approx([1 / 3] * 3)
    assert estimator.shares(torch.tensor([1.0, 1.0 + 0.6931472 / 64])).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert estimator.shares(torch.tensor([1.0, 50.0, 2.0])).tolist() == [1.0, 0.0, pytest.approx(0.0, abs=1e-20)]


def test_weights_descend_the_evidence() -> None:
    """d of what a step of the weights descends = -d ln mean_k p_k / n, the shares held."""
    w = torch.tensor([0.3, -0.2, 0.5], dtype=D, requires_grad=True)
    losses = w.square() + torch.tensor([0.1, 0.2, 0.3], dtype=D)
    estimator = ImportanceWeighted(samples=3, observations=5.0)
    found = torch.autograd.grad(estimator.combined(losses), w, retain_graph=True)[0]
    evidence = -torch.logsumexp(-5.0 * losses, 0) / 5.0
    assert torch.allclose(found, torch.autograd.grad(evidence, w)[0])


def test_a_search_runs_many_paths_a_step_and_ends_at_the_useful_option() -> None:
    trainer = Trainer(epochs=3, batch_size=32, lr=0.02, precision="32", augment=None)
    net = chain()
    search = GradientSearch(Sampled(), ImportanceWeighted(samples=4), Adam(lr=0.05), trainer=trainer)
    ran = 0

    def count(*_: object) -> None:
        nonlocal ran
        ran += 1

    net.register_forward_hook(count)
    step = BilevelStep(
        search.hypergradient, OuterBatches(DATA.train, 32, seed=0, augment=None, device=torch.device("cpu"))
    )
    relaxed = Relaxed(net, Sampled(), Adam(), estimator=search.hypergradient)  # type: ignore[arg-type]
    loss = step._of_weights(relaxed, DATA.train.x[:32].float(), DATA.train.y[:32], 0)
    assert ran == 4
    assert loss.requires_grad
    assert search.search(net, DATA).arch in net.space


@pytest.mark.parametrize("wrong", [{"samples": 1}, {"observations": 0.0}])
def test_settings_of_importance_weights(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="samples >= 2 and observations > 0"):
        ImportanceWeighted(**wrong)  # type: ignore[arg-type]


def half_square(w: Sequence[Tensor], a: Sequence[Tensor]) -> Tensor:
    return 0.5 * (w[0] - a[0]).square().sum()


def never(w: Sequence[Tensor], a: Sequence[Tensor]) -> Tensor:
    raise AssertionError("the outer loss is not looked at")


def test_the_gradient_of_training_speed() -> None:
    """Sheet of TSE, must show 5: G = -(1 - (1 - eta)^T) / eta = -4.0951, not the exact total derivative -3.4280."""
    w, a = [torch.ones(1, dtype=D)], [torch.zeros(1, dtype=D)]
    found = TrainingSpeed(steps=5, lr=0.1)(half_square, never, w, a)
    assert found[0].item() == pytest.approx(-4.0951, abs=1e-10)
    assert w[0].item() == 1.0
    assert not w[0].requires_grad
    alpha, at, total = torch.zeros(1, dtype=D, requires_grad=True), torch.ones(1, dtype=D), torch.zeros((), dtype=D)
    for _ in range(5):
        total = total + half_square([at], [alpha])
        at = at - 0.1 * (at - alpha)
    assert torch.autograd.grad(total, alpha)[0].item() == pytest.approx(-3.4280, abs=1e-4)


def test_one_step_is_single_level() -> None:
    w, a = [torch.tensor([2.0], dtype=D)], [torch.tensor([0.5], dtype=D)]
    assert TrainingSpeed(steps=1, lr=0.1)(half_square, never, w, a)[0].item() == pytest.approx(-1.5)


def test_momentum_goes_on_from_that_of_the_weights() -> None:
    w, a = [torch.ones(1, dtype=D)], [torch.zeros(1, dtype=D)]
    found = TrainingSpeed(steps=3, momentum=0.9)(
        half_square, never, w, a, lr=0.1, velocity=[torch.full((1,), 0.5, dtype=D)]
    )
    at, push, expected = 1.0, 0.5, 0.0
    for _ in range(3):
        expected -= at
        push = at + push
        at, push = at - 0.1 * push, 0.9 * push
    assert found[0].item() == pytest.approx(expected)


def test_every_step_of_the_descent_has_a_batch_of_its_own() -> None:
    asked: list[int] = []

    class Counted(OuterBatches):
        def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
            asked.append(number)
            return super().__getitem__(number)

    inner, outer = halves(DATA, 0.5, 0)
    device = torch.device("cpu")
    ahead = Counted(inner.train, 16, seed=1, augment=None, device=device)
    step = BilevelStep(
        TrainingSpeed(steps=3), OuterBatches(outer, 16, seed=0, augment=None, device=device), ahead=ahead
    )
    relaxed = Relaxed(cells(), Softmax(), Adam())
    before = {n: p.clone() for n, p in relaxed.net.named_parameters()}
    optimizer = torch.optim.SGD(relaxed.net.parameters(), lr=0.1, momentum=0.9)
    x, y = inner.train.x[:16].float(), inner.train.y[:16]
    alphas = [a.clone() for a in relaxed.alphas]
    for _ in range(2):
        step._architecture(relaxed, x, y, optimizer, 0)
    assert asked == [0, 1, 2, 3, 4, 5]
    assert all(torch.equal(p, before[n]) for n, p in relaxed.net.named_parameters())
    assert not any(torch.equal(a, b) for a, b in zip(relaxed.alphas, alphas))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"lr": 0.0}, {"momentum": 1.0}])
def test_settings_of_training_speed(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="TrainingSpeed needs steps >= 1"):
        TrainingSpeed(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="needs the length of its steps"):
        TrainingSpeed()(half_square, never, [torch.ones(1)], [torch.zeros(1)])
