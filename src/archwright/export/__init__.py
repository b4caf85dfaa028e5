"""A network as files that anybody can use: plain PyTorch code and weights, ONNX, both checked against the network."""

from archwright.cost._onnx import to_onnx
from archwright.export._agreement import Agreement, agreement
from archwright.export._checkpoint import load_checkpoint, read_checkpoint
from archwright.export._deploy_check import Checked, deploy_check
from archwright.export._flatten import flatten
from archwright.export._int8 import Int8, save_int8
from archwright.export._load import load
from archwright.export._load_program import load_program
from archwright.export._operators import Operators, operators
from archwright.export._program import save_program
from archwright.export._save import FILES, Exported, save
from archwright.export._save_quantised import QuantisedFiles, save_quantised
from archwright.export._source import source

__all__ = [
    "FILES",
    "Agreement",
    "Checked",
    "Exported",
    "Int8",
    "Operators",
    "QuantisedFiles",
    "agreement",
    "deploy_check",
    "flatten",
    "load",
    "load_checkpoint",
    "load_program",
    "operators",
    "read_checkpoint",
    "save",
    "save_int8",
    "save_program",
    "save_quantised",
    "source",
    "to_onnx",
]
