"""`darts-s1` to `darts-s4`: the four small spaces of DARTS cells on which plain DARTS fails (Zela, Elsken, Saikia,
Marrakchi, Brox, Hutter 2020, RobustDARTS, arXiv 1909.09656, section 3), exact.

Network, nodes and input choices are those of `darts`; edges have fewer operations. S1 has two an edge, those that an
earlier search found best; S2 a skip connection and a separable convolution; S3 the same and the zero operation; S4 a
separable convolution and noise.
"""

from __future__ import annotations

from archwright.supernet import Supernet
from archwright.zoo._inputs import image
from archwright.zoo.darts import NOISE, TYPES, Operations, _edges, cells

_SHORT = {
    "skip": "skip_connect",
    "sep3": "sep_conv_3x3",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
}
_S1 = {
    "normal": (
        "skip dil3", "skip dil5",
        "skip dil5", "skip sep3", "skip dil3",
        "max skip", "skip sep3", "skip sep3", "skip dil3",
        "skip sep3", "max skip", "skip dil3", "dil3 dil5", "dil3 dil5",
    ),
    "reduce": (
        "max avg", "max dil3",
        "max avg", "max avg", "skip dil5",
        "max avg", "max sep3", "skip dil3", "skip dil5",
        "max avg", "max avg", "skip dil5", "skip dil5", "skip dil5",
    ),
}  # fmt: skip
"""Edges by target, then by source."""


def darts_s1(
    *, in_channels: int = 3, classes: int = 10, image_size: int | None = 32, channels: int = 16, layers: int = 8
) -> Supernet:
    """S1 of RobustDARTS: two operations an edge, those that were strongest in an earlier search.

    Arguments as in `darts`.
    """
    pairs = {kind: [tuple(_SHORT[op] for op in pair.split()) for pair in _S1[kind]] for kind in TYPES}
    operations = {kind: dict(zip(_edges(), pairs[kind], strict=True)) for kind in TYPES}
    return _built("darts-s1", operations, in_channels, classes, image_size, channels, layers)


def darts_s2(
    *, in_channels: int = 3, classes: int = 10, image_size: int | None = 32, channels: int = 16, layers: int = 8
) -> Supernet:
    """S2 of RobustDARTS: skip connection or separable convolution 3 x 3 on every edge.

    Arguments as in `darts`.
    """
    operations = _everywhere("skip_connect", "sep_conv_3x3")
    return _built("darts-s2", operations, in_channels, classes, image_size, channels, layers)


def darts_s3(
    *, in_channels: int = 3, classes: int = 10, image_size: int | None = 32, channels: int = 16, layers: int = 8
) -> Supernet:
    """S3 of RobustDARTS: S2 and a zero operation, which competes and is never chosen.

    As the zero of `darts`, it is no option of the space: search it by gradient with `none: true`. Arguments as in
    `darts`.
    """
    operations = _everywhere("skip_connect", "sep_conv_3x3")
    return _built("darts-s3", operations, in_channels, classes, image_size, channels, layers)


def darts_s4(
    *, in_channels: int = 3, classes: int = 10, image_size: int | None = 32, channels: int = 16, layers: int = 8
) -> Supernet:
    """S4 of RobustDARTS: Gaussian noise or separable convolution 3 x 3 on every edge.

    The noise is `darts.Noise`; arguments as in `darts`.
    """
    operations = _everywhere(NOISE, "sep_conv_3x3")
    return _built("darts-s4", operations, in_channels, classes, image_size, channels, layers)


def _everywhere(*operations: str) -> Operations:
    return {kind: dict.fromkeys(_edges(), operations) for kind in TYPES}


def _built(
    name: str,
    operations: Operations,
    in_channels: int,
    classes: int,
    image_size: int | None,
    channels: int,
    layers: int,
) -> Supernet:
    sizes = {"in_channels": in_channels, "classes": classes, "channels": channels, "layers": layers}
    return cells(name, operations, size=image(name, image_size), **sizes)
