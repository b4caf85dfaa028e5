"""`archwright search` killed at any moment and started again ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archwright.study import stored

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

SETTINGS = (
    "phases.train-supernet.trainer.epochs=3",
    "phases.train-supernet.trainer.warmup=0",
    "phases.train-supernet.trainer.checkpoint_every=0",
    "phases.search.trials=12",
    "phases.search.batch=4",
    "phases.train.trainer.epochs=3",
    "phases.train.trainer.warmup=0",
    "phases.train.trainer.checkpoint_every=0",
    "phases.verify.networks=2",
    "phases.verify.trainer.epochs=1",
)
PHASES = ("train-supernet", "search", "choose", "train", "verify", "export", "report")
FILES = {
    *("config.yaml", "record.json", "split.npz", "seconds.json", "chosen.json", "study.db", "predictions.csv", "best"),
    *("summary.csv", "report.html", "result.json", "checkpoints", ".lock", "study.db.lock"),
}


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "archwright", "search", "digits", "--max-params", "30k", "--out", str(folder)]
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return subprocess.Popen(
        [*command, *settings, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        preexec_fn=heeding,
    )


def heeding() -> None:
    """A shell lets its background jobs ignore SIGINT, and so these tests if they are one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def complete(folder: Path, *words: str) -> None:
    """Run to the end."""
    output, errors = start(folder, *words).communicate(timeout=600)
    serious = [line for line in errors.splitlines() if "the machine was busy" not in line]
    assert serious == []
    assert "report: " in output


def stop(folder: Path, phase: str, delay: float, number: signal.Signals, *words: str) -> tuple[int, float, str]:
    """Send a signal to a run some seconds after a phase has begun; exit code, seconds until it ended, its errors."""
    process = start(folder, *words)
    assert process.stdout is not None
    for line in process.stdout:
        if line.rstrip().endswith(f"] {phase}"):
            break
    time.sleep(delay)
    began = time.monotonic()
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGKILL), errors
    return process.returncode, time.monotonic() - began, errors


def trials(folder: Path) -> list[list[Any]]:
    """Everything about the trials but their time."""
    return [
        [name, t.number, dict(t.arch), t.state, dict(t.metrics), t.seed, [(r.step, dict(r.metrics)) for r in t.reports]]
        for name in ("search", "baseline")
        for t in stored(folder / "study.db", name)
    ]


def answer(folder: Path) -> dict[str, Any]:
    """What the run found, without measured times."""
    result = json.loads((folder / "result.json").read_text())
    curve = [{k: v for k, v in row.items() if "second" not in k} for row in result["training"]["curve"]]
    keys = ("architecture", "valid", "test", "params", "flops", "size", "objectives", "limits", "seed", "data")
    return {key: result[key] for key in keys} | {"curve": curve}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    complete(folder)
    return folder


def same(folder: Path, other: Path) -> None:
    assert trials(folder) == trials(other)
    assert answer(folder) == answer(other)
    assert {path.name for path in folder.iterdir()} == FILES
    checkpoints = {"supernet.pt", "model.pt", "refit.pt", "verify-1.pt", "verify-2.pt"}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == checkpoints
    names = {"architecture.json", "model.safetensors", "model.py", "model.onnx", "README.md"}
    assert {path.name for path in (folder / "best").iterdir() if not path.name.startswith("__")} == names
    assert (folder / "predictions.csv").read_text() == (other / "predictions.csv").read_text()


def test_killed_in_three_phases(tmp_path: Path, undisturbed: Path) -> None:
    for phase, delay in (("train-supernet", 0.5), ("search", 0.4), ("export", 0.5)):
        stop(tmp_path / "run", phase, delay, signal.SIGKILL)
        assert not (tmp_path / "run" / "result.json").exists()
    complete(tmp_path / "run")
    same(tmp_path / "run", undisturbed)


@pytest.mark.slow
def test_no_finished_trial_is_lost(tmp_path: Path, undisturbed: Path) -> None:
    seen: list[list[Any]] = []
    for delay in (0.3, 0.3, 0.3):
        stop(tmp_path / "run", "search", delay, signal.SIGKILL)
        now = trials(tmp_path / "run")
        assert now[: len(seen)] == seen
        seen = now
    assert seen == trials(undisturbed)[: len(seen)]


@pytest.mark.parametrize(
    "phase", ["train-supernet", *(pytest.param(p, marks=pytest.mark.slow) for p in ("search", "train"))]
)
def test_interrupted_ends_soon_and_continues(tmp_path: Path, undisturbed: Path, phase: str) -> None:
    code, seconds, errors = stop(tmp_path / "run", phase, 0.3, signal.SIGINT)
    assert code == 130
    assert seconds < 5
    assert errors.strip().startswith("archwright: interrupted; continue with: archwright search digits")
    assert len(errors.strip().splitlines()) == 1
    complete(tmp_path / "run")
    same(tmp_path / "run", undisturbed)


@pytest.mark.slow
def test_workers_change_nothing_and_end_with_the_run(tmp_path: Path, undisturbed: Path) -> None:
    code, seconds, errors = stop(tmp_path / "run", "search", 1.0, signal.SIGINT, "--workers", "2")
    assert (code, errors.count("\n")) == (130, 2), errors
    assert seconds < 5
    stop(tmp_path / "run", "search", 8.0, signal.SIGKILL, "--workers", "2")
    complete(tmp_path / "run", "--workers", "2")
    same(tmp_path / "run", undisturbed)


def moments(count: int, seed: int) -> Sequence[tuple[str, float]]:
    """Random phases and delays; most of the time goes to the first two and the last three."""
    rng = random.Random(seed)
    return [(rng.choice(PHASES), rng.uniform(0, 2.0)) for _ in range(count)]


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path: Path, undisturbed: Path) -> None:
    folder = tmp_path / "run"
    seen: list[list[Any]] = []
    for phase, delay in moments(20, seed=0):
        stop(folder, phase, delay, signal.SIGKILL)
        now = trials(folder)
        assert all(trial in now for trial in seen), (phase, delay)
        seen = now
        if (folder / "result.json").exists():
            same(folder, undisturbed)
            folder = tmp_path / f"run-{phase}-{delay}"
            seen = []
    complete(folder)
    same(folder, undisturbed)


@pytest.mark.slow
def test_killed_at_random_times(tmp_path: Path, undisturbed: Path) -> None:
    """Whatever it is doing, importing included."""
    rng = random.Random(1)
    for _ in range(20):
        process = start(tmp_path / "run")
        time.sleep(rng.uniform(0.5, 15))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    complete(tmp_path / "run")
    same(tmp_path / "run", undisturbed)
