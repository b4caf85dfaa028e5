"""Acquisition functions against Monte Carlo and by hand."""

import math

import numpy as np
import pytest
import torch

from archwright.errors import UserError
from archwright.search.acquisition import ACQUISITIONS
from archwright.search.acquisition._confidence_bound import ConfidenceBound
from archwright.search.acquisition._expected_improvement import ExpectedImprovement
from archwright.search.acquisition._log_improvement import log_improvement
from archwright.search.acquisition._thompson import Thompson


class Known:
    """A surrogate with given moments."""

    best = 0.5

    def __init__(self, mean, deviation):
        self.mean, self.deviation = np.array(mean, dtype=float), np.array(deviation, dtype=float)

    def predict(self, archs):
        return self.mean, self.deviation

    def sample(self, archs, rng):
        return self.mean + self.deviation * rng.standard_normal(len(self.mean))


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (1.0, 0.5), (-2.0, 0.3), (0.5, 2.0)])
def test_expected_improvement_is_its_monte_carlo_mean(mean, deviation):
    draws = np.random.default_rng(0).normal(mean, deviation, 1_000_000)
    value = math.exp(ExpectedImprovement()(Known([mean], [deviation]), [None], None)[0])
    assert value == pytest.approx(np.maximum(0.5 - draws, 0).mean(), rel=0.01)


def test_log_improvement_by_hand():
    """At the best, z = 0: s / sqrt(2 pi)."""
    got = log_improvement(torch.tensor([1.0]).double(), torch.tensor([2.0]).double(), 1.0)
    assert float(got) == pytest.approx(math.log(2 / math.sqrt(2 * math.pi)))


def test_log_improvement_falls_smoothly_where_the_plain_one_is_zero():
    z = torch.linspace(-150, 8, 4000, dtype=torch.float64).requires_grad_()
    value = log_improvement(-z, torch.ones_like(z), 0.0)
    (slope,) = torch.autograd.grad(value.sum(), z)
    assert torch.isfinite(value).all()
    assert (value.diff() > 0).all()
    assert (slope > 0).all()
    assert value[0].item() == pytest.approx(-0.5 * 150**2 - 0.5 * math.log(2 * math.pi) - 2 * math.log(150), abs=1e-3)


def test_the_confidence_bound_is_optimistic():
    known = Known([0.0, 0.0, 1.0], [1.0, 2.0, 0.1])
    assert ConfidenceBound(beta=2.0)(known, [None] * 3, None).tolist() == pytest.approx([2.0, 4.0, -0.8])


def test_the_confidence_bound_refuses_a_negative_width():
    with pytest.raises(UserError, match="beta"):
        ConfidenceBound(beta=-1)


def test_thompson_takes_each_as_often_as_it_is_best():
    """The chance that N(0, 1) is below N(1, 1) is Phi(1 / sqrt 2)."""
    rng, known = np.random.default_rng(0), Known([0.0, 1.0], [1.0, 1.0])
    first = np.mean([Thompson()(known, [None] * 2, rng).argmax() == 0 for _ in range(20_000)])
    assert first == pytest.approx(0.7602, abs=0.015)


@pytest.mark.parametrize("name", ACQUISITIONS.names())
def test_scores_on_a_positive_scale_keep_their_order(name):
    scores = np.array([-800.0, -3.0, 0.0, 2.0])
    assert (np.diff(ACQUISITIONS.load(name)().log_positive(scores)) > 0).all()
