"""What a network costs: parameters, operations, memory, bytes, and time on the device at hand."""

from archwright.cost._counts import flops, macs, params, size
from archwright.cost._evaluate import COSTS, PREDICTED, evaluate, names
from archwright.cost._fit import Fit
from archwright.cost._latency import Latency
from archwright.cost._measure import RUNTIMES, Comparison, compare_latency, compare_onnx_latency, latency, onnx_latency
from archwright.cost._memory import peak_memory
from archwright.cost._table import LatencyTable, Protocol
from archwright.cost.accelerator import ACCELERATORS, AcceleratorCost, accelerator_cost

__all__ = [
    "ACCELERATORS",
    "COSTS",
    "PREDICTED",
    "RUNTIMES",
    "AcceleratorCost",
    "Comparison",
    "Fit",
    "Latency",
    "LatencyTable",
    "Protocol",
    "accelerator_cost",
    "compare_latency",
    "compare_onnx_latency",
    "evaluate",
    "flops",
    "latency",
    "macs",
    "names",
    "onnx_latency",
    "params",
    "peak_memory",
    "size",
]
