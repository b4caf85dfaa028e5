"""What a space offers against the limits, before anything is trained."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from archwright import cost, data
from archwright.cost import PREDICTED, LatencyTable
from archwright.errors import UserError
from archwright.estimate import NetworkCosts
from archwright.run._config import Config
from archwright.run._downhill import downhill
from archwright.run._folder import Folder
from archwright.run._latency import latency_table
from archwright.run._network import build
from archwright.run._progress import Progress
from archwright.run._state import State
from archwright.space import Arch, Finite, Space
from archwright.supernet import Supernet, extreme
from archwright.trial import Metrics, broken, excess

_SHOWN = ("params", "flops", "size", "memory")


def profile(
    config: Config,
    *,
    samples: int = 64,
    table: str | os.PathLike[str] | None = None,
    measure: bool = True,
    net: Supernet | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What the space of `config` offers for its data, and whether its limits can be met. Nothing is trained.

    Args:
        config: the request of a run; its phases do not matter.
        samples: random architectures to cost, at least 1.
        table: file of a `cost.LatencyTable` to predict latencies from. Without it one is measured on this device if a
            latency is limited, and latencies are not predicted otherwise.
        measure: also measure the latency of the three networks in ONNX Runtime.
        net: a searchable network made by the caller, used instead of what `config` names.
        progress: listener.

    Returns:
        JSON values:
        `data`, `space` (name; number of architectures, None for infinitely many), `seed`, `samples`;
        `networks`: `smallest`, `median` and `largest` by parameters, each with its `architecture`, costs (`params`,
        `flops`, `size` and `memory` in bytes, `predicted_latency_ms`, measured `latency_ms`), `ratios` to the limits;
        `limits`: for each its `limit`, whether it can be `met`, the `share` in [0, 1] of the random architectures that
        meet it, and the `least` value that was found;
        `together`: the same for all limits at once, and if they cannot be met the `nearest` architecture with its costs
        and `suggested` limits that it meets;
        `variables`: `name`, `kind`, `options` (bounds of a continuous one) and `when` it is active;
        `protocol`: how latencies were measured; `prediction`: how good the predictions are.
        A limit on latency is judged by predictions, as in a search.

    Raises:
        UserError: bad request.
    """
    if samples < 1:
        raise UserError(f"samples must be at least 1, got {samples}")
    progress = progress or Progress()
    splits = data.load(config.data, seed=config.seed, label=config.label)
    progress.message(repr(splits))
    supernet = build(config, splits) if net is None else net
    latencies = _latencies(config, splits, supernet, table, progress)
    offer = _Offer(config, supernet, latencies, samples)
    networks = offer.networks()
    measured = {name: _measured(splits, supernet, arch) for name, arch in networks.items()} if measure else {}
    size = supernet.space.size
    return {
        "data": {"name": splits.name, "kind": splits.kind, "shape": list(splits.input_shape)}
        | {"classes": len(splits.classes), "train": len(splits.train)},
        "space": {"name": supernet.space.name or config.net or "", "size": None if size == math.inf else size},
        "seed": config.seed,
        "samples": samples,
        "networks": {name: offer.described(arch, measured.get(name)) for name, arch in networks.items()},
        "limits": offer.alone(),
        "together": offer.together(),
        "variables": list(_variables(supernet.space)),
        "protocol": _protocol(list(measured.values())),
        "prediction": None if latencies is None else dataclasses.asdict(latencies.fit),
    }


class _Offer:
    """Costs of a space against limits.

    Args:
        config: limits, seed.
        net: the supernet.
        table: of latencies, if any is to be predicted.
        samples: random architectures to cost.
    """

    def __init__(self, config: Config, net: Supernet, table: LatencyTable | None, samples: int) -> None:
        self.net, self.space = net, net.space
        self.asked = dict(config.limits)
        self.limits = {_judged(name): float(limit) for name, limit in self.asked.items()}
        self.costs = NetworkCosts(net, list(dict.fromkeys(["params", *self.asked])), table=table)
        self.all_costs = NetworkCosts(net, [*_SHOWN, *(["latency_ms"] if table else [])], table=table)
        rng = np.random.default_rng(config.seed)
        self.ends = [extreme(self.space, rng, largest=largest) for largest in (False, True)]
        self.sampled = [self.space.sample(rng) for _ in range(samples)]

    @functools.cached_property
    def _params(self) -> Callable[[Arch], float]:
        counted = NetworkCosts(self.net, ["params"])
        return lambda arch: counted(arch)["params"]

    def networks(self) -> dict[str, Arch]:
        """By number of parameters: the smallest and largest that a descent finds, and the median of the random ones."""
        known = [*self.ends, *self.sampled]
        ordered = sorted(self.sampled, key=self._params)
        return {
            "smallest": downhill(self.space, min(known, key=self._params), self._params),
            "median": ordered[len(ordered) // 2],
            "largest": downhill(self.space, max(known, key=self._params), lambda arch: -self._params(arch)),
        }

    def described(self, arch: Arch, latency: cost.Latency | None) -> dict[str, Any]:
        """An architecture with its costs, and their ratios to the limits (of latency: measured if it is)."""
        costs = dict(self.all_costs(arch))
        if latency is not None:
            costs["latency_ms"] = latency.ms
        ratios = {name: costs.get(name, costs[_judged(name)]) / limit for name, limit in self.asked.items()}
        return {"architecture": dict(arch), **costs, "ratios": ratios}

    def alone(self) -> dict[str, dict[str, Any]]:
        """Each limit by itself."""
        return {name: self._alone(_judged(name), float(limit)) for name, limit in self.asked.items()}

    def _alone(self, name: str, limit: float) -> dict[str, Any]:
        def value(arch: Arch) -> float:
            return self.costs(arch)[name]

        least = value(downhill(self.space, min([*self.ends, *self.sampled], key=value), value))
        return {"limit": limit, "met": least <= limit, "share": self._share({name: limit}), "least": least}

    def together(self) -> dict[str, Any]:
        """All limits at once."""

        def missing(arch: Arch) -> float:
            return excess(self.costs(arch), self.limits)

        nearest = downhill(self.space, min([*self.ends, *self.sampled], key=missing), missing, enough=0.0)
        costs = self.costs(nearest)
        if not broken(costs, self.limits):
            return {"met": True, "share": self._share(self.limits)}
        return {
            "met": False,
            "share": 0.0,
            "nearest": {"architecture": dict(nearest), **costs},
            "suggested": {name: max(limit, costs[_judged(name)]) for name, limit in self.asked.items()},
        }

    def _share(self, limits: Metrics) -> float:
        return sum(not broken(self.costs(arch), limits) for arch in self.sampled) / len(self.sampled)


def _judged(name: str) -> str:
    """The cost that a limit is judged by before a network is exported."""
    return PREDICTED if name == "latency_ms" else name


def _latencies(
    config: Config,
    splits: data.Splits,
    net: Supernet,
    table: str | os.PathLike[str] | None,
    progress: Progress,
) -> LatencyTable | None:
    if table is not None:
        return LatencyTable.load(os.fspath(table))
    if "latency_ms" not in config.limits:
        return None
    with tempfile.TemporaryDirectory() as scratch:  # as a run does it, in a folder of its own
        folder, device = Folder(scratch), torch.device("cpu")
        return latency_table(
            State(config=config, folder=folder, progress=progress, splits=splits, net=net, device=device)
        )


def _measured(splits: data.Splits, net: Supernet, arch: Arch) -> cost.Latency:
    """Of the network as it would be exported, on raw input."""
    module = nn.Sequential(splits.normalizer(), net.extract(arch)).eval()
    return cost.latency(module, (1, *splits.input_shape), runtime="onnxruntime")


def _protocol(measured: Sequence[cost.Latency]) -> dict[str, Any] | None:
    if not measured:
        return None
    facts = measured[0].to_dict()
    names = ("device", "runtime", "version", "threads", "batch", "dtype", "date")
    return {name: facts[name] for name in names} | {"contended": any(latency.contended for latency in measured)}


def _variables(space: Space) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "name": variable.name,
            "kind": type(variable).__name__.lower(),
            "options": list(variable.options) if isinstance(variable, Finite) else variable.allowed,
            "when": space.when.get(variable.name, []),
        }
        for variable in space.variables
    ]
