"""REINFORCE, REBAR and RELAX against the exact gradients and variances of the sheet."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient import Rebar, Reinforce, Relax, ScoreFunction
from archwright.gradient._draws import Draws

D = torch.float64
THREE = [torch.tensor([1 / 6, 1 / 3, 1 / 2], dtype=D).log()]
EXACT = torch.tensor([-17 / 12, -11 / 6, 13 / 4], dtype=D)
COIN = [torch.zeros(2, dtype=D)]
COUNT = 200_000
Losses = Callable[[Sequence[Tensor]], Tensor]


def squared(weights: Sequence[Tensor]) -> Tensor:
    """(c . y)^2, c = (1, 2, 4)."""
    return (weights[0] @ torch.tensor([1.0, 2.0, 4.0], dtype=D)).square()


def coin(t: float) -> Losses:
    return lambda weights: (weights[0][..., 0] - t).square()


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def samples(estimator: Reinforce | Rebar | Relax, losses: Losses, logits: list[Tensor], count: int = COUNT) -> Tensor:
    return estimator.each(losses, logits, samples=count, generator=noise())[0]


def variance(found: Tensor) -> float:
    return float(found.var(0).sum())


def based(average: float) -> Reinforce:
    estimator = Reinforce()
    estimator.average = average
    return estimator


def trained(estimator: Rebar | Relax, loss: Losses, logits: list[Tensor], steps: int) -> Rebar | Relax:
    generator = noise(1)
    for _ in range(steps):
        found = estimator.estimates(loss, logits, samples=estimator.samples, generator=generator)
        estimator._learn(found.gradients)
    return estimator


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (Reinforce(baseline="none"), 37.87),
        (based(9.5), 12.27),
        (Rebar(temperature=0.25), 44.0),
        (Rebar(temperature=0.5), 17.9),
        (Rebar(temperature=1.0), 9.47),
        (Rebar(temperature=2.0), 8.12),
        (Rebar(temperature=5.0), 8.50),
        (Rebar(temperature=2.0, eta=1.12), 7.76),
        (Relax(), None),
        (Relax(mixture=True), None),
    ],
    ids=lambda e: None if isinstance(e, float | None) else f"{type(e).__name__}",
)
def test_no_bias_and_the_ladder_of_variances(estimator: Reinforce | Rebar | Relax, expected: float | None) -> None:
    found = samples(estimator, squared, THREE)
    error = found.std(0) / COUNT**0.5
    assert ((found.mean(0) - EXACT).abs() < 5 * error).all(), found.mean(0)
    assert (error < 0.012).all()
    if expected is not None:
        assert variance(found) == pytest.approx(expected, rel=0.03)


def test_the_control_variate_alone_has_mean_zero() -> None:
    found = samples(Rebar(temperature=0.5), squared, THREE) - samples(Reinforce(baseline="none"), squared, THREE)
    assert (found.mean(0).abs() < 5 * found.std(0) / COUNT**0.5).all()


def test_the_concrete_estimator_is_biased() -> None:
    draws = Draws.of(THREE, COUNT, noise())
    loss = squared(draws.split((draws.z / 0.5).softmax(-1))).sum()
    (found,) = torch.autograd.grad(loss, draws.theta)
    assert torch.allclose(found[:, 0].mean(0), torch.tensor([-1.453, -1.398, 2.851], dtype=D), atol=0.06)


@pytest.mark.parametrize(("t", "exact"), [(0.45, 0.025), (0.499, 0.0005)])
def test_the_bernoulli_toy_without_a_control_variate(t: float, exact: float) -> None:
    found = samples(Reinforce(baseline="none"), coin(t), COIN)[:, 0]
    assert found.mean().item() == pytest.approx(exact, abs=5 * float(found.std()) / COUNT**0.5)
    if t == 0.45:
        assert found.var().item() == pytest.approx(0.015939, rel=0.002)


@pytest.mark.parametrize(("temperature", "expected"), [(0.5, 0.0226), (1.0, 0.0185), (5.0, 0.0157)])
def test_the_bernoulli_toy_defeats_rebar(temperature: float, expected: float) -> None:
    found = samples(Rebar(temperature=temperature), coin(0.45), COIN)[:, 0]
    assert found.var().item() == pytest.approx(expected, rel=0.03)
    assert found.mean().item() == pytest.approx(0.025, abs=5 * float(found.std()) / COUNT**0.5)


def test_relax_learns_the_bernoulli_toy() -> None:
    estimator = trained(Relax(samples=8, lr=0.03, hidden=8), coin(0.45), COIN, 400)
    found = samples(estimator, coin(0.45), COIN)[:, 0]
    assert found.var().item() < 0.015939 / 100
    assert found.mean().item() == pytest.approx(0.025, abs=5 * float(found.std()) / COUNT**0.5)


@pytest.mark.parametrize("estimator", [Rebar(temperature=0.5, samples=8, lr=0.05), Relax(samples=8, lr=0.03)])
def test_learning_ends_below_the_exact_baseline(estimator: Rebar | Relax) -> None:
    """From 17.9 and 37.9; the exact mean baseline has 12.27, the best fixed REBAR 7.76."""
    found = samples(trained(estimator, squared, THREE, 400), squared, THREE)
    assert variance(found) < 8.5
    assert ((found.mean(0) - EXACT).abs() < 5 * found.std(0) / COUNT**0.5).all()


def test_the_variance_gradient_is_the_derivative_of_the_empirical_variance() -> None:
    count, step = 100_000, 1e-4

    def at(eta: float, ln_lambda: float) -> Rebar:
        return Rebar(eta=eta, temperature=math.exp(ln_lambda))

    estimator = at(1.0, 0.5)
    found = estimator.estimates(squared, THREE, samples=count, generator=noise())
    ours = [float(g.sum()) for g in estimator.variance_gradient(found.gradients)]
    for ours_one, (de, dl) in zip(ours, [(step, 0.0), (0.0, step)]):
        ends = [samples(at(1.0 + s * de, 0.5 + s * dl), squared, THREE, count) for s in (1, -1)]
        squares = [float(e.square().sum(-1).mean()) for e in ends]
        assert ours_one == pytest.approx((squares[0] - squares[1]) / (2 * step), rel=1e-4)
        differences = (variance(ends[0]) - variance(ends[1])) / (2 * step)
        assert ours_one == pytest.approx(differences, abs=0.15)  # E g moves by its standard error only


def test_relax_trains_through_both_gradients_of_its_network() -> None:
    estimator = Relax(hidden=3)
    found = estimator.estimates(squared, THREE, samples=2000, generator=noise())
    gradients = dict(zip(estimator.parameters, estimator.variance_gradient(found.gradients)))
    for name, place in [("inner", (1, 2)), ("outer", (0,)), ("scalar", ())]:
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                estimator.parameters[name][place] += step
            values.append(float(samples_of(estimator, 2000).square().sum(-1).mean()))
            with torch.no_grad():
                estimator.parameters[name][place] -= step
        assert float(gradients[name][place]) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-3, abs=1e-6)


def samples_of(estimator: Relax, count: int) -> Tensor:
    """The same noise as `estimates` of a started estimator."""
    generator = noise()
    fresh = Relax(hidden=3)
    fresh._start(THREE, generator)  # draws what the first call drew for its network
    return estimator.each(squared, THREE, samples=count, generator=generator)[0]


FIRST, SECOND = torch.tensor([0.0, 1.0, 4.0]), torch.tensor([0.0, 2.0, 5.0])


def table(weights: Sequence[Tensor]) -> Tensor:
    """Two edges, three operations: losses (a_i + d_j - 2.6)^2, best (1, 1); a mixture can do better than any."""
    return (weights[0] @ FIRST + weights[1] @ SECOND - 2.6).square()


def mean_loss(logits: list[Tensor]) -> Tensor:
    losses = torch.stack([torch.stack([table([i, j]) for j in torch.eye(3)]) for i in torch.eye(3)])
    return logits[0].softmax(0) @ losses @ logits[1].softmax(0)


def exact_gradient(logits: list[Tensor]) -> list[Tensor]:
    a = [v.detach().requires_grad_() for v in logits]
    return list(torch.autograd.grad(mean_loss(a), a))


def descended(gradient: Callable[[list[Tensor]], list[Tensor]], steps: int = 500) -> list[Tensor]:
    logits = [torch.zeros(3), torch.zeros(3)]
    for _ in range(steps):
        logits = [v - 0.1 * g for v, g in zip(logits, gradient(logits))]
    return [v.softmax(0) for v in logits]


def spread(estimator: Reinforce | Relax, logits: list[Tensor]) -> float:
    found = estimator.each(table, logits, samples=5000, generator=noise())
    return sum(variance(f) for f in found)


def test_two_edges_end_where_exact_descent_does() -> None:
    generator = noise(3)
    relax, ratios = Relax(samples=8, lr=0.03), []

    def relaxed(logits: list[Tensor]) -> list[Tensor]:
        ratios.append(math.nan)
        if len(ratios) % 50 == 0:  # REINFORCE is given the mean loss, exactly
            ratios[-1] = spread(relax, logits) / spread(based(float(mean_loss(logits))), logits)
        return relax(table, logits, generator=generator)

    reinforce = Reinforce(samples=8)
    for found in (
        descended(exact_gradient),
        descended(lambda logits: reinforce(table, logits, generator=generator)),
        descended(relaxed),
    ):
        assert min(float(p[1]) for p in found) > 0.93
    assert max(ratios[49::50]) < 1.0, ratios[49::50]

    def concrete(logits: list[Tensor]) -> list[Tensor]:
        draws = Draws.of(logits, 16, generator)
        (found,) = torch.autograd.grad(table(draws.split(draws.z.softmax(-1))).mean(), draws.theta)
        return draws.split(found.sum(0))

    assert float(descended(concrete)[0][1]) < 0.87  # a mixture of the first edge's options, for good


def test_variables_of_different_sizes_are_estimated_together() -> None:
    logits = [torch.tensor([0.3, -0.2], dtype=D), torch.tensor([0.1, 0.5, -0.4, 0.0], dtype=D), torch.zeros(1, dtype=D)]

    def joint(weights: Sequence[Tensor]) -> Tensor:
        a, b, c = weights
        return (a[..., 0] + b @ torch.arange(4.0, dtype=D)).square() + c[..., 0]

    a = [v.clone().requires_grad_() for v in logits]
    cells = [(i, j) for i in range(2) for j in range(4)]
    mean = sum(
        a[0].softmax(0)[i]
        * a[1].softmax(0)[j]
        * joint([torch.eye(2, dtype=D)[i], torch.eye(4, dtype=D)[j], logits[2] + 1])
        for i, j in cells
    )
    assert isinstance(mean, Tensor)
    exact = [*torch.autograd.grad(mean, a[:2]), torch.zeros(1, dtype=D)]
    for estimator in (Reinforce(), Rebar(), Relax(), Relax(mixture=True)):
        found = estimator.each(joint, logits, samples=100_000, generator=noise())
        for f, e in zip(found, exact):
            assert ((f.mean(0) - e).abs() <= 5 * f.std(0) / 100_000**0.5 + 1e-12).all()


@pytest.mark.parametrize("estimator", [Reinforce, Rebar, Relax, lambda: Relax(mixture=True)])
def test_a_stored_state_continues_the_same_way(estimator: Callable[[], ScoreFunction]) -> None:
    first, second = estimator(), estimator()
    second.load_state_dict(first.state_dict())
    generator = noise()
    for _ in range(3):
        first(squared, THREE, generator=generator)
    second.load_state_dict(first.state_dict())
    ends = [e(squared, THREE, generator=noise(9))[0] for e in (first, second)]
    assert torch.equal(*ends)
    ends = [e(squared, THREE, generator=noise(9))[0] for e in (first, second)]
    assert torch.equal(*ends)


@pytest.mark.parametrize("estimator", [Rebar(), Relax(), Relax(mixture=True)])
def test_options_may_leave(estimator: Rebar | Relax) -> None:
    estimator(squared, THREE, generator=noise())
    known = {n: p.clone() for n, p in estimator.parameters.items()}
    found = estimator(lambda w: w[0][1] - 2 * w[0][0], [torch.zeros(2, dtype=D)], generator=noise())
    assert found[0].shape == (2,)
    for name in ("scalar", "ln_lambda", "eta"):
        if name in known:
            assert float((estimator.parameters[name] - known[name]).detach().abs().max()) < 0.011  # one step of Adam


def test_relax_takes_a_black_box_and_rebar_does_not_leave_its_bounds() -> None:
    def counted(weights: Sequence[Tensor]) -> Tensor:
        assert not weights[0].requires_grad
        assert sorted(weights[0].tolist())[:2] == [0.0, 0.0]
        return torch.tensor(float(weights[0].argmax()), dtype=D)

    assert Relax()(counted, THREE, generator=noise())[0].isfinite().all()
    rebar = Rebar(temperature=0.11, lr=1.0)
    for _ in range(5):
        rebar(squared, THREE, generator=noise())
        assert 0.0999 < float(rebar.parameters["ln_lambda"].exp().detach()) < 10.001


def test_utilities_know_no_scale_and_ties_share_a_rank() -> None:
    for utility in ("scaled", "rank"):
        one, thousand = (
            Reinforce(utility=utility, samples=16)(lambda w, k=k: k * squared(w), THREE, generator=noise())[0]  # type: ignore[arg-type,misc]
            for k in (1.0, 1000.0)
        )
        assert torch.allclose(one, thousand)
    ranks = Reinforce(utility="rank", samples=4)._advantage(torch.tensor([5.0, 1.0, 1.0, 9.0]))
    assert ranks.tolist() == pytest.approx([1 / 6, -1 / 3, -1 / 3, 1 / 2])
    assert Reinforce(utility="scaled", samples=2)._advantage(torch.ones(2)).tolist() == [0.0, 0.0]


def test_the_baseline_is_the_average_of_earlier_losses() -> None:
    estimator = Reinforce(decay=0.5)
    values = iter([4.0, 2.0, 8.0])
    seen = [estimator(lambda w: torch.tensor(next(values)), [torch.zeros(2)], generator=noise())[0] for _ in range(3)]
    assert seen[0].tolist() == [0.0, 0.0]
    assert seen[1].abs().tolist() == pytest.approx([1.0, 1.0])  # (2 - 4) / 2
    assert seen[2].abs().tolist() == pytest.approx([2.5, 2.5])  # (8 - 3) / 2
    assert estimator.average == pytest.approx(5.5)
    others = samples(Reinforce(baseline="others", samples=2), squared, THREE, COUNT)
    assert variance(others) < 13


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Reinforce(baseline="mean"),  # type: ignore[arg-type]
        lambda: Reinforce(decay=1.0),
        lambda: Reinforce(samples=0),
        lambda: Reinforce(baseline="others"),
        lambda: Reinforce(utility="rank"),
        lambda: Rebar(samples=0),
        lambda: Rebar(temperature=100.0),
        lambda: Rebar(lr=-1.0),
        lambda: Relax(hidden=0),
        lambda: Relax(temperature=0.0),
    ],
)
def test_settings_out_of_range_are_refused(wrong: Callable[[], ScoreFunction]) -> None:
    with pytest.raises(UserError):
        wrong()
