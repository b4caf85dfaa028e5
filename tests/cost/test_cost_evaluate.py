"""Costs by name."""

from __future__ import annotations

import pytest
from torch import nn

from archwright import cost
from archwright.cost import COSTS, LatencyTable
from archwright.errors import UserError
from archwright.trial import Objective

NET = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


def test_names_are_those_of_the_agreement() -> None:
    assert cost.names() == ["flops", "latency_ms", "memory", "params", "size"]


def test_every_registered_cost_says_what_it_is_and_has_a_direction() -> None:
    for name in (*cost.names(), "predicted_latency_ms"):
        assert not Objective.parse(name).maximise
    for name in cost.names():
        assert COSTS.about(name)


def test_values_are_those_of_the_functions() -> None:
    found = cost.evaluate(NET, (4,))
    assert list(found) == cost.names()
    assert found["latency_ms"] > 0
    assert found["flops"] == cost.flops(NET, (1, 4)) == 2 * (4 * 8 + 8 * 3)
    assert found["params"] == cost.params(NET)
    assert found["memory"] == cost.peak_memory(NET, (1, 4))
    assert found["size"] == cost.size(NET)
    assert all(isinstance(value, float) for value in found.values())


def test_only_what_is_asked() -> None:
    assert cost.evaluate(NET, (4,), ["size", "params"]) == {"size": cost.size(NET), "params": cost.params(NET)}


def test_prediction_and_measurement_have_different_names() -> None:
    table = LatencyTable.build([NET], (4,), repeats=3)
    found = cost.evaluate(NET, (4,), ["predicted_latency_ms"], table=table)
    assert found == {"predicted_latency_ms": table.predict(NET, (4,))}
    both = cost.evaluate(NET, (4,), ["latency_ms", "predicted_latency_ms"], table=table)
    assert both["latency_ms"] != both["predicted_latency_ms"]
    with pytest.raises(UserError, match="needs a latency table"):
        cost.evaluate(NET, (4,), ["predicted_latency_ms"])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError, match="unknown cost 'flop'; did you mean 'flops'"):
        cost.evaluate(NET, (4,), ["flop"])
