"""Batches: the k-DPP against determinants, penalties, diversity."""

import itertools

import numpy as np
import pytest
import torch

from archwright.errors import UserError
from archwright.search._gaussian_process import GaussianProcess
from archwright.search._surrogate import Surrogate
from archwright.search.acquisition._expected_improvement import ExpectedImprovement
from archwright.search.batches._fantasies import Fantasies
from archwright.search.batches._independent import Independent
from archwright.search.batches._k_dpp import elementary_symmetric, sample_k_dpp
from archwright.search.batches._local_penalty import LocalPenalty
from archwright.search.batches._quality_k_dpp import QualityKDPP
from archwright.search.kernels._hamming import Hamming
from archwright.space import Choice, Space

SIGMA = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
SPACE = Space([Choice(f"h{i}", (0, 1, 2)) for i in range(6)])


class Given:
    def __init__(self, mean):
        self.mean = np.array(mean, dtype=float)

    def covariance(self, archs):
        return self.mean, SIGMA


@pytest.fixture
def surrogate():
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(20)]
    y = torch.tensor([sum(a.values()) / 4 - 1.5 for a in archs]).double()
    kernel = Hamming(SPACE)
    return Surrogate(kernel, GaussianProcess(kernel.kernel(), kernel.features(archs), y), float(y.min()))


@pytest.mark.parametrize(
    ("mean", "expected"),
    [((0, 0, 0), (0.0868, 0.4566, 0.4566)), ((-1, -1, 0), (0.4124, 0.2938, 0.2938))],
)
def test_quality_k_dpp_draws_pairs_as_often_as_their_determinants_say(mean, expected):
    """Example 4 of the method sheet; in the second case quality overrules diversity."""
    rng, counts = np.random.default_rng(0), dict.fromkeys(itertools.combinations(range(3), 2), 0)
    for _ in range(20_000):
        counts[tuple(sorted(QualityKDPP().together(Given(mean), [0, 1, 2], 2, rng)))] += 1
    assert [n / 20_000 for n in counts.values()] == pytest.approx(expected, abs=0.01)


def test_k_dpp_of_a_random_kernel():
    """All 3-subsets of five items."""
    root = np.random.default_rng(1).standard_normal((5, 5))
    kernel = root @ root.T
    sets = list(itertools.combinations(range(5), 3))
    weights = np.array([np.linalg.det(kernel[np.ix_(s, s)]) for s in sets])
    rng = np.random.default_rng(2)
    draws = [tuple(sorted(sample_k_dpp(kernel, 3, rng))) for _ in range(5000)]
    assert [draws.count(s) / 5000 for s in sets] == pytest.approx(weights / weights.sum(), abs=0.025)


def test_elementary_symmetric_polynomials():
    table = elementary_symmetric(np.array([1.0, 2.0, 3.0]), 3)
    assert table[:, 3].tolist() == [1.0, 6.0, 11.0, 6.0]


@pytest.mark.parametrize("k", [0, 3])
def test_k_dpp_refuses_more_than_the_rank(k):
    with pytest.raises(UserError, match="rank"):
        sample_k_dpp(np.diag([1.0, 1.0, 0.0]), k, np.random.default_rng(0))


def test_a_batch_of_the_whole_pool(surrogate):
    pool = [SPACE.sample(np.random.default_rng(i)) for i in range(3)]
    assert set(QualityKDPP().together(surrogate, pool, 5, np.random.default_rng(0))) == set(pool)


def test_batches_of_the_k_dpp_are_farther_apart_than_the_best(surrogate):
    rng = np.random.default_rng(3)
    pool = list(dict.fromkeys(SPACE.sample(rng) for _ in range(80)))
    mean, _ = surrogate.predict(pool)
    best = [pool[i] for i in np.argsort(mean)[:5]]

    def spread(archs):
        return surrogate.distances(archs, archs).sum() / (len(archs) * (len(archs) - 1))

    drawn = [QualityKDPP().together(surrogate, pool, 5, rng) for _ in range(15)]
    assert np.mean([spread(batch) for batch in drawn]) > spread(best)


def test_a_pending_architecture_loses_worth(surrogate):
    rng = np.random.default_rng(4)
    archs = [SPACE.sample(rng) for _ in range(40)]
    acquisition = ExpectedImprovement()
    plain = acquisition(surrogate, archs, rng)
    top = int(plain.argmax())
    for batch in (Fantasies(), LocalPenalty()):
        seen = batch.surrogate(surrogate, [archs[top]])
        scores = batch.scores(acquisition, seen, archs, [archs[top]], rng)
        assert scores[top] < plain[top]
        assert plain[top] - scores[top] >= (plain - scores).max() - 1e-9


def test_independent_batches_ignore_what_is_pending(surrogate):
    assert Independent().surrogate(surrogate, [SPACE.sample(np.random.default_rng(0))]) is surrogate


def test_local_penalty_by_hand(surrogate):
    """One pending architecture: Phi((L d - mean_j + best) / deviation_j)."""
    from scipy.stats import norm

    rng = np.random.default_rng(5)
    archs = [SPACE.sample(rng) for _ in range(10)]
    pending = [SPACE.sample(rng)]
    (centre,), (deviation,) = surrogate.predict(pending)
    apart = surrogate.distances(archs, pending)[:, 0]
    slope = max(abs(m - centre) / d for m, d in zip(surrogate.predict(archs)[0], apart, strict=True) if d > 1e-6)
    expected = norm.logcdf((slope * apart - centre + surrogate.best) / deviation)
    acquisition = ExpectedImprovement()
    got = LocalPenalty().scores(acquisition, surrogate, archs, pending, rng) - acquisition(surrogate, archs, rng)
    assert got == pytest.approx(expected, abs=1e-6)
