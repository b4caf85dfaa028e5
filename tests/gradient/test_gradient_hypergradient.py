"""Hypergradients on bi-level problems whose answers are known in closed form."""

import functools
import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient import FirstOrder, Neumann, SingleLevel, Unrolled

Mixed = Literal["exact", "difference"]
H = torch.diag(torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64))
B = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
ALPHA = torch.tensor([0.5, -0.25], dtype=torch.float64)
TARGET = torch.ones(3, dtype=torch.float64)
OPTIMUM = torch.linalg.solve(H, B @ ALPHA)
IMPLICIT = torch.tensor([-0.21875, -1.25], dtype=torch.float64)


def inner(w: list[Tensor], a: list[Tensor]) -> Tensor:
    return 0.5 * w[0] @ H @ w[0] - w[0] @ B @ a[0]


def outer(w: list[Tensor], a: list[Tensor]) -> Tensor:
    return 0.5 * (w[0] - TARGET).square().sum()


def toy_inner(w: list[Tensor], a: list[Tensor]) -> Tensor:
    return (w[0] ** 2 - 2 * a[0] * w[0] + a[0] ** 2).sum()


def toy_outer(w: list[Tensor], a: list[Tensor]) -> Tensor:
    return (a[0] * w[0] - 2 * a[0] + 1).sum()


def toy(value: float) -> list[Tensor]:
    return [torch.tensor([value], dtype=torch.float64)]


@pytest.mark.parametrize("mixed", ["exact", "difference"])
def test_the_signs_of_the_darts_toy(mixed: str) -> None:
    """Sheet of DARTS, must show 2: -4 first order and +2 unrolled with a step of 0.5, at (a, w) = (2, -2)."""
    w, a = toy(-2.0), toy(2.0)
    assert FirstOrder()(toy_inner, toy_outer, w, a)[0].item() == pytest.approx(-4.0)
    found = Unrolled(lr=0.5, mixed=mixed)(toy_inner, toy_outer, w, a)  # type: ignore[arg-type]
    assert found[0].item() == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize(("step", "fixed"), [(0.0, 2.0), (0.1, 1.6667), (0.3, 1.25), (0.5, 1.0), (0.7, 0.8333)])
def test_alternating_descent_ends_where_the_sheet_says(step: float, fixed: float) -> None:
    h = Unrolled(lr=step) if step else FirstOrder()
    w, a = toy(-2.0), toy(2.0)
    for _ in range(4000):
        a = [a[0] - 0.02 * h(toy_inner, toy_outer, w, a)[0]]
        w = [w[0] - 0.05 * 2 * (w[0] - a[0])]
    assert a[0].item() == pytest.approx(fixed, abs=1e-3)


@pytest.mark.parametrize("mixed", ["exact", "difference"])
def test_unrolled_is_the_closed_one_step_form(mixed: str) -> None:
    w = torch.tensor([0.3, -0.7, 2.0], dtype=torch.float64)
    velocity = torch.tensor([0.1, 0.2, -0.3], dtype=torch.float64)
    ahead = w - 0.2 * (velocity + H @ w - B @ ALPHA)
    closed = 0.2 * B.T @ (ahead - TARGET)
    found = Unrolled(lr=0.2, mixed=mixed)(inner, outer, [w], [ALPHA], velocity=[velocity])  # type: ignore[arg-type]
    assert torch.allclose(found[0], closed, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("terms", "second"),
    [(0, -0.3125), (1, -0.546875), (2, -0.72265625), (5, -1.02752686), (10, -1.19720608), (20, -1.24702699)],
)
@pytest.mark.parametrize("products", ["exact", "difference"])
def test_the_published_terms_of_the_series(terms: int, second: float, products: Mixed) -> None:
    h = Neumann(terms=terms, scale=0.25, products=products)
    found = h(inner, outer, [OPTIMUM], [ALPHA])[0]
    assert found.tolist() == pytest.approx([-0.21875, second], abs=1e-7)


def test_the_series_converges_at_the_rate_of_the_slowest_eigenvalue() -> None:
    """Error along the eigenvalue m falls as |1 - scale m|^(K + 1) / m."""
    scale = 0.25
    errors = [
        (Neumann(terms=k, scale=scale)(inner, outer, [OPTIMUM], [ALPHA])[0] - IMPLICIT).norm().item()
        for k in range(0, 60, 10)
    ]
    for before, after in itertools.pairwise(errors[2:]):  # by then only m = 1 (0.75) counts: dL2/dw is 0 along m = 0.25
        assert after / before == pytest.approx(0.75**10, rel=1e-3)


def test_differences_agree_with_exact_products_on_a_smooth_network() -> None:
    """Without ReLU there is no kink that a difference steps over: both give one gradient, to the radius."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 64, 5, generator=generator).double(), torch.randint(3, (2, 64), generator=generator)
    weights = [torch.randn(5, 8, generator=generator).double(), torch.randn(8, 3, generator=generator).double()]
    alphas = [torch.zeros(2, dtype=torch.float64)]

    def loss(batch: int, w: Sequence[Tensor], a: Sequence[Tensor]) -> Tensor:
        mixture = a[0].softmax(-1)
        hidden = x[batch] @ w[0]
        return F.cross_entropy((mixture[0] * hidden.tanh() + mixture[1] * hidden.sigmoid()) @ w[1], y[batch])

    inner_loss, outer_loss = functools.partial(loss, 0), functools.partial(loss, 1)
    direct = FirstOrder()(inner_loss, outer_loss, weights, alphas)[0]
    exact, found = (
        Neumann(terms=2, scale=0.1, products=by)(inner_loss, outer_loss, weights, alphas)[0] - direct
        for by in ("exact", "difference")
    )
    assert exact.norm() > 1e-4
    assert torch.allclose(found, exact, rtol=0.1)


def test_a_scale_at_the_limit_does_not_converge_and_above_it_says_so() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        at = Neumann(terms=60, scale=0.5)(inner, outer, [OPTIMUM], [ALPHA])[0]
    assert (at - IMPLICIT).norm().item() == pytest.approx(0.21875, abs=1e-4)
    with pytest.warns(RuntimeWarning, match="make it smaller"):
        Neumann(terms=60, scale=0.6)(inner, outer, [OPTIMUM], [ALPHA])


def test_no_terms_at_the_step_ahead_is_second_order_darts() -> None:
    """Sheet of iDARTS: K = 0 at w' = w - xi grad with scale xi, the products taken at w."""
    w = torch.tensor([0.3, -0.7, 2.0], dtype=torch.float64)
    ahead = w - 0.1 * (H @ w - B @ ALPHA)
    unrolled = Unrolled(lr=0.1)(inner, outer, [w], [ALPHA])[0]
    neumann = Neumann(terms=0, scale=0.1)(inner, outer, [ahead], [ALPHA])[0]
    assert torch.allclose(unrolled, neumann, atol=1e-12)  # the mixed derivative of a quadratic is the same anywhere


def test_the_stochastic_series_has_no_bias() -> None:
    """20 000 mini-batches, each a problem of its own with noise in H and in the outer target: the mean of their
    estimates is the estimate of the mean problem, within four standard errors."""
    draws, rng = 20_000, np.random.default_rng(0)
    curvature = H.diagonal() + torch.from_numpy(rng.normal(0, 0.3, (draws, 3)))
    target = TARGET + torch.from_numpy(rng.normal(0, 0.5, (draws, 3)))

    def noisy_inner(w: list[Tensor], a: list[Tensor]) -> Tensor:
        return (0.5 * curvature * w[0].square() - w[0] * (a[0] @ B.T)).sum()

    def noisy_outer(w: list[Tensor], a: list[Tensor]) -> Tensor:
        return 0.5 * (w[0] - target).square().sum()

    h = Neumann(terms=1, scale=0.25)
    each = h(noisy_inner, noisy_outer, [OPTIMUM.expand(draws, 3)], [ALPHA.expand(draws, 2)])[0]
    exact = h(inner, outer, [OPTIMUM], [ALPHA])[0]
    assert each.shape == (draws, 2)
    assert ((each.mean(0) - exact).abs() < 4 * each.std(0) / math.sqrt(draws)).all()
    assert (each.std(0) > 0.05).all()  # there is noise to average


def test_single_level_differentiates_the_inner_loss() -> None:
    found = SingleLevel()(inner, outer, [OPTIMUM], [ALPHA])[0]
    assert torch.allclose(found, -B.T @ OPTIMUM)


@pytest.mark.parametrize("h", [FirstOrder(), Unrolled(lr=0.1), Neumann(scale=0.1), SingleLevel()])
def test_nothing_is_changed_and_unused_tensors_get_zero(h: FirstOrder) -> None:
    w, a = [OPTIMUM.clone(), torch.ones(2)], [ALPHA.clone(), torch.ones(4)]
    kept = [t.clone() for t in (*w, *a)]
    found = h(inner, outer, w, a)
    assert all(torch.equal(t, k) for t, k in zip((*w, *a), kept))
    assert torch.equal(found[1], torch.zeros(4))
    assert not any(t.requires_grad for t in (*w, *a, *found))


@pytest.mark.parametrize("h", [Unrolled(), Neumann()])
def test_a_step_must_come_from_somewhere(h: Unrolled) -> None:
    with pytest.raises(UserError, match="needs"):
        h(inner, outer, [OPTIMUM], [ALPHA])
    assert h(inner, outer, [OPTIMUM], [ALPHA], lr=0.1)[0].shape == (2,)


@pytest.mark.parametrize("build", [lambda: Unrolled(lr=0), lambda: Neumann(terms=-1), lambda: Neumann(scale=-1.0),
                                   lambda: Unrolled(mixed="some"), lambda: Neumann(products="some")])  # type: ignore[arg-type]  # fmt: skip
def test_settings_out_of_range(build: object) -> None:
    with pytest.raises(UserError):
        build()  # type: ignore[operator]
