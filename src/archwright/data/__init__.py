"""Data sets by name, by path or as Python objects, cut once into train, valid and test, and read in seeded batches."""

from __future__ import annotations

from archwright.data import augmentation, graphs
from archwright.data._batches import Augment, Batches
from archwright.data._download import download
from archwright.data._images import Images
from archwright.data._load import DATASETS, load, names
from archwright.data._normalize import Normalize
from archwright.data._partition import Partition
from archwright.data._source import Source
from archwright.data._split import Split
from archwright.data._splits import Splits
from archwright.data._table_encoder import TableEncoder

__all__ = [
    "DATASETS",
    "Augment",
    "Batches",
    "Images",
    "Normalize",
    "Partition",
    "Source",
    "Split",
    "Splits",
    "TableEncoder",
    "augmentation",
    "download",
    "graphs",
    "load",
    "names",
]
