"""LC-PFN: bins with known densities, what the network may see, the shipped weights, calibration, the median rule."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy.stats import halfnorm

from archwright.errors import UserError
from archwright.estimate import Estimator, Extrapolated
from archwright.estimate.extrapolate import (
    BinnedPrediction,
    Bins,
    CurveTransformer,
    LastValue,
    MedianRule,
    PriorFitted,
    Stopper,
    _prior_fitted,
    prior_curves,
)
from archwright.space import Arch
from archwright.trial import Report

BINS = Bins(np.array([0.0, 0.1, 0.4, 0.8, 1.0]))
MASSES = np.array([0.1, 0.2, 0.3, 0.4])
POWER = 0.9 - 0.6 * np.arange(1.0, 21.0) ** -0.5


def _density(y):
    return np.exp(BINS.log_density(torch.from_numpy(MASSES).log(), torch.tensor(y, dtype=torch.float64)).item())


def test_bins_inside_are_uniform():
    assert (_density(0.2), _density(0.5)) == pytest.approx((0.2 / 0.3, 0.3 / 0.4))


def test_tails_are_half_normal_with_half_of_their_mass_in_the_bin():
    first, last = BINS.scales
    assert _density(-0.5) == pytest.approx(0.1 * halfnorm.pdf(0.6, scale=first))
    assert _density(1.3) == pytest.approx(0.4 * halfnorm.pdf(0.5, scale=last))
    assert BINS.below(0.0)[0] == pytest.approx(0.5)
    assert BINS.below(1.0)[-1] == pytest.approx(0.5)


def test_the_density_is_the_slope_of_the_distribution():
    grid = np.linspace(-1, 3, 40_001)
    below = np.array([MASSES @ BINS.below(y) for y in grid])
    density = np.array([_density(y) for y in grid])
    assert (below[0], below[-1]) == pytest.approx((0, 1), abs=1e-6)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)
    assert np.cumsum(density[:-1]) * (grid[1] - grid[0]) == pytest.approx(below[1:], abs=2e-3)


def test_moments_of_bins():
    means, deviations = BINS.moments()
    assert means[1] == pytest.approx(0.25)
    assert deviations[1] == pytest.approx(0.3 / np.sqrt(12))
    assert means[-1] == pytest.approx(0.8 + halfnorm.mean(scale=BINS.scales[1]))
    assert deviations[0] == pytest.approx(halfnorm.std(scale=BINS.scales[0]))


def test_a_binned_prediction():
    p = BinnedPrediction.over(BINS, MASSES)
    assert p.known
    assert (p.probability_above(0.4), p.probability_above(0.6)) == pytest.approx((0.7, 0.55))
    low, high = p.interval(0.5)
    assert (p.probability_above(low), p.probability_above(high)) == pytest.approx((0.75, 0.25), abs=1e-6)
    assert p.interval(0.998)[0] < -0.1  # reaches into the tail
    assert p.mean == pytest.approx(MASSES @ BINS.moments()[0])
    assert p.log_density(0.2) == pytest.approx(np.log(0.2 / 0.3))


def test_equal_bins_hold_equally_many():
    values = np.random.default_rng(0).normal(size=10_000)
    bins = Bins.equal(values, 20)
    assert len(bins) == 20
    assert np.histogram(values, bins.borders)[0] == pytest.approx(500, abs=2)
    with pytest.raises(UserError, match="increasing"):
        Bins(np.array([0.0, 0.2, 0.1, 0.5]))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = CurveTransformer(7, layers=2, width=16, heads=2)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return made.eval().requires_grad_(False)


def _asked(network, x, y, query):
    return network(*(torch.tensor([values], dtype=torch.float32) for values in (x, y, query)))[0]


def test_queries_see_the_curve_and_not_each_other(network):
    alone = _asked(network, [1, 2, 3], [0.1, 0.3, 0.4], [9])
    together = _asked(network, [1, 2, 3], [0.1, 0.3, 0.4], [50, 9, 4])
    assert together.shape == (3, 7)
    assert together[1].numpy() == pytest.approx(alone[0].numpy(), abs=1e-5)
    other = _asked(network, [1, 2, 3], [0.1, 0.35, 0.4], [9])
    assert (other - alone).abs().max() > 1e-3


def test_points_have_no_order_but_their_epoch(network):
    sorted_ = _asked(network, [1, 40, 80], [0.1, 0.3, 0.4], [90])
    mixed = _asked(network, [80, 1, 40], [0.4, 0.1, 0.3], [90])
    swapped = _asked(network, [1, 40, 80], [0.4, 0.1, 0.3], [90])
    assert mixed.numpy() == pytest.approx(sorted_.numpy(), abs=1e-5)
    assert (swapped - sorted_).abs().max() > 1e-3


def test_the_weights_of_the_package_are_small_and_unchanged(tmp_path, monkeypatch):
    size = _prior_fitted.WEIGHTS.stat().st_size
    assert size < 2_000_000
    copy = tmp_path / "changed.safetensors"
    copy.write_bytes(_prior_fitted.WEIGHTS.read_bytes()[:-1] + b"\x01")
    monkeypatch.setattr(_prior_fitted, "WEIGHTS", copy)
    with pytest.raises(UserError, match="SHA-256"):
        PriorFitted()


def test_other_weights_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no weights"):
        PriorFitted(tmp_path / "none.safetensors")
    save_file({"a": np.zeros(3, dtype=np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="no learning-curve network"):
        PriorFitted(tmp_path / "other.safetensors")
    assert PriorFitted(_prior_fitted.WEIGHTS).predict(POWER, 100).mean == PriorFitted().predict(POWER, 100).mean


def test_calibration_on_curves_of_the_prior():
    """Coverage and log density of all methods on 200 other curves are in benchmarks/results/lcpfn.json."""
    curves = prior_curves(200, np.random.default_rng(7))[1]
    predictions = [PriorFitted().predict(curve[:20], 100) for curve in curves]
    inside = [low <= c[-1] <= high for c, (low, high) in zip(curves, (p.interval(0.9) for p in predictions))]
    assert 0.8 <= np.mean(inside) <= 0.97
    errors = np.abs([p.mean - c[-1] for p, c in zip(predictions, curves)])
    last = np.abs([LastValue().predict(c[:20], 100).mean - c[-1] for c in curves])
    assert errors.mean() < 0.95 * last.mean()
    assert np.mean([p.log_density(c[-1]) for p, c in zip(predictions, curves)]) > 1.4  # N(0, 0.06^2) gives at most 1.4


def test_a_query_is_fast():
    method, times = PriorFitted(), []
    for _ in range(20):
        start = time.process_time()
        method.predict(POWER, 100)
        times.append(time.process_time() - start)
    assert np.median(times) < 0.05


def test_the_more_is_seen_the_less_is_open():
    clean = 0.9 - 0.6 * np.arange(1.0, 100.0) ** -0.5
    widths = [np.subtract(*PriorFitted().predict(clean[:n], 100).interval(0.9)[::-1]) for n in (1, 5, 20, 80)]
    assert widths[0] > widths[1] > widths[2] > widths[3]


def test_long_curves_are_read_in_strides():
    method = PriorFitted()
    long = np.repeat(POWER, 10)
    assert method.predict(long, 1000).mean == pytest.approx(method.predict(POWER, 100).mean)
    assert np.isfinite(method.predict([0.1], 5000).mean)


def test_stopping():
    flat = 0.6 + 0.003 * np.random.default_rng(0).standard_normal(15)
    stopper = Stopper(extrapolator=PriorFitted())
    assert stopper.decide(flat, 100, 0.7).stop
    assert not stopper.decide(POWER[:10], 100, 0.8).stop
    assert not stopper.decide(flat[:3], 100, 0.99).stop  # shorter than `least`


def test_percents_are_refused():
    with pytest.raises(UserError, match="in \\[0, 1\\]"):
        PriorFitted().predict([30.0, 50.0], 100)


class _Power(Estimator):
    source = "curve"

    def __call__(self, arch, *, budget=None, seed=0):
        yield from (Report(step=i, metrics={"accuracy": 100 * y}) for i, y in enumerate(POWER))


def test_an_estimator_can_be_told_to_use_it():
    *_, last = Extrapolated(_Power(), 60, "prior-fitted")(Arch({"a": 1}))
    p = PriorFitted().predict(POWER, 60)
    assert last.metrics["extrapolated_accuracy"] == pytest.approx(100 * p.mean)
    assert last.metrics["extrapolated_accuracy_std"] == pytest.approx(100 * p.std)


def test_the_median_rule():
    others = [[0.2, 0.4, 0.6], [0.1, 0.3, 0.5], [0.3, 0.5, 0.7]]
    rule = MedianRule()
    assert rule.stops([0.1, 0.25], others)  # the median of their means is 0.3
    assert not rule.stops([0.1, 0.35], others)
    assert not rule.stops([0.35, 0.1], others)  # the best so far counts
    assert not rule.stops([0.0] * 3, [*others[:2], [0.3]])  # too few came this far
    assert not MedianRule(warm_up=2).stops([0.1, 0.25], others)
    with pytest.raises(UserError, match="least"):
        MedianRule(least=0)
