"""Versions of everything that can change a number."""

from __future__ import annotations

import importlib.metadata
import platform

_PACKAGES = (
    "archwright",
    "torch",
    "torchvision",
    "numpy",
    "lightning-fabric",
    "optuna",
    "scikit-learn",
    "onnx",
    "onnxruntime",
)


def versions() -> dict[str, str]:
    """Name to version, of Python and of the packages a result depends on; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
