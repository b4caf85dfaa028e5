"""Kernels of architectures for Gaussian processes. GPyTorch is loaded when one is built."""

from archwright.registry import Registry
from archwright.search.kernels._kernel import ArchKernel

KERNELS: Registry = Registry("kernel", {})


def names() -> list[str]:
    """Every registered kernel, sorted."""
    return KERNELS.names()


__all__ = ["KERNELS", "ArchKernel", "names"]
