from __future__ import annotations

import json
import math

import numpy as np
import pytest
from bench_tables import Toy

from archwright import data
from archwright.bench import Row, evaluate_estimators
from archwright.bench._journal import Journal
from archwright.bench._row import judged
from archwright.data import Splits
from archwright.errors import UserError
from archwright.statistics import kendall, spearman

BASELINES = ["params", "flops", "ops", "random"]


@pytest.fixture(scope="module")
def digits() -> Splits:
    return data.load("digits")


def by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.estimator: row for row in rows}


def test_baselines_and_ceilings_are_always_there() -> None:
    toy = Toy()
    rows = evaluate_estimators(toy, [], count=None)
    assert [row.estimator for row in rows] == [*BASELINES, "test_accuracy itself", "another training"]
    assert {row.kind for row in rows[:4]} == {"baseline"}
    found = by_name(rows)
    truth, params = toy.values("valid_accuracy"), toy.values("params")
    assert found["params"].spearman == pytest.approx(spearman(params, truth))
    assert found["params"].kendall == pytest.approx(kendall(params, truth))
    assert found["params"].low < found["params"].spearman < found["params"].high
    assert abs(found["random"].spearman) < found["params"].spearman
    assert found["another training"].kendall > found["test_accuracy itself"].kendall > 0.5


def test_a_constant_score_has_no_figures_and_they_are_null() -> None:
    row = by_name(evaluate_estimators(Toy(), [], count=20))["ops"].as_dict()
    for name in ("kendall", "spearman", "low", "high", "partial", "precision_at_10", "regret_at_10"):
        assert row[name] is None
    json.dumps(row, allow_nan=False)


def test_published_scores_are_judged_where_they_exist() -> None:
    rows = by_name(evaluate_estimators(Toy(), ["table:partly", "table:first"], count=None))
    assert (rows["table:partly"].count, rows["table:partly"].missing) == (20, 5)
    assert rows["table:first"].kendall == pytest.approx(rows["params"].kendall)
    assert math.isnan(rows["table:first"].partial), "it orders like the parameters"


def test_other_truths() -> None:
    late = by_name(evaluate_estimators(Toy(), [], count=None, metric="test_accuracy"))
    early = by_name(evaluate_estimators(Toy(), [], count=None, budget=1))
    assert late["params"].metric == "test_accuracy"
    assert "valid_accuracy itself" in late
    assert early["params"].budget == 1
    assert not {"another training", "test_accuracy itself"} & set(early), "nothing of that length was repeated"


def test_a_smaller_draw_is_the_beginning_of_a_larger_one() -> None:
    few, many = (by_name(evaluate_estimators(Toy(), [], count=n, resamples=0))["params"] for n in (8, 20))
    assert few.truth.tolist() == many.truth[:8].tolist()
    other = by_name(evaluate_estimators(Toy(), [], count=8, seed=1))["params"]
    assert other.truth.tolist() != few.truth.tolist()


def test_scores_are_computed_on_networks_and_continue(tmp_path, digits: Splits, monkeypatch) -> None:
    toy, told = Toy(), []
    rows = evaluate_estimators(
        toy,
        ["synflow", "grad-norm", "synflow", "params"],
        count=6,
        splits=digits,
        out=tmp_path,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [row.estimator for row in rows[:3]] == ["synflow", "grad-norm", "params"]
    assert told == [(n, 6) for n in range(1, 7)]
    assert rows[0].seconds_per_architecture > 0
    lines = (tmp_path / "scores.jsonl").read_text().splitlines()
    assert len(lines) == 12

    (tmp_path / "scores.jsonl").write_text("\n".join(lines[:7]) + "\n" + lines[7][:30])
    built = []
    network = Toy.network
    monkeypatch.setattr(
        Toy, "network", lambda self, arch, *, seed: built.append(arch) or network(self, arch, seed=seed)
    )
    again = evaluate_estimators(Toy(), ["synflow", "grad-norm"], count=6, splits=digits, out=tmp_path)
    assert len(built) == 3, "seven scores of three and a half architectures were there"
    assert [row.scores.tolist() for row in again[:2]] == [row.scores.tolist() for row in rows[:2]]
    assert len(Journal(tmp_path / "scores.jsonl")._known) == 12

    evaluate_estimators(toy, ["synflow"], count=6, seed=1, splits=digits, out=tmp_path)
    assert len(Journal(tmp_path / "scores.jsonl")._known) == 18, "another seed is another score"


def test_a_network_without_an_answer_ranks_last() -> None:
    scores, truth = np.array([1.0, 2.0, math.nan, math.nan]), np.array([2.0, 3.0, 1.0, 9.0])
    about = {"estimator": "e", "kind": "score", "benchmark": "b", "dataset": "d", "metric": "m", "budget": 1.0}
    row = judged(scores, truth, None, failed=np.array([False, False, True, False]), **about)
    assert (row.count, row.missing, row.degenerate) == (3, 1, 1)
    assert row.kendall == pytest.approx(1)


def test_journal_keeps_infinite_scores_and_survives_torn_lines(tmp_path) -> None:
    path = tmp_path / "new" / "scores.jsonl"
    journal = Journal(path)
    journal.add("a", "1", score=repr(-math.inf), seconds=0.5)
    path.write_bytes(path.read_bytes() + b'{"about": "a", "ke')
    journal.add("a", "2", score=repr(math.nan), seconds=0.5)
    found = Journal(path)
    assert (found.get("a", "1")["score"], found.get("a", "1")["seconds"]) == ("-inf", 0.5)
    assert math.isnan(float(found.get("a", "2")["score"]))
    assert found.get("b", "1") is None


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["naswott"], {}, "unknown estimator 'naswott'; did you mean 'naswot'"),
        (["table:naswot"], {}, "unknown estimator 'table:naswot'"),
        ([], {"count": 26}, "from 2 to 25"),
        ([], {"count": 1}, "from 2 to 25"),
        ([], {"metric": "accuracy"}, "has no metric 'accuracy'"),
        ([], {"budget": 5}, "after 1, 9 epochs, not after 5"),
    ],
)
def test_bad_input(names, options, said) -> None:
    with pytest.raises(UserError, match=said):
        evaluate_estimators(Toy(), names, **{"count": 5, **options})
