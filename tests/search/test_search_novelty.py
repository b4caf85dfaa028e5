"""Not proposing an architecture twice."""

import numpy as np

from archwright.search._novelty import Novelty
from archwright.space import Choice, Space

CHAIN = Space([Choice(f"x{i}", ("a", "b")) for i in range(3)])
START = CHAIN.arch({"x0": "a", "x1": "a", "x2": "a"})


def test_the_first_new_draw_is_taken() -> None:
    novelty = Novelty(CHAIN)
    novelty.add(START)
    other = START.replace({"x2": "b"})
    draws = iter([START, START, other])
    assert novelty.first(lambda: next(draws), np.random.default_rng(0)) == other


def test_a_stubborn_draw_leads_to_the_nearest_new_architectures() -> None:
    novelty = Novelty(CHAIN)
    rng = np.random.default_rng(0)
    found = [novelty.first(lambda: START, rng) for _ in range(8)]
    distance = [sum(a[n] != START[n] for n in CHAIN.names) for a in found]
    assert distance == [0, 1, 1, 1, 2, 2, 2, 3]
    assert len(set(found)) == 8


def test_an_exhausted_space_gives_the_draw() -> None:
    novelty = Novelty(CHAIN)
    rng = np.random.default_rng(0)
    for _ in range(8):
        novelty.first(lambda: START, rng)
    assert novelty.first(lambda: START, rng) == START
