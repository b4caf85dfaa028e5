"""Learning-curve extrapolation: the figures of the sheet, the sampler on known densities, stopping, the wrapper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from archwright import data, zoo
from archwright.errors import UserError
from archwright.estimate import ESTIMATORS, Estimator, Extrapolated, Train
from archwright.estimate.extrapolate import (
    FAMILIES,
    BestSoFar,
    CurveEnsemble,
    LastValue,
    LcSVR,
    LeastSquares,
    Prediction,
    Stopper,
    family,
    features,
    fit,
    onset,
    prior_curves,
    recency_weights,
    stretch,
)
from archwright.registry import Part
from archwright.space import Arch
from archwright.testing import EstimatorContract
from archwright.train import Trainer
from archwright.trial import Report

EPOCHS = np.arange(1.0, 21.0)
POWER = 0.9 - 0.6 * EPOCHS**-0.5
END = 0.857574
QUICK = CurveEnsemble(steps=400, burn_in=150)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("pow3", (0.32000, 0.33184, 0.34340)),
        ("log-power", (0.13821, 0.31915, 0.53600)),
        ("weibull", (0.10597, 0.15710, 0.47927)),
        ("mmf", (0.10000, 0.10001, 0.40000)),
        ("janoschek", (0.26723, 0.49292, 0.69555)),
        ("ilog2", (0.15964, 0.60068, 0.68683)),
        ("hill3", (0.28650, 0.53654, 0.69336)),
        ("vapour", (0.33552, 0.56463, 0.64932)),
        ("log-log-linear", (0, 1.19471, 1.72369)),
        ("exp4", (0.49810, 0.60894, 0.68140)),
        ("pow4", (0.21130, 0.33238, 0.42855)),
    ],
)
def test_families_at_their_defaults(name, values):
    assert family(name)([1, 10, 100]) == pytest.approx(values, abs=6e-5)  # the sheet rounds some defaults


def test_families_take_many_parameters_at_once():
    for f in FAMILIES.values():
        thetas = np.array(list(f.start.values())) * np.linspace(0.9, 1.1, 6).reshape(2, 3, 1)
        values = f(EPOCHS, thetas)
        assert values.shape == (2, 3, 20)
        assert values[1, 2] == pytest.approx(f(EPOCHS, thetas[1, 2]), nan_ok=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_recovers_itself(name):
    f = FAMILIES[name]
    y = f(EPOCHS)
    found = fit(f, y)
    assert found is not None
    assert found.sigma < 2e-3
    assert found(EPOCHS) == pytest.approx(y, abs=5e-3)


def test_recency_weights():
    assert recency_weights(10)[[0, 1, 2, 9]] == pytest.approx([1, 1.2589, 1.5849, 7.9433], abs=1e-4)
    assert np.diff(np.log10(recency_weights(10))) == pytest.approx(0.1)


def test_a_power_law_is_recovered_where_the_last_value_fails():
    found = fit(FAMILIES["pow3"], POWER)
    assert found is not None
    assert found([200.0])[0] == pytest.approx(END, abs=1e-4)
    assert LastValue().predict(POWER, 200).mean == pytest.approx(0.765836, abs=1e-6)
    assert LeastSquares().predict(POWER, 200).mean == pytest.approx(END, abs=1e-3)


@pytest.mark.slow
def test_a_noisy_power_law_is_recovered():
    errors = []
    for seed in range(20):
        noisy = POWER + 0.005 * np.random.default_rng(seed).standard_normal(20)
        errors.append(abs(CurveEnsemble(seed=seed).predict(noisy, 200).mean - END))
    assert np.mean(errors) < 0.03


def test_a_noisy_power_law_is_recovered_once():
    noisy = POWER + 0.005 * np.random.default_rng(3).standard_normal(20)
    assert abs(QUICK.predict(noisy, 200).mean - END) < 0.06  # the last value misses by 0.09


def test_the_chain_finds_a_correlated_normal_distribution():
    mean, scale = np.array([1.0, -2.0, 0.5]), np.array([[1.0, 0, 0], [3.0, 0.5, 0], [-1.0, 0.2, 0.1]])
    inverse = np.linalg.inv(scale)
    rng = np.random.default_rng(0)
    draws = stretch(
        lambda x: -0.5 * (((x - mean) @ inverse.T) ** 2).sum(1), rng.standard_normal((40, 3)), 3000, rng, thin=5
    )
    flat = draws[100:].reshape(-1, 3)
    assert flat.mean(0) == pytest.approx(mean, abs=0.15)
    assert np.cov(flat.T) == pytest.approx(scale @ scale.T, rel=0.15, abs=0.1)


def test_the_chain_respects_a_boundary():
    """Exponential distribution: mean 1, variance 1."""
    rng = np.random.default_rng(0)
    draws = stretch(lambda x: np.where(x[:, 0] > 0, -x[:, 0], -np.inf), rng.random((20, 1)), 4000, rng, thin=4)
    flat = draws[100:].ravel()
    assert (flat > 0).all()
    assert (flat.mean(), flat.var()) == pytest.approx((1.0, 1.0), abs=0.12)


def test_the_leading_plateau_is_cut():
    curve = np.array([0.1, 0.1, 0.11, 0.2, 0.12, 0.3, 0.4, 0.5, 0.55, 0.6])
    assert onset(curve) == 5
    assert onset(np.full(10, 0.6)) == 0
    assert onset(np.array([0.1, 0.5, 0.6])) == 0


def test_what_is_cut_shortens_the_horizon():
    late = np.concatenate([np.full(6, 0.05), POWER])
    assert fit(FAMILIES["pow3"], late) is not None
    cut, whole = (LeastSquares(families=["pow3"], cut=c).predict(late, 206).mean for c in (True, False))
    assert abs(cut - END) < 0.02 < abs(whole - END)


def test_a_mixture_of_normals():
    p = Prediction.of(np.array([0.4, 0.6]), 0.1)
    assert (p.mean, p.std) == pytest.approx((0.5, 0.1))
    assert p.probability_above(0.6) == pytest.approx((norm.sf(2) + 0.5) / 2)
    low, high = p.interval(0.9)
    assert (low, p.probability_above(low), p.probability_above(high)) == pytest.approx((1 - high, 0.95, 0.05), abs=1e-6)
    assert p.log_density(0.5) == pytest.approx(norm.logpdf(1) - np.log(0.1))


def test_without_noise_a_prediction_is_certain():
    p = Prediction.of(0.7)
    assert [p.probability_above(y) for y in (0.6, 0.7, 0.8)] == [1.0, 0.0, 0.0]


def test_a_known_epoch_is_not_predicted():
    for method in (LastValue(), BestSoFar(), QUICK, LeastSquares()):
        p = method.predict([0.1, 0.5, 0.4], 2)
        assert (p.mean, p.std) == (0.5, 0.0)


def test_baselines():
    curve = [0.1, 0.5, 0.4]
    assert LastValue().predict(curve, 9).mean == 0.4
    assert BestSoFar().predict(curve, 9).mean == 0.5
    assert LastValue().predict([curve, [0.3, 0.5, 0.6]], 9).mean == 0.5  # mean of two seeds


def test_when_nothing_fits_nobody_stops():
    for method in (QUICK, LeastSquares()):
        p = method.predict([0.3], 50)
        assert (p.known, p.probability_above(0.99)) == (False, 1.0)
        assert not Stopper(extrapolator=method, optimistic=True).decide([0.3], 50, 0.99).stop


@pytest.mark.parametrize("method", [LeastSquares(), QUICK])
def test_stopping(method):
    flat = 0.6 + 0.003 * np.random.default_rng(0).standard_normal(15)
    stopper = Stopper(extrapolator=method)
    assert stopper.decide(flat, 100, 0.7).stop
    assert not stopper.decide(POWER[:10], 200, 0.8).stop
    assert not stopper.decide(flat, 100, 0.6).stop  # it is the incumbent


def test_the_optimistic_rule_stops_what_is_settled():
    curve = np.minimum(POWER, 0.7)[5:]
    settled = Stopper(extrapolator=LastValue(), optimistic=True).decide(curve, 200, 0.2)
    assert settled.stop
    assert settled.probability == pytest.approx(1.0)
    assert not Stopper(extrapolator=LastValue()).decide(curve, 200, 0.2).stop


def test_feature_counts():
    curve = np.linspace(0.1, 0.8, 10)
    assert features(curve).shape == (29,)
    assert features(curve, costs=[1.0, 2.0, 3.0]).shape == (32,)
    assert features(curve, costs=[1.0, 2.0, 3.0], train_losses=curve).shape == (33,)
    assert features(np.stack([curve, curve])).shape == (2, 29)
    assert features([1.0, 2.0, 4.0]) == pytest.approx([1, 2, 4, 1, 2, 1, 7 / 3, np.std([1, 2, 4])])


def _crossing(count, seed):
    """Curves whose end depends on their slope, not on their last value."""
    rng = np.random.default_rng(seed)
    rate, top = rng.uniform(0.05, 0.3, (count, 1)), rng.uniform(0.5, 0.9, (count, 1))
    return top * (1 - np.exp(-rate * np.arange(1, 41))) + 0.002 * rng.standard_normal((count, 40))


def test_regression_on_features_beats_the_last_value_where_curves_cross():
    known, new = _crossing(80, 0), _crossing(30, 1)
    svr = LcSVR(known, trials=60)
    error = {m: np.mean([abs(m.predict(c[:10], 40).mean - c[-1]) for c in new]) for m in (svr, LastValue())}
    assert error[svr] < 0.3 * error.popitem()[1]
    assert svr.predict(new[0][:10], 40).noise[0] < 0.05


def test_regression_says_what_it_cannot_do():
    with pytest.raises(UserError, match="at least 6"):
        LcSVR(_crossing(5, 0))
    with pytest.raises(UserError, match="40 epochs"):
        LcSVR(_crossing(8, 0)).predict([0.1, 0.2], 41)


def test_curves_of_the_prior():
    clean, noisy = prior_curves(500, np.random.default_rng(0))
    assert clean.shape == noisy.shape == (500, 100)
    assert ((clean >= 0) & (clean <= 1)).all()
    assert (clean[:, -1] > clean[:, 0]).all()
    assert np.median(np.log((noisy - clean).std(1))) == pytest.approx(-4, abs=0.2)
    assert prior_curves(3, np.random.default_rng(1))[0] == pytest.approx(prior_curves(3, np.random.default_rng(1))[0])


@pytest.mark.slow
def test_intervals_on_curves_of_the_prior_are_calibrated():
    rng = np.random.default_rng(0)
    _, noisy = prior_curves(60, rng)
    three = ["pow3", "ilog2", "janoschek"]
    method = CurveEnsemble(families=three, steps=800, burn_in=300, cut=False, recency=False)
    inside = []
    for curve in noisy:
        low, high = method.predict(curve[:20], 100).interval(0.9)
        inside.append(low <= curve[-1] <= high)
    assert 0.8 <= np.mean(inside) <= 0.97


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LastValue().predict([], 5), "one or more"),
        (lambda: LastValue().predict([0.1, np.nan], 5), "finite"),
        (lambda: LastValue().predict([0.1], 0), "horizon"),
        (lambda: LeastSquares(families=["pow33"]), "did you mean"),
        (lambda: CurveEnsemble(steps=10, burn_in=10), "burn_in"),
        (lambda: Stopper(extrapolator=LastValue(), threshold=0), "threshold"),
        (lambda: Extrapolated(_Power(), 200, "least-square"), "did you mean"),
        (lambda: Extrapolated(_Power(), 0), "horizon"),
    ],
)
def test_wrong_settings_are_told(call, message):
    with pytest.raises(UserError, match=message):
        call()


class _Power(Estimator):
    source = "curve"

    def __call__(self, arch, *, budget=None, seed=0):
        yield Report(step=0, metrics={"params": 3.0})
        for i, y in enumerate(POWER[: round(budget or 20)]):
            yield Report(step=i, metrics={"accuracy": 100 * y, "loss": 2 - 2 * y})


def test_reports_get_the_value_at_the_horizon():
    reports = list(Extrapolated(_Power(), 200)(Arch({"a": 1})))
    assert len(reports) == 21
    assert reports[-1].metrics["extrapolated_accuracy"] == pytest.approx(100 * END, abs=0.1)
    assert reports[-1].metrics["extrapolated_accuracy_std"] < 1
    assert "extrapolated_accuracy_std" not in reports[1].metrics  # one point tells nothing


def test_losses_fall_towards_the_horizon():
    judge = Extrapolated(_Power(), 200, metric="loss", low=2.0, high=0.0, every=50)
    reports = list(judge(Arch({"a": 1})))
    assert len(reports) == 22
    assert reports[-1].metrics["extrapolated_loss"] == pytest.approx(2 - 2 * END, abs=0.01)


@pytest.fixture(scope="module")
def splits():
    rng, y = np.random.default_rng(0), np.arange(300) % 3
    return data.load((rng.normal(y[:, None], 1.0, (300, 5)).astype(np.float32), y))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return zoo.build("mlp", in_channels=5, classes=3, width=16, depth=2)


class TestExtrapolated(EstimatorContract):
    @pytest.fixture
    def estimator(self, net, splits):
        return Extrapolated(Train(net, splits, trainer=Trainer(epochs=2, schedule="constant")), 10)

    @pytest.fixture
    def space(self, net):
        return net.space


def test_a_recipe_builds_it(net, splits):
    part = Part("estimator", "extrapolated", {"horizon": 30, "method": "last-value"})
    judge = part.build(ESTIMATORS, net=net, splits=splits)
    report = next(iter(judge(net.space.sample(np.random.default_rng(0)))))
    assert report.metrics["extrapolated_accuracy"] == report.metrics["accuracy"]
