"""Numbered random streams: the randomness of proposal k depends on the seed and on k alone."""

from __future__ import annotations

import numpy as np

from archwright.errors import UserError

_STRIDE = 210306068529402873165736369884012333109  # draws skipped by one `PCG64DXSM.jumped`: (golden ratio - 1) x 2^128
_PERIOD = 1 << 128


class Streams:
    """Independent generators numbered from 0; stream k is `PCG64DXSM(seed).jumped(k)`.

    One generator is moved from stream to stream, which takes 2 us (a new `default_rng((seed, k))` takes 14 us), so a
    stream is valid until the next one is taken.

    Args:
        seed: non-negative integer.
        purpose: keeps the streams of different users of one seed apart.

    Raises:
        UserError: the seed is not a non-negative integer.
    """

    def __init__(self, seed: int, purpose: int = 0) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise UserError(f"seed must be a non-negative integer, got {seed!r}")
        self._bits = np.random.PCG64DXSM(np.random.SeedSequence(int(seed), spawn_key=(purpose,)))
        self._origin = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def __getitem__(self, number: int) -> np.random.Generator:
        self._bits.state = self._origin
        self._bits.advance(number * _STRIDE % _PERIOD)
        return self._generator
