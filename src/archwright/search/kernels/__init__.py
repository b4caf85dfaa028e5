"""Kernels of architectures for Gaussian processes. GPyTorch is loaded when one is built."""

from archwright.registry import Registry
from archwright.search.kernels._kernel import ArchKernel

KERNELS: Registry = Registry(
    "kernel",
    {
        "hamming": "archwright.search.kernels._hamming:Hamming",
        "mixed": "archwright.search.kernels._mixed:Mixed",
        "one-hot": "archwright.search.kernels._one_hot:OneHot",
        "otmann": "archwright.search.kernels._otmann:Otmann",
        "overlap": "archwright.search.kernels._overlap:Overlap",
        "string": "archwright.search.kernels._string:StringKernel",
        "transformed-overlap": "archwright.search.kernels._transformed_overlap:TransformedOverlap",
        "tree-wasserstein": "archwright.search.kernels._tree_wasserstein:TreeWasserstein",
        "weisfeiler-lehman": "archwright.search.kernels._weisfeiler_lehman:WeisfeilerLehman",
    },
)


def names() -> list[str]:
    """Every registered kernel, sorted."""
    return KERNELS.names()


__all__ = ["KERNELS", "ArchKernel", "names"]
