"""Bookkeeping of trust regions: the counts of the method sheet."""

import pytest

from archwright.errors import UserError
from archwright.search._trust_region import NARROWEST, TrustRegion


@pytest.mark.parametrize(("first", "failures"), [(20, 240), (30, 280)])
def test_failures_alone_lead_to_a_restart(first, failures):
    region, seen = TrustRegion(hamming=first), []
    for _ in range(failures - 1):
        region.count(False)
        seen.append(region.hamming)
        assert not region.collapsed
    region.count(False)
    assert region.collapsed
    assert list(dict.fromkeys([first, *seen, region.hamming])) == [
        first,
        *((20,) if first == 30 else ()),
        13,
        8,
        5,
        3,
        2,
        1,
    ]


def test_the_box_collapses_after_twelve_shrinks():
    region, shrinks = TrustRegion(choices=False, numbers=True), 0
    while not region.collapsed:
        for _ in range(40):
            region.count(False)
        shrinks += 1
    assert shrinks == 12
    assert region.box == NARROWEST


def test_three_successes_in_a_row_widen_up_to_the_limit():
    region = TrustRegion(hamming=10, widest=30)
    widths = []
    for _ in range(4):
        for _ in range(3):
            region.count(True)
        widths.append((region.hamming, round(region.box, 3)))
    assert widths == [(15, 1.2), (22, 1.6), (30, 1.6), (30, 1.6)]


def test_counts_start_again_after_the_other_outcome_and_after_a_change():
    region = TrustRegion(failures=3)
    for success in (True, True, False, True, True, False, False, True, False, False):
        region.count(success)
    assert region.hamming == 20
    region.count(False)
    assert region.hamming == 13
    region.count(False)
    region.count(False)
    assert region.hamming == 13


@pytest.mark.parametrize("wrong", [{"hamming": 1}, {"hamming": 40}, {"box": 2.0}, {"failures": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError):
        TrustRegion(**wrong)
