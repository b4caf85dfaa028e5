"""Latency of modules and ONNX files on the machine at hand."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archwright.cost._device import device_flags, device_name
from archwright.cost._latency import Latency, summarise
from archwright.cost._mode import example, inference
from archwright.cost._onnx import session, write
from archwright.cost._onnx_direct import write_direct
from archwright.cost._timer import Samples, sample
from archwright.errors import UserError, nearest

_log = logging.getLogger(__name__)

RUNTIMES = ("torch", "onnxruntime")
_DRIFT = 0.05


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two networks or files timed in turn on the same input.

    Args:
        first: latency of the first.
        second: latency of the second.
        ratio: first / second, median of the ratios of neighbouring samples.
        contended: the machine was busy, or the first network's own time drifted by more than 5 % on the way.
    """

    first: Latency
    second: Latency
    ratio: float
    contended: bool


def latency(
    module: nn.Module,
    input: Tensor | Sequence[int],  # noqa: A002
    *,
    runtime: str = "torch",
    threads: int = 1,
    warmup: int = 10,
    repeats: int = 50,
    max_seconds: float = 10.0,
) -> Latency:
    """Measured time of one forward pass of `module` in eval mode.

    Threads are pinned and restored, no gradients, no allocation of input inside the timer; at least `warmup` runs until
    the rolling median settles; samples during which the thread had the processor for less than 95 % of the wall time
    are left out (one CPU thread only: with several the share says nothing). On a busy machine the measurement is tried
    three times and then returned with `contended=True` and a warning in the log. Compare only figures of one device.

    Args:
        module: any module that takes one tensor.
        input: a tensor or its shape, batch first; on the device of the module.
        runtime: `torch` (eager) or `onnxruntime` (written as ONNX first: milliseconds for common layers).
        threads: threads inside an operation.
        warmup: least number of runs before sampling.
        repeats: samples to keep.
        max_seconds: stop near this time, with fewer samples.

    Raises:
        UserError: unknown runtime, or counts below 1.
    """
    x = example(module, input)
    return measure(
        module, (x,), runtime=runtime, threads=threads, warmup=warmup, repeats=repeats, max_seconds=max_seconds
    )


def measure(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    *,
    runtime: str,
    threads: int,
    warmup: int,
    repeats: int,
    max_seconds: float,
) -> Latency:
    """`latency` for any number of inputs."""
    _check(threads=threads, warmup=warmup, repeats=repeats)
    if runtime == "onnxruntime":
        with tempfile.TemporaryDirectory() as folder:
            names = [f"input{i}" for i in range(len(inputs))]
            path = Path(folder) / "model.onnx"
            if not write_direct(module, inputs, path, names):
                write(module, inputs, path, names=names, free_batch=False)
            feed = {name: _array(x) for name, x in zip(names, inputs)}
            return _onnx(path, feed, threads=threads, warmup=warmup, repeats=repeats, max_seconds=max_seconds)
    if runtime != "torch":
        raise UserError(f"unknown runtime {runtime!r}{nearest(runtime, RUNTIMES)}")
    x = inputs[0]
    filtered = _filterable(threads, x.device)
    with inference(module), _threads(threads):
        (samples,) = sample(
            [_call(module, *inputs)], warmup=warmup, repeats=repeats, max_seconds=max_seconds, filtered=filtered
        )
    return _warned(summarise(samples, **_torch_facts(x, threads)))


def onnx_latency(
    path: str | Path,
    input: Tensor | np.ndarray | Sequence[int],  # noqa: A002
    *,
    threads: int = 1,
    warmup: int = 10,
    repeats: int = 50,
    max_seconds: float = 10.0,
) -> Latency:
    """Measured time of one run of an ONNX file with one input in ONNX Runtime on the CPU, protocol of `latency`.

    Raises:
        UserError: the file does not exist, or counts below 1.
    """
    _check(threads=threads, warmup=warmup, repeats=repeats)
    feed = {"": _array(input)}
    return _onnx(path, feed, threads=threads, warmup=warmup, repeats=repeats, max_seconds=max_seconds)


def _onnx(
    path: str | Path, feed: dict[str, np.ndarray], *, threads: int, warmup: int, repeats: int, max_seconds: float
) -> Latency:
    """`feed` by input name; the name of a single input may be left empty."""
    (samples,) = sample(
        [_onnx_call(path, feed, threads)],
        warmup=warmup,
        repeats=repeats,
        max_seconds=max_seconds,
        filtered=_filterable(threads, torch.device("cpu")),
    )
    return _warned(summarise(samples, **_onnx_facts(next(iter(feed.values())), threads)))


def compare_latency(
    first: nn.Module,
    second: nn.Module,
    input: Tensor | Sequence[int],  # noqa: A002
    *,
    threads: int = 1,
    warmup: int = 10,
    repeats: int = 50,
    max_seconds: float = 20.0,
) -> Comparison:
    """Time two modules in turn (A B A B ...) in eager PyTorch, so that both see the same machine.

    Args:
        first: a module.
        second: another for the same input.
        input: a tensor or its shape, batch first.
        threads: threads inside an operation.
        warmup: least number of runs of each before sampling.
        repeats: samples of each.
        max_seconds: stop near this time.
    """
    x = example(first, input)
    _check(threads=threads, warmup=warmup, repeats=repeats)
    filtered = _filterable(threads, x.device)
    with inference(first, second), _threads(threads):
        a, b = sample(
            [_call(first, x), _call(second, x)],
            warmup=warmup,
            repeats=repeats,
            max_seconds=max_seconds,
            filtered=filtered,
        )
    return _compared(a, b, _torch_facts(x, threads))


def compare_onnx_latency(
    first: str | Path,
    second: str | Path,
    input: Tensor | np.ndarray | Sequence[int],  # noqa: A002
    *,
    threads: int = 1,
    warmup: int = 10,
    repeats: int = 50,
    max_seconds: float = 20.0,
) -> Comparison:
    """Time two ONNX files with one input in turn (A B A B ...) in ONNX Runtime on the CPU.

    Args:
        first: a file.
        second: another for the same input.
        input: an array, a tensor, or its shape, batch first.
        threads: threads inside an operation.
        warmup: least number of runs of each before sampling.
        repeats: samples of each.
        max_seconds: stop near this time.

    Raises:
        UserError: a file does not exist, or counts below 1.
    """
    _check(threads=threads, warmup=warmup, repeats=repeats)
    x = _array(input)
    a, b = sample(
        [_onnx_call(path, {"": x}, threads) for path in (first, second)],
        warmup=warmup,
        repeats=repeats,
        max_seconds=max_seconds,
        filtered=_filterable(threads, torch.device("cpu")),
    )
    return _compared(a, b, _onnx_facts(x, threads))


def _compared(first: Samples, second: Samples, facts: Mapping[str, Any]) -> Comparison:
    half = len(first.seconds) // 2
    early, late = np.median(first.seconds[: half or 1]), np.median(first.seconds[half:])
    return Comparison(
        first=summarise(first, **facts),
        second=summarise(second, **facts),
        ratio=float(np.median(np.divide(first.seconds, second.seconds))),
        contended=first.contended or bool(abs(late - early) > _DRIFT * early),
    )


def _onnx_call(path: str | Path, feed: Mapping[str, np.ndarray], threads: int) -> Callable[[], object]:
    """`feed` by input name; the name of a single input may be left empty."""
    running = session(path, threads=threads)
    named = {name or running.get_inputs()[0].name: x for name, x in feed.items()}
    return lambda: running.run(None, named)


def _onnx_facts(x: np.ndarray, threads: int) -> dict[str, Any]:
    import onnxruntime

    return {
        "runtime": "onnxruntime",
        "version": onnxruntime.__version__,
        "device": device_name(),
        "flags": device_flags(),
        "threads": threads,
        "batch": len(x),
        "dtype": str(x.dtype),
    }


def _filterable(threads: int, device: torch.device) -> bool:
    """All work happens in the calling thread, and its own clock is fine enough (on Windows it ticks every 16 ms)."""
    return threads == 1 and device.type == "cpu" and platform.system() != "Windows"


def _call(module: nn.Module, *inputs: Tensor) -> Callable[[], object]:
    if inputs[0].device.type != "cuda":
        return lambda: module(*inputs)

    def synchronised() -> None:
        module(*inputs)
        torch.cuda.synchronize(inputs[0].device)

    return synchronised


def _torch_facts(x: Tensor, threads: int) -> dict[str, Any]:
    return {
        "runtime": "torch",
        "version": torch.__version__,
        "device": device_name(x.device),
        "flags": device_flags(),
        "threads": threads,
        "batch": len(x),
        "dtype": str(x.dtype).removeprefix("torch."),
    }


def _array(given: Tensor | np.ndarray | Sequence[int]) -> np.ndarray:
    if isinstance(given, Tensor):
        return given.detach().cpu().numpy()
    return given if isinstance(given, np.ndarray) else example(nn.Identity(), given).numpy()


@contextlib.contextmanager
def _threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"{name} must be at least 1, got {count}")


def _warned(latency: Latency) -> Latency:
    if latency.contended:
        _log.warning(
            "the machine was busy: %.3g ms is the median of the %d least disturbed of %d samples",
            latency.median_ms, latency.repeats, latency.repeats + latency.dropped,
        )  # fmt: skip
    return latency
