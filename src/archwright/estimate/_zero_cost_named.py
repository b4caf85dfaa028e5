"""Zero-cost estimators by the names that a person types: `ZeroCost` with the score filled in.

`batch_size`, `repeats` and `fresh` are those of `ZeroCost`, the others those of the score.
"""

from __future__ import annotations

from typing import Literal

from archwright.data import Splits
from archwright.estimate._zero_cost import ZeroCost
from archwright.supernet import Supernet


def naswot(
    net: Supernet,
    splits: Splits,
    *,
    batch_size: int | None = None,
    repeats: int = 1,
    fresh: bool = True,
    smooth: bool = False,
    marked: bool = True,
) -> ZeroCost:
    """NASWOT: log-determinant of the agreement of ReLU codes (Mellor et al. 2021)."""
    return ZeroCost(
        net,
        splits,
        score="naswot",
        batch_size=batch_size,
        repeats=repeats,
        fresh=fresh,
        settings={"smooth": smooth, "marked": marked},
    )


def knas(
    net: Supernet,
    splits: Splits,
    *,
    batch_size: int | None = None,
    repeats: int = 1,
    fresh: bool = True,
    variant: Literal["paper", "release"] = "paper",
    coordinates: int | None = None,
    statistics: Literal["batch", "stored"] = "batch",
) -> ZeroCost:
    """KNAS: mean of the Gram matrix of per-example gradients (Xu et al. 2021)."""
    return ZeroCost(
        net,
        splits,
        score="knas",
        batch_size=batch_size,
        repeats=repeats,
        fresh=fresh,
        settings={"variant": variant, "coordinates": coordinates, "statistics": statistics},
    )


def synflow(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """SynFlow: log of the flow through absolute weights, without data (Tanaka et al. 2020)."""
    return ZeroCost(net, splits, score="synflow", batch_size=batch_size, repeats=repeats, fresh=fresh)


def synflow_bn(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """SynFlow with batch normalisation left in."""
    return ZeroCost(net, splits, score="synflow-bn", batch_size=batch_size, repeats=repeats, fresh=fresh)


def snip(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """SNIP: sum of |gradient x weight| (Lee et al. 2019)."""
    return ZeroCost(net, splits, score="snip", batch_size=batch_size, repeats=repeats, fresh=fresh)


def grasp(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """GraSP: minus weight x Hessian x gradient (Wang et al. 2020)."""
    return ZeroCost(net, splits, score="grasp", batch_size=batch_size, repeats=repeats, fresh=fresh)


def fisher(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """Fisher: squared activation x gradient of every channel (Turner et al. 2020)."""
    return ZeroCost(net, splits, score="fisher", batch_size=batch_size, repeats=repeats, fresh=fresh)


def grad_norm(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """Sum over layers of the gradient norm (Abdelfattah et al. 2021)."""
    return ZeroCost(net, splits, score="grad-norm", batch_size=batch_size, repeats=repeats, fresh=fresh)


def jacov(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """Jacobian covariance: how unlike the input gradients of different images are (Mellor et al. 2020)."""
    return ZeroCost(net, splits, score="jacov", batch_size=batch_size, repeats=repeats, fresh=fresh)


def epe_nas(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """EPE-NAS: correlation of input gradients within classes (Lopes et al. 2021)."""
    return ZeroCost(net, splits, score="epe-nas", batch_size=batch_size, repeats=repeats, fresh=fresh)


def l2_norm(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """Sum over layers of the weight norm, a control without data."""
    return ZeroCost(net, splits, score="l2-norm", batch_size=batch_size, repeats=repeats, fresh=fresh)


def plain(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """Sum of gradient x weight with its sign, a control."""
    return ZeroCost(net, splits, score="plain", batch_size=batch_size, repeats=repeats, fresh=fresh)


def zen(
    net: Supernet,
    splits: Splits,
    *,
    batch_size: int | None = None,
    repeats: int = 1,
    fresh: bool = True,
    draws: int = 1,
    gamma: float = 0.01,
) -> ZeroCost:
    """Zen-score: how far noise moves the features of a redrawn network (Lin et al. 2021)."""
    return ZeroCost(
        net,
        splits,
        score="zen",
        batch_size=batch_size,
        repeats=repeats,
        fresh=fresh,
        settings={"repeats": draws, "gamma": gamma},
    )


def params(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """Number of parameters as a score, a baseline."""
    return ZeroCost(net, splits, score="params", batch_size=batch_size, repeats=repeats, fresh=fresh)


def flops(
    net: Supernet, splits: Splits, *, batch_size: int | None = None, repeats: int = 1, fresh: bool = True
) -> ZeroCost:
    """FLOPs of one sample as a score, a baseline."""
    return ZeroCost(net, splits, score="flops", batch_size=batch_size, repeats=repeats, fresh=fresh)
