import pytest
import torch

from archwright.errors import UserError
from archwright.train._early_stop import EarlyStop


def _weights(value: float) -> dict[str, torch.Tensor]:
    return {"w": torch.tensor([value])}


def test_stops_when_patience_is_used_up_and_remembers_the_best() -> None:
    stop = EarlyStop(2)
    stopped = []
    for epoch, accuracy in enumerate([50.0, 70.0, 70.0, 60.0]):
        stop.tell(epoch, {"accuracy": accuracy}, _weights(epoch))
        stopped.append(stop.exhausted(epoch))
    assert stopped == [False, False, False, True]
    assert (stop.epoch, stop.accuracy, stop.weights["w"].item()) == (1, 70.0, 1.0)


def test_best_weights_are_a_copy() -> None:
    stop, weights = EarlyStop(1), _weights(1.0)
    stop.tell(0, {"accuracy": 1.0}, weights)
    weights["w"].fill_(9.0)
    assert stop.weights["w"].item() == 1.0


def test_not_a_number_is_no_progress() -> None:
    stop = EarlyStop(1)
    stop.tell(0, {"accuracy": 50.0}, _weights(0))
    stop.tell(1, {"accuracy": float("nan")}, _weights(1))
    assert stop.epoch == 0
    assert stop.exhausted(1)


def test_state_goes_round() -> None:
    first, second = EarlyStop(3), EarlyStop(3)
    first.tell(4, {"accuracy": 80.0}, _weights(2.0))
    second.load(first.state_dict())
    assert (second.epoch, second.accuracy, second.weights["w"].item()) == (4, 80.0, 2.0)


def test_metrics_without_accuracy_are_refused() -> None:
    with pytest.raises(UserError, match=r"needs a metric named 'accuracy'.*\['psnr'\]"):
        EarlyStop(1).tell(0, {"psnr": 1.0}, _weights(0))
