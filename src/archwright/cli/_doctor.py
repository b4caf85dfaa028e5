"""`archwright doctor`: what is installed, what this machine can do, which data is here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from archwright.cli._parser import Commands

_PLACES = {
    "fashion-mnist": ("images/fashion_mnist", "FashionMNIST/raw"),
    "cifar10": ("images/cifar10", "cifar-10-batches-py"),
    "cifar100": ("images/cifar100", "cifar-100-python"),
}
_DEBIAN = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "doctor",
        _doctor,
        about="Versions, devices, processor features, data sets found, optional extras.",
        examples=("archwright doctor", "archwright doctor --json > doctor.json"),
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _doctor(args: argparse.Namespace) -> int:
    from archwright.cli._table import as_json, table

    found = diagnosis()
    if args.json:
        print(as_json(found))
        return 0
    features = found["processor"]["features"]
    lines = {
        "versions": found["versions"],
        "devices": found["devices"],
        "processor": {
            "cores": found["processor"]["cores"],
            "torch threads": found["processor"]["torch_threads"],
            "features": " ".join(name for name, here in features.items() if here) or "not known",
        },
        "data": {name: place or "not here; the first use downloads it" for name, place in found["data"].items()},
        "extras": {
            name: "installed" if here else f"pip install 'archwright[{name}]'" for name, here in found["extras"].items()
        },
    }
    print("\n\n".join(table((title, ""), [(k, str(v)) for k, v in rows.items()]) for title, rows in lines.items()))
    return 0


def diagnosis() -> dict[str, Any]:
    """Everything the command prints."""
    import torch

    from archwright.cli import _machine
    from archwright.versions import versions

    return {
        "versions": versions(),
        "devices": _machine.devices(),
        "processor": {
            "cores": _machine.cores(),
            "torch_threads": torch.get_num_threads(),
            "features": _machine.features(),
        },
        "data": _data(),
        "extras": _machine.extras(),
    }


def _data() -> dict[str, str]:
    """Where each named data set is; empty text if it is not on this machine."""
    from archwright import parts
    from archwright.data._storage import data_folders

    found = {}
    for name in parts.registry("data").names():
        places = [folder / place for folder in data_folders(None) for place in _PLACES.get(name, ())]
        places += [_DEBIAN[name]] if name in _DEBIAN else []
        found[name] = next((str(place) for place in places if place.is_dir()), "")
    return {**found, "digits": "comes with scikit-learn"}
