"""Latencies and energies of the cells of NAS-Bench-201.

HayeonLee/HELP (Lee et al. 2021, MIT), which holds the latencies of HW-NAS-Bench (Li et al. 2021), on CIFAR-10;
roldebijvank/HW-NAS-Bench-360 (no licence stated) on CIFAR-100, NinaPro and Darcy flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._columns import single
from archwright.bench.sources._source import TableSource, github

_FOLDER = "data/nasbench201/latency"
_RUNS = "results/dataset.parquet"
_LATENCIES = {
    "1080ti_1": "4028f52b2c2441da126932e3827ae11a7f76d39818c4374c1b9ab9df236e23f4",
    "1080ti_256": "435af0ccfab01f5dc55dc9f2e8b90ca37b396b2656e327bba5ee0b6eb9c24464",
    "1080ti_32": "affce4fcdcf6f28622365995ef2ec018bb07d448add59f80633c0978c393cdea",
    "2080ti_1": "38cf0e8f698abf8696c69b41a358fe9ddedf5d54cb1ae6f85b04dd8a8f89a1b3",
    "2080ti_256": "daee655c44c46955d8318ddf0fa39254e70bab1ae723a6abc53d7b7e4e1561ae",
    "2080ti_32": "ebc603ad325850663fc56c8e0fde52fadea28e585a8405864baa20f986eaf29d",
    "essential_ph_1": "a97165c8669a216b9ca046041c83a07352bd07f2a42e2d8fea8b51e7ddbcabf0",
    "eyeriss": "6f1dd2f8c0442289a09ab78e63e49bde96489f6d455cc33d5fa5aed37edb5d03",
    "fpga": "6a0333c1476a3ab039d8c39e5d42ac99efe9e7f3ff521289569013fa84233b28",
    "gold_6226": "6a00f63d14f67f8007ec04519f638a90aa6ed5357cf5c0e60c391df37f186c99",
    "gold_6240": "ac6dd41f183de69bba21dec3954ac73333b7dec871e0defbcce0572d82536890",
    "pixel2": "051845ddefc2bc138f21e2217f6c7827fe280c78375cbfb4b5bd252a888cb950",
    "pixel3": "cf1387da12e06b1d4541ce85f3ca4869d551084e09daf4acf024b6e21a80d465",
    "raspi4": "2fae425c50bcaef7aacc5391244cd0af98bfc7fba689a8741e461cb18192f57c",
    "samsung_a50": "0872cb4ec8ecc7ea1b3bd8c98dd705f2d0f6e4940f3af833b313e484de39b155",
    "samsung_s7": "dbae32364b882022adb044b2aa1af77b66f43a180930d9be4d4c13532429f0ea",
    "silver_4114": "0cce9dc9ba62ad81c21275298a88cb0e4534db6474a878f089df0abb13293421",
    "silver_4210r": "f976049bda39abde94b8f8cac90140cb78a5069fc145c462d6d6bc2f8450727a",
    "titan_rtx_1": "a854dac331e2a37d7dcd6ee1f63d1bc6d73ead3aeb0a86f803f45ea1b294859e",
    "titan_rtx_256": "cff1fba40b1743d3716cfb74c86ac2463d0682c146f356fa9095ac0d02dfb2a5",
    "titan_rtx_32": "1258bee5501fe191530b9898a4f55a122ab30beec9c6ea74598c47a0173babed",
    "titanx_1": "3461cc686263bd0ce4d4cd915bfc2fe067deb139cc68da387741bd6443434cb0",
    "titanx_256": "04ddb80719515687bd3d722235cd5da821b50bd453a9e580b1e9d321dfb92941",
    "titanx_32": "9c4ca69131e34451fb1e104caa47efbe12ffec3cc47bf051613674d7af044ff2",
    "titanxp_1": "935aa0041c6592bed90f2f94ff3b4d40e892c066467864b704e6583682a57b20",
    "titanxp_256": "9f03206bc62b0dcfc882820de07f55dc1fb7f43f57dfc977e4f0f4b019cb5041",
    "titanxp_32": "4b6db63c7a9fb55177aa2649d70031dd86d2ed1609467ef5803dc1089a73cb1b",
}


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Milliseconds, millijoules, and what else the runs recorded, in the official order of the cells."""
    import torch

    latencies = {name: torch.load(files[f"{_FOLDER}/{name}.pt"], weights_only=True) for name in _LATENCIES}
    return {f"lat_{name}": single(values) for name, values in latencies.items()} | _runs(files[_RUNS])


def _runs(path: Path) -> dict[str, NDArray[Any]]:
    """A row for each cell, device, framework and task."""
    import pandas as pd

    arrays: dict[str, NDArray[Any]] = {}
    runs = pd.read_parquet(path).sort_values("arch_idx", kind="stable")
    for (device, framework, task), group in runs.groupby(["device", "framework", "task"]):
        arrays[f"nb360_lat_{device}_{framework}_{task}"] = single(group["lat_ms_median"])
        if device == "pi5":
            arrays[f"nb360_mJ_{device}_{framework}_{task}"] = single(group["energy_mj"])
        arrays["c100_test_nb201v11" if task == "cifar100" else f"nb360_acc_{task}"] = single(group["accuracy"])
        arrays["nb360_rep"] = np.asarray(group["rep_arch_idx"]).astype(np.int16)
    return arrays


SOURCE = TableSource(
    originals={
        **github(
            "HayeonLee/HELP",
            "45f70eb92d0d735970a33b608d1544ad3c52f285",
            {f"{_FOLDER}/{name}.pt": sha256 for name, sha256 in _LATENCIES.items()},
        ),
        **github(
            "roldebijvank/HW-NAS-Bench-360",
            "a9b243e07fb8f0671ee56587696e7b8ef1ca702d",
            {_RUNS: "d3ce4198e31564486b7194ba28507bea3867cb16a2587d68d82e3b62cfff4cce"},
        ),
    },
    convert=convert,
)
