"""Numbered random streams."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search._streams import Streams


def test_stream_is_the_documented_jump() -> None:
    bits = np.random.PCG64DXSM(np.random.SeedSequence(7, spawn_key=(0,)))
    expected = np.random.Generator(bits.jumped(5)).random(4)
    assert Streams(7)[5].random(4).tolist() == expected.tolist()


def test_stream_does_not_depend_on_what_was_drawn_before() -> None:
    streams = Streams(0)
    first = streams[3].random(8)
    streams[2].integers(10, size=7, dtype=np.uint8)  # leaves half-used bits behind
    assert streams[3].random(8).tolist() == first.tolist()


def test_streams_seeds_and_purposes_differ() -> None:
    draws = [Streams(s, p)[k].random() for s in range(3) for p in range(2) for k in range(50)]
    assert len(set(draws)) == len(draws)


def test_streams_look_independent() -> None:
    streams = Streams(1)
    draws = np.array([streams[k].random(4) for k in range(4000)])
    assert abs(draws.mean() - 0.5) < 0.01
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.06
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.06


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True, None])
def test_seed_must_be_a_non_negative_integer(seed: object) -> None:
    with pytest.raises(UserError, match="seed must be a non-negative integer"):
        Streams(seed)  # type: ignore[arg-type]
