"""What a network costs: parameters, operations, memory, bytes, and time on the device at hand."""

from archwright.cost._counts import flops, macs, params, size
from archwright.cost._evaluate import COSTS, PREDICTED, evaluate, names
from archwright.cost._fit import Fit
from archwright.cost._latency import Latency
from archwright.cost._measure import RUNTIMES, Comparison, compare_latency, latency, onnx_latency
from archwright.cost._memory import peak_memory
from archwright.cost._table import LatencyTable, Protocol

__all__ = [
    "COSTS",
    "PREDICTED",
    "RUNTIMES",
    "Comparison",
    "Fit",
    "Latency",
    "LatencyTable",
    "Protocol",
    "compare_latency",
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
