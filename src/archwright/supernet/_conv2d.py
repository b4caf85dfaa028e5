"""`ElasticConv2d`."""

from __future__ import annotations

import itertools
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet._dimension import Dimension, Size
from archwright.supernet._plain import assign, corner, require_concrete
from archwright.supernet._searchable import Searchable, Variable


class ElasticConv2d(Searchable):
    """A 2-D convolution whose channels, kernel and groups are decided by the architecture, x (N, C_in, H, W).

    Weights are shared by slicing the largest tensor: the first output channels, the first input channels of each
    group, the centre of the kernel (padding shrinks with it, so the output size stays). Relaxed sizes superpose the
    zero-padded slices, `W_mix = sum_k a_k P(s_k(W))`, and call one convolution (TangleNAS, Sukthanker et al. 2023);
    coefficients of several sizes multiply.

    Args:
        in_channels, out_channels: an int, an `Ordinal` or a `Product`.
        kernel_size: an odd int or an `Ordinal` of odd ints; a fixed kernel may be even.
        stride, dilation: as in `torch.nn.Conv2d`.
        padding: of the largest kernel, on each side; None keeps the size at stride 1 (odd kernels).
        groups: an int, an `Ordinal`, or `"depthwise"` (one filter a channel; input and output sizes must be the same).
        bias: whether to add a bias.

    Raises:
        UserError: an even kernel among several, channels that a group count does not divide, padding too small.
    """

    _in_steps: Tensor
    _out_steps: Tensor
    _kernel_steps: Tensor

    def __init__(
        self,
        in_channels: Size,
        out_channels: Size,
        kernel_size: int | Ordinal,
        *,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        groups: int | Ordinal | Literal["depthwise"] = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self._in, self._out, self._kernel = Dimension(in_channels), Dimension(out_channels), Dimension(kernel_size)
        self.depthwise = groups == "depthwise"
        self._groups = Dimension(1 if groups == "depthwise" else groups)
        self.stride, self.dilation = stride, dilation
        largest = self._kernel.maximum
        self.padding = dilation * (largest // 2) if padding is None else padding
        self._check(in_channels, out_channels)
        columns = 1 if self.depthwise else self._in.maximum // min(self._groups.sizes)
        fan = nn.Conv2d(columns, self._out.maximum, largest, bias=bias)  # torch's initialisation for this fan-in
        self.weight, self.bias = fan.weight, fan.bias
        self.register_buffer("_in_steps", self._in.steps(), persistent=False)
        self.register_buffer("_out_steps", self._out.steps(), persistent=False)
        self.register_buffer("_kernel_steps", _centred(self._kernel.sizes, largest), persistent=False)

    def _check(self, in_channels: Size, out_channels: Size) -> None:
        kernels = self._kernel.sizes
        if len(kernels) > 1 and any(k % 2 == 0 for k in kernels):
            raise UserError(f"elastic kernels are cropped around their centre and must be odd, got {kernels}")
        if self.padding < self.dilation * (self._kernel.maximum - min(kernels)) // 2:
            raise UserError(
                f"padding {self.padding} is too small to crop kernels {kernels} without changing the output size"
            )
        if self.depthwise and in_channels != out_channels:
            raise UserError(
                f"a depthwise convolution keeps its channels, got in {in_channels!r} and out {out_channels!r}"
            )
        for g, c in itertools.product(self._groups.sizes, {*self._in.sizes, *self._out.sizes}):
            if c % g:
                raise UserError(f"{c} channels do not divide into {g} groups")

    def variables(self) -> tuple[Variable, ...]:
        sizes = (self._in, self._out, self._kernel, self._groups)
        return tuple(dict.fromkeys(v for size in sizes for v in size.variables))

    def forward(self, x: Tensor) -> Tensor:
        weight, bias, padding, groups = self._effective()
        return F.conv2d(x, weight, bias, self.stride, padding, self.dilation, groups)

    def _effective(self) -> tuple[Tensor, Tensor | None, int, int]:
        """Weight, bias, padding and groups of the one convolution that the selection amounts to."""
        kernel, out, bias = self._kernel.resolve(), self._out.resolve(), self.bias
        crop = 0 if isinstance(kernel, Tensor) else (self._kernel.maximum - kernel) // 2
        weight, groups = self._channels(out, crop)
        if isinstance(kernel, Tensor):
            weight = weight * torch.tensordot(kernel.to(weight.dtype), self._kernel_steps, 1)
        if bias is None or not isinstance(out, Tensor):
            shift = None if bias is None else corner(bias, weight.shape[0])
        else:
            shift = bias * (out.to(bias.dtype) @ self._out_steps)
        return weight, shift, self.padding - self.dilation * crop, groups

    def _channels(self, out: int | Tensor, crop: int) -> tuple[Tensor, int]:
        """The weight with its channel axes cut or superposed and `crop` pixels less on each side; its groups."""
        inputs = 1 if self.depthwise else self._in.resolve()
        groups = self._groups.resolve() if self._groups.maximum > 1 else 1
        relaxed = isinstance(out, Tensor) or isinstance(inputs, Tensor)
        if isinstance(groups, Tensor) or (relaxed and groups > 1):
            return self._dense(corner(self.weight, crop=crop), out, inputs, groups), 1
        rows = self._out.maximum if isinstance(out, Tensor) else out
        columns = self._in.maximum if isinstance(inputs, Tensor) else inputs // groups
        weight = corner(self.weight, rows, columns, crop=crop)
        if isinstance(out, Tensor):
            weight = weight * (out.to(weight.dtype) @ self._out_steps)[:, None, None, None]
        if isinstance(inputs, Tensor):
            weight = weight * (inputs.to(weight.dtype) @ self._in_steps)[:, None, None]
        return weight, rows if self.depthwise else groups

    def _dense(self, weight: Tensor, out: int | Tensor, inputs: int | Tensor, groups: int | Tensor) -> Tensor:
        """Superposition of grouped slices as one dense weight: channels change group with the width, so masks fail."""
        options = [_weighted(size, d) for size, d in ((out, self._out), (inputs, self._in), (groups, self._groups))]
        rows = self._out.maximum if isinstance(out, Tensor) else out
        columns = self._in.maximum if isinstance(inputs, Tensor) else inputs
        row = torch.arange(rows, device=weight.device)[:, None]
        column = torch.arange(columns, device=weight.device)[None, :]
        total = weight.new_zeros(rows, columns, *weight.shape[2:])
        for (a, o), (b, i), (c, g) in itertools.product(*options):
            place = column - row // (o // g) * (i // g)
            valid = (place >= 0) & (place < i // g) & (row < o) & (column < i)
            values = weight[row, place.clamp(0, weight.shape[1] - 1)]
            total = total + a * b * c * values * valid[:, :, None, None]
        return total

    def plain(self) -> nn.Conv2d:
        require_concrete(self)
        weight, bias, padding, groups = self._effective()
        out, columns, kernel, _ = weight.shape
        layer = nn.Conv2d(
            columns * groups,
            out,
            kernel,
            self.stride,
            padding,
            self.dilation,
            groups,
            bias=bias is not None,
            device="meta",
        )
        assign(layer, weight=weight, bias=bias)
        return layer

    def extra_repr(self) -> str:
        kind = "depthwise" if self.depthwise else f"groups={self._groups.sizes}"
        return f"{self._in.maximum}, {self._out.maximum}, kernels={self._kernel.sizes}, stride={self.stride}, {kind}"


def _centred(kernels: list[int], largest: int) -> Tensor:
    """(kernels, largest, largest): row n is one on the centred square of side `kernels[n]`."""
    distance = (torch.arange(largest) - (largest - 1) / 2).abs()
    inside = distance[None] <= (torch.tensor(kernels)[:, None] - 1) / 2
    return (inside[:, :, None] & inside[:, None, :]).float()


def _weighted(size: int | Tensor, dimension: Dimension) -> list[tuple[Tensor | float, int]]:
    """(coefficient, size) of every size in the mixture; a decided size has coefficient one."""
    return [(1.0, size)] if isinstance(size, int) else list(zip(size.unbind(), dimension.sizes))
