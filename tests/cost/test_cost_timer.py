"""The sampling protocol on a simulated clock: what is kept, dropped, repeated, flagged."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from archwright.cost import _timer
from archwright.cost._timer import Samples, sample


class Clock:
    """Wall and thread time that only `work` advances."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.cpu = 0.0
        self.calls: list[str] = []

    def perf_counter(self) -> float:
        return self.wall

    def thread_time(self) -> float:
        return self.cpu

    def work(self, name: str, walls: Iterator[float], share: Callable[[int], float]) -> Callable[[], None]:
        def call() -> None:
            wall = next(walls)
            self.cpu += wall * share(len(self.calls))
            self.wall += wall
            self.calls.append(name)

        return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_timer, "time", clock)
    return clock


def always(value: float) -> Iterator[float]:
    while True:
        yield value


def run(
    calls: list[Callable[[], None]], *, repeats: int = 50, filtered: bool = True, seconds: float = 1e6
) -> list[Samples]:
    return sample(calls, warmup=10, repeats=repeats, max_seconds=seconds, filtered=filtered)


def test_steady_work(clock: Clock) -> None:
    (found,) = run([clock.work("a", always(0.004), lambda _: 1.0)])
    assert found == Samples(seconds=pytest.approx((0.004,) * 50), loops=1, warmup=20, dropped=0, contended=False)
    assert found.quantile_ms(0.5) == pytest.approx(4.0)


def test_short_work_is_looped_to_a_millisecond(clock: Clock) -> None:
    (found,) = run([clock.work("a", always(3e-5), lambda _: 1.0)])
    assert found.loops == 34
    assert found.seconds == pytest.approx((3e-5,) * 50)


def test_warms_up_until_the_median_settles(clock: Clock) -> None:
    def falling() -> Iterator[float]:
        for i in range(95):
            yield 0.1 - 0.001 * i
        yield from always(0.002)

    (found,) = run([clock.work("a", falling(), lambda _: 1.0)])
    assert found.warmup == 120
    assert found.seconds == pytest.approx((0.002,) * 50)


def test_disturbed_samples_are_dropped(clock: Clock) -> None:
    def every_fifth() -> Iterator[float]:
        while True:
            yield from (0.002, 0.002, 0.002, 0.002, 0.01)

    # a disturbed call takes 10 ms of which it computes 2 ms
    (found,) = run([clock.work("a", every_fifth(), lambda n: 0.2 if n % 5 == 4 else 1.0)])
    assert found.dropped == 10
    assert len(found.seconds) == 40
    assert max(found.seconds) == pytest.approx(0.002)
    assert not found.contended


def test_without_filter_everything_is_kept(clock: Clock) -> None:
    (found,) = run([clock.work("a", always(0.002), lambda _: 0.1)], filtered=False)
    assert (found.dropped, found.contended, len(found.seconds)) == (0, False, 50)


def test_tries_again_after_a_busy_spell(clock: Clock) -> None:
    (found,) = run([clock.work("a", always(0.002), lambda n: 0.5 if n < 70 else 1.0)])
    assert not found.contended
    assert found.dropped == 50
    assert len(found.seconds) == 50


def test_busy_machine_is_flagged_and_the_least_disturbed_kept(clock: Clock) -> None:
    def alternating() -> Iterator[float]:
        while True:
            yield from (0.002, 0.004)

    (found,) = run([clock.work("a", alternating(), lambda n: 0.9 if n % 2 == 0 else 0.4)])
    assert found.contended
    assert found.dropped == 100
    assert found.seconds == pytest.approx((0.002,) * 50)


def test_calls_take_turns(clock: Clock) -> None:
    full = lambda _: 1.0  # noqa: E731
    first, second = run([clock.work("a", always(0.002), full), clock.work("b", always(0.004), full)], repeats=5)
    assert "".join(clock.calls)[-10:] == "ababababab"
    assert first.seconds == pytest.approx((0.002,) * 5)
    assert second.seconds == pytest.approx((0.004,) * 5)


def test_stops_when_time_is_up(clock: Clock) -> None:
    (found,) = run([clock.work("a", always(1.0), lambda _: 1.0)], seconds=10.0)
    assert clock.wall <= 12
    assert 3 <= len(found.seconds) < 50


def test_even_a_very_slow_call_gives_three_samples(clock: Clock) -> None:
    (found,) = run([clock.work("a", always(60.0), lambda _: 1.0)], seconds=10.0)
    assert found.warmup == 1
    assert len(found.seconds) == 3


def test_quantiles_interpolate() -> None:
    samples = Samples(seconds=(0.004, 0.001, 0.003, 0.002, 0.005), loops=1, warmup=0, dropped=0, contended=False)
    assert samples.quantile_ms(0.5) == pytest.approx(3.0)
    assert samples.quantile_ms(0.1) == pytest.approx(1.4)
    assert samples.quantile_ms(1.0) == pytest.approx(5.0)
