import math
from itertools import pairwise

import pytest

from archwright.train import SCHEDULES, factor


def test_cosine_is_one_then_half_then_zero() -> None:
    cosine = SCHEDULES["cosine"]
    assert cosine(0, 10) == 1.0
    assert cosine(5, 10) == pytest.approx(0.5)
    assert cosine(2.5, 10) == pytest.approx((2 + math.sqrt(2)) / 4)
    assert cosine(10, 10) == pytest.approx(0.0, abs=1e-12)
    assert cosine(11, 10) == pytest.approx(0.0, abs=1e-12)


def test_linear_falls_by_the_same_amount_each_epoch() -> None:
    assert [SCHEDULES["linear"](e, 4) for e in range(6)] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_bignas_floor_is_reached_at_epoch_236_05_and_constant_afterwards() -> None:
    schedule = SCHEDULES["exponential-constant"]
    end = 2.4 * math.log(0.05) / math.log(0.97)
    assert end == pytest.approx(236.05, abs=0.01)
    assert schedule(2.4, 360) == pytest.approx(0.97)
    assert 0.256 * schedule(end - 0.01, 360) > 0.0128
    assert [0.256 * schedule(e, 360) for e in (end + 1e-9, 300, 360)] == [0.0128] * 3


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_one_and_never_rises(name: str) -> None:
    values = [SCHEDULES[name](e / 10, 30) for e in range(301)]
    assert values[0] == 1.0
    assert all(0 <= b <= a for a, b in pairwise(values))


@pytest.mark.parametrize("name", ["cosine", "linear", "constant"])
def test_without_a_plan_the_rate_stays_at_its_start(name: str) -> None:
    assert SCHEDULES[name](7.0, math.inf) == 1.0


def test_warmup_rises_linearly_and_ends_at_one() -> None:
    warm = [factor("constant", u, updates_per_epoch=4, epochs=10, warmup=1.0) for u in range(6)]
    assert warm == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_schedule_starts_after_warmup_and_ends_with_the_last_epoch() -> None:
    def at(update: int) -> float:
        return factor("cosine", update, updates_per_epoch=10, epochs=5, warmup=1.0)

    assert at(10) == 1.0
    assert at(30) == pytest.approx(0.5)
    assert at(50) == pytest.approx(0.0, abs=1e-12)
    assert at(49) > 0


def test_warmup_longer_than_the_plan_never_leaves_warmup() -> None:
    values = [factor("cosine", u, updates_per_epoch=4, epochs=1, warmup=2.0) for u in range(4)]
    assert values == [1 / 8, 2 / 8, 3 / 8, 4 / 8]
