"""Automatic relevance against the exact figures of the variational sheet, and what prunes and derives by it."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.gradient import (
    Adam,
    AutomaticRelevance,
    EvidencePrune,
    Posterior,
    Relaxed,
    RelevanceMover,
    ScalingFactors,
    Softmax,
    View,
    entropy,
    gauss_newton_diagonal,
    hierarchical,
    hutchinson_diagonal,
    relevance,
)
from archwright.space import Choice, Space
from archwright.supernet import OneOf, Supernet

D = torch.float64
GAMMA = torch.tensor([3.96482, 2.20428, 0.0, 0.00012, 1.07998, 0.01248], dtype=D)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=D)


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_both_forms_of_omega() -> None:
    gamma, h = number(0.7), number(3.0)
    c = 1 / (1 / gamma + h)
    assert (1 / gamma - c / gamma**2).item() == pytest.approx(0.967742, abs=1e-6)
    assert relevance(gamma, h).item() == pytest.approx(0.983739, abs=1e-6)
    assert relevance(number(0.0), number(0.0)).item() == 0.0


@pytest.mark.parametrize(
    ("w", "gamma"), [(0.5, 0.439576), (1.0, 1.263763), (0.1, 0.062951), (0.01, 0.005824), (0.0, 0)]
)
def test_the_fixed_point_for_a_given_switch(w: float, gamma: float) -> None:
    found, h = number(1.0), number(3.0)
    for _ in range(200):
        found = number(w) / relevance(found, h)
    assert found.item() == pytest.approx(gamma, abs=1e-6)
    assert found.item() == pytest.approx((w**2 + math.sqrt(w**4 + 4 * w**2 / 3)) / 2, abs=1e-9)


def test_an_edge_that_is_off_switches_its_options_off() -> None:
    assert hierarchical(number(2.0), number(0.5)).item() == pytest.approx(0.4)
    assert hierarchical(number(2.0), number(1e-6)).item() == pytest.approx(1e-6, rel=1e-5)
    assert entropy(number(1 / (2 * math.pi * math.e))).item() == pytest.approx(0.0, abs=1e-12)


def regression() -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    y = x @ np.array([2, -1.5, 0, 0, 1, 0]) + 0.5 * rng.normal(size=200)
    return torch.from_numpy(x), torch.from_numpy(y)


def test_the_reweighted_lasso_with_the_whole_posterior_is_the_sheets() -> None:
    x, y = regression()
    hessian, gamma = x.T @ x / 0.25, torch.ones(6, dtype=D)
    w = torch.zeros(6, dtype=D)
    step = 1 / torch.linalg.eigvalsh(hessian)[-1]
    for _ in range(40):
        c = (torch.diag(1 / gamma) + hessian).inverse().diagonal()
        omega = (1 / gamma - c / gamma**2).abs().sqrt()
        for _ in range(200):
            moved = w - step * (hessian @ w - x.T @ y / 0.25)
            w = moved.sign() * (moved.abs() - step * omega).clamp_min(0)
        gamma = (w.abs() / omega).clamp_min(1e-9)
    assert torch.allclose(gamma, GAMMA, atol=2e-5)


def test_the_update_finds_the_variances_that_maximise_the_evidence() -> None:
    """Mean loss and strength 1/N: linear regression, diagonal curvature, to 3 digits."""
    x, y = regression()
    alphas = [torch.ones(6, dtype=D)]
    update = AutomaticRelevance(
        lr=0.15, momentum=0.0, strength=1 / 200, edges=False, every=60, curvature="hutchinson", probes=32
    )
    mover = update.begin(alphas)

    def loss(a: Sequence[Tensor]) -> Tensor:
        return (y - x @ a[0]).square().mean() / 0.5

    for _ in range(60 * 30):
        mover.look(lambda a: a[0], loss)
        a = alphas[0].clone().requires_grad_()
        mover.step(torch.autograd.grad(loss([a]), [a]))
    gamma = mover.gamma[0]
    assert torch.allclose(gamma, GAMMA, rtol=2e-3, atol=2e-3), gamma
    weights = torch.tensor([1.99083, -1.48422, 0.0, 0.0032, 1.03858, -0.10564], dtype=D)
    assert torch.allclose(alphas[0], weights, atol=5e-3)
    assert alphas[0][2] == 0  # at the floor, for good
    relevant = gamma > 1
    assert relevant.tolist() == [True, True, False, False, True, False]
    assert gamma[~relevant].max() < 0.02


OUT = torch.tensor([[2.0, 0.0, -1.0]], dtype=D)


def test_the_curvature_of_one_switch() -> None:
    w = [torch.ones(1, dtype=D)]
    true = hutchinson_diagonal(lambda a: F.cross_entropy(a[0] * OUT, torch.tensor([0])), w, probes=1, generator=noise())
    assert true[0].item() == pytest.approx(0.709257, abs=1e-6)
    p = OUT.softmax(-1)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=D)] * 3)
    factors = signs * p.sqrt() - p * (signs * p.sqrt()).sum(-1, keepdim=True)
    assert (factors @ OUT[0]).square().mean().item() == pytest.approx(0.709257, abs=1e-6)
    found = gauss_newton_diagonal(lambda a: a[0] * OUT, w, probes=4000, generator=noise())
    assert found[0].item() == pytest.approx(0.709257, rel=0.06)
    # recursions that drop the off-diagonal at the softmax, of all classes and of the target alone, are too small
    own = p * (1 - p)
    assert (OUT.square() * own).sum().item() == pytest.approx(0.567466, abs=1e-6)
    assert (OUT.square() * own)[0, 0].item() == pytest.approx(0.527221, abs=1e-6)


def test_the_curvatures_on_a_small_network() -> None:
    """Logits linear in the switches: Gauss-Newton is the Hessian, and both estimates are near double backward."""
    torch.manual_seed(0)
    x, net = torch.randn(64, 5, dtype=D), nn.Linear(5, 8, dtype=D)
    head = torch.randn(3, 8, dtype=D)
    w = [torch.rand(8, dtype=D) + 0.5]

    def logits(a: Sequence[Tensor]) -> Tensor:
        return (net(x).tanh() * a[0]) @ head.T

    y = logits(w).argmax(-1)

    def loss(a: Sequence[Tensor]) -> Tensor:
        return F.cross_entropy(logits(a), y)

    exact = torch.autograd.functional.hessian(lambda a: loss([a]), w[0]).diagonal()  # type: ignore[no-untyped-call]
    for found in (
        hutchinson_diagonal(loss, w, probes=1000, generator=noise())[0],
        gauss_newton_diagonal(logits, w, probes=1000, generator=noise())[0],
    ):
        assert torch.allclose(found / exact, torch.ones(8, dtype=D), atol=0.25), found / exact


def _mover(alphas: list[Tensor], **settings: Any) -> RelevanceMover:
    return AutomaticRelevance(**({"lr": 0.1, "momentum": 0.0, "every": 10} | settings)).begin(alphas)


def _run(mover: RelevanceMover, alphas: list[Tensor], out: Callable[[Sequence[Tensor]], Tensor], steps: int) -> None:
    def loss(values: Sequence[Tensor]) -> Tensor:
        return F.cross_entropy(out(values), LABELS)

    for _ in range(steps):
        mover.look(out, loss)
        a = [v.clone().requires_grad_() for v in alphas]
        mover.step([torch.zeros_like(v) if v.grad is None else v.grad for v in _backward(loss(a), a)])


def _backward(loss: Tensor, at: list[Tensor]) -> list[Tensor]:
    loss.backward()  # type: ignore[no-untyped-call]
    return at


RNG = torch.Generator().manual_seed(1)
LABELS = torch.randint(2, (256,), generator=RNG)
HELP = (2.0 * F.one_hot(LABELS, 2) - 1.0) * torch.where(torch.rand(256, 1, generator=RNG) < 0.1, -1.0, 1.0)
NOISE = torch.randn(3, 256, 2, generator=RNG)


def two_edges(a: Sequence[Tensor]) -> Tensor:
    """Edge 0: right in nine of ten, noise, zero. Edge 1: noise, noise."""
    return a[0][0] * HELP + a[0][1] * NOISE[0] + 0.0 * a[0][2] + a[1][0] * NOISE[1] + a[1][1] * NOISE[2]


def test_planted_useless_options_get_the_smallest_variance() -> None:
    alphas = [torch.ones(3), torch.ones(2)]
    mover = _mover(alphas, strength=0.01, edge_strength=0.01, probes=16)
    _run(mover, alphas, two_edges, 400)
    gamma = mover.gamma[0]
    assert int(gamma.argmax()) == 0
    assert int(gamma.argmin()) in (1, 2)
    assert gamma[0] > 0.1
    assert gamma[1:].max() == pytest.approx(1e-6)
    assert mover.edge_gamma.tolist() == [pytest.approx(1.03, abs=0.1), pytest.approx(1e-6)]
    assert [int((a != 0).sum()) for a in alphas] == [1, 0]


def test_more_strength_leaves_fewer_switches() -> None:
    live = []
    for strength in (1e-4, 1e-2, 1.0):
        alphas = [torch.ones(3), torch.ones(2)]
        mover = _mover(alphas, strength=strength, edge_strength=strength, probes=16)
        _run(mover, alphas, two_edges, 400)
        live.append(sum(int((a != 0).sum()) for a in alphas))
    assert live == [3, 1, 0]


def test_a_stored_state_continues_the_same_way() -> None:
    alphas = [torch.ones(3), torch.ones(2)]
    mover = _mover(alphas, momentum=0.9)
    _run(mover, alphas, two_edges, 25)
    copies = [a.clone() for a in alphas]
    other = _mover([torch.ones(3), torch.ones(2)], momentum=0.9)
    other._alphas = copies
    other.load_state_dict(mover.state_dict())
    for moved, values in ((mover, alphas), (other, copies)):
        _run(moved, values, two_edges, 25)
    for a, b in zip([*alphas, *mover.gamma, mover.edge_gamma], [*copies, *other.gamma, other.edge_gamma]):
        assert torch.equal(a, b)


def test_without_a_mixture_there_is_no_curvature() -> None:
    mover = _mover([torch.ones(2)], every=1)
    with pytest.raises(UserError, match="curvature"):
        mover.step([torch.ones(2)])


def _view(mover: Any, space: Space, places: dict[str, list[int]]) -> View:
    values = {v.name: torch.ones(len(places[v.name])) for v in space.variables}
    return View(
        probabilities=values,
        alphas=values,
        options={v.name: 3 for v in space.variables},
        zeros=frozenset(),
        places=places,
        mover=mover,
        progress=0.5,
        moving=True,
    )


def test_pruning_by_entropy_keeps_the_best() -> None:
    space = Space([Choice("a", ["x", "y", "z"]), Choice("b", ["x", "y", "z"])])
    mover = _mover([torch.ones(3), torch.ones(3)])
    mover.gamma = [torch.tensor([0.06, 1.0, 0.058]), torch.tensor([1e-6, 9.0, 1e-3])]
    left = EvidencePrune()(space, _view(mover, space, {"a": [0, 1, 2], "b": [0, 1, 2]}))
    assert left["a"].options == ("x", "y")  # type: ignore[attr-defined,union-attr]
    assert left["b"].options == ("y",)  # type: ignore[attr-defined,union-attr]
    part = space.restrict({"b": ["x", "z"]})  # y, the best of all, is gone already
    left = EvidencePrune()(part, _view(mover, part, {"a": [0, 1, 2], "b": [0, 2]}))
    assert left["b"].options == ("z",)  # type: ignore[attr-defined,union-attr]
    assert EvidencePrune(after=0.6)(space, _view(mover, space, {"a": [0, 1, 2], "b": [0, 1, 2]})) is space
    with pytest.raises(UserError, match="AutomaticRelevance"):
        EvidencePrune()(space, _view(None, space, {"a": [0], "b": [0]}))


class _Session:
    feasible = None


def _relaxed(update: Any, relaxation: Any) -> Relaxed:
    parts = [OneOf(n, {o: nn.Linear(4, 4) for o in ("one", "two", "three")}) for n in ("a", "b")]
    return Relaxed(Supernet(nn.Sequential(*parts)), relaxation, update)


def test_the_answer_has_the_largest_variances() -> None:
    relaxed = _relaxed(AutomaticRelevance(), ScalingFactors())
    assert isinstance(relaxed.mover, RelevanceMover)
    relaxed.mover.gamma = [torch.tensor([0.1, 0.3, 0.2]), torch.tensor([1e-6, 1e-6, 2e-6])]
    arch = Posterior()(relaxed, _Session())  # type: ignore[arg-type]
    assert dict(arch) == {"a": "two", "b": "three"}
    relaxed.restrict(relaxed.net.space.restrict({"a": ["one", "three"]}))
    assert Posterior()(relaxed, _Session())["a"] == "three"  # type: ignore[arg-type]


def test_the_answer_needs_variances() -> None:
    with pytest.raises(UserError, match="AutomaticRelevance"):
        Posterior()(_relaxed(Adam(), Softmax()), _Session())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"lr": 0.0}, {"strength": 0.0}, {"momentum": 1.0}, {"every": 0}, {"probes": 0}, {"curvature": "diagonal"}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        AutomaticRelevance(**wrong)
    with pytest.raises(UserError):
        EvidencePrune(after=1.0)
