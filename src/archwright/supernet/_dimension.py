"""Sizes that an architecture decides: fixed, an `Ordinal`, or a `Product` of ordinals."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet._selection import Decision, Paths, decision


@dataclasses.dataclass(frozen=True, slots=True)
class Product:
    """A size that is the product of ordinals, rounded to an integer: the hidden width of a block, width x expansion."""

    factors: tuple[Ordinal, ...]

    def __init__(self, *factors: Ordinal) -> None:
        object.__setattr__(self, "factors", tuple(factors))

    @property
    def name(self) -> str:
        return " x ".join(f.name for f in self.factors)


Size = int | Ordinal | Product


class Dimension:
    """A size with its possible values and, under relaxation, the mask over its largest value.

    Under weights `a_n` over sizes `c_n` the mask at position j is `sum of a_n over the sizes c_n > j`: a slice of every
    size, zero-padded to the largest and superposed (Sukthanker et al. 2023, TangleNAS, weight superposition).

    Args:
        size: a positive integer, an `Ordinal`, or a `Product`.

    Raises:
        UserError: none of these, or a size below 1.
    """

    def __init__(self, size: Size) -> None:
        if not isinstance(size, int | Ordinal | Product):
            raise UserError(f"a size is an integer, an Ordinal or a Product of ordinals, got {size!r}")
        self.variables: tuple[Ordinal, ...] = ()
        self.sizes = [int(size)] if isinstance(size, int) else []
        if isinstance(size, Ordinal | Product):
            self.variables = size.factors if isinstance(size, Product) else (size,)
            grid = list(itertools.product(*(v.options for v in self.variables)))
            self.sizes = [round(math.prod(values)) for values in grid]
            self._by_values: dict[Any, int] = dict(zip(grid, self.sizes))
            self._by_value: dict[Any, int] = dict(zip(self.variables[0].options, self.sizes))
        if min(self.sizes, default=0) < 1:
            raise UserError(f"sizes must be positive integers, got {self.sizes} for {size!r}")
        self.maximum = max(self.sizes)

    def steps(self) -> Tensor:
        """(sizes, maximum): row n has ones in its first `sizes[n]` places."""
        return (torch.arange(self.maximum) < torch.tensor(self.sizes)[:, None]).float()

    def resolve(self) -> int | Tensor:
        """The decided size, or the weights (sizes,) over `sizes` when a variable is relaxed."""
        if not self.variables:
            return self.maximum
        if len(self.variables) == 1:  # apart, because every forward comes along here
            value = decision(self.variables[0])
            if isinstance(value, Paths):
                return value.dense(len(self.sizes))
            return value if isinstance(value, Tensor) else self._by_value[value]
        values = [
            value.dense(v.count) if isinstance(value, Paths) else value
            for v, value in ((v, decision(v)) for v in self.variables)
        ]
        if any(isinstance(v, Tensor) for v in values):
            return _outer(self.variables, values)
        return self._by_values[tuple(values)]


def _outer(variables: Sequence[Ordinal], values: Sequence[Decision]) -> Tensor:
    """Flattened outer product of the weights of several variables, in the order of `itertools.product`."""
    like = next(v for v in values if isinstance(v, Tensor))
    out = like.new_ones(1)
    for variable, value in zip(variables, values):
        if isinstance(value, Tensor):
            weights = value
        else:
            weights = like.new_tensor([float(option == value) for option in variable.options])
        out = (out[:, None] * weights).flatten()
    return out
