"""The page of a comparison of strategies."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from bench_strategies import Counting
from bench_tables import Toy

from archwright.bench import StrategyRow, evaluate_strategies
from archwright.report import strategies_html


@pytest.fixture(scope="module")
def rows() -> list[StrategyRow]:
    names = ["random", *(f"nsga2:population={n}" for n in range(2, 8))]
    return evaluate_strategies(Toy(), names, budget=20, seeds=3)


def test_tables_and_curves(rows: list[StrategyRow]) -> None:
    page = strategies_html(rows)
    assert "Strategies on toy" in page
    assert "20 evaluations" in page
    assert "3 seeds" in page
    for row in rows:
        assert row.strategy in page
    assert page.count('class="plot"') == 4, "seven strategies, five a plot, by validation and by test"
    assert page.count('class="band') == 14
    assert page.count("line expected") == 8, "random search in every plot and its legend"
    assert "Ranks 1 to 5" in page
    assert "Ranks 6 to 7" in page
    assert "NaN" not in page.replace("nan", "NaN").replace("NaNo", "")
    assert not re.search(r"(src|href)=.https?:", page)


def test_one_seed_has_no_band(rows: list[StrategyRow]) -> None:
    page = strategies_html(evaluate_strategies(Toy(), ["random"], budget=5, seeds=1))
    assert 'class="band' not in page
    assert 'class="plot"' in page


def test_a_problem_has_no_test_results() -> None:
    page = strategies_html(evaluate_strategies(Counting(), ["random", "nsga2"], budget=5, seeds=2))
    assert page.count('class="plot"') == 1
    assert "there are no test results" in page


def test_several_tables_have_mean_ranks() -> None:
    tables = [Toy(), Toy()]
    tables[1].dataset = "other"
    page = strategies_html(evaluate_strategies(tables, ["random", "nsga2"], budget=5, seeds=2))
    assert "All data sets together" in page
    assert "mean rank" in page


def test_names_are_escaped(rows: list[StrategyRow]) -> None:
    import dataclasses

    page = strategies_html([dataclasses.replace(rows[0], strategy="<script>")])
    assert "<script>" not in page
