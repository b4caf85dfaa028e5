"""Search by gradient: five interchangeable slots and the bi-level loop that joins them."""

from archwright.gradient._adam import Adam
from archwright.gradient._annealed import Annealed
from archwright.gradient._binary_gates import BinaryGates
from archwright.gradient._conditional import (
    conditional_bernoulli,
    conditional_categorical,
    relaxed_bernoulli,
    relaxed_categorical,
)
from archwright.gradient._connection_costs import ConnectionCosts
from archwright.gradient._control_variate import ControlVariate
from archwright.gradient._curvature import gauss_newton_diagonal, hutchinson_diagonal
from archwright.gradient._derivation import Derivation, Session, answer, assembled, ranked
from archwright.gradient._diagnostics import dominant_eigenvalue, skip_share
from archwright.gradient._dirichlet import Dirichlet
from archwright.gradient._evidence import AutomaticRelevance, RelevanceMover, entropy, hierarchical, relevance
from archwright.gradient._evidence_prune import EvidencePrune
from archwright.gradient._expected_cost import Expectation, ExpectedCost
from archwright.gradient._exponentiated import ExponentiatedGradient
from archwright.gradient._first_order import FirstOrder
from archwright.gradient._found import Found
from archwright.gradient._gaussian import Gaussian
from archwright.gradient._gumbel_softmax import GumbelSoftmax
from archwright.gradient._hypergradient import Hypergradient
from archwright.gradient._importance_weighted import ImportanceWeighted
from archwright.gradient._magnitude import Magnitude
from archwright.gradient._natural_gradient import NaturalGradient
from archwright.gradient._neumann import Neumann
from archwright.gradient._outer import OuterBatches
from archwright.gradient._perturbation import Perturbation
from archwright.gradient._posterior import Posterior
from archwright.gradient._progressive import Progressive
from archwright.gradient._proximal import ProximalGradient
from archwright.gradient._prune_below import PruneBelow
from archwright.gradient._rebar import Rebar
from archwright.gradient._reinforce import Reinforce
from archwright.gradient._relax import Relax
from archwright.gradient._relaxation import Relaxation
from archwright.gradient._relaxed import Inputs, Relaxed
from archwright.gradient._remove_zeros import RemoveZeros
from archwright.gradient._sampled import Sampled
from archwright.gradient._scaling_factors import ScalingFactors
from archwright.gradient._schedule import Schedule, View, without
from archwright.gradient._score_function import ScoreFunction
from archwright.gradient._search import GradientSearch
from archwright.gradient._single_level import SingleLevel
from archwright.gradient._skip_limited import SkipLimited
from archwright.gradient._softmax import Softmax
from archwright.gradient._sparsemax import Sparsemax
from archwright.gradient._step import BilevelStep
from archwright.gradient._training_speed import TrainingSpeed
from archwright.gradient._unrolled import Unrolled
from archwright.gradient._update import Mover, Update
from archwright.gradient._wipe_out import WipeOut
from archwright.registry import Registry

RELAXATIONS = Registry(
    "relaxation",
    {
        "softmax": "archwright.gradient:Softmax",
        "gumbel-softmax": "archwright.gradient:GumbelSoftmax",
        "annealed": "archwright.gradient:Annealed",
        "binary-gates": "archwright.gradient:BinaryGates",
        "scaling-factors": "archwright.gradient:ScalingFactors",
        "dirichlet": "archwright.gradient:Dirichlet",
        "gaussian": "archwright.gradient:Gaussian",
        "sparsemax": "archwright.gradient:Sparsemax",
        "sampled": "archwright.gradient:Sampled",
    },
)
HYPERGRADIENTS = Registry(
    "hypergradient",
    {
        "first-order": "archwright.gradient:FirstOrder",
        "single-level": "archwright.gradient:SingleLevel",
        "unrolled": "archwright.gradient:Unrolled",
        "neumann": "archwright.gradient:Neumann",
        "reinforce": "archwright.gradient:Reinforce",
        "rebar": "archwright.gradient:Rebar",
        "relax": "archwright.gradient:Relax",
        "importance-weighted": "archwright.gradient:ImportanceWeighted",
        "training-speed": "archwright.gradient:TrainingSpeed",
    },
)
UPDATES = Registry(
    "update",
    {
        "adam": "archwright.gradient:Adam",
        "exponentiated-gradient": "archwright.gradient:ExponentiatedGradient",
        "proximal-gradient": "archwright.gradient:ProximalGradient",
        "natural-gradient": "archwright.gradient:NaturalGradient",
        "automatic-relevance": "archwright.gradient:AutomaticRelevance",
    },
)
SCHEDULES = Registry(
    "schedule",
    {
        "prune-below": "archwright.gradient:PruneBelow",
        "progressive": "archwright.gradient:Progressive",
        "remove-zeros": "archwright.gradient:RemoveZeros",
        "wipe-out": "archwright.gradient:WipeOut",
        "evidence-prune": "archwright.gradient:EvidencePrune",
    },
)
DERIVATIONS = Registry(
    "derivation",
    {
        "magnitude": "archwright.gradient:Magnitude",
        "skip-limited": "archwright.gradient:SkipLimited",
        "perturbation": "archwright.gradient:Perturbation",
        "posterior": "archwright.gradient:Posterior",
    },
)

__all__ = [
    "DERIVATIONS", "HYPERGRADIENTS", "RELAXATIONS", "SCHEDULES", "UPDATES", "Adam", "Annealed", "AutomaticRelevance",
    "BilevelStep", "BinaryGates", "ConnectionCosts", "ControlVariate", "Derivation", "Dirichlet", "EvidencePrune",
    "Expectation", "ExpectedCost", "ExponentiatedGradient", "FirstOrder", "Found", "Gaussian", "GradientSearch",
    "GumbelSoftmax", "Hypergradient", "ImportanceWeighted", "Inputs", "Magnitude", "Mover", "NaturalGradient",
    "Neumann", "OuterBatches", "Perturbation", "Posterior", "Progressive", "ProximalGradient", "PruneBelow", "Rebar",
    "Reinforce", "Relax", "Relaxation", "Relaxed", "RelevanceMover", "RemoveZeros", "Sampled", "ScalingFactors",
    "Schedule", "ScoreFunction", "Session", "SingleLevel", "SkipLimited", "Softmax", "Sparsemax", "TrainingSpeed",
    "Unrolled", "Update", "View", "WipeOut", "answer", "assembled", "conditional_bernoulli", "conditional_categorical",
    "dominant_eigenvalue", "entropy", "gauss_newton_diagonal", "hierarchical", "hutchinson_diagonal", "ranked",
    "relaxed_bernoulli", "relaxed_categorical", "relevance", "skip_share", "without",
]  # fmt: skip
