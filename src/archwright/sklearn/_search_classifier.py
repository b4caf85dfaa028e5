"""`SearchClassifier`."""

from __future__ import annotations

import dataclasses
import json
import numbers
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from archwright import cost, data, export, recipes, run
from archwright.errors import UserError
from archwright.registry import Part
from archwright.sklearn._parts import splits_of

_IMAGES, _ROWS = "convnet", "mlp"  # the default space, and what stands in for it when samples are rows
_TOLD = ("verify", "export", "report")  # phases that leave the network as it is
_BATCH = 1024


class SearchClassifier(ClassifierMixin, BaseEstimator):
    """A network found, trained and used by scikit-learn's rules.

    `fit` runs a recipe on all samples: 15 % of them, stratified by class, judge candidates; there is no test part. The
    only sample of a class is trained on and never judges. Recipes that train the choice once more on everything (the
    default one does so up to 10,000 samples) leave no sample unused. Nothing is exported: `archwright.export` writes
    `model_` as files.

    The same `random_state` gives the same network, as long as `minutes` does not cut training short.

    Args:
        space: registered search space, `"mlp"`, or one with settings, `{"mlp": {"width": 32}}`; None means the
            recipe's, and `mlp` instead of `convnet` if samples are rows.
        minutes: time for `fit`, above 0; None: until the recipe is done.
        max_params: most parameters, a number or text like `"20k"`.
        max_flops: most FLOPs (2 x MACs) of one sample's forward pass, likewise.
        max_latency_ms: longest forward pass of one sample in ONNX Runtime on this machine, in milliseconds.
        trials: candidates to judge; None: the recipe's.
        recipe: name or path of a recipe.
        settings: further changes of the recipe, `"key.sub=value"`.
        random_state: int, `RandomState` or None: seed of everything random.
        out: run folder, kept. The same `fit` with the same int `random_state` continues a run that was stopped there.
            None means a temporary one.

    Attributes:
        classes_: (K,) labels, sorted.
        n_features_in_: columns of X; the length of the second axis of images.
        feature_names_in_: column names, if X was a data frame with names.
        sample_shape_: shape of one sample as given to `fit`.
        input_shape_: shape of one sample as `model_` takes it, (F,) or (C, H, W).
        model_: network of `torch.nn` layers alone in eval mode, from raw input, float32 (N, *input_shape_), to logits
            (N, K).
        architecture_: the chosen values of the search space.
        result_: facts of the run: `valid` (score of the network before it was trained on everything), `params`,
            `flops`, `seconds`, `data`, `seed`, `versions`, ...
    """

    def __init__(
        self,
        space: str | Mapping[str, Any] | None = None,
        minutes: float | None = 1.0,
        max_params: float | str | None = None,
        max_flops: float | str | None = None,
        max_latency_ms: float | None = None,
        trials: int | None = None,
        recipe: str | os.PathLike[str] = "default",
        settings: Sequence[str] = (),
        random_state: int | np.random.RandomState | None = None,
        out: str | os.PathLike[str] | None = None,
    ) -> None:
        self.space = space
        self.minutes = minutes
        self.max_params = max_params
        self.max_flops = max_flops
        self.max_latency_ms = max_latency_ms
        self.trials = trials
        self.recipe = recipe
        self.settings = settings
        self.random_state = random_state
        self.out = out

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find and train a network.

        Args:
            X: (n, f) rows, or images (n, H, W), (n, C, H, W) or (n, H, W, C). Four axes are read as n, H, W, C if the
                last is 1, 3 or 4 long and the second is not.
            y: (n,) labels of at least 2 classes.

        Raises:
            ValueError: X or y cannot be used, or a setting is wrong (`UserError`).
            Infeasible: no network meets the limits.
        """
        x, labels = validate_data(self, X, y, dtype=[np.float32, np.uint8], order="C", allow_nd=True)
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
        self.classes_, encoded = np.unique(labels, return_inverse=True)
        names = tuple(str(name) for name in self.classes_)
        if len(names) < 2:
            raise UserError(f"y holds 1 class, {names[0]!r}; a classifier needs at least 2")
        seed = self._seed()
        splits = splits_of(_writable(x), encoded.astype(np.int64), names, seed)
        self.sample_shape_, self.input_shape_ = x.shape[1:], splits.input_shape
        state = self._conducted(self._config(splits, seed), splits)
        assert state.chosen is not None
        assert state.model is not None
        model = state.model.cpu()
        self.model_ = export.flatten(nn.Sequential(splits.normalizer(), model))
        self.architecture_ = dict(state.chosen)
        costs = {"params": cost.params(model), "flops": cost.flops(model, (1, *self.input_shape_))}
        self.result_ = state.result | costs
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability (n, K) of every class: the softmax of the logits, in the order of `classes_`."""
        check_is_fitted(self)
        x = self._checked(X)
        rows = x.ndim == 2
        chunks = [_logits(self.model_, chunk, double=rows) for chunk in torch.split(x, _BATCH)]
        found: NDArray[np.float64] = torch.cat(chunks).double().softmax(1).numpy()
        return found

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label (n,)."""
        found = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[found]
        return labels

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _seed(self) -> int:
        state: Any = self.random_state
        if isinstance(state, numbers.Integral):
            return int(state)
        return int(check_random_state(state).randint(2**31 - 1))

    def _config(self, splits: data.Splits, seed: int) -> run.Config:
        """The recipe with this object's arguments, without the phases that leave the network as it is."""
        recipe = recipes.read(str(self.recipe))
        recipe["space"] = _space(recipe.get("space"), splits) if self.space is None else self.space
        limits = {"params": self.max_params, "flops": self.max_flops, "latency_ms": self.max_latency_ms}
        changes = [f"limits.{name}={json.dumps(limit)}" for name, limit in limits.items() if limit is not None]
        changes += [f"seed={seed}"]
        if self.minutes is not None:
            changes += [f"minutes={self.minutes}"]
        if self.trials is not None:
            changes += [f"phases.search.trials={self.trials}"]
        mapping = recipes.override(recipe, [*changes, *self.settings])
        config = recipes.check(mapping, data=os.curdir)  # the data is at hand: no name, no path
        phases = tuple(_alone(phase) for phase in config.phases if phase.name not in _TOLD)
        return dataclasses.replace(config, data=f"arrays {splits.fingerprint[:16]}", phases=phases)

    def _conducted(self, config: run.Config, splits: data.Splits) -> run.State:
        if self.out is not None:
            return run.conduct(config, self.out, splits=splits)
        with tempfile.TemporaryDirectory(prefix="archwright-", ignore_cleanup_errors=True) as folder:
            state = run.conduct(config, folder, splits=splits)
        del state.result["folder"]
        return state

    def _checked(self, X: ArrayLike) -> Tensor:
        """Samples as the network takes them, but in the number type they came in."""
        x = validate_data(self, X, reset=False, dtype=[np.float32, np.uint8], order="C", allow_nd=True)
        if x.shape[1:] != self.sample_shape_:
            raise UserError(f"X must hold samples of shape {self.sample_shape_}, as in fit; got {x.shape[1:]}")
        tensor = torch.from_numpy(_writable(x))
        if tensor.ndim == 3:
            return tensor[:, None]
        return tensor if x.shape[1:] == self.input_shape_ else tensor.permute(0, 3, 1, 2)


def _writable(x: NDArray[Any]) -> NDArray[Any]:
    """Memory that is mapped for reading only cannot become a tensor."""
    return x if x.flags.writeable else x.copy()


def _space(own: Any, splits: data.Splits) -> Any:
    """The recipe's own space, or what stands in for it."""
    images = own == _IMAGES or (isinstance(own, Mapping) and _IMAGES in own)
    return _ROWS if images and splits.kind == "table" else own


def _alone(phase: Part) -> Part:
    """A search without the random candidates that only the report compares it with."""
    if phase.name != "search":
        return phase
    return dataclasses.replace(phase, settings={"baseline": False, **phase.settings})


@torch.no_grad()
def _logits(model: nn.Module, x: Tensor, *, double: bool) -> Tensor:
    """Logits (n, K). In double precision they do not depend on which samples share a batch."""
    if not double:
        return model(x.float())
    weights = {
        name: tensor.double()
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if tensor.is_floating_point()
    }
    return torch.func.functional_call(model, weights, (x.double(),))
