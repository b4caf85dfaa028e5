"""What the pruning of random weights is expected to take away, and how wide a network must be for it not to matter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Literal, final, get_args

from archwright.errors import UserError, nearest

Law = Literal["uniform", "gaussian"]
Criterion = Literal["magnitude", "random"]
Tail = Literal["markov", "entries"]


@final
@dataclasses.dataclass(frozen=True)
class PredictedNorm:
    """Expected operator norm of W - W', for a layer of random weights W pruned to W'.

    Args:
        variance: mean square of an entry of W - W'.
        fourth: its mean fourth power.
        bai_yin: limit of the norm for large layers (Bai and Yin 1988).
        latala: the bracket of Latala's inequality (2005, theorem 2): the expected norm is at most C times this, with a
            universal constant C that is not known.
    """

    variance: float
    fourth: float
    bai_yin: float
    latala: float


def predicted_norm(
    shape: Sequence[int],
    fraction: float,
    *,
    scale: float,
    law: Law = "uniform",
    criterion: Criterion = "magnitude",
) -> PredictedNorm:
    """The norm of what pruning takes from a layer of independent weights (Qian and Klabjan 2021).

    Args:
        shape: of the weights, (outputs, inputs) or (outputs, inputs, *kernel); of a convolution that wraps around the
            norm is that of one frequency, whose maximum over all is a few percent above it.
        fraction: pruned, in [0, 1].
        scale: the weights are uniform in [-scale, scale], or normal with this standard deviation.
        law: of the weights.
        criterion: `"magnitude"`: the smallest go; `"random"`.

    Raises:
        UserError: an argument is out of range.
    """
    if len(shape) < 2 or min(shape) < 1:
        raise UserError(f"shape must be (outputs, inputs) or (outputs, inputs, *kernel), got {tuple(shape)}")
    variance, fourth = _moments(fraction, scale, law, criterion)
    rows, columns, taps = shape[0], shape[1], math.prod(shape[2:])
    square = taps * variance  # of a Fourier coefficient
    quartic = taps * fourth + 3 * taps * (taps - 1) * variance**2
    sides = math.sqrt(rows) + math.sqrt(columns)
    bracket = math.sqrt(square) * sides + (rows * columns * quartic) ** 0.25
    return PredictedNorm(variance, fourth, math.sqrt(square) * sides, bracket)


def _moments(fraction: float, scale: float, law: str, criterion: str) -> tuple[float, float]:
    """Second and fourth moment of an entry that is kept in W - W', where the pruned weights are."""
    for name, value, allowed in (("law", law, get_args(Law)), ("criterion", criterion, get_args(Criterion))):
        if value not in allowed:
            raise UserError(f"unknown {name} {value!r}{nearest(value, allowed)}")
    if not 0 <= fraction <= 1:
        raise UserError(f"fraction must be in [0, 1], got {fraction}")
    if not 0 < scale < math.inf:
        raise UserError(f"scale must be a number above 0, got {scale}")
    p = fraction
    if law == "uniform":
        powers = (p, p) if criterion == "random" else (p**3, p**5)
        return powers[0] * scale**2 / 3, powers[1] * scale**4 / 5
    if criterion == "random" or p in (0.0, 1.0):
        return p * scale**2, 3 * p * scale**4
    threshold, density = _threshold(p)
    second = p - 2 * threshold * density
    fourth = 3 * p - 2 * (threshold**3 + 3 * threshold) * density
    return second * scale**2, fourth * scale**4


def _threshold(fraction: float) -> tuple[float, float]:
    """Below which magnitude the share `fraction` of standard normal weights lies, and their density there."""
    threshold = NormalDist().inv_cdf((1 + fraction) / 2)
    return threshold, NormalDist().pdf(threshold)


@final
@dataclasses.dataclass(frozen=True)
class RequiredWidth:
    """Answer of `required_width`.

    Args:
        width: of the hidden layers.
        fraction: of the weights of a hidden layer that is pruned at that width.
        bound: of the distance of the outputs, at that width.
    """

    width: int
    fraction: float
    bound: float


def required_width(
    epsilon: float,
    delta: float,
    *,
    layers: int = 4,
    alpha: float = 0.3,
    scale: float = 1.0,
    radius: float = 1.0,
    ends: float = 1.0,
    law: Law = "uniform",
    criterion: Criterion = "magnitude",
    tail: Tail = "markov",
    latala: float | None = None,
) -> RequiredWidth:
    """How wide a ReLU network must be so that pruning moves no output by more than `epsilon`, with probability
    1 - `delta`.

    The network has hidden matrices of d x d independent weights, of which the share d^-alpha is pruned; the first and
    the last matrix are kept. All hidden layers must meet their bounds at once (union): those of ||W - W'|| by Markov's
    inequality or by the range of the entries, with one half of `delta`; those of ||W|| by concentration, with the other
    half. ||W'|| is at most ||W|| + ||W - W'||. Only the share d^-alpha, which vanishes, may go: at a fixed share the
    bound does not fall with the width.

    Args:
        epsilon: > 0.
        delta: in (0, 1).
        layers: matrices, at least 3; two are not pruned.
        alpha: in (0, 1).
        scale: weights are uniform in [-scale / sqrt(d), scale / sqrt(d)], or normal with deviation scale / sqrt(d).
        radius: largest Euclidean norm of an input.
        ends: upper bound of the norms of the first and of the last matrix.
        law: of the weights.
        criterion: of pruning.
        tail: `"markov"`, or `"entries"`: a convex function of bounded entries is concentrated (Boucheron, Lugosi and
            Massart 2013, theorem 6.10).
        latala: the constant C of Latala's inequality for expected norms; None takes their limits (Bai and Yin) instead.
            Neither is a proof: C is not known, and the limit is one.

    Returns:
        The least such width. It can be astronomical.

    Raises:
        UserError: an argument is out of range; entries without a bound with `tail="entries"`.
    """
    if layers < 3 or not 0 < alpha < 1 or not 0 < delta < 1:
        raise UserError(f"need layers >= 3, alpha and delta in (0, 1), got {layers}, {alpha} and {delta}")
    if min(epsilon, scale, radius, ends) <= 0:
        raise UserError(f"epsilon, scale, radius and ends must be above 0, got {epsilon}, {scale}, {radius}, {ends}")
    if tail not in get_args(Tail):
        raise UserError(f"unknown tail {tail!r}{nearest(tail, get_args(Tail))}")
    if latala is not None and latala <= 0:
        raise UserError(f"the constant of Latala's inequality is above 0, got {latala}")
    if tail == "entries" and (law, criterion) == ("gaussian", "random"):
        raise UserError("entries of normal weights pruned at random have no bound; take tail='markov'")
    hidden = layers - 2

    def bound(width: int) -> float:
        p, entry = width**-alpha, scale / math.sqrt(width)
        whole = predicted_norm((width, width), 1.0, scale=entry, law=law)
        lost = predicted_norm((width, width), p, scale=entry, law=law, criterion=criterion)
        means = [n.bai_yin if latala is None else latala * n.latala for n in (whole, lost)]
        norm = means[0] + entry * math.sqrt((8 if law == "uniform" else 2) * math.log(2 * hidden / delta))
        if tail == "markov":
            difference = means[1] * 2 * hidden / delta
        else:
            largest = {"random": 1.0, "magnitude": p if law == "uniform" else _threshold(p)[0] if p < 1 else math.inf}
            difference = means[1] + largest[criterion] * entry * math.sqrt(8 * math.log(2 * hidden / delta))
        steps = [norm ** (hidden - 1 - k) * difference * (norm + difference) ** k for k in range(hidden)]
        return radius * ends**2 * sum(steps)

    width = _least(lambda d: bound(d) <= epsilon)
    return RequiredWidth(width, width**-alpha, bound(width))


def _least(holds: Callable[[int], bool]) -> int:
    """The first integer from 2 at which a condition that then stays true holds."""
    high = 2
    while not holds(high):
        high *= 2
        if high > 2**1000:
            raise UserError("no width below 2^1000 is enough; take a larger epsilon, delta or alpha, or fewer layers")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
