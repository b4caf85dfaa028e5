"""Strategies against each other on a table or a problem: what do they find with a budget, and how sure is that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archwright.bench._benchmark import Benchmark
from archwright.bench._entrant import Entrant
from archwright.bench._journal import Journal
from archwright.bench._judge import Judge
from archwright.bench._pool import Job, outcomes
from archwright.bench._problem_judge import ProblemJudge
from archwright.bench._run import Run
from archwright.bench._strategy_row import StrategyRow, of_random_search, of_runs, ranked
from archwright.bench._table_judge import TableJudge
from archwright.bench.problems import Problem
from archwright.errors import UserError

FILE = "runs.jsonl"
Told = Callable[[int, int, str], None]
Subject = Benchmark | Problem | Judge
Key = tuple[int, str, int]  # judge, label of the strategy, seed


def evaluate_strategies(
    problems: Subject | Sequence[Subject],
    strategies: Sequence[str],
    *,
    budget: int = 150,
    seeds: int | Sequence[int] = 10,
    initial: int = 0,
    jobs: int = 1,
    out: str | Path | None = None,
    again: Sequence[str] = (),
    progress: Told | None = None,
    refused: Callable[[str, str, str], None] | None = None,
) -> list[StrategyRow]:
    """Regrets of strategies after the same number of evaluations, over seeds, with expected random search beside them.

    The incumbent is the best by the validation results that the search saw at the longest training length; its test
    regret is read off, never searched by. A strategy that asks for a shorter training is charged the share of the
    longest one. Strategies that cannot run a problem are left out of its rows, and the others go on.

    Args:
        problems: tables (several data sets of one, say) or problems.
        strategies: registered names, with settings if wanted: `"regularized-evolution:population=30:sample=10"`.
        budget: evaluations of one run.
        seeds: independent runs, or their seeds; the same ones for every strategy.
        initial: the first evaluations of every run are so many random architectures, the same for every strategy at
            the same seed. Without it each strategy begins in its own way.
        jobs: processes, with one thread each; more than one need problems that can be pickled and, in a script, the
            guard `if __name__ == "__main__":`.
        out: folder for `runs.jsonl`, from which a call with the same budget and initial design goes on, also with
            further strategies, seeds or problems; None: not kept.
        again: strategies whose kept runs are made anew, as when their code has changed.
        progress: told how many of how many runs are finished, and the last one.
        refused: told strategy, data set and reason when a strategy cannot run.

    Returns:
        By problem, the smallest validation regret first.

    Raises:
        UserError: unknown strategy or setting; nothing to compare; a number below 1.
        ArchwrightError: a process died.
    """
    judges = [
        _judge(problem) for problem in ([problems] if isinstance(problems, Benchmark | Problem | Judge) else problems)
    ]
    entrants = [Entrant.parse(text) for text in dict.fromkeys(strategies)]
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(dict.fromkeys(seeds))
    if not (judges and entrants and numbers):
        raise UserError("a comparison needs at least one problem, one strategy and one seed")
    if budget < 1 or jobs < 1 or not 0 <= initial <= budget:
        raise UserError(
            f"budget and jobs are at least 1, initial is from 0 to budget; got {budget}, {jobs} and {initial}"
        )
    journal = Journal(None if out is None else Path(out) / FILE, fields=("steps", "seconds", "evaluations", "failed"))
    todo = [
        Job(place, entrant, seed, budget, initial)
        for seed in numbers
        for place in range(len(judges))
        for entrant in entrants
    ]
    runs = _runs(judges, todo, jobs, journal, set(again), progress, refused)
    return ranked(_rows(judges, entrants, numbers, budget, runs))


def _judge(problem: Subject) -> Judge:
    if isinstance(problem, Judge):
        return problem
    return TableJudge(problem) if isinstance(problem, Benchmark) else ProblemJudge(problem)


def _runs(
    judges: Sequence[Judge],
    todo: Sequence[Job],
    processes: int,
    journal: Journal,
    again: set[str],
    progress: Told | None,
    refused: Callable[[str, str, str], None] | None,
) -> dict[Key, Run]:
    """Every run, from the journal or made now."""
    found: dict[Key, Run] = {}
    failed: set[tuple[int, str]] = set()
    missing = []
    for job in todo:
        kept = None if job.entrant.label in again else journal.get(_about(judges, job), str(job.seed))
        if kept is None:
            missing.append(job)
        else:
            found[job.judge, job.entrant.label, job.seed] = Run.from_dict(kept)
    done = len(found)
    if progress is not None:
        progress(done, len(todo), "")
    for job, outcome in outcomes(judges, missing, processes, lambda j: (j.judge, j.entrant.label) not in failed):
        judge, label = judges[job.judge], job.entrant.label
        if isinstance(outcome, Run):
            found[job.judge, label, job.seed] = outcome
            notes = {"strategy": label, "problem": judge.name, "dataset": judge.dataset, "budget": job.budget}
            journal.add(_about(judges, job), str(job.seed), **outcome.as_dict(), **notes)
            done += 1
        elif (job.judge, label) not in failed:
            failed.add((job.judge, label))
            if refused is not None:
                refused(label, judge.dataset, outcome)
        if progress is not None:
            left = sum((j.judge, j.entrant.label) not in failed for j in todo)
            progress(done, left, f"{label}, {judge.dataset}, seed {job.seed}")
    return {key: run for key, run in found.items() if key[:2] not in failed}


def _about(judges: Sequence[Judge], job: Job) -> str:
    """What fixes a run beside its seed."""
    about: Mapping[str, Any] = {
        **judges[job.judge].about,
        "strategy": job.entrant.label,
        "budget": job.budget,
        "initial": job.initial,
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]


def _rows(
    judges: Sequence[Judge], entrants: Sequence[Entrant], seeds: Sequence[int], budget: int, runs: Mapping[Key, Run]
) -> list[StrategyRow]:
    rows = []
    for place, judge in enumerate(judges):
        for entrant in entrants:
            mine = {seed: runs[place, entrant.label, seed] for seed in seeds if (place, entrant.label, seed) in runs}
            if mine:
                rows.append(of_runs(judge, entrant.label, mine, budget))
        expected = of_random_search(judge, budget)
        if expected is not None:
            rows.append(expected)
    return rows
