"""Costs by the names a user types."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from archwright.cost._counts import params as _params
from archwright.cost._counts import size as _size
from archwright.cost._mode import example
from archwright.cost._table import LatencyTable
from archwright.cost.accelerator import ACCELERATORS, accelerator_cost
from archwright.errors import UserError, nearest
from archwright.registry import Registry

PREDICTED = "predicted_latency_ms"

COSTS = Registry(
    "cost",
    {
        "flops": "archwright.cost:flops",
        "latency_ms": "archwright.cost:latency",
        "memory": "archwright.cost:peak_memory",
        "params": "archwright.cost._evaluate:params",
        "size": "archwright.cost._evaluate:size",
    },
)


def params(module: nn.Module, input: Tensor) -> int:  # noqa: A002
    """Number of parameters."""
    return _params(module)


def size(module: nn.Module, input: Tensor) -> int:  # noqa: A002
    """Bytes of the weights file."""
    return _size(module)


_ON_ACCELERATOR = ("energy_mj", "latency_ms")


def names() -> list[str]:
    """Costs that need nothing but the network: `flops`, `latency_ms`, `memory`, `params`, `size`."""
    return COSTS.names()


def evaluate(
    module: nn.Module,
    input_shape: Sequence[int],
    names: Sequence[str] | None = None,
    *,
    table: LatencyTable | None = None,
    runtime: str = "torch",
    threads: int = 1,
) -> dict[str, float]:
    """Costs of one forward pass of one input, by name.

    `latency_ms` is always measured here and now; `predicted_latency_ms` is what `table` says; `energy_mj:eyeriss` and
    `latency_ms:eyeriss` (any of `ACCELERATORS`) are what `accelerator_cost` says.

    Args:
        module: a plain network.
        input_shape: of one input, without the batch.
        names: some of `names()`, `predicted_latency_ms` and those of accelerators; default `names()`, and the
            prediction where there is a table.
        table: look-up table for the prediction; operations it does not know are measured.
        runtime: of the measurement, `torch` or `onnxruntime`.
        threads: of the measurement.

    Raises:
        UserError: unknown name, or a prediction asked for without a table.
    """
    allowed = COSTS.names()
    wanted = list(names) if names is not None else allowed + [PREDICTED] * (table is not None)
    modelled = {f"{cost}:{chip}": (cost, chip) for chip in ACCELERATORS.names() for cost in _ON_ACCELERATOR}
    for name in wanted:
        if name not in (*allowed, PREDICTED, *modelled):
            raise UserError(f"unknown cost {name!r}{nearest(name, (*allowed, PREDICTED, *modelled))}")
    x = example(module, (1, *input_shape))
    found: dict[str, float] = {}
    for name in wanted:
        if name == PREDICTED:
            if table is None:
                raise UserError(f"{PREDICTED} needs a latency table: build one with LatencyTable.build and pass it")
            found[name] = table.predict(module, input_shape, measure_missing=True)
        elif name in modelled:
            cost, chip = modelled[name]
            found[name] = getattr(accelerator_cost(module, x, chip), cost)
        elif name == "latency_ms":
            found[name] = float(COSTS.load(name)(module, x, runtime=runtime, threads=threads))
        else:
            found[name] = float(COSTS.load(name)(module, x))
    return found
