"""Progressive search: architectures grow level by level, a surrogate ranks what to grow."""

from archwright.search.progressive._growth import Growth
from archwright.search.progressive._progressive import ProgressiveNAS
from archwright.search.progressive._surrogate import Surrogate

__all__ = ["Growth", "ProgressiveNAS", "Surrogate"]
