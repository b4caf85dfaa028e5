"""Post-training quantisation and pruning of any PyTorch network.

`prune` is the whole way to a sparse network: a pruned weight is an exact zero, `Masks` says which are.

`quantize` is the whole way to few bits; its parts can be used alone: a network as a graph of plain layers (`trace`,
`fold`), quantisers (`Affine`, `Power`), the learning of one layer (`AdaQuant`, `Nupes`), bits by integer programming
(`allocate_bits`), statistics and biases tuned to the full-precision network.
"""

from archwright.compress._activations import Activations
from archwright.compress._adaquant import AdaQuant
from archwright.compress._affine import Affine
from archwright.compress._allocate import Limit, allocate
from archwright.compress._allocate_bits import allocate_bits
from archwright.compress._bias_tuning import tune_biases
from archwright.compress._bit_limits import bitops_of
from archwright.compress._certificate import Certificate, LayerBound, certificate, gaps
from archwright.compress._criteria import lamp, pruned
from archwright.compress._deployable import deployable
from archwright.compress._fold import Folded, fold
from archwright.compress._forgetting import Forgetting
from archwright.compress._gradual import Gradual, cubic
from archwright.compress._held import Held, train_held
from archwright.compress._iterative import Iterative
from archwright.compress._jackpots import Jackpots
from archwright.compress._masks import Masks, prunable
from archwright.compress._nupes import Nupes, PowerCodes
from archwright.compress._one_shot import OneShot
from archwright.compress._operator_norm import convolution_norm, operator_norm, spectral_norm
from archwright.compress._pack import pack, unpack
from archwright.compress._plain import plain
from archwright.compress._power import Power, best_exponent
from archwright.compress._prac import EarlyBird, Prac, PracRound, PracTicket
from archwright.compress._prac_set import PracSet
from archwright.compress._predicted_norm import PredictedNorm, RequiredWidth, predicted_norm, required_width
from archwright.compress._prune import PRUNERS, prune
from archwright.compress._pruning import Method, Pruning
from archwright.compress._quantised import Quantised, quantised_layers
from archwright.compress._quantize import METHODS, Quantization, bits_of, quantize, size_of
from archwright.compress._recalibrate_like import recalibrate_like
from archwright.compress._scored import Scored
from archwright.compress._statistics_tuning import Statistics, of_calibration, of_training, tune_statistics
from archwright.compress._stored import Stored
from archwright.compress._structured import Structured
from archwright.compress._trace import layers, trace

__all__ = [
    "METHODS",
    "PRUNERS",
    "Activations",
    "AdaQuant",
    "Affine",
    "Certificate",
    "EarlyBird",
    "Folded",
    "Forgetting",
    "Gradual",
    "Held",
    "Iterative",
    "Jackpots",
    "LayerBound",
    "Limit",
    "Masks",
    "Method",
    "Nupes",
    "OneShot",
    "Power",
    "PowerCodes",
    "Prac",
    "PracRound",
    "PracSet",
    "PracTicket",
    "PredictedNorm",
    "Pruning",
    "Quantised",
    "Quantization",
    "RequiredWidth",
    "Scored",
    "Statistics",
    "Stored",
    "Structured",
    "allocate",
    "allocate_bits",
    "best_exponent",
    "bitops_of",
    "bits_of",
    "certificate",
    "convolution_norm",
    "cubic",
    "deployable",
    "fold",
    "gaps",
    "lamp",
    "layers",
    "of_calibration",
    "of_training",
    "operator_norm",
    "pack",
    "plain",
    "predicted_norm",
    "prunable",
    "prune",
    "pruned",
    "quantised_layers",
    "quantize",
    "recalibrate_like",
    "required_width",
    "size_of",
    "spectral_norm",
    "trace",
    "train_held",
    "tune_biases",
    "tune_statistics",
    "unpack",
]
