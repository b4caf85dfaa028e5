"""Logarithm of the expected improvement of a normal variable."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_FAR = -100.0
_ROOT = math.sqrt(math.pi / 2)


def log_improvement(mean: Tensor, deviation: Tensor, best: float) -> Tensor:
    """log E[max(best - f, 0)] for f normal with `mean` and `deviation` (n,); differentiable, does not underflow.

    Jones, Schonlau and Welch (1998), equation 15: s (z Phi(z) + phi(z)) with z = (best - mean) / s; below z = -1
    through the scaled complementary error function, far below by 1 / z^2 (Ament et al. 2023, appendix A.1).
    """
    z = (best - mean) / deviation
    density = -0.5 * (z * z + math.log(2 * math.pi))
    high, low = z.clamp_min(-1.0), z.clamp(_FAR, -1.0)
    above = ((-0.5 * high * high).exp() / math.sqrt(2 * math.pi) + high * torch.special.ndtr(high)).log()
    near = torch.log1p(low * _ROOT * torch.special.erfcx(-low / math.sqrt(2)))
    far = -2 * (-z.clamp_max(_FAR)).log()
    return torch.where(z > -1, above, density + torch.where(z > _FAR, near, far)) + deviation.log()
