"""The functions of two numbers that Func2C and Func3C add up."""

from __future__ import annotations

CAMEL = -1.0316284534898774
"""Minimum of `camel`."""


def rosenbrock(x: float, y: float) -> float:
    """(1 - x)^2 + 100 (y - x^2)^2 (Rosenbrock 1960); 0 at (1, 1)."""
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def camel(x: float, y: float) -> float:
    """The six-hump camel (Dixon and Szego 1978); -1.0316 at (0.0898, -0.7127) and mirrored."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def beale(x: float, y: float) -> float:
    """Beale's function (1958); 0 at (3, 0.5)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def chosen(option: int, x: float, y: float) -> float:
    """What a categorical variable stands for: Rosenbrock / 300, camel / 10, and Beale / 50 for 2 and more."""
    if option == 0:
        return rosenbrock(x, y) / 300
    return camel(x, y) / 10 if option == 1 else beale(x, y) / 50
