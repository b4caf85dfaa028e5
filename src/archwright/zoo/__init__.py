"""Published search spaces, one module each, with a function of its name that returns a `Supernet`."""

from __future__ import annotations

from typing import Any

from archwright.data import Splits
from archwright.registry import Registry
from archwright.supernet import Supernet
from archwright.zoo import (
    conv_macro,
    convnet,
    darts,
    darts_subsets,
    dso_nas,
    entangled_cell,
    graphnas,
    mlp,
    nasbench201,
    nasbenchgraph,
    proxyless,
)
from archwright.zoo._darts_evaluation import Evaluation, EvaluationNetwork, darts_evaluation

SPACES = Registry(
    "space",
    {
        "conv-macro": "archwright.zoo.conv_macro:conv_macro",
        "convnet": "archwright.zoo.convnet:convnet",
        "darts": "archwright.zoo.darts:darts",
        "darts-s1": "archwright.zoo.darts_subsets:darts_s1",
        "darts-s2": "archwright.zoo.darts_subsets:darts_s2",
        "darts-s3": "archwright.zoo.darts_subsets:darts_s3",
        "darts-s4": "archwright.zoo.darts_subsets:darts_s4",
        "dso-nas": "archwright.zoo.dso_nas:dso_nas",
        "entangled-cell": "archwright.zoo.entangled_cell:entangled_cell",
        "mlp": "archwright.zoo.mlp:mlp",
        "nasbench201": "archwright.zoo.nasbench201:nasbench201",
        "proxyless": "archwright.zoo.proxyless:proxyless",
    },
)


def names() -> list[str]:
    """Names of the registered spaces."""
    return SPACES.names()


def build(name: str, *, in_channels: int, classes: int, image_size: int | None = None, **settings: Any) -> Supernet:
    """The supernet of a registered space.

    Args:
        name: one of `names()`.
        in_channels: channels of an image, columns of a table.
        classes: number of outputs, at least 2.
        image_size: height (= width) in pixels; None for tables.
        settings: further arguments of the space's own function.

    Raises:
        UserError: unknown name, or sizes the space cannot serve.
    """
    supernet: Supernet = SPACES.load(name)(in_channels=in_channels, classes=classes, image_size=image_size, **settings)
    return supernet


def build_for(splits: Splits, name: str | None = None, **settings: Any) -> Supernet:
    """The supernet of a registered space in the sizes of a data set.

    Args:
        splits: data.
        name: one of `names()`; None: `convnet` for images, `mlp` for tables.
        settings: further arguments of the space's own function.

    Raises:
        UserError: as `build`.
    """
    image = splits.kind == "image"
    return build(
        name or ("convnet" if image else "mlp"),
        in_channels=splits.in_channels,
        classes=len(splits.classes),
        image_size=splits.image_size if image else None,
        **settings,
    )


__all__ = [
    "SPACES",
    "Evaluation",
    "EvaluationNetwork",
    "build",
    "build_for",
    "conv_macro",
    "convnet",
    "darts",
    "darts_evaluation",
    "darts_subsets",
    "dso_nas",
    "entangled_cell",
    "graphnas",
    "mlp",
    "names",
    "nasbench201",
    "nasbenchgraph",
    "proxyless",
]
