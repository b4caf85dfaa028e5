"""A network as files that anybody can use: plain PyTorch code and weights, ONNX, both checked against the network."""

from archwright.cost._onnx import to_onnx
from archwright.export._agreement import Agreement, agreement
from archwright.export._checkpoint import load_checkpoint, read_checkpoint
from archwright.export._flatten import flatten
from archwright.export._load import load
from archwright.export._save import FILES, Exported, save
from archwright.export._source import source

__all__ = [
    "FILES",
    "Agreement",
    "Exported",
    "agreement",
    "flatten",
    "load",
    "load_checkpoint",
    "read_checkpoint",
    "save",
    "source",
    "to_onnx",
]
