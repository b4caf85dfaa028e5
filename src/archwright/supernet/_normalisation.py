"""`ElasticBatchNorm2d` and `ElasticLayerNorm`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.supernet._dimension import Dimension, Size
from archwright.supernet._plain import assign, corner, require_concrete
from archwright.supernet._searchable import Searchable, Variable


class ElasticBatchNorm2d(Searchable):
    """Batch normalisation over the first channels that the architecture keeps, input (N, C, H, W).

    Running statistics are shared by all widths and so biased for each of them: recalibrate a network before it is
    judged (`archwright.supernet.recalibrate`). Relaxed widths superpose the zero-padded scales and shifts. The
    statistics are those of the mixture, so from here on mixing weights differs from mixing the outputs of several
    networks; TangleNAS (Sukthanker et al. 2023) mixes weights, and so do we.

    Args:
        channels: an int, an `Ordinal` or a `Product`.
        eps, momentum, affine: as in `torch.nn.BatchNorm2d`.
        zero_init: start with a scale of zero: as the last layer of a residual branch it makes every block start as its
            shortcut, which lets many depths train together (Yu et al. 2020, BigNAS, section 3.1).

    Raises:
        UserError: `zero_init` without `affine`.
    """

    running_mean: Tensor
    running_var: Tensor
    _steps: Tensor

    def __init__(
        self,
        channels: Size,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        if zero_init and not affine:
            raise UserError("zero_init starts the scale at zero, so it needs affine=True")
        self._channels = Dimension(channels)
        self.eps, self.momentum, self.zero_init = eps, momentum, zero_init
        largest = nn.BatchNorm2d(self._channels.maximum, affine=affine)
        if zero_init:
            nn.init.zeros_(largest.weight)
        self.weight, self.bias = largest.weight, largest.bias
        self.register_buffer("running_mean", largest.running_mean)
        self.register_buffer("running_var", largest.running_var)
        self.register_buffer("_steps", self._channels.steps(), persistent=False)

    def variables(self) -> tuple[Variable, ...]:
        return self._channels.variables

    def forward(self, x: Tensor) -> Tensor:
        channels = self._channels.resolve()
        mean, variance = self.running_mean, self.running_var
        weight: Tensor | None = self.weight
        bias: Tensor | None = self.bias
        if isinstance(channels, Tensor):
            mask = channels.to(mean.dtype) @ self._steps
            weight = mask if weight is None else weight * mask
            bias = None if bias is None else bias * mask
        elif channels < self._channels.maximum:
            mean, variance = mean[:channels], variance[:channels]
            if weight is not None and bias is not None:
                weight, bias = weight[:channels], bias[:channels]
        return F.batch_norm(x, mean, variance, weight, bias, self.training, self.momentum, self.eps)

    def renew(self, plain: nn.Module) -> None:
        super().renew(plain)
        if self.zero_init:
            nn.init.zeros_(plain.weight)  # type: ignore[arg-type]

    def plain(self) -> nn.BatchNorm2d:
        require_concrete(self)
        channels = self._channels.resolve()
        layer = nn.BatchNorm2d(
            int(channels), eps=self.eps, momentum=self.momentum, affine=self.weight is not None, device="meta"
        )
        layer._buffers["num_batches_tracked"] = torch.tensor(0, device=self.running_mean.device)
        cut = {name: None if t is None else t[:channels] for name, t in (("weight", self.weight), ("bias", self.bias))}
        assign(layer, **cut, running_mean=self.running_mean[:channels], running_var=self.running_var[:channels])
        return layer

    def extra_repr(self) -> str:
        return f"channels<={self._channels.maximum}, affine={self.weight is not None}"


class ElasticLayerNorm(Searchable):
    """Layer normalisation over the last axis (..., features), of which the architecture keeps the first ones.

    Relaxed widths weight the statistics by the mask m of the mixture, `mean = sum(m x) / sum(m)` and
    `var = sum(m (x - mean)^2) / sum(m)`, and superpose scale and shift. With one-hot weights this equals normalising
    the slice, which normalising the zero-padded vector would not (TangleNAS, trap of LayerNorm spaces).

    Args:
        features: an int, an `Ordinal` or a `Product`.
        eps: added to the variance.
    """

    _steps: Tensor

    def __init__(self, features: Size, *, eps: float = 1e-5) -> None:
        super().__init__()
        self._features = Dimension(features)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(self._features.maximum))
        self.bias = nn.Parameter(torch.zeros(self._features.maximum))
        self.register_buffer("_steps", self._features.steps(), persistent=False)

    def variables(self) -> tuple[Variable, ...]:
        return self._features.variables

    def forward(self, x: Tensor) -> Tensor:
        features = self._features.resolve()
        if not isinstance(features, Tensor):
            weight, bias = corner(self.weight, features), corner(self.bias, features)
            return F.layer_norm(x, (features,), weight, bias, self.eps)
        mask = features.to(self.weight.dtype) @ self._steps
        total = mask.sum()
        mean = (x * mask).sum(-1, keepdim=True) / total
        variance = ((x - mean).square() * mask).sum(-1, keepdim=True) / total
        return (x - mean) * torch.rsqrt(variance + self.eps) * (self.weight * mask) + self.bias * mask

    def plain(self) -> nn.LayerNorm:
        require_concrete(self)
        features = self._features.resolve()
        layer = nn.LayerNorm(int(features), eps=self.eps, device="meta")
        assign(layer, weight=self.weight[:features], bias=self.bias[:features])
        return layer

    def extra_repr(self) -> str:
        return f"features<={self._features.maximum}"
