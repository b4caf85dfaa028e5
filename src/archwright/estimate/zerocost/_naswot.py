"""NASWOT."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._codes import agreement, listening
from archwright.estimate.zerocost._probe import Probe, Replacing, gradients
from archwright.estimate.zerocost._score import Score, output


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Naswot(Score):
    """Log-determinant of how many rectifiers two images agree in, at initialisation; one forward, no labels.

    Mellor, Turner, Storkey and Crowley (2021), "Neural Architecture Search without Training", ICML. K_ij = units -
    Hamming distance of the on/off codes of images i and j, in train mode; `-inf` if two images have one code. Only
    units on a path to the output count. Whether they do is found from one image with every rectifier made slightly
    leaky, so that units that happen to be off do not hide those before them; published: a backward of the whole batch.

    Args:
        smooth: count the signs of GELU, SiLU, ELU and the like too, which the paper does not.
        marked: leave out units without a path to the output, as the paper does; copies of the method often do not.
    """

    batch: ClassVar[int] = 128
    smooth: bool = False
    marked: bool = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        if len(x) < 2:
            raise UserError("codes are compared between images: NASWOT needs a batch of at least 2")
        k = self.kernel(module, x)
        if not k.any():
            return -math.inf
        sign, logarithm = np.linalg.slogdet(k.astype(np.float64))
        return float(logarithm) if sign > 0 else -math.inf

    def kernel(self, module: nn.Module, x: Tensor) -> np.ndarray:
        """K, int64 (N, N).

        Raises:
            UserError: the network has no rectifier.
        """
        alive = self._alive(module, x[:1])
        k = np.zeros((len(x), len(x)), dtype=np.int64)
        called = 0

        def add(number: int, z: Tensor) -> None:
            nonlocal called
            called += 1
            if number < len(alive) and alive[number]:
                np.add(k, agreement(z.detach(), len(x)), out=k)

        with torch.no_grad(), listening(add, smooth=self.smooth):
            Probe(module)(x)
        if called != len(alive):
            raise UserError(f"the network calls {len(alive)} rectifiers for one image but {called} for a batch")
        if not called:
            hint = "" if self.smooth else "; smooth=True takes the signs of GELU, SiLU and the like"
            raise UserError(f"NASWOT needs ReLU units, and this network calls none{hint}")
        return k

    def _alive(self, module: nn.Module, x: Tensor) -> list[bool]:
        """Whether each call of a rectifier has a path to the output that is not multiplied by zero."""
        outs: list[Tensor] = []

        def leak(_: int, z: Tensor) -> Tensor:
            out = torch.where(z > 0, z, 0.5 * z)
            outs.append(out if out.requires_grad else out.detach().requires_grad_())
            return outs[-1]

        with Replacing({F.batch_norm: scaled}), listening(leak, smooth=self.smooth):
            found = output(Probe(module)(x.detach().clone().requires_grad_()))
        if not self.marked:
            return [True] * len(outs)
        mix = torch.randn(found.shape, dtype=found.dtype, device=found.device)
        return [bool(g.any()) for g in gradients((found * mix).sum(), outs)]


def scaled(x: Tensor, *_: object, **__: object) -> Tensor:
    """Batch normalisation of one image, as far as paths are concerned."""
    return x * 1
