"""Bits by integer programming: optima against all assignments."""

import itertools
import math

import numpy as np
import pytest

from archwright.compress import Limit, allocate, allocate_bits
from archwright.errors import UserError

SIZES = (10, 40, 30, 20)
LOSSES = {4: (0.30, 0.08, 0.05, 0.02), 2: (1.5, 0.5, 0.45, 0.10)}


@pytest.mark.parametrize(
    ("options", "fraction", "bits"),
    [
        ((4,), 0.20, [8, 8, 4, 4]),
        ((4,), 0.17, [8, 4, 4, 8]),
        ((4,), 0.14, [8, 4, 4, 4]),
        ((4,), 0.125, [4, 4, 4, 4]),
        ((4, 2), 0.125, [8, 4, 4, 2]),
        ((4, 2), 0.10, [8, 2, 4, 2]),
    ],
)
def test_the_worked_optima(options: tuple[int, ...], fraction: float, bits: list[int]) -> None:
    """Sheet of AdaQuant, must show 1; greedy by loss a parameter would give (8, 4, 4, 4) at 0.17."""
    assert allocate_bits(SIZES, {b: LOSSES[b] for b in options}, 8, fraction) == bits


@pytest.mark.parametrize("seed", range(20))
def test_no_assignment_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes, options = rng.integers(1, 100, 5).tolist(), (8, 6, 4, 2)
    losses = {b: np.sort(rng.random(5)).tolist() for b in options[1:]}
    fraction = float(rng.uniform(2 / 32, 8 / 32))
    found = allocate_bits(sizes, losses, 8, fraction)

    def cost(bits: tuple[int, ...]) -> float:
        return sum(0.0 if b == 8 else losses[b][n] for n, b in enumerate(bits))

    allowed = [
        bits
        for bits in itertools.product(options, repeat=5)
        if np.dot(bits, sizes) <= 32 * fraction * sum(sizes) * (1 + 1e-9)
    ]
    assert tuple(found) in allowed
    assert cost(tuple(found)) == pytest.approx(min(map(cost, allowed)))


@pytest.mark.parametrize("seed", range(20))
def test_no_choice_within_two_limits_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses, first, second = rng.random((3, 5, 4))
    losses[rng.random((5, 4)) < 0.1], first[0, 0] = np.inf, np.inf
    rows = range(5)
    choices = [c for c in itertools.product(range(4), repeat=5) if np.isfinite(losses[rows, c].sum())]
    limits = [Limit("size", first, float(rng.uniform(1.0, 3.0))), Limit("bitops", second, float(rng.uniform(1.0, 3.0)))]
    kept = [c for c in choices if all(limit.costs[rows, c].sum() <= limit.most for limit in limits)]
    if not kept:
        with pytest.raises(UserError, match=r"^(size|bitops) .* cannot be reached: .*smallest"):
            allocate(losses, limits)
        return
    found = tuple(allocate(losses, limits))
    assert found in kept
    assert losses[rows, found].sum() == pytest.approx(min(losses[rows, c].sum() for c in kept))


def test_limits_that_only_together_cannot_be_kept() -> None:
    costs = np.array([[0.0, 1.0]])
    with pytest.raises(UserError, match=r"bitops 0\.5 cannot be reached: with size 0\.5 the smallest is 1"):
        allocate(np.zeros((1, 2)), [Limit("size", costs, 0.5), Limit("bitops", costs[:, ::-1], 0.5)])


def test_the_smallest_differences_count() -> None:
    """HiGHS stops 1e-6 from the optimum, which is the least loss of a layer."""
    losses = {2: (0.0, 0.0, 0.46, 0.0), 3: (0.0, 190.0, 0.0, 0.0), 4: (0.0, 0.0, 513.0, 973.0)}
    assert allocate_bits((1030, 8010, 1170, 5750), losses, 8, 0.2306).count(8) == 3


def test_a_loss_without_end_rules_an_option_out() -> None:
    assert allocate_bits((1, 1), {4: (math.inf, 9.0)}, 8, 0.1875) == [8, 4]
    with pytest.raises(ValueError, match=r"smallest reachable is 0\.1875"):
        allocate_bits((1, 1), {4: (math.inf, 9.0)}, 8, 0.125)


def test_what_cannot_be_reached_names_the_smallest() -> None:
    with pytest.raises(ValueError, match=r"smallest reachable is 0\.125"):
        allocate_bits(SIZES, {4: LOSSES[4]}, 8, 0.10)


def test_a_gain_from_noise_is_no_gain() -> None:
    """A negative rise of the loss counts as 1e-6, so that the base wins where there is room."""
    assert allocate_bits((1, 1), {4: (-5.0, -5.0)}, 8, 0.25) == [8, 8]


@pytest.mark.parametrize(
    ("sizes", "losses", "fraction"),
    [
        ((1, 2), {4: (0.1,)}, 0.2),
        ((), {}, 0.2),
        ((1, 0), {4: (0.1, 0.1)}, 0.2),
        ((1, math.nan), {4: (0.1, 0.1)}, 0.2),
        ((1,), {4: (0.1,)}, 1.5),
        ((1, 2), {4: (0.1, math.nan)}, 0.2),
        ((1,), {0: (0.1,)}, 0.2),
        ((1,), {"4": (0.1,)}, 0.2),
    ],
)
def test_bad_input(sizes: tuple[int, ...], losses: dict[int, tuple[float, ...]], fraction: float) -> None:
    with pytest.raises(UserError):
        allocate_bits(sizes, losses, 8, fraction)
