"""Bayesian optimisation as a whole: what it finds, how it treats limits, failures and batches."""

import math

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import BayesianOptimisation, build
from archwright.search._bayesian_optimisation import comparable, fit_due
from archwright.search._targets import ranked, standardised
from archwright.search.batches import BATCHES
from archwright.search.candidates import CANDIDATES
from archwright.search.kernels import KERNELS
from archwright.space import Arch, Choice, Space
from archwright.trial import Trial

BITS = Space([Choice(f"b{i}", ("0", "1")) for i in range(20)])
CODE = Space([Choice(f"h{i}", tuple(range(4))) for i in range(5)])


def errors(arch: Arch) -> float:
    """Distance to a secret code, one part of which pays only with the other."""
    secret = (3, 1, 2, 0, 1)
    wrong = [value != right for value, right in zip(arch.values(), secret, strict=True)]
    return sum(wrong) + 0.5 * (wrong[0] != wrong[1])


def tell(strategy, number, arch, **metrics):
    strategy.tell(Trial(number=number, arch=arch, metrics=metrics))


def motifs(arch: Arch) -> int:
    text = "".join(arch.values())
    return sum(text[i : i + 3] == "101" for i in range(18))


@pytest.mark.parametrize("kernel", ["hamming", "one-hot", "transformed-overlap"])
def test_a_code_of_a_thousand_is_found_within_forty(kernel):
    strategy = BayesianOptimisation(CODE, kernel=kernel, objectives=["loss"], initial=8, refit=10, restarts=1)
    best = math.inf
    for number in range(40):
        arch = strategy.ask()
        best = min(best, errors(arch))
        tell(strategy, number, arch, loss=errors(arch))
    assert best == 0


@pytest.mark.parametrize("candidates", CANDIDATES.names())
@pytest.mark.parametrize("acquisition", ["ei", "thompson"])
def test_candidates_are_new_and_good(candidates, acquisition):
    strategy = BayesianOptimisation(
        CODE, candidates=candidates, acquisition=acquisition, objectives=["loss"], initial=12, restarts=1
    )
    told = strategy.ask(12)
    for number, arch in enumerate(told):
        tell(strategy, number, arch, loss=errors(arch))
    proposals = strategy.ask(4)
    assert len({*told, *proposals}) == 16
    assert np.mean([errors(a) for a in proposals]) < np.mean([errors(a) for a in told])


@pytest.mark.parametrize("batch", BATCHES.names())
def test_batches_differ_and_replay(batch):
    first, again = (
        BayesianOptimisation(CODE, batch=batch, objectives=["loss"], initial=4, restarts=1) for _ in range(2)
    )
    for start in range(0, 12, 4):
        for number, arch in enumerate(first.ask(4), start):
            for strategy in (first, again):
                tell(strategy, number, arch, loss=errors(arch))
    proposals = first.ask(4)
    assert len(set(proposals)) == 4
    assert again.ask(4) == proposals


def test_a_fit_depends_on_the_trials_alone():
    """Asked after every trial, or only at the end."""
    often, once = (BayesianOptimisation(CODE, objectives=["loss"], initial=4, restarts=1) for _ in range(2))
    for number in range(17):
        arch = often.ask()
        for strategy in (often, once):
            tell(strategy, number, arch, loss=errors(arch))
    assert once.ask() == often.ask()


def test_fits_are_due_after_a_tenth_more():
    assert [fit_due(n, 10, 5) for n in (10, 14, 15, 19, 20)] == [10, 10, 15, 15, 20]
    assert [fit_due(n, 100, 5) for n in (109, 110, 120, 121)] == [100, 110, 110, 121]


def test_infeasible_trials_come_after_all_others_and_failures_last():
    values = comparable([(0.0, 1.0), (0.0, 3.0), (0.5, 0.0), (2.0, 0.0), (math.inf, math.inf)])
    assert values.tolist() == pytest.approx([1.0, 3.0, 3.0 + 2 / 3, 3.0 + 4 / 3, 5.0])


def test_targets():
    assert ranked(np.array([5.0, 1.0, 100.0])) == pytest.approx([0.0, -1.2247, 1.2247], abs=1e-4)
    assert standardised(np.array([1.0, 3.0, math.inf])) == pytest.approx([-1.4142, 0.7071, 0.7071], abs=1e-4)
    assert standardised(np.array([math.inf, math.inf])).tolist() == [0.0, 0.0]


def test_the_process_sees_at_most_so_many_trials():
    strategy = BayesianOptimisation(CODE, objectives=["loss"], initial=4, most=10, restarts=1)
    rng = np.random.default_rng(0)
    for number in range(40):
        tell(strategy, number, CODE.sample(rng), loss=float(number))
    assert strategy._seen(40) == [0, 1, 2, 3, 4, 35, 36, 37, 38, 39]
    assert strategy.ask() in CODE


@pytest.mark.parametrize("wrong", [{"kernel": "haming"}, {"targets": "ranks"}, {"initial": 0}, {"acquisition": "eii"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError):
        BayesianOptimisation(CODE, **wrong)


@pytest.mark.parametrize("name", KERNELS.names())
def test_every_kernel_drives_a_search(name):
    strategy = build("gp", CODE, kernel=name, objectives=["loss"], initial=6, candidates="mutations")
    for number in range(8):
        arch = strategy.ask()
        tell(strategy, number, arch, loss=errors(arch))
    assert strategy.ask() in CODE


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_string_kernel_counts_motifs(seed):
    """Overlapping "101" in 20 bits: 9 is the most; 8 within 25 on every seed."""
    strategy, best = build("string-kernel-bo", BITS, objectives=["max:count"], seed=seed), 0
    for number in range(25):
        arch = strategy.ask()
        best = max(best, motifs(arch))
        tell(strategy, number, arch, count=motifs(arch))
    assert best >= 8
