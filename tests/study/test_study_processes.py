"""Trials in worker processes: the same list for any number of workers, and what happens when workers die."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archwright.errors import ArchwrightError, UserError
from archwright.search import Random
from archwright.space import Arch, Ordinal, Space
from archwright.study import InProcess, Processes, Study
from archwright.trial import Report, Trial

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(autouse=True)
def no_orphans() -> Iterator[None]:
    yield
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if children.exists():
        names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children.read_text().split()]
        assert not any(b"spawn_main" in name for name in names)


def content(study: Study) -> list[tuple[object, ...]]:
    return [(t.number, t.arch, t.state, t.metrics, t.seed, t.budget, t.reports, t.source) for t in study.trials]


@dataclasses.dataclass(frozen=True)
class Slow:
    """Sleeps longer for smaller networks, so that trials end in another order than they began."""

    source: str = "slow"

    def __call__(self, arch: Arch, seed: int) -> Iterator[Report]:
        size = arch["depth"] * arch["width"] * arch["k"]
        yield Report(step=0, metrics={"params": size})
        time.sleep(0.5 / size)
        if seed % 5 == 2:
            raise RuntimeError("bad luck")
        yield Report(step=1, metrics={"accuracy": size / 20 + seed % 7})


class Stopping(Random):
    """Ends trials of narrow networks at their second report."""

    def should_stop(self, trial: Trial, report: Report) -> bool:
        return report.step == 1 and trial.arch["width"] <= 16


@pytest.mark.parametrize(("strategy", "numbers"), [("nsga2", (1, 2, 4)), (Stopping, (2,))])
def test_same_trials_for_any_number_of_workers(
    space: Space, strategy: object, numbers: tuple[int, ...], tmp_path: Path
) -> None:
    def run(workers: int) -> Study:
        executor = Processes(workers, threads=1) if workers else InProcess()
        storage = tmp_path / f"{workers}.db"
        limits = {"params": 1200.0}
        study = Study(space, strategy, Slow(), batch=6, limits=limits, executor=executor, storage=storage)  # type: ignore[arg-type]
        return study.run(trials=27).run(trials=30)

    here = content(run(0))
    assert {"complete", "refused", "failed"} <= {row[2] for row in here}  # type: ignore[comparison-overlap]
    assert ("stopped" in {row[2] for row in here}) == (strategy is Stopping)
    for workers in numbers:
        assert content(run(workers)) == here, workers


def test_a_table_in_workers() -> None:
    from archwright.estimate import Table

    space = Space([Ordinal("a", range(6)), Ordinal("b", range(6))])
    values = {space.arch({"a": a, "b": b}): {"accuracy": a * b} for a in range(6) for b in range(6)}
    studies = [
        Study(space, "regularized-evolution", Table(values), batch=8, executor=executor).run(trials=24)
        for executor in (InProcess(), Processes(2))
    ]
    assert content(studies[0]) == content(studies[1])


def test_shared_weights_in_workers() -> None:
    import torch

    from archwright import data, zoo
    from archwright.estimate import SharedWeights

    splits = data.load("digits")
    torch.manual_seed(0)
    net = zoo.build("convnet", in_channels=1, classes=10, image_size=8)
    threads = torch.get_num_threads()
    judge = SharedWeights(net, splits, calibration=2)
    studies = [
        Study(net.space, "random", judge, batch=4, executor=executor).run(trials=6)
        for executor in (InProcess(), Processes(2, threads=threads))
    ]
    assert content(studies[0]) == content(studies[1])
    assert len({t.metrics["loss"] for t in studies[0].trials}) > 1


def threads(arch: Arch) -> dict[str, float]:
    import torch

    return {"accuracy": float(torch.get_num_threads()), "omp": float(os.environ["OMP_NUM_THREADS"])}


def test_workers_divide_the_cores(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archwright.study._processes._cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    study = Study(space, "random", threads, executor=Processes(2)).run(trials=1)
    assert study.trials[0].metrics == {"accuracy": 1.0, "omp": 1.0}
    assert "OMP_NUM_THREADS" not in os.environ
    assert [Processes(workers).threads for workers in (1, 2, 3)] == [2, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Processes(1).threads == 1


def deadly(arch: Arch) -> Iterator[Report]:
    yield Report(step=0, metrics={"params": 1.0})
    if arch["depth"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if arch["depth"] == 3:
        os._exit(7)
    yield Report(step=1, metrics={"accuracy": 1.0})


@posix
def test_a_worker_that_dies_fails_its_trial_and_is_replaced(space: Space) -> None:
    study = Study(space, "random", deadly, batch=4, executor=Processes(2), seed=2).run(trials=8)
    assert len(study.trials) == 8
    reasons = {
        2: "the worker process was killed by SIGKILL (out of memory?)",
        3: "the worker process ended with exit code 7",
    }
    for trial in study.trials:
        reason = reasons.get(trial.arch["depth"])
        assert (trial.state, trial.error) == (("failed", reason) if reason else ("complete", ""))
        assert trial.metrics["params"] == 1.0
        assert [r.step for r in trial.reports] == ([0] if reason else [0, 1])
    assert {2, 3} <= {t.arch["depth"] for t in study.trials}


def always_deadly(arch: Arch) -> dict[str, float]:
    os._exit(1)


def test_workers_that_always_die_end_the_study(space: Space) -> None:
    with pytest.raises(ArchwrightError, match="5 of 5 trials failed; the last one: the worker process ended with exit"):
        Study(space, "random", always_deadly, batch=4, executor=Processes(2)).run(trials=20)


@pytest.mark.parametrize("estimator", [lambda arch: {"accuracy": 1.0}, sys.stdout.write], ids=["lambda", "file"])
def test_what_cannot_be_sent_is_refused_in_one_line(space: Space, estimator: object) -> None:
    study = Study(space, "random", estimator, executor=Processes(2))  # type: ignore[arg-type]
    with pytest.raises(
        UserError, match=r"cannot be sent to worker processes \(.*\); define it at the top level"
    ) as caught:
        study.run(trials=2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"workers": 2, "threads": 0}])
def test_numbers_below_one_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(UserError, match="at least 1"):
        Processes(**settings)


def forever(arch: Arch) -> Iterator[Report]:
    yield Report(step=0, metrics={"params": 1.0})
    time.sleep(600)


class EnoughError(Exception):
    pass


class Impatient(Random):
    def should_stop(self, trial: Trial, report: Report) -> bool:
        raise EnoughError


def test_an_error_in_the_parent_ends_the_workers_at_once(space: Space) -> None:
    start = time.perf_counter()
    with pytest.raises(EnoughError):
        Study(space, Impatient, forever, batch=4, executor=Processes(2)).run(trials=4)
    assert time.perf_counter() - start < 60


SCRIPT = textwrap.dedent(
    """
    import os, sys, time
    from archwright.space import Ordinal, Space
    from archwright.study import Processes, Study

    def forever(arch):
        print(os.getpid(), flush=True)
        time.sleep(600)

    def search():
        Study(Space([Ordinal("a", range(9))]), "random", forever, batch=2, executor=Processes(2)).run(trials=4)

    GUARD
    """
)


def script(folder: Path, guard: str) -> "subprocess.Popen[str]":
    path = folder / "search.py"
    path.write_text(SCRIPT.replace("GUARD", guard))
    return subprocess.Popen(
        [sys.executable, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
    )


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    parent = script(tmp_path, "if __name__ == '__main__': search()")
    assert parent.stdout is not None
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    start = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(parent.pid, number)  # as a terminal does
    else:
        parent.send_signal(number)
    _, errors = parent.communicate(timeout=30)
    while any(alive(pid) for pid in workers):
        assert time.monotonic() - start < 20
        time.sleep(0.05)
    assert errors.count("Traceback") == (number == signal.SIGINT), errors  # the parent's own


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    _, errors = script(tmp_path, "search()").communicate(timeout=60)
    assert "a script that searches with workers does so under: if __name__ == '__main__':" in errors.splitlines()[-1]
