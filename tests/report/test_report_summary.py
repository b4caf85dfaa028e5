"""`summary.csv`."""

from __future__ import annotations

import csv
import io
import json
import math

from report_example import TRIALS, trial

from archwright import report


def rows(facts) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.summary(facts))))


def test_a_row_for_each_candidate_in_order(facts):
    table = rows(facts)
    assert [row["number"] for row in table] == ["0", "1", "2", "3", "4"]
    assert [row["state"] for row in table] == ["complete", "complete", "complete", "refused", "failed"]
    assert [row["pareto"] for row in table] == ["True", "True", "False", "False", "False"]
    assert [row["within_limits"] for row in table] == ["True", "True", "True", "False", "False"]
    assert [row["chosen"] for row in table] == ["False", "True", "False", "False", "False"]


def test_columns(facts):
    facts_, verdicts = "number,state,key,source,seed,budget,seconds", "pareto,within_limits,chosen,error,architecture"
    assert report.summary(facts).splitlines()[0] == f"{facts_},accuracy,params,flops,{verdicts}"
    row = rows(facts)[1]
    assert (row["key"], row["source"], row["seconds"]) == (TRIALS[1].arch.key, "shared-weights", "2.0")
    assert json.loads(row["architecture"]) == dict(TRIALS[1].arch)
    assert float(row["accuracy"]) == 90


def test_only_the_last_line_of_an_error(facts):
    assert rows(facts)[4]["error"] == "ValueError: no such shape"


def test_commas_quotes_and_metrics_that_are_no_numbers(changed):
    odd = trial(5, metrics={"accuracy": math.nan, "state": 1.0}, state="failed", error='a,"b"\nx, "y"')
    row = rows(changed(trials=(*TRIALS, odd)))[5]
    assert row["error"] == 'x, "y"'
    assert row["accuracy"] == "nan"
    assert row["params"] == ""
    assert row["state"] == "failed"


def test_no_candidates(changed):
    assert report.summary(changed(trials=())).splitlines() == [
        "number,state,key,source,seed,budget,seconds,pareto,within_limits,chosen,error,architecture"
    ]
