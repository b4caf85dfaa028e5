"""The executor protocol: the list of trials does not depend on where and in which order they ran."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from archwright.space import Arch, Space
from archwright.study import Evaluation, Executor, Hooks, InProcess, Study, Task
from archwright.trial import Report, Trial


class Threads(Executor):
    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Sequence[Task], evaluation: Evaluation, hooks: Hooks) -> Iterator[Trial]:
        for task in tasks:
            hooks.started(task)
        with ThreadPoolExecutor(self.workers) as pool:
            yield from (f.result() for f in as_completed([pool.submit(evaluation, t, hooks.reported) for t in tasks]))


class Shuffled(Executor):
    def run(self, tasks: Sequence[Task], evaluation: Evaluation, hooks: Hooks) -> Iterator[Trial]:
        for task in random.Random(0).sample(list(tasks), len(tasks)):
            hooks.started(task)
            yield evaluation(task, hooks.reported)


def content(study: Study) -> list[tuple[object, ...]]:
    return [(t.number, t.arch, t.state, t.metrics, t.seed, t.reports) for t in study.trials]


@pytest.mark.parametrize("executor", [Threads(1), Threads(2), Threads(4), Shuffled()])
@pytest.mark.parametrize("strategy", ["nsga2", "regularized-evolution"])
def test_same_trials_wherever_they_run(space: Space, table: Any, strategy: str, executor: Executor) -> None:
    def train(arch: Arch, seed: int) -> Iterator[Report]:
        final = table(arch)
        yield Report(step=0, metrics={"params": final["params"]})
        yield Report(step=1, metrics={"accuracy": final["accuracy"] + seed % 7})

    limits = {"params": 9000.0}
    here = Study(space, strategy, train, batch=4, limits=limits, executor=InProcess()).run(trials=62)
    there = Study(space, strategy, train, batch=4, limits=limits, executor=executor).run(trials=62)
    assert content(there)[:60] == content(here)[:60]
    there.run(trials=64)
    here.run(trials=64)
    assert content(there) == content(here)
    assert {t.state for t in here.trials} == {"complete", "refused"}
