"""Training-speed estimators: how low the training losses were on the way.

Source: Ru, Lyle, Schut, Fil, van der Wilk, Gal, Speedy performance estimation for neural architecture search, NeurIPS
2021, arXiv 2006.04492. l_t is the mean loss of the mini-batches of epoch t, each taken when it was trained on: the
paper's sum over the mini-batches of an epoch, divided by their number B. `Trainer` reports exactly this as
`train_loss`; a second pass over the data after the epoch would be another quantity.

All values are in nats; lower is better. A loss that is not finite makes the value infinite, the worst rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError, nearest
from archwright.trial import Report

SpeedKind = Literal["sotl", "sotl-e", "tse", "tse-e", "tse-ema", "tse-ema-release"]
"""Names of the estimators: sums over all (`sotl`) or the last E (`sotl-e`) epochs of mini-batch losses, the same of
epoch means (`tse`, `tse-e`), discounted by age (`tse-ema`), and the moving average of the authors' release."""


def tse(losses: ArrayLike) -> float:
    """Sum of the epoch losses, sum over t of l_t.

    Args:
        losses: l_1 ... l_T, shape (T,), T at least 1.
    """
    return _total(_curve(losses))


def tse_e(losses: ArrayLike, last: int = 1) -> float:
    """Sum of the last E epoch losses (the paper recommends E = 1); of all if there are fewer.

    Args:
        losses: shape (T,).
        last: E, at least 1.
    """
    if last < 1:
        raise UserError(f"tse-e: last must be at least 1 epoch, got {last}")
    curve = _curve(losses)
    return _total(curve[-last:]) if np.isfinite(curve).all() else float("inf")


def tse_ema(losses: ArrayLike, decay: float = 0.9) -> float:
    """Sum over t of decay^(T - t) l_t: 1 is `tse`, 0 is `tse_e` of one epoch.

    Args:
        losses: shape (T,).
        decay: gamma, in [0, 1].
    """
    curve = _curve(losses)
    return _total(curve * _fraction("decay", decay) ** np.arange(len(curve) - 1, -1, -1.0))


def tse_ema_release(losses: ArrayLike, new: float = 0.9) -> float:
    """Moving average of the authors' code: m_1 = l_1, m_t = (1 - new) m_(t-1) + new l_t; about the last two epochs.

    Args:
        losses: shape (T,).
        new: weight of the new loss, in [0, 1].
    """
    curve = _curve(losses)
    weights = _fraction("new", new) * (1 - new) ** np.arange(len(curve) - 1, -1, -1.0)
    weights[0] = (1 - new) ** (len(curve) - 1)
    return _total(curve * weights)


def sotl(losses: ArrayLike, batches: int = 1) -> float:
    """Sum of the losses of all mini-batches so far: `tse` times the mini-batches an epoch.

    Args:
        losses: epoch means, shape (T,).
        batches: B, mini-batches an epoch; the ranking does not depend on it while it is the same for all.
    """
    return _batches(batches) * tse(losses)


def sotl_e(losses: ArrayLike, last: int = 1, batches: int = 1) -> float:
    """Sum of the losses of all mini-batches of the last E epochs. Arguments as `tse_e` and `sotl`."""
    return _batches(batches) * tse_e(losses, last)


def speed(
    curve: ArrayLike | Iterable[Report],
    kind: SpeedKind = "tse-ema",
    *,
    last: int = 1,
    decay: float = 0.9,
    new: float = 0.9,
    batches: int = 1,
    metric: str = "train_loss",
) -> float:
    """The estimator called `kind` of a training curve, lower is better.

    Args:
        curve: epoch losses, shape (T,), or the reports of a training.
        kind: name of the estimator.
        last: E of `tse-e` and `sotl-e`.
        decay: gamma of `tse-ema`.
        new: weight of the new loss of `tse-ema-release`.
        batches: mini-batches an epoch of `sotl` and `sotl-e`.
        metric: which metric of the reports is the training loss.

    Raises:
        UserError: unknown kind, a setting out of range, or no loss in the curve.
    """
    functions: Mapping[str, Callable[[ArrayLike], float]] = {
        "sotl": lambda c: sotl(c, batches),
        "sotl-e": lambda c: sotl_e(c, last, batches),
        "tse": tse,
        "tse-e": lambda c: tse_e(c, last),
        "tse-ema": lambda c: tse_ema(c, decay),
        "tse-ema-release": lambda c: tse_ema_release(c, new),
    }
    if kind not in functions:
        raise UserError(f"unknown training-speed estimator {kind!r}{nearest(str(kind), get_args(SpeedKind))}")
    return functions[kind](read(curve, metric))


def read(curve: ArrayLike | Iterable[Report], metric: str) -> NDArray[np.float64]:
    """The values of one metric in the order of the reports that have it; arrays as they are. Shape (T,)."""
    if isinstance(curve, np.ndarray):
        return np.asarray(curve, dtype=np.float64)
    items: list[Any] = list(curve) if isinstance(curve, Iterable) else [curve]
    if any(isinstance(item, Report) for item in items):
        items = [r.metrics[metric] for r in items if isinstance(r, Report) and metric in r.metrics]
    return np.asarray(items, dtype=np.float64)


def _curve(losses: ArrayLike) -> NDArray[np.float64]:
    curve = np.asarray(losses, dtype=np.float64)
    if curve.ndim != 1 or not len(curve):
        raise UserError(f"a loss curve has shape (T,) with T at least 1, got {curve.shape}")
    return np.where(np.isfinite(curve), curve, np.inf)


def _total(terms: NDArray[np.float64]) -> float:
    total = float(terms.sum())
    return total if np.isfinite(total) else float("inf")


def _fraction(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise UserError(f"{name} must be in [0, 1], got {value}")
    return value


def _batches(batches: int) -> int:
    if batches < 1:
        raise UserError(f"batches must be at least 1 an epoch, got {batches}")
    return batches
