"""Relaxations: values, gradients, and that equal noise gives equal samples."""

import math

import pytest
import torch

from archwright.errors import UserError
from archwright.gradient import (
    RELAXATIONS,
    Annealed,
    BinaryGates,
    Dirichlet,
    GumbelSoftmax,
    Relaxation,
    ScalingFactors,
    Softmax,
    Sparsemax,
)
from archwright.supernet import Paths
from archwright.testing import RelaxationContract


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestContract(RelaxationContract):
    @pytest.fixture(params=RELAXATIONS.names())
    def relaxation(self, request: pytest.FixtureRequest) -> Relaxation:
        return RELAXATIONS.load(request.param)()  # type: ignore[no-any-return]


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_the_largest_gumbel_sample_has_the_softmax_probabilities(temperature: float) -> None:
    """Sheet of SNAS, must show 1."""
    pi = torch.tensor([1 / 6, 1 / 3, 1 / 2])
    hard = GumbelSoftmax(start=temperature, end=temperature, hard=True)
    generator, counts, draws = noise(), torch.zeros(3), 6000
    for _ in range(draws):
        found = hard(pi.log(), progress=0.0, generator=generator)
        assert isinstance(found, Paths)
        counts[found.indices[0]] += 1
    assert ((counts / draws - pi).abs() < 4 * (pi * (1 - pi) / draws).sqrt()).all()


def test_the_hard_sample_has_weight_one_and_the_soft_gradient() -> None:
    alpha = torch.tensor([0.2, -0.4, 0.9], dtype=torch.float64, requires_grad=True)
    hard = GumbelSoftmax(start=0.7, end=0.7, hard=True)(alpha, progress=0.0, generator=noise(3))
    soft = GumbelSoftmax(start=0.7, end=0.7)(alpha, progress=0.0, generator=noise(3))
    assert isinstance(hard, Paths)
    assert isinstance(soft, torch.Tensor)
    assert hard.weights.tolist() == [1.0]
    (a,) = torch.autograd.grad(hard.weights.sum(), alpha)
    (b,) = torch.autograd.grad(soft[hard.indices[0]], alpha)
    assert torch.allclose(a, b, atol=1e-12)


def test_the_edge_gradient_of_snas() -> None:
    """dL/dl_k = (1/tau) y_k (g_k - sum_m y_m g_m), sheet of SNAS, must show 3."""
    alpha = torch.tensor([0.1, 0.5, -0.3], dtype=torch.float64, requires_grad=True)
    g = torch.tensor([0.7, -1.1, 0.4], dtype=torch.float64)
    y = GumbelSoftmax(start=0.5, end=0.5)(alpha, progress=0.0, generator=noise(5))
    assert isinstance(y, torch.Tensor)
    (found,) = torch.autograd.grad((y * g).sum(), alpha)
    with torch.no_grad():
        assert torch.allclose(found, y * (g - (y * g).sum()) / 0.5, atol=1e-10)


def test_the_schedule_of_snas() -> None:
    snas = GumbelSoftmax(start=1.0, end=0.03)
    assert [round(snas.temperature(e / 150), 6) for e in (0, 75, 149)] == [1.0, 0.515, 0.036467]


def test_the_schedule_of_asap() -> None:
    """Sheet of ASAP, must show 1: T_9, T_10, T_50."""
    annealed = Annealed()
    assert annealed.temperature(9 / 50) == pytest.approx(1.008399, abs=1e-6)
    assert annealed.temperature(10 / 50) == pytest.approx(0.957979, abs=1e-6)
    assert annealed.temperature(1.0) == pytest.approx(0.123112, abs=1e-6)


def test_the_gates_of_proxylessnas() -> None:
    """Sheet of ProxylessNAS, must show 3: the pair (1st, 3rd) of (0.2, -0.1, 0.5) and b = (0.3, ., 0.1)."""
    alpha = torch.tensor([0.2, -0.1, 0.5], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([0.3, -0.4, 0.1], dtype=torch.float64)
    for seed in range(200):
        gates = BinaryGates()(alpha, progress=0.0, generator=noise(seed))
        assert isinstance(gates, Paths)
        assert sorted(gates.weights.tolist()) == pytest.approx([0.0, 1.0])
        if gates.indices == (0, 2):
            (found,) = torch.autograd.grad((gates.weights * b[[0, 2]]).sum(), alpha)
            assert found.tolist() == pytest.approx([0.0489, 0.0, -0.0489], abs=1e-4)
            return
    raise AssertionError("the pair was never drawn")


def test_gates_draw_paths_by_their_probabilities() -> None:
    alpha = torch.tensor([0.2, -0.1, 0.5])
    generator, draws = noise(), 4000
    counts = torch.bincount(
        torch.tensor([BinaryGates().path(alpha, progress=0.0, generator=generator) for _ in range(draws)]), minlength=3
    )
    p = alpha.softmax(-1)
    assert ((counts / draws - p).abs() < 4 * (p * (1 - p) / draws).sqrt()).all()


def test_sparsemax_has_exact_zeros() -> None:
    """Sheet of TangleNAS, must show 5."""
    assert Sparsemax().probabilities(torch.tensor([1.0, 0.5, -1.0]), progress=0.0).tolist() == [0.75, 0.25, 0.0]


def test_dirichlet_starts_uniform_on_the_simplex() -> None:
    alpha, generator = torch.zeros(3), noise()
    draws = torch.stack([Dirichlet()(alpha, progress=0.0, generator=generator) for _ in range(2000)])  # type: ignore[misc]
    assert torch.allclose(draws.sum(-1), torch.ones(2000), atol=1e-5)
    assert draws.mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.03)
    assert draws.var(0).tolist() == pytest.approx([1 / 18] * 3, abs=0.01)  # of a uniform point of the simplex


def test_factors_start_at_one() -> None:
    assert ScalingFactors().initial(3, noise()).tolist() == [1.0] * 3


def test_spread_of_the_first_parameters() -> None:
    assert Softmax(spread=0.0).initial(4, noise()).tolist() == [0.0] * 4
    assert 0 < Softmax().initial(1000, noise()).std().item() < 2e-3


@pytest.mark.parametrize("build", [lambda: GumbelSoftmax(start=0.0), lambda: Annealed(factor=1.5)])
def test_settings_out_of_range(build: object) -> None:
    with pytest.raises(UserError):
        build()  # type: ignore[operator]


def test_bias_and_spread_of_the_concrete_estimator() -> None:
    """Sheet of SNAS, must show 2: bias falls and variance grows as the temperature falls."""
    logits = torch.tensor([1 / 6, 1 / 3, 1 / 2]).log()
    c = torch.tensor([1.0, 2.0, 4.0])
    known = {1.0: ([-0.248, -0.156, 0.404], [0.18, 0.14, 0.18]), 0.5: ([-0.289, -0.225, 0.514], [0.38, 0.32, 0.43])}
    for temperature, (mean, deviation) in known.items():
        soft, generator, found = GumbelSoftmax(start=temperature, end=temperature), noise(), []
        for _ in range(3000):
            alpha = logits.clone().requires_grad_()
            y = soft(alpha, progress=0.0, generator=generator)
            found.append(torch.autograd.grad((y * c).sum(), alpha)[0])  # type: ignore[operator]
        draws = torch.stack(found)
        margin = 4 * max(deviation) / math.sqrt(3000)
        assert draws.mean(0).tolist() == pytest.approx(mean, abs=margin)
        assert draws.std(0).tolist() == pytest.approx(deviation, abs=0.04)
