"""The supernet that a configuration asks for."""

from __future__ import annotations

import importlib
import inspect

import torch
from torch import nn

from archwright import zoo
from archwright.data import Splits
from archwright.errors import UserError
from archwright.run._config import Config
from archwright.supernet import Supernet


def build(config: Config, splits: Splits) -> Supernet:
    """The supernet that the configuration names, for this data; its initial weights depend on the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        if config.net is not None:
            return _own(config.net, splits)
        if config.space is None:
            return zoo.build_for(splits)
        return zoo.build_for(splits, config.space.name, **config.space.settings)


def searchable(net: nn.Module, splits: Splits) -> Supernet:
    """A network with searchable layers as a supernet that knows the shape of its input."""
    supernet = net if isinstance(net, Supernet) else Supernet(net, name=type(net).__name__)
    if supernet.input_shape is None:
        supernet.input_shape = splits.input_shape
    return supernet


def _own(reference: str, splits: Splits) -> Supernet:
    """The user's own network: `package.module:function`, called with in_channels, classes, image_size."""
    module_name, _, function = reference.partition(":")
    try:
        make = getattr(importlib.import_module(module_name), function)
    except (ImportError, AttributeError) as error:
        raise UserError(f"cannot import {reference!r}: {error}") from error
    sizes = {
        "in_channels": splits.in_channels,
        "classes": len(splits.classes),
        "image_size": splits.image_size if splits.kind == "image" else None,
    }
    try:
        inspect.signature(make).bind(**sizes)
    except TypeError as error:
        raise UserError(f"{reference} is called with the keywords {', '.join(sizes)}: {error}") from error
    except ValueError:  # something built in, which does not tell its signature
        pass
    net = make(**sizes)
    if not isinstance(net, nn.Module):
        raise UserError(f"{reference} must return a torch.nn.Module, got {type(net).__name__}")
    return searchable(net, splits)
