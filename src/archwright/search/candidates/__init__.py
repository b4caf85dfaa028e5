"""Where an acquisition function is looked at: sets of candidates."""

from archwright.registry import Registry
from archwright.search.candidates._candidates import Candidates, Score

CANDIDATES: Registry = Registry(
    "candidate",
    {
        "evolution": "archwright.search.candidates._evolution:Evolution",
        "genetic": "archwright.search.candidates._genetic:Genetic",
        "local": "archwright.search.candidates._local:Local",
        "mutations": "archwright.search.candidates._mutations:Mutations",
        "random": "archwright.search.candidates._random:Uniform",
    },
)


def names() -> list[str]:
    """Every registered way of making candidates, sorted."""
    return CANDIDATES.names()


__all__ = ["CANDIDATES", "Candidates", "Score", "names"]
