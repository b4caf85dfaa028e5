"""Runs in worker processes with one thread each."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import torch
from threadpoolctl import threadpool_limits

from archwright.bench._entrant import Entrant
from archwright.bench._judge import Judge
from archwright.bench._run import Run, run
from archwright.errors import ArchwrightError

Outcome = Run | str
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_judges: Sequence[Judge] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One run to make.

    Args:
        judge: position among the judges.
        entrant: strategy.
        seed: of the run.
        budget, initial: as `run` takes them.
    """

    judge: int
    entrant: Entrant
    seed: int
    budget: int
    initial: int


def outcomes(
    judges: Sequence[Judge], jobs: Sequence[Job], processes: int, wanted: Callable[[Job], bool]
) -> Iterator[tuple[Job, Outcome]]:
    """Every job with its run, or with the reason in one line why there is none, as they are finished.

    Args:
        judges: sent to each process once.
        jobs: in the order in which they are begun.
        processes: 1: this one.
        wanted: asked before a job is begun.

    Raises:
        ArchwrightError: a process died.
    """
    if processes == 1:
        with one_thread():
            for job in filter(wanted, jobs):
                yield job, _outcome(judges[job.judge], job)
        return
    with _environment(), _pool(judges, min(processes, len(jobs))) as pool:
        yield from _parallel(pool, iter(jobs), processes, wanted)


def _parallel(
    pool: ProcessPoolExecutor, waiting: Iterator[Job], processes: int, wanted: Callable[[Job], bool]
) -> Iterator[tuple[Job, Outcome]]:
    running: dict[Future[Outcome], Job] = {}
    try:
        while True:
            while len(running) < processes and (job := next(filter(wanted, waiting), None)) is not None:
                running[pool.submit(_work, job)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
    except BrokenProcessPool as error:
        raise ArchwrightError(
            "a process of the comparison died (out of memory?); the same command again goes on without its run"
        ) from error


@contextlib.contextmanager
def _pool(judges: Sequence[Judge], processes: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(judges,))
    try:
        yield pool
    except BaseException:  # whoever stops the comparison does not wait for the runs under way
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Processes started within have one thread, whatever library they load."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """This process works with one thread within."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def _begin(judges: Sequence[Judge]) -> None:
    global _judges
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process decides
    torch.set_num_threads(1)
    _judges = judges


def _work(job: Job) -> Outcome:
    return _outcome(_judges[job.judge], job)


def _outcome(judge: Judge, job: Job) -> Outcome:
    try:
        return run(judge, job.entrant, budget=job.budget, seed=job.seed, initial=job.initial)
    except ArchwrightError as error:
        return " ".join(str(error).split())
    except Exception as error:  # one broken strategy must not end the comparison
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
