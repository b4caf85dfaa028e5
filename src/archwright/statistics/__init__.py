"""How sure a number is, and how alike two rankings are. Plain arrays in, plain numbers out; knows no architecture."""

from archwright.statistics._bootstrap import bootstrap
from archwright.statistics._interval import t_interval, wilson
from archwright.statistics._maximum import expected_maxima, expected_maximum
from archwright.statistics._paired import holm, signed_rank
from archwright.statistics._rank import (
    kendall,
    kendall_deviation,
    noise_ceiling,
    pairwise_accuracy,
    partial_spearman,
    ranks,
    spearman,
    spearman_rows,
)
from archwright.statistics._top import best_rank_at, precision_at, regret_at, top, worst_rank_at

__all__ = [
    "best_rank_at",
    "bootstrap",
    "expected_maxima",
    "expected_maximum",
    "holm",
    "kendall",
    "kendall_deviation",
    "noise_ceiling",
    "pairwise_accuracy",
    "partial_spearman",
    "precision_at",
    "ranks",
    "regret_at",
    "signed_rank",
    "spearman",
    "spearman_rows",
    "t_interval",
    "top",
    "wilson",
    "worst_rank_at",
]
