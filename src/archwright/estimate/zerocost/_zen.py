"""Zen-score."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Probe, Replacing, layer, norms
from archwright.estimate.zerocost._score import Score, output


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Zen(Score):
    """How far Gaussian noise on Gaussian images moves the features of a redrawn network; two forwards a repeat.

    Lin et al. (2021), "Zen-NAS: A Zero-Shot NAS for High-Performance Deep Image Recognition", ICCV. log of the mean L1
    distance of the features of x and x + gamma x', plus over batch normalisations the log of the root of the mean
    running variance, which puts back the scale that they take out. Weights are redrawn from N(0, 1). Features are what
    the last global average pooling takes; without one, what the last linear layer takes. Of the given batch only the
    shape of a sample counts.

    Args:
        batch_size: images of noise, at least 1.
        repeats: draws that are averaged; the authors use 32.
        gamma: size of the step; positive.
    """

    batch: ClassVar[int] = 1
    batch_size: int = 16
    repeats: int = 1
    gamma: float = 0.01

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.repeats < 1 or self.gamma <= 0:
            raise UserError(
                "zen takes batch_size and repeats of at least 1 and gamma > 0, "
                f"got {self.batch_size}, {self.repeats} and {self.gamma}"
            )

    @torch.no_grad()
    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return sum(self._once(module, x) for _ in range(self.repeats)) / self.repeats

    def _once(self, module: nn.Module, x: Tensor) -> float:
        probe = Probe(module, parameters=redrawn(module), buffers=renewed(module))
        image, noise = (x.new_empty((self.batch_size, *x.shape[1:])).normal_() for _ in range(2))
        moved = features(probe, image) - features(probe, image + self.gamma * noise)
        score = logarithm(moved.abs().flatten(1).sum(1).mean())
        for name, part in norms(module).items():
            if part.get_buffer("running_var") is not None:
                score += 0.5 * logarithm(probe.buffers[f"{name}.running_var".lstrip(".")].mean())
        return score


def logarithm(value: Tensor) -> float:
    """log, `-inf` at 0, NaN where the value is not finite."""
    number = value.item()
    if not math.isfinite(number):
        return math.nan
    return math.log(number) if number > 0 else -math.inf


def redrawn(module: nn.Module) -> dict[str, Tensor]:
    """Parameters as Zen-NAS draws them: weights N(0, 1), normalisations 1 and 0, biases 0; others as they are."""
    drawn = {name: p.detach() for name, p in module.named_parameters()}
    normal = norms(module)
    for path, part in sorted(module.named_modules(), key=lambda item: item[0]):  # extracted or not, one order
        scale = normal.get(path) is part
        if not scale and not layer(part):
            continue
        for end in ("weight", "bias"):
            name = f"{path}.{end}".lstrip(".")
            if name not in drawn:
                continue
            blank = torch.empty_like(drawn[name])
            drawn[name] = blank.zero_() if end == "bias" else blank.fill_(1.0) if scale else blank.normal_()
    return drawn


def renewed(module: nn.Module) -> dict[str, Tensor]:
    """Buffers as copies, running statistics of batch normalisation as at the start."""
    fresh = {name: b.detach().clone() for name, b in module.named_buffers()}
    for path in norms(module):
        for end, start in (("running_mean", 0), ("running_var", 1), ("num_batches_tracked", 0)):
            name = f"{path}.{end}".lstrip(".")
            if name in fresh:
                fresh[name].fill_(start)
    return fresh


def features(probe: Probe, x: Tensor) -> Tensor:
    """What goes into the last global pooling, else into the last linear layer, else what comes out."""
    pooled: list[Tensor] = []
    linear: list[Tensor] = []

    def pool(function: Callable[..., Any]) -> Callable[..., Any]:
        def before(z: Tensor, *args: Any, **kwargs: Any) -> Any:
            out = function(z, *args, **kwargs)
            if z.ndim > 2 and isinstance(out, Tensor) and out.shape[:2] == z.shape[:2] and out[0, 0].numel() == 1:
                pooled[:] = [z]
            return out

        return before

    def project(z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        linear[:] = [z]
        return F.linear(z, *args, **kwargs)

    pools = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d, F.avg_pool2d, torch.mean, Tensor.mean)
    with Replacing({F.linear: project, **{f: pool(f) for f in pools}}):
        found = output(probe(x))
    return (pooled or linear or [found])[0]
