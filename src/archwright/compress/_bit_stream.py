"""Codes of any number of bits as bytes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from archwright.compress._affine import check_bits
from archwright.errors import UserError

_AT_ONCE = 2**18  # codes; a multiple of 8, so that every part ends with a byte


def to_bytes(codes: Tensor, bits: int) -> Tensor:
    """ceil(n b / 8) bytes: code i takes bits i b to (i + 1) b - 1 of the stream, least significant first, and bit k of
    the stream is bit k mod 8 of byte k div 8.

    Args:
        codes: n integers, 0 to 2^bits - 1, any shape.
        bits: 2 to 16.

    Raises:
        UserError: codes that do not fit.
    """
    flat = codes.reshape(-1).cpu().to(torch.int32)
    if len(flat) and not (int(flat.min()) >= 0 and int(flat.max()) < 2 ** check_bits(bits)):
        raise UserError(f"codes from {int(flat.min())} to {int(flat.max())} do not fit in {bits} bits")
    places, weights = torch.arange(bits), 2 ** torch.arange(8)
    parts = []
    for part in torch.split(flat, _AT_ONCE):
        stream = (part[:, None] >> places & 1).reshape(-1)
        stream = torch.nn.functional.pad(stream, (0, -len(stream) % 8))
        parts.append((stream.reshape(-1, 8) * weights).sum(1).to(torch.uint8))
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.uint8)


def from_bytes(stream: Tensor, bits: int, count: int) -> Tensor:
    """The first `count` codes of the bytes of `to_bytes`, int32.

    Raises:
        UserError: a stream of another length.
    """
    if len(stream) != math.ceil(count * check_bits(bits) / 8):
        raise UserError(f"{len(stream)} bytes cannot hold {count} codes of {bits} bits")
    places, weights = torch.arange(8), 2 ** torch.arange(bits)
    parts, step = [], _AT_ONCE * bits // 8
    for start in range(0, len(stream), step):
        part = stream[start : start + step].to(torch.int32)
        spread = (part[:, None] >> places & 1).reshape(-1)
        spread = spread[: len(spread) // bits * bits]
        parts.append((spread.reshape(-1, bits) * weights).sum(1).to(torch.int32))
    return torch.cat(parts)[:count] if parts else torch.zeros(0, dtype=torch.int32)
