"""A measured latency with everything needed to judge it."""

from __future__ import annotations

import dataclasses
import datetime
import statistics
from collections.abc import Mapping
from typing import Any

from archwright.cost._timer import Samples
from archwright.errors import UserError, nearest


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of one forward pass, measured; `float(latency)` and `.ms` give the median in milliseconds.

    Args:
        median_ms: median of the kept samples.
        p10_ms: tenth percentile.
        p90_ms: ninetieth percentile.
        mean_ms: mean; for reference only, one disturbed sample moves it.
        device: model name of the processor or GPU.
        flags: instruction sets of the processor that decide about speed.
        runtime: `torch` or `onnxruntime`.
        version: of the runtime.
        threads: pinned for the measurement.
        batch: samples in the input.
        dtype: of the input.
        warmup: calls made before the first sample.
        repeats: samples kept.
        loops: calls in a sample; more than one for networks faster than a millisecond.
        dropped: samples left out because the thread did not have the processor.
        contended: the machine was busy during every try: read the figure as an upper bound.
        date: UTC, ISO 8601.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float
    mean_ms: float
    device: str
    flags: tuple[str, ...]
    runtime: str
    version: str
    threads: int
    batch: int
    dtype: str
    warmup: int
    repeats: int
    loops: int
    dropped: int
    contended: bool
    date: str

    @property
    def ms(self) -> float:
        """The median in milliseconds."""
        return self.median_ms

    def __float__(self) -> float:
        return self.median_ms

    def to_dict(self) -> dict[str, Any]:
        """JSON values by field name."""
        return {**dataclasses.asdict(self), "flags": list(self.flags)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Latency:
        """Inverse of `to_dict`.

        Raises:
            UserError: a field is missing or unknown.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        for name in sorted(fields.keys() ^ names):
            raise UserError(f"latency record: field {name!r} is missing or unknown{nearest(name, names)}")
        return cls(**{**fields, "flags": tuple(fields["flags"])})


def summarise(samples: Samples, **facts: Any) -> Latency:
    """The figures of `samples` with the remaining fields of `Latency` and the present time."""
    return Latency(
        median_ms=samples.quantile_ms(0.5),
        p10_ms=samples.quantile_ms(0.1),
        p90_ms=samples.quantile_ms(0.9),
        mean_ms=1e3 * statistics.fmean(samples.seconds),
        warmup=samples.warmup,
        repeats=len(samples.seconds),
        loops=samples.loops,
        dropped=samples.dropped,
        contended=samples.contended,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **facts,
    )
