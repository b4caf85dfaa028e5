"""Strategies against each other: what counts, what is kept, who is left out."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_strategies import Broken, Counting, Downwards, Ladder
from bench_tables import Toy, needs

from archwright import bench, search
from archwright.bench import StrategyRow, TableJudge, evaluate_strategies, standings
from archwright.bench._run import Run, design, run
from archwright.bench._strategy_row import RANDOM, area, of_runs, ranked
from archwright.errors import ArchwrightError, UserError
from archwright.search import STRATEGIES
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.trial import Trial


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more strategies."""
    monkeypatch.setitem(STRATEGIES._all(), "downwards", "bench_strategies:Downwards")
    monkeypatch.setitem(STRATEGIES._all(), "broken", "bench_strategies:Broken")
    assert STRATEGIES.load("downwards") is Downwards
    assert STRATEGIES.load("broken") is Broken


def row_of(rows: list[StrategyRow], strategy: str, dataset: str | None = None) -> StrategyRow:
    return next(row for row in rows if row.strategy == strategy and dataset in (None, row.dataset))


# regrets --------------------------------------------------------------------------------------------------------------


def test_regrets_of_a_table() -> None:
    """Chosen by validation, reported by test, both against the best of the table."""
    toy = Toy()
    valid, test = toy.values("valid_accuracy"), toy.values("test_accuracy")
    judge = TableJudge(toy)
    assert (judge.objective, judge.unit, judge.tested, judge.budgets) == ("accuracy", "percentage points", True, (1, 9))
    seen = judge(toy.architectures()[7], budget=None, seed=(0, 0))
    assert seen.valid_regret == pytest.approx(valid.max() - valid[7])
    assert seen.test_regret == pytest.approx(test.max() - test[7])
    assert seen.metrics == {"accuracy": valid[7]}
    assert (seen.cost, seen.complete) == (1.0, True)

    short = judge(toy.architectures()[7], budget=1, seed=(0, 0))
    assert short.metrics == {"accuracy": pytest.approx(valid[7] - 20)}
    assert (short.cost, short.complete) == (1 / 9, False)
    assert judge(toy.architectures()[7], budget=2, seed=(0, 0)).cost == 1, "the next longer training that there is"
    assert judge(toy.architectures()[7], budget=99, seed=(0, 0)).complete


def test_the_incumbent_is_chosen_by_validation_not_by_test() -> None:
    toy = Toy()
    rows = evaluate_strategies(toy, ["random"], budget=25, seeds=2)
    row = row_of(rows, "random")
    best = int(toy.values("valid_accuracy").argmax())
    test = toy.values("test_accuracy")
    assert row.valid_regret == 0, "all 25 were seen"
    assert row.test_regret == pytest.approx(test.max() - test[best])
    assert row.test_regret > 0, "else this test says nothing"
    assert (np.diff(row.valid, axis=1) <= 0).all()


def test_a_table_without_a_validation_result() -> None:
    judge = TableJudge(Toy(), "test_accuracy")
    assert not judge.tested
    seen = judge(Toy().architectures()[3], budget=None, seed=(0, 0))
    assert seen.valid_regret == seen.test_regret
    with pytest.raises(UserError, match="no metric 'accuracy'"):
        TableJudge(Toy(), "accuracy")


def test_expected_random_search_agrees_with_runs() -> None:
    rows = evaluate_strategies(Toy(), ["random"], budget=10, seeds=400)
    runs, expected = row_of(rows, "random"), row_of(rows, RANDOM)
    error = runs.valid.std(0) / math.sqrt(400)
    assert (abs(runs.valid.mean(0) - expected.valid[0]) < 4 * error + 1e-12).all()
    error = runs.test.std(0) / math.sqrt(400)
    assert (abs(runs.test.mean(0) - expected.test[0]) < 4 * error + 1e-12).all()
    assert (expected.valid_low, expected.valid_high, expected.seconds) == (expected.valid_regret,) * 2 + (0.0,)


def test_more_evaluations_than_architectures() -> None:
    expected = row_of(evaluate_strategies(Toy(), ["random"], budget=30, seeds=1), RANDOM)
    assert expected.valid.shape == (1, 30)
    assert expected.valid[0, 24:].tolist() == [0.0] * 6


def test_interval_and_one_seed() -> None:
    row = row_of(evaluate_strategies(Toy(), ["random"], budget=3, seeds=5), "random")
    half = 2.7764451 * row.valid[:, -1].std(ddof=1) / math.sqrt(5)
    assert (row.valid_low, row.valid_high) == pytest.approx((row.valid_regret - half, row.valid_regret + half))
    one = row_of(evaluate_strategies(Toy(), ["random"], budget=3, seeds=[4]), "random")
    assert one.seeds == (4,)
    assert one.as_dict()["valid_low"] is None


def test_problems_are_judged_without_their_noise() -> None:
    """The incumbent is what looked best, its regret is the true one."""
    rows = evaluate_strategies(Counting(noise=1.5), ["random"], budget=40, seeds=10)
    row = row_of(rows, "random")
    assert set(np.unique(row.valid)) <= set(range(19))
    assert (np.diff(row.valid, axis=1) > 0).any(), "a lucky evaluation of a worse one"
    assert (row.unit, row.tested, row.test_regret) == ("loss", False, row.valid_regret)
    clean = row_of(evaluate_strategies(Counting(), ["random"], budget=40, seeds=3), "random")
    assert (np.diff(clean.valid, axis=1) <= 0).all()


# shorter trainings ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("registered")
def test_a_short_training_costs_its_share() -> None:
    """Each rung costs 1/4 + 1; the incumbent changes with the long ones alone."""
    judge = Ladder()
    found = run(judge, bench._entrant.Entrant.parse("downwards"), budget=5, seed=0)
    assert found.steps == ((1.25, 8.0, 80.0), (2.5, 7.0, 70.0), (3.75, 6.0, 60.0))
    assert judge.asked[:3] == [(8, 1.0), (8, 4.0), (7, 1.0)]
    assert (found.evaluations, found.failed) == (8, 2), "5 has no result, short or long"
    row = of_runs(judge, "downwards", {0: found}, 5)
    assert np.isnan(row.valid[0, 0])
    assert row.valid[0, 1:].tolist() == [8.0, 7.0, 6.0, 6.0]
    assert row.failed == pytest.approx(0.25)


@pytest.mark.usefixtures("registered")
def test_what_the_budget_does_not_cover_is_not_counted() -> None:
    found = run(Ladder(), bench._entrant.Entrant.parse("downwards"), budget=3, seed=0)
    assert [cost for cost, *_ in found.steps] == [1.25, 2.5], "0.25 are left, and one more short training"
    assert found.evaluations == 5


def test_halving_gets_the_lengths_of_the_table() -> None:
    refused: list[tuple[str, ...]] = []
    rows = evaluate_strategies(
        [TableJudge(Toy()), bench.ProblemJudge(Counting())],
        ["successive-halving", "median-stopping", "random"],
        budget=6,
        seeds=2,
        refused=lambda *words: refused.append(words),
    )
    assert row_of(rows, "successive-halving").dataset == "digits"
    assert {(s, d) for s, d, _ in refused} == {
        ("median-stopping", "digits"), ("median-stopping", "counting"), ("successive-halving", "counting"),
    }  # fmt: skip
    assert all(len(why.splitlines()) == 1 for *_, why in refused)
    assert len([row for row in rows if row.strategy == "random"]) == 2


# initial design -------------------------------------------------------------------------------------------------------


def test_the_same_initial_design_for_all() -> None:
    names = ["random", "regularized-evolution:population=4:sample=2", "optuna-tpe"]
    rows = evaluate_strategies(Counting(), names, budget=8, seeds=3, initial=6)
    firsts = {row.strategy: row.valid[:, :6].tolist() for row in rows if not row.exact}
    assert firsts[names[0]] == firsts[names[1]] == firsts[names[2]]
    drawn = design(bench.ProblemJudge(Counting()), 6, 2)
    assert len(set(drawn)) == 6
    assert firsts["random"][2] == np.minimum.accumulate([a["a"] + a["b"] for a in drawn]).tolist()


# what is kept ---------------------------------------------------------------------------------------------------------


def test_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate_strategies(Toy(), ["random"], budget=5, seeds=2, out=tmp_path)
    lines = (tmp_path / "runs.jsonl").read_text().splitlines()
    assert len(lines) == 2
    (tmp_path / "runs.jsonl").write_text("\n".join(lines) + '\n{"about": "torn')
    told = []
    more = evaluate_strategies(
        Toy(), ["nsga2", "random"], budget=5, seeds=3, out=tmp_path, progress=lambda *words: told.append(words)
    )
    assert told[0] == (2, 6, "")
    assert [done for done, *_ in told] == [2, 3, 4, 5, 6]
    assert row_of(more, "random").valid[:2].tolist() == row_of(first, "random").valid.tolist()
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 7, "with the torn one"

    monkeypatch.setattr("archwright.bench._pool.run", None)
    again = evaluate_strategies(Toy(), ["nsga2", "random"], budget=5, seeds=3, out=tmp_path)
    assert [row.as_dict() for row in again] == [row.as_dict() for row in more]


def test_another_budget_or_design_is_another_run(tmp_path: Path) -> None:
    for budget, initial in ((5, 0), (6, 0), (6, 2)):
        evaluate_strategies(Toy(), ["random"], budget=budget, initial=initial, seeds=1, out=tmp_path)
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 3


def test_making_runs_anew(tmp_path: Path) -> None:
    for _ in range(2):
        evaluate_strategies(Toy(), ["random", "nsga2"], budget=3, seeds=1, out=tmp_path, again=["random"])
    lines = [json.loads(line)["strategy"] for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert sorted(lines) == ["nsga2", "random", "random"]


def test_runs_survive_json() -> None:
    found = Run(steps=((1.0, 2.0, math.nan), (2.5, 0.1, 0.3)), seconds=0.5, evaluations=3, failed=1)
    back = Run.from_dict(json.loads(json.dumps({**found.as_dict(), "strategy": "random"})))
    assert str(back) == str(found)


# processes ------------------------------------------------------------------------------------------------------------


def test_processes_find_the_same(tmp_path: Path) -> None:
    problem = bench.problem("func2c")
    names = ["random", "local-search"]
    one = evaluate_strategies(problem, names, budget=6, seeds=2)
    two = evaluate_strategies(problem, names, budget=6, seeds=2, jobs=2)
    for a, b in zip(one, two, strict=True):
        assert (a.strategy, a.valid.tolist()) == (b.strategy, b.valid.tolist())


@pytest.mark.usefixtures("registered")
def test_a_mistake_in_one_strategy_does_not_stop_the_others() -> None:
    refused = []
    rows = evaluate_strategies(
        Toy(), ["broken", "random"], budget=5, seeds=3, refused=lambda *words: refused.append(words)
    )
    assert [row.strategy for row in rows if not row.exact] == ["random"]
    assert refused == [("broken", "digits", "ZeroDivisionError: by zero")], "said once"


def test_the_process_keeps_its_threads() -> None:
    import torch

    from archwright.bench._pool import one_thread

    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


# input ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["randon"], {}, "unknown strategy 'randon'; did you mean 'random'"),
        (["random:seed"], {}, "a setting of a strategy is written :name=value, got 'seed'"),
        ([], {}, "at least one problem, one strategy and one seed"),
        (["random"], {"seeds": 0}, "at least one problem, one strategy and one seed"),
        (["random"], {"budget": 0}, "budget and jobs are at least 1"),
        (["random"], {"budget": 5, "initial": 6}, "initial is from 0 to budget"),
    ],
)
def test_bad_input(names: list[str], options: dict[str, int], said: str) -> None:
    with pytest.raises(UserError, match=said):
        evaluate_strategies(Toy(), names, **options)


def test_a_setting_that_a_strategy_does_not_have() -> None:
    refused = []
    names = ["nsga2:poplation=5", "nsga2:population=5"]
    rows = evaluate_strategies(Toy(), names, budget=3, seeds=1, refused=lambda *words: refused.append(words))
    assert len(rows) == 2
    assert "did you mean 'population'" in refused[0][2]


def test_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").mkdir()
    with pytest.raises(ArchwrightError, match="cannot be written"):
        evaluate_strategies(Toy(), ["random"], budget=2, seeds=1, out=tmp_path)


# standings ------------------------------------------------------------------------------------------------------------


def made_up(strategy: str, dataset: str, ends: list[float]) -> StrategyRow:
    judge = Ladder()
    judge.dataset = dataset
    runs = {n: Run(steps=((1.0, 9.0, 9.0), (2.0, end, end)), seconds=1, evaluations=2) for n, end in enumerate(ends)}
    return of_runs(judge, strategy, runs, 2)


def test_places() -> None:
    a = [made_up("a", d, [0.0, 0.1, 0.2, 0.1, 0.0, 0.3]) for d in ("x", "y")]
    b = [made_up("b", d, [1.0, 1.1, 1.3, 1.4, 1.6, 1.8]) for d in ("x", "y")]
    c = [made_up("c", d, [0.0, 0.2, 0.1, 0.1, 0.1, 0.3]) for d in ("x", "y")]
    placed = standings(ranked([*b, *a, *c]))
    assert [(s.row.dataset, s.rank, s.row.strategy) for s in placed] == [
        ("x", 1, "a"), ("x", 2, "c"), ("x", 3, "b"), ("y", 1, "a"), ("y", 2, "c"), ("y", 3, "b"),
    ]  # fmt: skip
    assert [s.found_best for s in placed[:3]] == [2, 1, 0]
    assert placed[0].p is None
    assert placed[2].p == pytest.approx(2 * 2 / 2**6), "the least that six pairs give, times two"
    assert placed[1].p == 1.0
    assert placed[2].mean_rank == 3
    assert placed[0].mean_rank + placed[1].mean_rank == pytest.approx(3)


def test_a_strategy_without_an_incumbent_comes_last() -> None:
    rows = ranked([made_up("none", "x", [math.nan, math.nan]), made_up("some", "x", [5.0, 6.0])])
    assert [row.strategy for row in rows] == ["some", "none"]
    assert [s.p for s in standings(rows)] == [None, None]


def test_area_weighs_by_the_logarithm_of_the_budget() -> None:
    assert area(np.array([[2.0, 2.0, 2.0]])) == pytest.approx(2)
    assert area(np.array([[1.0, 0.0, 0.0]])) == pytest.approx(math.log(2) / math.log(4))
    assert math.isnan(area(np.array([[math.nan, 3.0, 3.0]]))), "who has no answer at first is not the better for it"


@needs("nasbench201.npz")
def test_the_known_figures_of_random_search() -> None:
    """Measured before with 150 evaluations: 0.46, 1.70 and 1.13 points."""
    for dataset, regret in (("cifar10", 0.46), ("cifar100", 1.70), ("imagenet16-120", 1.13)):
        valid, _ = TableJudge(bench.load("nasbench201", dataset)).random_search(150)
        assert valid[-1] == pytest.approx(regret, rel=0.08)


def test_smac_takes_part_where_it_is_installed() -> None:
    pytest.importorskip("smac")
    rows = evaluate_strategies(Toy(), ["smac:initial=5", "random"], budget=12, seeds=2)
    assert {row.strategy for row in rows} >= {"smac:initial=5"}
    assert "smac" not in search.names()
    said: list[str] = []
    evaluate_strategies(Toy(), ["smac:inital=5", "random"], budget=12, seeds=1, refused=lambda *why: said.extend(why))
    assert "did you mean 'initial'" in said[-1]


def test_smac_learns_what_it_is_told() -> None:
    pytest.importorskip("smac")
    from archwright.bench._smac import Smac

    space = Space([*(Ordinal(f"x{n}", tuple(range(6))) for n in range(5)), Choice("c", ("a", "b", "c"))])
    strategy = Smac(space, initial=10, objectives=("loss",), seed=0)
    losses = []
    for number in range(40):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        losses.append(sum((int(arch[f"x{n}"]) - n) ** 2 for n in range(5)) + 5.0 * (arch["c"] != "b"))
        strategy.tell(Trial(number=number, arch=arch, metrics={"loss": losses[-1]}))
    assert np.mean(losses[20:]) < 0.8 * np.mean(losses[:10])
