"""Searchable layers, the supernet over them, and how it is trained, calibrated and taken apart."""

from archwright.supernet._cell import Cell
from archwright.supernet._conv2d import ElasticConv2d
from archwright.supernet._cut import cut
from archwright.supernet._dense_block import DenseBlock, living
from archwright.supernet._depth import Depth
from archwright.supernet._dimension import Product
from archwright.supernet._entangled import Entangled
from archwright.supernet._linear import ElasticLinear
from archwright.supernet._normalisation import ElasticBatchNorm2d, ElasticLayerNorm
from archwright.supernet._oneof import OneOf, Zero
from archwright.supernet._recalibrate import recalibrate
from archwright.supernet._samplers import SAMPLERS, Sampler, Sandwich, Uniform, extreme, spread
from archwright.supernet._searchable import Searchable
from archwright.supernet._selection import Paths
from archwright.supernet._supernet import Supernet
from archwright.supernet._training import SupernetStep

__all__ = [
    "SAMPLERS",
    "Cell",
    "DenseBlock",
    "Depth",
    "ElasticBatchNorm2d",
    "ElasticConv2d",
    "ElasticLayerNorm",
    "ElasticLinear",
    "Entangled",
    "OneOf",
    "Paths",
    "Product",
    "Sampler",
    "Sandwich",
    "Searchable",
    "Supernet",
    "SupernetStep",
    "Uniform",
    "Zero",
    "cut",
    "extreme",
    "living",
    "recalibrate",
    "spread",
]
