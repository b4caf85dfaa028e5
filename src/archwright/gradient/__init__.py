"""Search by gradient: five interchangeable slots and the bi-level loop that joins them."""

from archwright.gradient._adam import Adam
from archwright.gradient._annealed import Annealed
from archwright.gradient._binary_gates import BinaryGates
from archwright.gradient._derivation import Derivation, Session, answer, assembled, ranked
from archwright.gradient._diagnostics import dominant_eigenvalue, skip_share
from archwright.gradient._dirichlet import Dirichlet, Gaussian
from archwright.gradient._exponentiated import ExponentiatedGradient, WipeOut
from archwright.gradient._first_order import FirstOrder, SingleLevel
from archwright.gradient._found import Found
from archwright.gradient._gumbel_softmax import GumbelSoftmax
from archwright.gradient._hypergradient import Hypergradient
from archwright.gradient._magnitude import Magnitude
from archwright.gradient._neumann import Neumann
from archwright.gradient._perturbation import Perturbation
from archwright.gradient._proximal import ProximalGradient, RemoveZeros
from archwright.gradient._prune_below import PruneBelow
from archwright.gradient._relaxation import Relaxation
from archwright.gradient._relaxed import Relaxed
from archwright.gradient._sampled import Sampled
from archwright.gradient._scaling_factors import ScalingFactors
from archwright.gradient._schedule import Schedule, View, without
from archwright.gradient._score_function import ScoreFunction
from archwright.gradient._search import GradientSearch
from archwright.gradient._skip_limited import SkipLimited
from archwright.gradient._softmax import Softmax
from archwright.gradient._sparsemax import Sparsemax
from archwright.gradient._step import BilevelStep
from archwright.gradient._unrolled import Unrolled
from archwright.gradient._update import Mover, Update

__all__ = [
    "Adam", "Annealed", "BilevelStep", "BinaryGates", "Derivation", "Dirichlet", "ExponentiatedGradient",
    "FirstOrder", "Found", "Gaussian", "GradientSearch", "GumbelSoftmax", "Hypergradient", "Magnitude", "Mover",
    "Neumann", "Perturbation", "ProximalGradient", "PruneBelow", "Relaxation", "Relaxed", "RemoveZeros", "Sampled",
    "ScalingFactors", "Schedule", "ScoreFunction", "Session", "SingleLevel", "SkipLimited", "Softmax", "Sparsemax",
    "Unrolled", "Update", "View", "WipeOut", "answer", "assembled", "dominant_eigenvalue", "ranked", "skip_share",
    "without",
]  # fmt: skip
