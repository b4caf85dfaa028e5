"""Acquisition functions: how much an architecture is worth trying."""

from archwright.registry import Registry
from archwright.search.acquisition._acquisition import Acquisition

ACQUISITIONS: Registry = Registry(
    "acquisition",
    {
        "ei": "archwright.search.acquisition._expected_improvement:ExpectedImprovement",
        "ucb": "archwright.search.acquisition._confidence_bound:ConfidenceBound",
        "thompson": "archwright.search.acquisition._thompson:Thompson",
    },
)


def names() -> list[str]:
    """Every registered acquisition function, sorted."""
    return ACQUISITIONS.names()


__all__ = ["ACQUISITIONS", "Acquisition", "names"]
