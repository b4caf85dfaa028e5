"""Runs killed with SIGKILL at any moment and continued end with the trials of an uninterrupted one."""

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

SCRIPT = textwrap.dedent(
    """
    import json, sys, time
    from archwright.search import NSGA2
    from archwright.space import Ordinal, Space
    from archwright.study import Study
    from archwright.trial import Report

    storage, total, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    space = Space([Ordinal("depth", range(1, 5)), Ordinal("width", range(8, 41, 8)), Ordinal("k", range(1, 10, 2))])

    def train(arch, seed):
        print("begins", arch.key, flush=True)
        params = arch["depth"] * arch["width"]
        yield Report(step=0, metrics={"params": params})
        time.sleep(0.004)
        yield Report(step=1, metrics={"accuracy": arch["k"] + seed % 10})
        time.sleep(0.004)
        if seed % 7 == 3:
            raise RuntimeError("bad luck")
        yield Report(step=2, metrics={"accuracy": params * arch["k"] + seed % 1000})

    study = Study(
        space, NSGA2(space, population=6, limits={"params": 100}), train,
        limits={"params": 100}, batch=batch, storage=storage if storage != "none" else None,
    )
    study.run(trials=total)
    print(json.dumps([
        [t.number, dict(t.arch), t.state, dict(t.metrics), [[r.step, dict(r.metrics)] for r in t.reports], t.seed]
        for t in study.trials
    ]))
    """
)


def start(storage: Path | str, total: int, batch: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT, str(storage), str(total), str(batch)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def complete(storage: Path | str, total: int, batch: int) -> tuple[list[list[object]], int]:
    """The trials of a run that is left in peace, and how many of them it evaluated."""
    output, errors = start(storage, total, batch).communicate(timeout=120)
    assert errors == ""
    *begun, trials = output.splitlines()
    return json.loads(trials), len(begun)


def kill_after(storage: Path, total: int, batch: int, begun: int, delay: float) -> int:
    """Kill a run some seconds after its `begun`-th trial has begun; how many it had begun."""
    process = start(storage, total, batch)
    assert process.stdout is not None
    for _ in range(begun):
        process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return begun + rest.count("begins")


def survive(storage: Path, batch: int, moments: list[tuple[int, float]], total: int) -> None:
    begun = sum(kill_after(storage, total, batch, *moment) for moment in moments)
    trials, last = complete(storage, total, batch)
    expected, evaluated = complete("none", total, batch)
    assert trials == expected
    assert begun + last <= evaluated + len(moments), "at most one trial is redone for every kill"
    assert {"complete", "refused", "failed"} <= {state for _, _, state, *_ in trials}


@pytest.mark.parametrize(
    ("batch", "moments"),
    [
        (1, [(1, 0.0), (9, 0.006)]),
        (4, [(3, 0.001), (6, 0.01)]),
    ],
)
def test_killed_and_continued(tmp_path: Path, batch: int, moments: list[tuple[int, float]]) -> None:
    survive(tmp_path / "study.db", batch, moments, 30)


def test_killed_while_the_storage_is_made(tmp_path: Path) -> None:
    storage = tmp_path / "study.db"
    process = start(storage, 8, 1)
    while not storage.exists():
        time.sleep(0.001)
    time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert complete(storage, 8, 1)[0] == complete("none", 8, 1)[0]


@pytest.mark.slow
def test_killed_at_many_random_moments(tmp_path: Path) -> None:
    rng = random.Random(0)
    for batch in (1, 3, 8):
        moments = [(rng.randint(1, 4), rng.uniform(0, 0.03)) for _ in range(10)]
        survive(tmp_path / f"{batch}.db", batch, moments, 90)


@pytest.mark.slow
def test_killed_at_many_moments_of_the_beginning(tmp_path: Path) -> None:
    expected = complete("none", 8, 2)[0]
    for attempt in range(12):
        storage = tmp_path / f"{attempt}.db"
        process = start(storage, 8, 2)
        while not storage.exists():
            time.sleep(0.001)
        time.sleep(0.02 * attempt)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert complete(storage, 8, 2)[0] == expected, attempt
