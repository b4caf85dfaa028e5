"""Parts 3 to 6: plots, trust, cost, repetition."""

from __future__ import annotations

import dataclasses
import math

import pytest
from report_example import RESULT, TRIALS, Page, trial

from archwright import report
from archwright.report._plots import best_so_far, pareto_plot, sensible


def text(facts) -> str:
    return Page(report.html(facts)).text


def test_best_so_far_rises_with_better_candidates_only(facts):
    assert best_so_far(facts, facts.trials, "candidates") == [(1, 80), (2, 90), (5, 90)]
    assert best_so_far(facts, facts.trials, "seconds") == [(2, 80), (4, 90), (10, 90)]


def test_best_so_far_begins_with_the_first_within_the_limits(facts):
    trials = [trial(0, 99.0, 5000), trial(1, 50.0, 500)]
    assert best_so_far(facts, trials, "candidates") == [(2, 50), (2, 50)]
    assert best_so_far(facts, trials[:1], "candidates") == []


def test_the_plot_has_a_mark_for_each_judged_candidate(facts):
    plot = str(pareto_plot(facts, "params"))
    assert plot.count('class="judged"') == 3 + 1  # and one in the legend
    assert plot.count('class="front"') == 2 + 1
    assert plot.count('class="chosen"') == 1 + 1
    assert ">limit 1,000<" in plot
    assert "candidate 1: accuracy 90.00 %, parameters 900, FLOPs 9,000" in plot


def test_a_candidate_over_the_limit_is_marked(changed):
    facts = changed(trials=(*TRIALS, trial(5, 95.0, 1500)))
    assert str(pareto_plot(facts, "params")).count('class="over"') == 1 + 1


def test_every_limited_cost_has_its_plot(changed):
    facts = changed({"limits": {"params": 1000, "flops": 9500}})
    assert facts.axes == ("params", "flops")
    page = text(facts)
    assert "limit 9,500" in page
    assert "limit 1,000" in page


def test_random_search_at_equal_budget(changed, baseline):
    longer = [*baseline, trial(3, 60.0, 100), trial(4, 60.0, 100), trial(5, 99.0, 100)]
    page = text(changed(baseline=longer))  # the sixth is beyond the budget of this search
    assert "Random search with 5 candidates (this search: 5) found accuracy 88.00 % at best" in page
    assert "this search had 90.00 % after as many" in page
    assert "random search, 4 candidates" in page
    assert "5 architectures came up in both." in page


def test_without_random_search_it_says_so(facts):
    assert "No random search was run beside this one" in text(facts)


def test_outliers_do_not_squeeze_the_plot():
    good = [80.0, 81, 82, 83, 84, 85, 86, 87, 88]
    assert sensible([*good, 10.0, math.nan], maximise=True) == good
    assert sensible([1.0, 2.0], maximise=True) == [1.0, 2.0]
    assert sensible([100 - g for g in good] + [1000.0], maximise=False) == [100 - g for g in good]


def test_rank_correlation_if_given(changed):
    assert "This was not measured in this run" in text(changed())
    page = text(changed({"ranking": {"kendall": 0.61, "spearman": 0.8, "networks": 12}}))
    assert "On 12 candidates trained alone, Kendall's τ between the score and the accuracy reached is 0.61" in page
    assert "and Spearman's ρ 0.80. Without any association τ would have a standard deviation of 0.22." in page


def test_how_far_the_score_follows_size(facts):
    # accuracies 80, 90, 85 at parameters 500, 900, 950: two pairs of three agree
    assert "parameters 0.33 3" in text(facts)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (None, "The supernet was not checked"),
        ("It ranks well.", "It ranks well."),
        ({"rank_tau": 0.5}, "rank tau 0.500"),
    ],
)
def test_supernet_check_if_given(changed, check, said):
    assert said in text(changed({"supernet_check": check} if check else {}))


def test_no_supernet(changed):
    assert "No supernet was used." in text(changed({"supernet": {}}))


def test_candidates_measured_and_the_table_they_were_predicted_from(changed):
    measured = [{"number": 4, "predicted_latency_ms": 2.0, "latency_ms": 4.0}]
    table = {"fit": {"networks": 16, "error": 0.186, "tau": 0.6}, "protocol": {"device": "a board"}}
    page = text(changed({"candidates_measured": measured}, latency_table=table))
    assert "candidate 4 2.00 ms 4.00 ms -50 %" in page
    assert "of a board was fitted to 16 networks of this space: median error 18.6 %" in page


def test_cost_by_phase(facts):
    page = text(facts)
    assert "5 candidates , 3 of them judged in 6.0 s, 2.0 s each (median)" in page
    assert "prepare 10 s 10 % search 1 min 30 s 90 %" in page
    assert "in all 1 min 40 s" in page


def test_how_to_repeat(facts):
    page = text(facts)
    assert "archwright search 'my birds'" in page
    assert "f" * 64 in page
    assert "torch 2.14.1" in page
    assert "seed: 7" in page
    assert RESULT["data"]["name"] in page


def test_only_candidates_at_the_largest_budget_are_compared(changed):
    budgets = [(0, 99.0, 3.0), (1, 80.0, 9.0), (2, 95.0, 3.0), (3, 90.0, 9.0)]
    trials = [dataclasses.replace(trial(n, accuracy, 500), budget=budget) for n, accuracy, budget in budgets]
    facts = changed(trials=trials)
    assert [t.number for t in facts.ranked] == [3, 1]
    assert best_so_far(facts, trials, "candidates") == [(2, 80), (4, 90), (4, 90)]
    said = text(facts)
    assert "only values at one budget are compared with each other" in said
    assert "Shown: those at the largest budget, 9." in said
