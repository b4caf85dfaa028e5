import math
import subprocess
import sys

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.statistics import (
    kendall,
    kendall_deviation,
    noise_ceiling,
    pairwise_accuracy,
    partial_spearman,
    spearman,
    spearman_rows,
)


def literal_counts(a, b):
    """Concordant, discordant and tied pairs, by the definition."""
    concordant = discordant = only_a = only_b = 0
    for i in range(len(a)):
        for j in range(i):
            product = (a[i] - a[j]) * (b[i] - b[j])
            concordant += product > 0
            discordant += product < 0
            only_a += a[i] == a[j] and b[i] != b[j]
            only_b += b[i] == b[j] and a[i] != a[j]
    return concordant, discordant, only_a, only_b


def test_kendall_with_ties():
    assert kendall([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert kendall([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert kendall([1, 1, 2, 3], [1, 2, 2, 3]) == pytest.approx(4 / 5)
    assert math.isnan(kendall([1, 1], [1, 2]))


def test_values_of_the_sheet():
    a, b = (1, 2, 3, 4, 5), (1, 3, 2, 5, 4)
    assert kendall(a, b) == pytest.approx(0.6)
    assert spearman(a, b) == pytest.approx(0.8)
    assert pairwise_accuracy(a, b) == pytest.approx(0.8)
    a, b = (1, 2, 2, 3), (1, 2, 3, 4)
    assert kendall(a, b) == pytest.approx(0.912871, abs=5e-7)
    assert kendall(a, b, variant="a") == pytest.approx(5 / 6)
    assert spearman(a, b) == pytest.approx(0.948683, abs=5e-7)
    assert spearman((1, 2, 3), (3, 2, 1)) == pytest.approx(-1)


@pytest.mark.parametrize("statistic", [kendall, spearman, pairwise_accuracy])
@pytest.mark.filterwarnings("error")
def test_a_constant_score_has_no_rank_correlation(statistic):
    assert math.isnan(statistic([1, 1, 1], [1, 2, 3]))
    assert math.isnan(statistic([1, 2, 3], [2, 2, 2]))
    assert math.isnan(statistic([1], [2]))
    assert math.isnan(statistic([1, math.nan, 3], [1, 2, 3]))


def test_both_variants_and_pairwise_accuracy_against_counted_pairs():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(6, size=(2, 15))
        c, d, only_a, only_b = literal_counts(a, b)
        assert kendall(a, b, variant="a") == pytest.approx((c - d) / (15 * 14 / 2))
        assert kendall(a, b) == pytest.approx((c - d) / math.sqrt((c + d + only_a) * (c + d + only_b)))
        assert pairwise_accuracy(a, b) == pytest.approx(c / (c + d))


def test_infinite_scores_are_ranked():
    assert kendall([-math.inf, 0, 1], [1, 2, 3]) == pytest.approx(1)
    assert spearman([-math.inf, 0, math.inf], [1, 2, 3]) == pytest.approx(1)


def test_ranks_do_not_care_about_increasing_transforms():
    rng = np.random.default_rng(1)
    scores, truth, control = rng.normal(size=(3, 50))
    for statistic in (kendall, spearman, pairwise_accuracy):
        assert statistic(np.exp(3 * scores), truth) == statistic(scores, truth)
    assert partial_spearman(np.exp(scores), truth, control**3) == partial_spearman(scores, truth, control)


def test_rows_are_spearman_of_each():
    a, b = np.random.default_rng(2).integers(5, size=(2, 7, 12)).astype(float)
    assert spearman_rows(a, b) == pytest.approx([spearman(x, y) for x, y in zip(a, b, strict=True)])


def test_partial_spearman_is_the_formula_of_three_correlations():
    rng = np.random.default_rng(3)
    control = rng.normal(size=200)
    a, b = control + rng.normal(size=200), control + rng.normal(size=200)
    ab, ac, bc = spearman(a, b), spearman(a, control), spearman(b, control)
    expected = (ab - ac * bc) / math.sqrt((1 - ac**2) * (1 - bc**2))
    assert partial_spearman(a, b, control) == pytest.approx(expected)
    assert abs(partial_spearman(a, b, control)) < 0.15 < ab


def test_a_score_that_orders_like_the_control_has_nothing_left():
    rng = np.random.default_rng(4)
    control, truth = rng.normal(size=(2, 30))
    assert math.isnan(partial_spearman(2 * control, truth, control))
    assert partial_spearman(truth, truth, np.ones(30)) == pytest.approx(1)


@pytest.mark.parametrize(("n", "published"), [(10, 0.2485), (100, 0.0678), (1000, 0.0211)])
def test_deviation_without_association(n, published):
    assert kendall_deviation(n) == pytest.approx(published, abs=5e-5)


def test_a_permutation_test_reproduces_the_deviation():
    rng = np.random.default_rng(5)
    found = [kendall(rng.permutation(30), np.arange(30)) for _ in range(2000)]
    assert np.std(found) == pytest.approx(kendall_deviation(30), rel=0.05)


def test_noise_ceiling_is_the_mean_over_pairs_of_runs():
    runs = np.array([[1, 1, 1], [2, 3, 2], [3, 2, math.nan], [4, 4, math.nan]])
    first, second, third = kendall([1, 2, 3, 4], [1, 3, 2, 4]), 1.0, 1.0
    assert noise_ceiling(runs) == pytest.approx((first + second + third) / 3)
    assert math.isnan(noise_ceiling(runs[:, :1]))


def test_sequences_of_different_lengths_are_refused():
    with pytest.raises(UserError, match=r"\(3,\) and \(2,\)"):
        kendall([1, 2, 3], [1, 2])


def test_scipy_comes_only_when_it_is_needed():
    code = "import sys, archwright.statistics; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
