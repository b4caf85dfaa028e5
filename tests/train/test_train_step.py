import functools
import math

import numpy as np
import pytest
import torch
from torch import nn

from archwright.train import supervised
from archwright.train._step import callable_name


def _loss(logits: torch.Tensor, y: torch.Tensor, **options: float) -> float:
    module = nn.Identity()
    seen: list[torch.Tensor] = []
    results = supervised(module, logits, y, backward=seen.append, rng=np.random.default_rng(0), **options)
    assert len(seen) == 1
    assert seen[0].item() == results["loss"].item()
    return float(results["loss"])


def test_cross_entropy_of_known_logits() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    expected = (math.log(1 + math.exp(-2)) + math.log(2)) / 2
    assert _loss(logits, torch.tensor([0, 1])) == pytest.approx(expected)


def test_label_smoothing_moves_weight_to_the_uniform_distribution() -> None:
    logits = torch.tensor([[3.0, 0.0, 0.0]])
    log_z = math.log(math.exp(3) + 2)
    plain, uniform = log_z - 3, log_z - 1  # -log p of the label; mean of -log p
    assert _loss(logits, torch.tensor([0]), label_smoothing=0.1) == pytest.approx(0.9 * plain + 0.1 * uniform)


def test_probabilities_are_accepted_as_targets() -> None:
    assert _loss(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]])) == pytest.approx(math.log(2))


def test_half_precision_logits_are_scored_in_float32() -> None:
    results = supervised(
        nn.Identity(),
        torch.zeros(1, 2, dtype=torch.bfloat16),
        torch.tensor([0]),
        backward=lambda loss: None,
        rng=np.random.default_rng(0),
    )
    assert results["loss"].dtype == torch.float32


def test_names_of_callables_do_not_depend_on_the_process() -> None:
    class Step:
        def __call__(self) -> None: ...

    assert callable_name(functools.partial(supervised, label_smoothing=0.1)) == "supervised"
    assert callable_name(Step()).endswith("Step")
    assert "0x" not in callable_name(lambda: None)
