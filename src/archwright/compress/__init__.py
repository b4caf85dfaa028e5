"""Post-training quantisation of any PyTorch network.

`quantize` is the whole way; its parts can be used alone: a network as a graph of plain layers (`trace`, `fold`),
quantisers (`Affine`, `Power`), the learning of one layer (`AdaQuant`, `Nupes`), bits by integer programming
(`allocate_bits`), statistics and biases tuned to the full-precision network.
"""

from archwright.compress._activations import Activations, inputs_of
from archwright.compress._adaquant import AdaQuant
from archwright.compress._affine import Affine
from archwright.compress._allocate_bits import allocate, allocate_bits
from archwright.compress._bias_tuning import tune_biases
from archwright.compress._fold import Folded, fold
from archwright.compress._masks import Masks, prunable
from archwright.compress._nupes import Nupes, PowerCodes
from archwright.compress._power import Power, best_exponent
from archwright.compress._quantised import Quantised, quantised_layers
from archwright.compress._quantize import METHODS, Quantization, bits_of, quantize, size_of
from archwright.compress._statistics_tuning import Statistics, of_calibration, of_training, tune_statistics
from archwright.compress._trace import layers, trace

__all__ = [
    "METHODS",
    "Activations",
    "AdaQuant",
    "Affine",
    "Folded",
    "Masks",
    "Nupes",
    "Power",
    "PowerCodes",
    "Quantised",
    "Quantization",
    "Statistics",
    "allocate",
    "allocate_bits",
    "best_exponent",
    "bits_of",
    "fold",
    "inputs_of",
    "layers",
    "of_calibration",
    "of_training",
    "prunable",
    "quantised_layers",
    "quantize",
    "size_of",
    "trace",
    "tune_biases",
    "tune_statistics",
]
