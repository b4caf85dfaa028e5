"""What a network costs: parameters, operations, memory, bytes, and time on the device at hand."""

from archwright.cost._counts import flops, macs, params, size

__all__ = ["flops", "macs", "params", "size"]
