"""How several architectures are chosen before any of them is known."""

from archwright.registry import Registry
from archwright.search.batches._batch import Batch

BATCHES: Registry = Registry(
    "batch",
    {
        "fantasies": "archwright.search.batches._fantasies:Fantasies",
        "independent": "archwright.search.batches._independent:Independent",
        "k-dpp": "archwright.search.batches._quality_k_dpp:QualityKDPP",
        "local-penalty": "archwright.search.batches._local_penalty:LocalPenalty",
    },
)


def names() -> list[str]:
    """Every registered way of making batches, sorted."""
    return BATCHES.names()


__all__ = ["BATCHES", "Batch", "names"]
