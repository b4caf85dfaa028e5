import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archwright.data import Splits
from archwright.errors import UserError
from archwright.train import evaluate, predict_logits


class Sign(nn.Module):
    """Logit of class 1 is the first normalised column times a factor."""

    def forward(self, x: Tensor, factor: float = 1.0) -> Tensor:
        z = factor * x[:, 0]
        return torch.stack([torch.zeros_like(z), z], 1)


def test_accuracy_and_loss_of_constant_logits(blobs: Splits) -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([[1.0, 0.0]]).expand(len(x), 2)

    share = float((blobs.valid.y == 0).float().mean())
    scores = evaluate(Constant(), blobs)
    assert scores["accuracy"] == pytest.approx(100 * share)
    assert scores["loss"] == pytest.approx(math.log(1 + math.exp(-1)) + (1 - share) * 1.0, rel=1e-5)


def test_logits_are_in_stored_order_whatever_the_batch_size(blobs: Splits) -> None:
    whole = predict_logits(Sign(), blobs.test)
    assert whole.shape == (len(blobs.test), 2)
    assert torch.equal(predict_logits(Sign(), blobs.test, batch_size=7), whole)
    x = (blobs.test.x - blobs.mean) / blobs.std
    torch.testing.assert_close(whole[:, 1], x[:, 0])
    whole.requires_grad_()  # an ordinary tensor, not one of inference mode


def test_further_arguments_reach_the_forward_pass(blobs: Splits) -> None:
    right, wrong = (evaluate(Sign(), blobs.test, args=(f,))["accuracy"] for f in (1.0, -1.0))
    assert right > 75 > 25 > wrong
    assert right + wrong == pytest.approx(100)


def test_of_splits_the_validation_part_is_scored(blobs: Splits) -> None:
    assert evaluate(Sign(), blobs) == evaluate(Sign(), blobs.valid)


def test_modes_come_back(blobs: Splits, mlp: Callable[..., nn.Sequential]) -> None:
    net = mlp(dropout=0.5)
    net.train()
    net[0].eval()
    before = [m.training for m in net.modules()]
    first = evaluate(net, blobs)
    assert [m.training for m in net.modules()] == before
    assert evaluate(net, blobs) == first  # no dropout


def test_precision_is_respected(blobs: Splits, mlp: Callable[..., nn.Sequential]) -> None:
    full, half = (predict_logits(mlp(), blobs.valid, precision=p) for p in ("32", "bf16"))
    assert half.dtype == torch.float32
    assert not torch.equal(full, half)
    torch.testing.assert_close(full, half, rtol=0.05, atol=0.05)


def test_empty_split_is_refused(blobs: Splits, mlp: Callable[..., nn.Sequential]) -> None:
    with pytest.raises(UserError, match="0 samples"):
        evaluate(mlp(), blobs.valid.subset(torch.tensor([], dtype=torch.int64)))
