"""`Bins`: densities that are constant between borders, with half-normal tails."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from torch import Tensor

from archwright.errors import UserError

Array = NDArray[np.float64]
_MEDIAN = 0.6744897501960817  # of the absolute value of a standard normal variable


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Bins of a predictive density (Müller, Hollmann, Pineda Arango, Grabocka, Hutter, ICLR 2022, arXiv 2112.10510).

    The first and the last have no outer border: their density is half of a normal one that starts at the inner border
    and has half of its mass within the width of the bin.

    Args:
        borders: increasing, shape (bins + 1,), at least three bins.

    Raises:
        UserError: borders that do not increase, or too few.
    """

    borders: Array

    def __post_init__(self) -> None:
        if self.borders.ndim != 1 or len(self.borders) < 4 or not (np.diff(self.borders) > 0).all():
            raise UserError(f"borders of bins must be four or more increasing numbers, got {self.borders}")

    @classmethod
    def equal(cls, values: ArrayLike, count: int) -> Bins:
        """`count` bins that hold equally many of the `values`."""
        return cls(np.unique(np.quantile(np.ravel(values), np.linspace(0, 1, count + 1))))

    def __len__(self) -> int:
        return len(self.borders) - 1

    @property
    def scales(self) -> tuple[float, float]:
        """Scale of the first and the last half-normal tail."""
        widths = np.diff(self.borders)
        return float(widths[0]) / _MEDIAN, float(widths[-1]) / _MEDIAN

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation within every bin, both of shape (bins,)."""
        means, deviations = (self.borders[1:] + self.borders[:-1]) / 2, np.diff(self.borders) / math.sqrt(12)
        tails = np.array(self.scales)
        means[[0, -1]] = self.borders[[1, -2]] + math.sqrt(2 / math.pi) * tails * [-1, 1]
        deviations[[0, -1]] = tails * math.sqrt(1 - 2 / math.pi)
        return means, deviations

    def below(self, y: float) -> Array:
        """Share of every bin that is below `y`, shape (bins,)."""
        shares = np.clip((y - self.borders[:-1]) / np.diff(self.borders), 0, 1)
        first, last = self.scales
        shares[0] = 2 * ndtr(min(y - self.borders[1], 0) / first)
        shares[-1] = 1 - 2 * ndtr(min(self.borders[-2] - y, 0) / last)
        return shares

    def log_density(self, logits: Tensor, y: Tensor) -> Tensor:
        """Natural log of the density.

        Args:
            logits: shape (..., bins).
            y: shape (...).
        """
        borders = torch.as_tensor(self.borders, dtype=y.dtype, device=y.device)
        place = torch.searchsorted(borders[1:-1], y.contiguous())
        tails = [_tail(d, s) for d, s in zip((borders[1] - y, y - borders[-2]), self.scales)]
        within = torch.where(place == 0, tails[0], -torch.log(borders[1:] - borders[:-1])[place])
        within = torch.where(place == len(self) - 1, tails[1], within)
        return logits.log_softmax(-1).gather(-1, place[..., None])[..., 0] + within


def _tail(distance: Tensor, scale: float) -> Tensor:
    """Log density of a half-normal variable."""
    return 0.5 * math.log(2 / math.pi) - math.log(scale) - 0.5 * (distance / scale) ** 2
