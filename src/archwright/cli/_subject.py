"""A network to work on, named on the command line, with its data."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from archwright.data import Splits

FORMS = "run folder, exported folder, .pt2 program, or package.module:function"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """A trained network and data it takes.

    Args:
        network: in eval mode.
        splits: data; its batches are what the network takes.
        source: of the data, as `data.load` takes it.
        seed: that cut the data.
        folder: of its run or export, if it comes from one.
    """

    network: nn.Module
    splits: Splits
    source: str
    seed: int = 0
    folder: Path | None = None

    def whole(self) -> tuple[nn.Module, Splits]:
        """The network on raw input, and data for it."""
        from torch import nn

        if self.splits.train.mean is None:
            return self.network, self.splits
        return nn.Sequential(self.splits.normalizer(), self.network).eval(), self.splits.raw()


def add_options(parser: argparse.ArgumentParser, data: str) -> None:
    """Options that name a network and its data; `data` is the option of the data, such as `--data`."""
    parser.add_argument("model", metavar="MODEL", help=FORMS)
    parser.add_argument(
        data, dest="data", metavar="DATA", help="data set, folder or file as in 'search' (default: those of the run)"
    )
    parser.add_argument("--weights", metavar="FILE", help="of package.module:function: .safetensors, .npz, state dict")
    parser.add_argument("--trust", action="store_true", help="unpickle files: runs code of whoever made them")
    parser.add_argument("--mean", metavar="A,B,C", type=_numbers, help="your network's normalisation, pixels in 0 to 1")
    parser.add_argument("--std", metavar="A,B,C", type=_numbers, help="the same (default: statistics of DATA)")
    parser.add_argument("--raw", action="store_true", help="your network takes values as stored, not normalised")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")


def subject(args: argparse.Namespace) -> Subject:
    """The network and data that the options name.

    Raises:
        UserError: they name nothing, do not go together, or a pickle without `--trust`.
    """
    place = Path(args.model)
    if place.suffix.lower() in (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pt2"):
        return _own(args, place)
    if ":" in args.model and not place.exists():
        return _own(args, None)
    for name in ("weights", "mean", "std", "raw"):
        if getattr(args, name):
            raise UserError(f"--{name} is for networks of your own; {place} knows its own")
    return exported(place, args.data, args.seed)


def exported(place: Path, source: str | None, seed: int = 0) -> Subject:
    """The exported network of a run, and raw data for it: those named, or those of the run.

    Raises:
        UserError: nothing exported there, no data known, or data of another shape.
    """
    from archwright import data, export
    from archwright.cli._exported import Exported
    from archwright.run import opened

    found = Exported.find(place)
    if not source and not (place / "config.yaml").is_file():
        raise UserError(f"{place} does not say what data it is for; name them, such as --data digits")
    if source:
        splits = data.load(source, seed=seed)
    else:
        run = opened(place)
        splits, source, seed = run.splits(), str(run.config["data"]), int(run.config.get("seed", 0))
    if splits.input_shape != found.shape:
        raise UserError(f"the network of {place} takes {found.shape}, but {splits.name} has {splits.input_shape}")
    network = export.load(found.folder).eval()
    return Subject(network=network, splits=splits.raw(), source=source, seed=seed, folder=place)


def _own(args: argparse.Namespace, file: Path | None) -> Subject:
    from archwright import data

    if not args.data:
        raise UserError(f"{args.model} needs data: name a data set, a folder, an .npz or a table")
    splits = _normalised(args, data.load(args.data, seed=args.seed))
    network = _read(args, file, splits) if file is not None else made(args.model, splits)
    if args.weights:
        if file is not None:
            raise UserError("--weights are for package.module:function; a file has its own")
        from archwright.export import load_checkpoint

        load_checkpoint(network, args.weights, trust=args.trust)
    return Subject(network=network.eval(), splits=splits, source=args.data, seed=args.seed)


def _normalised(args: argparse.Namespace, splits: Splits) -> Splits:
    """The data with the network's own normalisation."""
    import torch

    if args.raw and (args.mean or args.std):
        raise UserError("--raw excludes --mean and --std")
    if args.raw:
        return splits.raw()
    if bool(args.mean) != bool(args.std):
        raise UserError("--mean and --std go together")
    if not args.mean:
        return splits
    count = len(splits.mean)
    if not len(args.mean) == len(args.std) == count:
        raise UserError(f"--mean and --std need {count} values each for {splits.name}")
    scale = 255.0 if splits.train.x.dtype == torch.uint8 else 1.0
    mean, std = scale * torch.tensor(args.mean), scale * torch.tensor(args.std)
    parts = {n: dataclasses.replace(getattr(splits, n), mean=mean, std=std) for n in ("train", "valid", "test")}
    return dataclasses.replace(splits, mean=mean, std=std, **parts)


def _read(args: argparse.Namespace, file: Path, splits: Splits) -> nn.Module:
    from torch import nn

    if not file.is_file():
        raise UserError(f"no file {str(file)!r}")
    if file.suffix.lower() == ".pt2":
        from archwright.compress import trace
        from archwright.export import load_program

        return trace(load_program(file, trust=args.trust), next(iter(splits.train.batches(2)))[0])
    from archwright.export import read_checkpoint

    found = read_checkpoint(file, trust=args.trust)
    if not isinstance(found, nn.Module):
        raise UserError(f"{file} holds weights without their network: give package.module:function --weights {file}")
    return found


def made(reference: str, splits: Splits) -> nn.Module:
    """The network of `package.module:function`, called with in_channels, classes and image_size if it takes them.

    Raises:
        UserError: it cannot be imported or called, or gives no network.
    """
    import importlib
    import inspect

    import torch
    from torch import nn

    module, _, function = reference.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # the user's own module beside them, as `python -m` would find it
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UserError(f"cannot import {reference!r}: {error}") from error
    sizes: dict[str, Any] = {"in_channels": splits.in_channels, "classes": len(splits.classes)}
    sizes["image_size"] = splits.image_size if splits.kind == "image" else None
    try:
        inspect.signature(make).bind(**sizes)
    except (TypeError, ValueError):
        sizes = {}
    torch.manual_seed(0)
    try:
        network = make(**sizes)
    except TypeError as error:
        raise UserError(
            f"{reference} is called with in_channels, classes, image_size, or with nothing: {error}"
        ) from error
    except Exception as error:  # of the user's own code
        raise UserError(f"{reference} raised {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise UserError(f"{reference} must return a torch.nn.Module, got {type(network).__name__}")
    return network


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers with commas between them, got {text!r}") from None
