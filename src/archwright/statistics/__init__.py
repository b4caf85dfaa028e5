"""How sure a number is, and how alike two rankings are. Plain arrays in, plain numbers out; knows no architecture."""

from archwright.statistics._interval import wilson
from archwright.statistics._rank import kendall

__all__ = ["kendall", "wilson"]
