"""Problems: values and minima as published, and what every problem keeps."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from archwright.bench import PROBLEMS, Problem, problem
from archwright.bench.problems import Ackley53, Func2C, Func3C, MaxSat60, MixedRosenbrock, PestControl, Relabelled
from archwright.errors import UserError
from archwright.search import build
from archwright.study import Study

ROOT = Path(os.environ.get("ARCHWRIGHT_DATA", "/nowhere"))
needs_instance = pytest.mark.skipif(
    not (ROOT / "bo" / "frb-frb10-6-4.wcnf").is_file(), reason="ARCHWRIGHT_DATA does not hold bo/frb-frb10-6-4.wcnf"
)


@pytest.mark.parametrize(
    ("made", "chosen", "least"),
    [(Func2C(), {"h1": 1, "h2": 1}, -0.20633), (Func3C(), {"h1": 1, "h2": 1, "h3": 0}, -0.72214)],
)
def test_minima_of_sums_of_functions(made: Problem, chosen: Mapping[str, int], least: float) -> None:
    assert made.optimum == pytest.approx(least, abs=5e-6)
    for sign in (1, -1):
        point = {**chosen, "x1": sign * 0.0449, "x2": -sign * 0.3563}
        assert made.value(point) == pytest.approx(least, abs=1e-5)
        found = minimize(
            lambda x: made.value({**chosen, "x1": x[0], "x2": x[1]}),
            [point["x1"], point["x2"]],
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-14},
        )
        assert found.fun == pytest.approx(made.optimum, abs=1e-12)


def test_options_that_mean_beale() -> None:
    """Beale's minimum is 0 at u = (3, 0.5), outside; at u = (0, 0): 1.5^2 + 2.25^2 + 2.625^2 = 14.203125."""
    at = {"x1": 0.0, "x2": 0.0}
    beale = 14.203125 / 50
    assert Func2C().value({"h1": 2, "h2": 0, **at}) == pytest.approx(beale + 1 / 300)
    for h2 in (2, 3, 4):
        assert Func2C().value({"h1": 1, "h2": h2, **at}) == pytest.approx(beale)
    assert Func3C().value({"h1": 0, "h2": 1, "h3": 1, **at}) == pytest.approx(3 / 300)


def test_ackley() -> None:
    made = Ackley53()

    def of(bits: int) -> float:
        return made.value({n: int(n[0] == "b" and int(n[1:]) <= bits) for n in made.space.names})

    values = [of(0), of(1), of(5), of(50)]
    assert values == pytest.approx([0.0, 0.54196, 1.19162, 3.53108], abs=5e-6)
    rng = np.random.default_rng(0)
    drawn = [made.value(made.space.sample(rng)) for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(2.757, abs=0.02)
    assert np.std(drawn) == pytest.approx(0.177, abs=0.02)


def test_rosenbrock() -> None:
    made = MixedRosenbrock(whole=1, real=1)
    assert made.value({"n1": 1, "x1": 1.0}) == 0
    assert made.value({"n1": 2, "x1": 3.5}) == pytest.approx((100 * 0.25 + 1) / 300)
    assert MixedRosenbrock().value(dict.fromkeys(MixedRosenbrock().space.names, 1)) == 0
    with pytest.raises(UserError, match="at least two variables, got whole=1 and real=0"):
        MixedRosenbrock(whole=1, real=0)


class TestPestControl:
    def test_published_values(self) -> None:
        made = PestControl()
        assert made.INSTANCES[19] == 8194
        costs = [made.value(dict.fromkeys(made.space.names, policy)) for policy in range(5)]
        assert costs == pytest.approx([22.24, 20.10, 14.12, 12.38, 12.60], abs=0.005)
        assert made.optimum == pytest.approx(12.10, abs=0.005)

    def test_random_policies(self) -> None:
        made, rng = PestControl(), np.random.default_rng(0)
        assert np.mean([made.value(made.space.sample(rng)) for _ in range(500)]) == pytest.approx(18.11, abs=0.15)

    def test_no_neighbour_of_the_best_is_better(self) -> None:
        made = PestControl()
        best = made.space.arch({n: 4 if n != "stage25" else 0 for n in made.space.names})
        assert made.value(best) == made.optimum
        assert min(made.value(arch) for arch in made.space.neighbours(best)) >= made.optimum

    def test_by_hand(self) -> None:
        """The simulation as it is published, drawn anew at each stage."""
        rng, policy = np.random.default_rng(1), []
        made = PestControl(instance=1193)
        policy = rng.integers(0, 5, 25).tolist()
        expected = by_the_book(policy, 1193)
        assert made.value(dict(zip(made.space.names, policy, strict=True))) == pytest.approx(expected, abs=1e-12)


def by_the_book(policy: list[int], seed: int) -> float:
    def draw(a: float, b: float) -> Any:
        return np.random.RandomState(seed).beta(a, b, size=100)

    beta = {1: 2 / 7, 2: 3 / 7, 3: 3 / 7, 4: 5 / 7}
    tolerance, price = {1: 1 / 7, 2: 2.5 / 7, 3: 2 / 7, 4: 0.5 / 7}, {1: 1.0, 2: 0.8, 3: 0.7, 4: 0.5}
    discount, infested, cost = {1: 0.2, 2: 0.3, 3: 0.3, 4: 0.0}, draw(1.0, 30.0), 0.0
    for c in policy:
        cost += np.mean(infested > 0.1)
        if c:
            infested = (1 - draw(1.0, beta[c])) * infested
            beta[c] += tolerance[c] / 25
            cost += price[c] * (1 - discount[c] / 25 * policy.count(c))
        else:
            infested = draw(1.0, 17 / 3) * (1 - infested) + infested
    return float(cost)


class TestMaxSat:
    @needs_instance
    def test_against_a_count_of_clauses(self) -> None:
        made, rng = MaxSat60(), np.random.default_rng(0)
        lines = [line.split() for line in (ROOT / "bo" / "frb-frb10-6-4.wcnf").read_text().splitlines()]
        clauses = [(float(w[0]), [int(a) for a in w[1:-1]]) for w in lines if w[0] not in "cp"]
        weights = np.array([w for w, _ in clauses])
        arch = made.space.sample(rng)
        bits = [arch[n] for n in made.space.names]
        satisfied = [any(bits[abs(a) - 1] == (a > 0) for a in literals) for _, literals in clauses]
        expected = -(((weights - weights.mean()) / weights.std()) * satisfied).sum()
        assert made.value(arch) == pytest.approx(expected)

    @needs_instance
    def test_all_zeros_are_best(self) -> None:
        made = MaxSat60()
        assert made.value(dict.fromkeys(made.space.names, 0)) == pytest.approx(made.optimum)
        assert made.optimum == pytest.approx(-195.65275, abs=1e-5)

    def test_without_the_instance(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"maxsat60 needs its instance: there is no .*frb-frb10-6-4\.wcnf"):
            MaxSat60(root=tmp_path)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("nonsense here 0\n", "not a file in the WCNF format"),
            ("c x\np wcnf 60 1 5\n1 2 0\n", "1 clauses, expected 698"),
        ],
    )
    def test_another_file(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "bo").mkdir()
        (tmp_path / "bo" / "frb-frb10-6-4.wcnf").write_text(text)
        with pytest.raises(UserError, match=said):
            MaxSat60(root=tmp_path)


class TestRelabelled:
    def test_same_values_under_other_names(self) -> None:
        made = Relabelled(Ackley53(), seed=1)
        rng = np.random.default_rng(0)
        values = [[p.value(p.space.sample(rng)) for _ in range(300)] for p in (made, Ackley53())]
        assert np.mean(values[0]) == pytest.approx(np.mean(values[1]), abs=0.05)
        zeros = dict.fromkeys(made.space.names, 0)
        assert made.value(zeros) > 1
        best = {n: next(k for k, v in made._original[n].items() if v == 0) if n in made._original else 0 for n in zeros}
        assert made.value(best) == pytest.approx(0, abs=1e-12)

    def test_parents_keep_their_options(self) -> None:
        assert "kernel" not in Relabelled(problem("svm"))._original


@pytest.mark.parametrize("name", [n for n in PROBLEMS.names() if "maxsat" not in n])
def test_every_problem(name: str) -> None:
    made = problem(name)
    assert PROBLEMS.about(name).endswith(".")
    assert made.name in (name, "gradient-boosting-digits")
    assert problem(name).settings == made.settings
    rng = np.random.default_rng(3)
    arch = made.space.sample(rng)
    if name == "xgboost-digits" and made.name != name:
        return  # stands for another problem of the list
    value = made.value(arch)
    assert np.isfinite(value)
    assert value >= made.optimum - 1e-12
    if not made.cheap:
        return
    assert made.value(arch) == value, "the function itself has no noise"
    seen = [made(arch, seed=seed)["loss"] for seed in (0, 1, 0)]
    assert seen[0] == seen[2] == pytest.approx(value, abs=1e-4)
    assert (seen[0] != seen[1]) == (made.noise > 0)


def test_noise() -> None:
    made = problem("func2c", noise=0.5)
    arch = made.space.sample(np.random.default_rng(0))
    seen = [made(arch, seed=seed)["loss"] - made.value(arch) for seed in range(400)]
    assert np.std(seen) == pytest.approx(0.5, rel=0.15)
    assert np.mean(seen) == pytest.approx(0, abs=0.1)
    with pytest.raises(UserError, match="noise is a standard deviation of at least 0, got -1"):
        problem("func2c", noise=-1)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="unknown problem 'func2d'; did you mean"):
        problem("func2d")
    with pytest.raises(UserError, match="problem 'func2c' has no setting 'nois'; did you mean 'noise'"):
        problem("func2c", nois=0)
    with pytest.raises(UserError, match="instance is a seed"):
        problem("pest-control", instance=-1)


def test_a_problem_is_an_estimator() -> None:
    made = problem("func2c")
    found = Study(made.space, build("random", made.space, objectives=["loss"]), made, objectives=["loss"]).run(trials=9)
    assert found.best.metrics["loss"] >= made.optimum - 1e-4
