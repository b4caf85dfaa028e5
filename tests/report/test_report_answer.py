"""Part 1 and part 2: what is claimed about the answer."""

from __future__ import annotations

from report_example import RESULT, TRIALS, Page, trial

from archwright import report


def text(facts) -> str:
    return Page(report.html(facts)).text


def test_test_score_with_its_wilson_interval(facts):
    # Wilson 1927 for 6 of 8: 40.93 to 92.85 %
    assert "test (used only here) accuracy 75.00 % 40.93 to 92.85 % 8" in text(facts)


def test_a_refit_is_told(changed):
    assert "Taken from the exported file" in text(changed())
    assert "trained again on both parts" in text(changed({"training": {"epochs": 2, "refit": True}}))


def test_limits_asked_predicted_measured(facts):
    assert "parameters 1,000 900 900 90 %, met" in text(facts)
    assert "FLOPs – 9,000 9,000 no limit" in text(facts)


def test_latency_is_predicted_under_its_own_name(changed):
    judged = trial(1, metrics={"accuracy": 90.0, "params": 900.0, "predicted_latency_ms": 0.25})
    facts = changed({"limits": {"latency_ms": 1.0}}, trials=(judged,))
    assert "latency 1.00 ms 0.250 ms 0.500 ms 50 %, met" in text(facts)
    assert "the answer 0.250 ms 0.500 ms -50 %" in text(facts)


def test_a_broken_or_unmeasured_limit_is_said_first(changed):
    assert "A network for birds The limit is met by the exported file." in text(changed())
    assert "A network for birds Limit broken: parameters." in text(changed({"params": 1001}))
    assert "Not measured on the exported file: peak memory." in text(changed({"limits": {"memory": 10}}))
    assert "No limits were set." in text(changed({"limits": {}}))


def test_the_limit_that_binds(changed):
    assert (
        "The limit on parameters binds : the answer uses 90 % of what was allowed, and 1 candidate was over it."
        in text(changed())
    )
    assert "The limit on parameters is near : the answer uses 90 %" in text(changed(trials=TRIALS[:3]))
    assert "No limit binds: the nearest is parameters, of which the answer uses 45 %" in text(
        changed({"limits": {"params": 2000}})
    )


def test_the_best_score_and_the_chosen_one(changed):
    assert "candidate 1, with accuracy 90.00 % when it was judged (shared-weights): the best of 3" in text(changed())
    other = changed({"architecture": dict(TRIALS[2].arch)})
    assert "place 2 of 3 within the limits. Candidate 1 scored 90.00 %" in text(other)


def test_neighbours_on_the_front(facts):
    assert "less parameters 0 80.00 % 500 5,000 stem.width=0 the answer 1 90.00 % 900" in text(facts)
    assert [t.number for t in facts.front] == [1, 0]


def test_fates_and_examples(facts):
    page = text(facts)
    assert "judged 3 refused before judging: over a limit 1 failed 1 in all 5" in page
    assert "3 refused params 4000 > 1000 stem.width=3, stem.kernel=3" in page
    assert "4 failed ValueError: no such shape" in page


def test_load_snippets_name_the_shape(facts):
    assert "x = torch.zeros(1, 1, 8, 8)" in text(facts)
    assert "x = np.zeros((1, 1, 8, 8), np.float32)" in text(facts)


def test_errors_by_pair(facts, changed):
    assert "ant bee 1 25.0 % bee ant 1 25.0 %" in text(facts)
    assert "Every sample of the test part was right." in text(changed(answers=[(0, 0), (1, 1)]))
    assert "Where it errs" not in text(changed(answers=[]))


def test_no_answer(changed):
    result = {k: v for k, v in RESULT.items() if k != "architecture"}
    assert "No network was chosen." in text(report.Facts(result=result, trials=TRIALS))
