"""Several processes: the same numbers as one."""

import dataclasses
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archwright.train._processes import average_buffers, average_gradients, share

SCRIPT = """
import sys, torch
from torch import nn
from archwright import data
from archwright.train import Trainer

def main(devices, folder):
    torch.manual_seed(0)
    x = torch.randn(96, 8)
    splits = data.load((x, (x[:, 0] > 0).long()), valid=0.2, test=0.2)
    module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    trainer = Trainer(epochs=3, batch_size=16, lr=0.1, clip=1.0, ema=0.9, precision="32", device="cpu", devices=devices)
    reports = trainer.fit(module, splits, checkpoint=f"{folder}/run{devices}.pt")
    curve = [[r.metrics["train_loss"], r.metrics["accuracy"]] for r in reports]
    rank = torch.distributed.get_rank() if devices > 1 else 0
    torch.save({"curve": curve, "weights": module.state_dict()}, f"{folder}/{devices}-{rank}.pt")

if __name__ == "__main__":
    main(2, sys.argv[1])
"""


@dataclasses.dataclass
class Twin:
    """One of two processes; what the other one holds is `offset` more."""

    global_rank: int = 0
    world_size: int = 2
    offset: float = 2.0

    def all_reduce(self, data: Tensor, reduce_op: str) -> Tensor:
        assert reduce_op == "mean"
        return data.add_(self.offset / 2)


def test_processes_share_a_batch() -> None:
    x, y = torch.arange(5.0), torch.arange(5)
    first, second = share(Twin(0), x, y), share(Twin(1), x, y)
    assert first[0].tolist() == first[1].tolist() == [0, 2, 4]
    assert second[1].tolist() == [1, 3]
    assert share(Twin(world_size=1), x, y)[0] is x


def test_gradients_are_averaged_where_there_are_any() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    module[0].weight.grad = torch.arange(6.0).view(3, 2)
    module[0].bias.grad = torch.ones(3)
    average_gradients(Twin(), module)
    assert module[0].weight.grad.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert module[0].bias.grad.tolist() == [2, 2, 2]
    assert module[1].weight.grad is None


def test_statistics_are_averaged_and_counters_kept() -> None:
    module = nn.BatchNorm1d(2)
    average_buffers(Twin(), module)
    assert module.running_mean.tolist() == [1, 1]
    assert module.running_var.tolist() == [2, 2]
    assert module.num_batches_tracked.item() == 0


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    runpy.run_path(str(script))["main"](1, str(tmp_path))
    one, first, second = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("1-0", "2-0", "2-1"))
    assert first["curve"] == second["curve"]
    for name, tensor in one["weights"].items():
        assert torch.equal(first["weights"][name], second["weights"][name])
        torch.testing.assert_close(first["weights"][name], tensor)
    torch.testing.assert_close(torch.tensor(first["curve"]), torch.tensor(one["curve"]))
    assert (tmp_path / "run2.pt").exists()
