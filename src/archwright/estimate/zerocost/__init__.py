"""Zero-cost scores: an untrained network judged by one mini-batch. One private file a score; the names are `SCORES`."""

from archwright.estimate.zerocost._counts import Flops, Params
from archwright.estimate.zerocost._epe_nas import EpeNas
from archwright.estimate.zerocost._fisher import Fisher
from archwright.estimate.zerocost._grad_norm import GradNorm
from archwright.estimate.zerocost._grasp import Grasp
from archwright.estimate.zerocost._jacov import Jacov
from archwright.estimate.zerocost._knas import Knas
from archwright.estimate.zerocost._l2_norm import L2Norm
from archwright.estimate.zerocost._naswot import Naswot
from archwright.estimate.zerocost._plain import Plain
from archwright.estimate.zerocost._registry import SCORES, score
from archwright.estimate.zerocost._score import NotANumber, Score
from archwright.estimate.zerocost._snip import Snip
from archwright.estimate.zerocost._synflow import Synflow, SynflowBN
from archwright.estimate.zerocost._vote import vote
from archwright.estimate.zerocost._zen import Zen

__all__ = [
    "SCORES",
    "EpeNas",
    "Fisher",
    "Flops",
    "GradNorm",
    "Grasp",
    "Jacov",
    "Knas",
    "L2Norm",
    "Naswot",
    "NotANumber",
    "Params",
    "Plain",
    "Score",
    "Snip",
    "Synflow",
    "SynflowBN",
    "Zen",
    "score",
    "vote",
]
