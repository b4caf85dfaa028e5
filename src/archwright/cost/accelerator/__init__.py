"""Analytical accelerators: a layer as a loop nest, mapped on an array with memories, gives energy and cycles."""

from archwright.cost.accelerator._accelerator import Accelerator, Axis
from archwright.cost.accelerator._cost import LayerCost, evaluate, roofline
from archwright.cost.accelerator._latency import Cycles
from archwright.cost.accelerator._layer import Layer
from archwright.cost.accelerator._mapping import Mapping, unroll
from archwright.cost.accelerator._memory import Memory, Port, flows
from archwright.cost.accelerator._network import AcceleratorCost, accelerator_cost
from archwright.cost.accelerator._presets import ACCELERATORS, eyeriss, tpu_like
from archwright.cost.accelerator._recorder import Bits, layers
from archwright.cost.accelerator._row_stationary import RowStationary, row_stationary
from archwright.cost.accelerator._search import search
from archwright.cost.accelerator._transfers import Transfer

__all__ = [
    "ACCELERATORS",
    "Accelerator",
    "AcceleratorCost",
    "Axis",
    "Bits",
    "Cycles",
    "Layer",
    "LayerCost",
    "Mapping",
    "Memory",
    "Port",
    "RowStationary",
    "Transfer",
    "accelerator_cost",
    "evaluate",
    "eyeriss",
    "flows",
    "layers",
    "roofline",
    "row_stationary",
    "search",
    "tpu_like",
    "unroll",
]
