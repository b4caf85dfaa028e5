"""HW-NAS-Bench from a pickle of its form, and from pickles that want to do something else."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from archwright import bench
from archwright.bench import read_hw_nas_bench
from archwright.errors import UserError

CELLS = 15_625


def written(path: Path, protocol: int = 4, cells: int = CELLS) -> Path:
    values = np.arange(cells) / 8
    columns = {"config": [{"arch_str": "|", "C": 16}], "raspi4_latency": values, "fpga_energy": list(7 * values)}
    columns["average_hw_metric"] = [np.float64(1.0)] * cells
    columns["eyeriss_arithmetic_intensity"] = values
    content = {"nasbench201": {"cifar10": columns, "ImageNet16-120": columns}, "fbnet": {}}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_columns(tmp_path: Path, protocol: int) -> None:
    found = read_hw_nas_bench(written(tmp_path / "hw.pickle", protocol), "imagenet16-120")
    assert list(found) == ["latency_ms:raspi4", "energy_mj:fpga"]
    assert found["energy_mj:fpga"] == pytest.approx(7 * found["latency_ms:raspi4"])
    assert found["latency_ms:raspi4"][8] == 1.0


class Runs:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


def test_nothing_is_run(tmp_path: Path) -> None:
    path = tmp_path / "hw.pickle"
    path.write_bytes(pickle.dumps({"nasbench201": Runs(tmp_path / "mark")}))
    with pytest.raises(UserError, match="mkdir, which a table does not need"):
        read_hw_nas_bench(path)
    assert not (tmp_path / "mark").exists()


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no HW-NAS-Bench file"):
        read_hw_nas_bench(tmp_path / "gone")
    path = tmp_path / "bad"
    for content in (b"", b"no pickle", pickle.dumps([1]), pickle.dumps({"fbnet": {}})):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is not HW-NAS-Bench"):
            read_hw_nas_bench(path)
    with pytest.raises(UserError, match="no measurements on 'cifar'; did you mean 'cifar10'"):
        read_hw_nas_bench(written(path), "cifar")
    with pytest.raises(UserError, match="raspi4_latency has shape"):
        read_hw_nas_bench(written(path, cells=3))


@pytest.mark.skipif("ARCHWRIGHT_DATA" not in os.environ, reason="no tables")
def test_first_architecture_of_the_table() -> None:
    table = bench.load("nasbench201", dataset="cifar10")
    first = table.architectures()[0]
    published = {"raspi4": 10.482, "pixel3": 3.606, "eyeriss": 3.646, "fpga": 2.573}
    found = {device: table.query(first, f"latency_ms:{device}") for device in published}
    assert found == pytest.approx(published, abs=5e-4)
