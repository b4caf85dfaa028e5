"""Eleven parametric families of learning curves (Domhan, Springenberg, Hutter, IJCAI 2015, table 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError, nearest

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """A curve f(x | theta) of the epoch x = 1, 2, ...

    Args:
        name: as in `FAMILIES`.
        start: default parameters by name, of the authors' code.
        formula: of x and the parameters, element by element.
    """

    name: str
    start: dict[str, float]
    formula: Callable[..., Array]

    def __call__(self, x: ArrayLike, theta: ArrayLike | None = None) -> Array:
        """Values at `x`, shape (n,), for parameters of shape (..., k): shape (..., n). Where it is undefined: NaN or
        infinite.

        Args:
            x: epochs, above 0.
            theta: parameters in the order of `start`; None means the default ones.
        """
        values = np.asarray(list(self.start.values()) if theta is None else theta, dtype=np.float64)
        with np.errstate(all="ignore"):
            return self.formula(np.asarray(x, dtype=np.float64), *np.moveaxis(values[..., None], -2, 0))


def _pow3(x: Array, c: Array, a: Array, alpha: Array) -> Array:
    return c - a * x**-alpha


def _log_power(x: Array, a: Array, b: Array, c: Array) -> Array:
    return a / (1 + (x / np.exp(b)) ** c)


def _weibull(x: Array, alpha: Array, beta: Array, kappa: Array, delta: Array) -> Array:
    return alpha - (alpha - beta) * np.exp(-((kappa * x) ** delta))


def _mmf(x: Array, alpha: Array, beta: Array, kappa: Array, delta: Array) -> Array:
    return alpha - (alpha - beta) / (1 + (kappa * x) ** delta)


def _janoschek(x: Array, a: Array, beta: Array, k: Array, delta: Array) -> Array:
    return a - (a - beta) * np.exp(-k * x**delta)


def _ilog2(x: Array, c: Array, a: Array) -> Array:
    return c - a / np.log(x + 1)


def _hill3(x: Array, theta: Array, eta: Array, kappa: Array) -> Array:
    return theta * x**eta / (kappa**eta + x**eta)


def _vapour(x: Array, a: Array, b: Array, c: Array) -> Array:
    return np.exp(a + b / x + c * np.log(x))


def _log_log_linear(x: Array, a: Array, b: Array) -> Array:
    return np.log(a * np.log(x) + b)


def _exp4(x: Array, c: Array, a: Array, b: Array, alpha: Array) -> Array:
    return c - np.exp(-a * x**alpha + b)


def _pow4(x: Array, c: Array, a: Array, b: Array, alpha: Array) -> Array:
    return c - (a * x + b) ** -alpha


FAMILIES = {
    family.name: family
    for family in (
        Family("pow3", {"c": 0.84, "a": 0.52, "alpha": 0.01}, _pow3),
        Family("log-power", {"a": 0.77, "b": 2.98, "c": -0.51}, _log_power),
        Family("weibull", {"alpha": 0.7, "beta": 0.1, "kappa": 0.01, "delta": 1.0}, _weibull),
        Family("mmf", {"alpha": 0.7, "beta": 0.1, "kappa": 0.01, "delta": 5.0}, _mmf),
        Family("janoschek", {"a": 0.73, "beta": 0.07, "k": 0.355, "delta": 0.46}, _janoschek),
        Family("ilog2", {"c": 0.78, "a": 0.43}, _ilog2),
        Family("hill3", {"theta": 0.7723, "eta": 0.5864, "kappa": 2.4608}, _hill3),
        Family("vapour", {"a": -0.6220, "b": -0.4701, "c": 0.0423}, _vapour),
        Family("log-log-linear", {"a": 1.0, "b": 1.0}, _log_log_linear),
        Family("exp4", {"c": 0.7, "a": 0.8, "b": -0.8, "alpha": 0.3}, _exp4),
        Family("pow4", {"c": 0.8, "a": 200.0, "b": 0.0, "alpha": 0.1}, _pow4),
    )
}
"""By name, in the order of the paper's code."""


def family(name: str) -> Family:
    """The family called `name`.

    Raises:
        UserError: there is none.
    """
    if name not in FAMILIES:
        raise UserError(f"unknown learning-curve family {name!r}{nearest(name, FAMILIES)}")
    return FAMILIES[name]
