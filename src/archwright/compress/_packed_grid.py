"""Grids of quantisers as plain values and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archwright.compress._affine import LARGEST, SMALLEST, Affine
from archwright.compress._bit_stream import from_bytes, to_bytes
from archwright.compress._nupes import PowerCodes
from archwright.compress._power import EXPONENTS, Power, decode, encode, levels
from archwright.errors import UserError


def packed_grid(quantiser: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a file of `pack` says of a grid, and its tensors."""
    if isinstance(quantiser, Affine):
        facts = {
            "grid": "uniform",
            "bits": quantiser.bits,
            "levels": quantiser.levels,
            "symmetric": quantiser.symmetric,
        }
        tensors = {"range": quantiser.range.clamp(SMALLEST, LARGEST).flatten()}
        if not quantiser.symmetric:
            tensors["zero"] = to_bytes(quantiser.zero, quantiser.bits)
        return facts, tensors
    if isinstance(quantiser, Power | PowerCodes):
        facts = {
            "grid": "power",
            "bits": quantiser.bits,
            "levels": levels(quantiser.bits, signed=quantiser.signed),
            "signed": quantiser.signed,
            "exponent": float(quantiser.exponent.clamp(*EXPONENTS)),
        }
        return facts, {"maximum": quantiser.maximum.flatten()}
    raise UserError(f"{type(quantiser).__name__} has no packed form")


def grid_of(facts: Mapping[str, Any], tensors: Mapping[str, Tensor], axes: int) -> Affine | Power:
    """The quantiser that `packed_grid` described, for tensors with so many axes of which the first has the channels;
    0: one for all."""
    shape = (-1, *[1] * (axes - 1)) if axes else ()
    if facts["grid"] == "power":
        maximum = tensors["maximum"].reshape(shape)
        return Power(int(facts["bits"]), float(facts["exponent"]), maximum, signed=bool(facts["signed"]))
    width = tensors["range"].reshape(shape)
    grid = Affine(int(facts["bits"]), -width / 2, width / 2, symmetric=bool(facts["symmetric"]))
    grid.range = nn.Parameter(width.clone())
    if not grid.symmetric:
        zero = from_bytes(tensors["zero"], grid.bits, width.numel()).float().reshape(shape)
        grid.minimum = nn.Parameter(-zero * grid.scale.detach())
    return grid


def codes_of(quantiser: nn.Module, weight: Tensor) -> Tensor:
    """Codes from 0, as they are stored; those with a sign are moved up by the largest."""
    if isinstance(quantiser, Affine):
        return quantiser.codes(weight)
    assert isinstance(quantiser, Power | PowerCodes)
    most = levels(quantiser.bits, signed=quantiser.signed)
    if isinstance(quantiser, PowerCodes):
        return quantiser.codes(weight) + most
    exponent = quantiser.exponent.clamp(*EXPONENTS)
    codes = encode(weight, quantiser.bits, exponent, quantiser.maximum, signed=quantiser.signed)
    return codes + most if quantiser.signed else codes


def values(grid: Affine | Power, codes: Tensor) -> Tensor:
    """What stored codes mean."""
    with torch.no_grad():
        if isinstance(grid, Affine):
            return (codes - grid.zero) * grid.scale
        signed = codes.float() - (levels(grid.bits) if grid.signed else 0)
        return decode(signed, grid.bits, grid.exponent.clamp(*EXPONENTS), grid.maximum, signed=grid.signed)
