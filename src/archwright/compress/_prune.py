"""Pruning: the pipelines."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from archwright.compress._check import check_finite, check_takes
from archwright.compress._criteria import Scope, check_scope
from archwright.compress._gradual import Gradual
from archwright.compress._iterative import Iterative
from archwright.compress._jackpots import Jackpots
from archwright.compress._masks import prunable
from archwright.compress._one_shot import OneShot
from archwright.compress._prac import Prac
from archwright.compress._pruning import Method, Pruning, Told
from archwright.compress._structured import Structured
from archwright.data import Split, Splits
from archwright.errors import UserError, nearest
from archwright.supernet import Searchable
from archwright.train import Trainer

PRUNERS: dict[str, Method] = {
    "magnitude": OneShot(),
    "lamp": OneShot(criterion="lamp"),
    "taylor": OneShot(criterion="taylor"),
    "random": OneShot(criterion="random"),
    "layer-random": OneShot(criterion="layer-random"),
    "gradual": Gradual(),
    "iterative": Iterative(),
    "learning-rate-rewinding": Iterative(rewind="learning-rate"),
    "structured": Structured(),
    "prac": Prac(),
    "jackpots": Jackpots(),
    "edge-popup": Jackpots(start="edge-popup", restriction=1.0),
}
"""Methods of pruning by name."""


def prune(
    module: nn.Module,
    *,
    sparsity: float,
    method: str | Method = "magnitude",
    scope: Scope | None = None,
    data: Split | Splits | None = None,
    classifier: bool = True,
    trainer: Trainer | None = None,
    distil: bool = False,
    seed: int = 0,
    progress: Told | None = None,
) -> nn.Module:
    """`module` with fewer weights; the module itself is left as it is.

    A pruned weight is an exact zero: `Masks.of` finds the masks, `quantize` keeps them, and a network can be pruned
    further. Counts are exact, and every layer keeps at least one weight. Only `"structured"` makes the network smaller
    and faster: zeros in a dense tensor take as long as other numbers.

    Batch-norm statistics of the dense network are wrong for a pruned one (digits at 90 %: 14 % correct with them, 67 %
    with new ones). Where there are data they are re-estimated (`recalibrate_like`) before any training; without data
    they are those of the dense network, so compare with both.

    Args:
        module: a trained network, or one to be trained if the method trains it.
        sparsity: share of all prunable weights (`prunable`) that is zero in the end, in [0, 1); of channels for
            `"structured"`.
        method: one of `PRUNERS`, or a method of your own.
        scope: whether weights are compared across layers (`"global"`), or the same share goes in each (`"layer"`);
            None: `"global"`, for `"structured"` `"layer"`.
        data: for methods that look at data, and for batch-norm statistics.
        classifier: whether the last linear layer is pruned too.
        trainer: how methods that train do so; methods that do not by themselves fine-tune the result with it.
        distil: whether weights that are trained learn from the soft labels of the unpruned network, too, half and half
            (Hinton et al. 2015); only of use if that is trained.
        seed: of everything random.
        progress: told what is done.

    Returns:
        A pruned copy in eval mode, where the module is.

    Raises:
        UserError: an unknown method, a sparsity out of range or below that of the network, weights that are not finite,
            data that are missing or do not fit the network, a layer that would be empty.
    """
    if not isinstance(module, nn.Module):
        raise UserError(f"a torch.nn.Module is compressed, got {type(module).__name__}")
    if not (isinstance(sparsity, int | float) and 0 <= sparsity < 1):
        raise UserError(f"sparsity must be in [0, 1), got {sparsity!r}")
    if scope is not None:
        check_scope(scope)
    pipeline = _pipeline(method)
    if any(isinstance(m, Searchable) for m in module.modules()):
        raise UserError("masks belong to one network: prune net.extract(arch), not the supernet")
    if not prunable(module, classifier=classifier):
        raise UserError(f"{type(module).__name__} has no weights to prune")
    check_finite(module)
    asked = Pruning(
        sparsity=sparsity,
        scope=scope,
        classifier=classifier,
        data=data,
        trainer=trainer,
        teacher=copy.deepcopy(module).eval().requires_grad_(False) if distil else None,
        seed=seed,
        progress=progress,
    )
    _check_data(module, method, pipeline, asked)
    device = next(module.parameters()).device
    return pipeline(copy.deepcopy(module).eval(), asked).to(device).eval()


def _pipeline(method: str | Method) -> Method:
    if callable(method):
        return method
    if method not in PRUNERS:
        raise UserError(f"unknown method {method!r}{nearest(str(method), PRUNERS)}")
    return PRUNERS[method]


def _check_data(module: nn.Module, method: str | Method, pipeline: Method, asked: Pruning) -> None:
    name = method if isinstance(method, str) else type(method).__name__
    given: object = asked.data
    if given is not None and not isinstance(given, Split | Splits):
        kind = type(given).__name__
        raise UserError(f"data are Splits (archwright.data.load) or a Split(x, y) of them, got {kind}")
    if asked.data is None and pipeline.needs != "nothing":
        raise UserError(f"method {name} looks at data: pass data=")
    if asked.data is None and asked.trainer is not None:
        raise UserError("training needs data: pass data=")
    if (asked.trainer is not None or pipeline.needs == "splits") and not isinstance(asked.data, Splits):
        raise UserError("training needs data as Splits (archwright.data.load), got one part of them")
    if asked.teacher is not None and asked.trainer is None and pipeline.needs != "splits":
        raise UserError(f"method {name} trains nothing that could learn from the unpruned network: pass trainer=")
    samples = asked.samples
    if samples is None:
        return
    if not len(samples):
        raise UserError("the data have no training samples")
    x, _ = next(iter(samples.batches(2, device=next(module.parameters()).device)))
    labels = int(samples.y.max())
    if not torch.isfinite(x).all():
        raise UserError("the data hold values that are not finite")
    check_takes(module, x, "samples")
    with torch.no_grad():
        found = copy.deepcopy(module).eval()(x)
    if isinstance(found, Tensor) and found.ndim == 2 and labels >= found.shape[1]:
        raise UserError(f"the data have labels up to {labels}, the network tells {found.shape[1]} classes apart")
