"""`PriorFitted`: a transformer that was trained once on curves of a prior."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.estimate.extrapolate._binned import BinnedPrediction
from archwright.estimate.extrapolate._bins import Bins
from archwright.estimate.extrapolate._curve_transformer import CurveTransformer
from archwright.estimate.extrapolate._extrapolator import Extrapolator
from archwright.estimate.extrapolate._prediction import Prediction

WEIGHTS = Path(__file__).with_name("prior_fitted.safetensors")
SHA256 = "22e0ad32d825351823f4076c9c6a32d6a07b0550b19d1cbcb18bfa895049e079"
_LENGTH, _LOWEST, _HIGHEST = 100, -1.0, 2.0


class PriorFitted(Extrapolator):
    """LC-PFN: the posterior of `prior_curves` in one pass of a network (Adriaensen, Rakotoarison, Müller, Hutter,
    NeurIPS 2023, arXiv 2310.20447).

    Milliseconds, and it always has an answer. The prior has rising curves in [0, 1] of 100 epochs: normalise others. A
    horizon beyond 100 is read in strides, so that it is at most 100 of them. The network is smaller than the authors'
    (3 layers of width 128 in place of 12 of 512) and was trained by `benchmarks/train_lcpfn.py`.

    Args:
        weights: a file written by that script; None means the one of the package, whose SHA-256 is checked.

    Raises:
        UserError: a file that is missing, changed or of another kind; when predicting: values far from [0, 1].
    """

    def __init__(self, weights: Path | str | None = None) -> None:
        self.weights = WEIGHTS if weights is None else Path(weights)
        self._network, self._bins = _loaded(self.weights, None if weights is not None else SHA256)

    def _predict(self, y: NDArray[np.float64], horizon: int) -> Prediction:
        if y.min() < _LOWEST or y.max() > _HIGHEST:
            raise UserError(f"a learning curve must have values in [0, 1] here, got {y.min():g} to {y.max():g}")
        stride = -(-horizon // _LENGTH)
        epochs = np.arange(len(y), 0, -stride)[::-1]
        epochs = epochs[epochs >= min(stride, len(y))]
        x = np.maximum(epochs / stride, 1.0)
        seen, values, asked = (
            torch.as_tensor(a, dtype=torch.float32)[None] for a in (x, y[epochs - 1], [horizon / stride])
        )
        with torch.inference_mode():
            masses = self._network(seen, values, asked)[0, 0].double().softmax(-1)
        return BinnedPrediction.over(self._bins, masses.numpy())


@functools.lru_cache(maxsize=4)
def _loaded(path: Path, digest: str | None) -> tuple[CurveTransformer, Bins]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"no weights of a learning-curve network at {path}")
    if digest is not None and (found := hashlib.sha256(path.read_bytes()).hexdigest()) != digest:
        raise UserError(f"{path} was changed: its SHA-256 is {found}, not {digest}")
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {}).get("settings", "null"))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        bins = Bins(tensors.pop("borders").double().numpy())
        network = CurveTransformer(len(bins), **settings)
        network.load_state_dict(tensors)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} has no learning-curve network: {error}") from error
    return network.eval().requires_grad_(False), bins
