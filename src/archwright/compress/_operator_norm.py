"""Spectral norms of linear layers and convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from archwright.compress._trace import Layer
from archwright.errors import UserError

_EXACT = 2000  # shorter side up to which all singular values are computed
_STEPS, _MARGIN = 200, 0.01
_BYTES = 64 * 2**20  # of Fourier coefficients at once


def spectral_norm(matrix: Tensor) -> float:
    """Largest singular value of a matrix, or an upper bound of it at most 1 % above.

    Exact up to a shorter side of 2000. Beyond, 200 steps of Lanczos from a random start and 1 % are an upper bound but
    with a probability below 1e-20 (Kuczynski and Wozniakowski 1992, theorem 4.2: a relative error above e has at most
    the probability 1.648 sqrt(n) exp(-sqrt(e) (2 steps - 1))).

    Args:
        matrix: (rows, columns).
    """
    matrix = matrix.detach().double()
    if min(matrix.shape) <= _EXACT:
        return float(torch.linalg.matrix_norm(matrix, 2))
    return (1 + _MARGIN) * _lanczos(matrix)


def _lanczos(matrix: Tensor) -> float:
    """Largest singular value over the Krylov space of a random vector (Golub and Kahan 1965, fully orthogonalised)."""
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(matrix.shape[1], generator=generator, dtype=torch.float64).to(matrix.device)
    basis = torch.empty(matrix.shape[1], 0, dtype=torch.float64, device=matrix.device)
    images: list[Tensor] = []
    vector = start / start.norm()
    for _ in range(min(_STEPS, matrix.shape[1])):
        basis = torch.cat([basis, vector[:, None]], 1)
        images.append(matrix @ vector)
        vector = matrix.T @ images[-1]
        for _ in range(2):
            vector = vector - basis @ (basis.T @ vector)
        length = float(vector.norm())
        if length <= 1e-12 * float(images[-1].norm()) ** 2:
            break
        vector = vector / length
    return float(torch.linalg.matrix_norm(torch.stack(images, 1), 2))


def convolution_norm(
    weight: Tensor,
    size: Sequence[int],
    *,
    stride: Sequence[int] | int = 1,
    padding: Sequence[int] | int | Literal["circular"] = 0,
    dilation: Sequence[int] | int = 1,
    groups: int = 1,
) -> float:
    """Operator norm of a convolution; with zero padding an upper bound of it.

    A convolution that wraps around is diagonal in Fourier space: its norm is the largest spectral norm of the matrices
    (outputs, inputs) of coefficients of the kernels (Sedghi et al. 2019, theorem 6). A stride s adds the s frequencies
    an axis that cannot be told apart afterwards as further inputs. One with zero padding is a part of the one that
    wraps around on the padded size.

    Args:
        weight: (outputs, inputs / groups, *kernel).
        size: of the input, without channels.
        stride, dilation: by axis, or one number for all.
        padding: zeros on both sides, or `"circular"`: the input wraps around and keeps its size.
        groups: of channels.
    """
    kernel = tuple(weight.shape[2:])
    axes = len(kernel)
    stride, dilation = _by_axis(stride, axes), _by_axis(dilation, axes)
    zeros = (0,) * axes if padding == "circular" else _by_axis(padding, axes)
    weight = weight.detach().double().reshape(groups, -1, weight.shape[1], *kernel)
    if padding == "circular" and any(n % s for n, s in zip(size, stride)):
        raise UserError(f"a circular convolution needs sizes that are multiples of its stride {stride}, got {size}")
    if math.prod(kernel) == 1:
        return max(spectral_norm(part.flatten(1)) for part in weight)
    padded = [-(-(n + 2 * z) // s) * s for n, z, s in zip(size, zeros, stride)]
    taps = weight.flatten(3).to(torch.complex128)  # groups, outputs, inputs, taps
    most = 0.0
    for phases in _phases(kernel, padded, stride, dilation, taps.numel() // taps.shape[-1]):
        spectrum = torch.einsum("goit,fat->fgoai", taps, phases.to(taps.device)).flatten(3)
        most = max(most, float(torch.linalg.matrix_norm(spectrum, 2).max()))
    return most / math.sqrt(math.prod(stride))


def _by_axis(value: Sequence[int] | int, axes: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * axes if len(values) == 1 else values


def _phases(
    kernel: Sequence[int], size: Sequence[int], stride: Sequence[int], dilation: Sequence[int], entries: int
) -> list[Tensor]:
    """Parts of the (frequencies, aliases, taps) phases that stay below the memory limit.

    Kernels are real, so of two opposite frequencies one suffices.
    """
    grid = torch.cartesian_prod(*[torch.arange(n // s) for n, s in zip(size, stride)]).reshape(-1, len(size))
    opposite = torch.stack([(-grid[:, a]) % (n // s) for a, (n, s) in enumerate(zip(size, stride))], 1)
    weights = torch.tensor([math.prod(size[a + 1 :]) for a in range(len(size))])
    grid = grid[(grid * weights).sum(1) <= (opposite * weights).sum(1)]
    shift = torch.cartesian_prod(*[torch.arange(s) * (n // s) for n, s in zip(size, stride)]).reshape(-1, len(size))
    places = torch.cartesian_prod(*[torch.arange(k) * d for k, d in zip(kernel, dilation)]).reshape(-1, len(size))
    frequencies = (grid[:, None] + shift[None]).double() / torch.tensor(size)
    turns = torch.einsum("fax,tx->fat", frequencies, places.double())
    phases = torch.exp(2j * math.pi * turns)
    return list(torch.split(phases, max(1, _BYTES // (16 * entries * len(shift)))))


def operator_norm(layer: Layer, weight: Tensor, shape: Sequence[int]) -> float:
    """Operator norm of a layer with the weights `weight` on inputs of `shape` (without batch).

    Raises:
        UserError: the padding of a convolution is neither zeros nor circular.
    """
    if isinstance(layer, nn.Linear):
        return spectral_norm(weight)
    if layer.padding_mode not in ("zeros", "circular"):
        raise UserError(f"padding by {layer.padding_mode!r} has no simple norm; zeros and circular padding have")
    axes = len(layer.kernel_size)
    kernel = [d * (k - 1) for k, d in zip(layer.kernel_size, _by_axis(layer.dilation, axes))]
    same, size = layer.padding == "same", list(shape[1:])
    if layer.padding_mode == "circular":
        whole = same or all(2 * int(p) == k for p, k in zip(_by_axis(layer.padding, axes), kernel))  # type: ignore[arg-type]
        if not whole:  # the wrapped input is longer and repeats entries
            raise UserError(f"circular padding of {layer.padding} changes the size of the input; its norm is not known")
        padding: tuple[int, ...] | Literal["circular"] = "circular"
    elif same:
        padding = tuple(-(-k // 2) for k in kernel)
    else:
        padding = (0,) * axes if layer.padding == "valid" else tuple(int(p) for p in layer.padding)
    return convolution_norm(
        weight, size, stride=layer.stride, padding=padding, dilation=layer.dilation, groups=layer.groups
    )
