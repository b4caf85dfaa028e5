"""Packed storage: bit-exact codes, bytes that really fall."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from compress_networks import Residual, residual
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from archwright.compress import (
    Nupes,
    Quantization,
    deployable,
    fold,
    pack,
    quantised_layers,
    quantize,
    trace,
    unpack,
)
from archwright.compress._bit_stream import from_bytes, to_bytes
from archwright.errors import UserError

X = torch.randn(32, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@given(st.integers(2, 16), st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_codes_come_back(bits: int, shape: list[int], seed: int) -> None:
    codes = torch.from_numpy(np.random.default_rng(seed).integers(0, 2**bits, shape))
    stream = to_bytes(codes, bits)
    assert (stream.dtype, len(stream)) == (torch.uint8, math.ceil(codes.numel() * bits / 8))
    assert torch.equal(from_bytes(stream, bits, codes.numel()).reshape(shape), codes.int())


def test_codes_of_many_parts_come_back() -> None:
    for bits in (3, 5, 8):
        codes = torch.randint(0, 2**bits, (2**18 + 13,), generator=torch.Generator().manual_seed(bits))
        assert torch.equal(from_bytes(to_bytes(codes, bits), bits, len(codes)), codes.int())


def test_layout_by_hand() -> None:
    """Code i takes bits i b to (i + 1) b - 1, least significant first."""
    assert to_bytes(torch.tensor([1, 2, 15]), 4).tolist() == [0x21, 0x0F]
    assert to_bytes(torch.tensor([5, 3, 7]), 3).tolist() == [0b11011101, 0b1]
    assert to_bytes(torch.tensor([]), 3).tolist() == []
    assert from_bytes(torch.zeros(0, dtype=torch.uint8), 5, 0).tolist() == []


def test_codes_that_do_not_fit() -> None:
    with pytest.raises(UserError, match="codes from 0 to 16 do not fit in 4 bits"):
        to_bytes(torch.tensor([0, 16]), 4)
    with pytest.raises(UserError, match="2 bytes cannot hold 3 codes of 8 bits"):
        from_bytes(torch.zeros(2, dtype=torch.uint8), 8, 3)


METHODS = {
    "asymmetric": Quantization(ranges="mse"),
    "symmetric": Quantization(symmetric=True),
    "power": Quantization(grid="power"),
    "learned power": Quantization(grid="power", ranges="mse", learn=Nupes(iterations=20)),
}


@pytest.mark.parametrize(
    ("method", "bits"),
    [("asymmetric", 4), ("asymmetric", 3), ("symmetric", 8), ("symmetric", 2), ("power", 4), ("learned power", 3)],
)
def test_the_network_comes_back_bit_for_bit(tmp_path: Path, method: str, bits: int) -> None:
    net = residual()
    with torch.no_grad():
        net.second.weight[net.second.weight.abs() < 0.05] = 0.0
    graph = quantize(net, X, bits=bits, method=METHODS[method])
    size = pack(graph, tmp_path / "a.safetensors")
    assert size == (tmp_path / "a.safetensors").stat().st_size
    again = unpack(tmp_path / "a.safetensors", Residual(), X[:2])  # its own weights do not matter
    with torch.no_grad():
        assert torch.equal(again(X), graph(X))
    for name, layer in quantised_layers(graph).items():
        assert torch.equal(quantised_layers(again)[name].weight, layer.weight)
    assert (quantised_layers(again)["second"].weight[net.second.weight == 0] == 0).all()
    pack(again, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_layout_of_the_file(tmp_path: Path) -> None:
    """Read as the documentation says, without archwright."""
    graph = quantize(residual(), X, bits=3, method="minmax")
    pack(graph, tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", "np") as stored:
        header = json.loads(stored.metadata()["archwright-packed"])
        assert header["version"] == 1
        facts = header["layers"]
        assert list(facts) == ["stem", "first", "second", "head"]
        fact = facts["first"]
        assert fact["shape"] == [8, 8, 3, 3]
        assert fact["weights"] == {"grid": "uniform", "bits": 3, "levels": 7, "symmetric": False}
        stream = stored.get_tensor("first.codes")
        assert len(stream) == math.ceil(8 * 8 * 9 * 3 / 8)
        bits = np.unpackbits(stream, bitorder="little")[: 8 * 8 * 9 * 3].reshape(-1, 3)
        codes = (bits * [1, 2, 4]).sum(1).reshape(8, 8, 3, 3)
        zeros = np.unpackbits(stored.get_tensor("first.zero"), bitorder="little")[: 8 * 3].reshape(-1, 3) @ [1, 2, 4]
        step = stored.get_tensor("first.range") / np.float32(7)
        weight = (codes - zeros[:, None, None, None]).astype(np.float32) * step[:, None, None, None]
        assert np.array_equal(weight, quantised_layers(graph)["first"].weight.detach().numpy())
        assert stored.get_tensor("first.bias").dtype == np.float32
        assert stored.get_tensor("first.inputs.range").shape == (1,)


def test_bytes_fall_with_bits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)).eval()
    x = torch.randn(300, 64)
    sizes = {}
    for name, bits, method in (
        ("8", 8, "minmax"),
        ("4", 4, "minmax"),
        ("3", 3, "minmax"),
        ("p4", 4, "nupes-data-free"),
    ):
        sizes[name] = pack(quantize(net, x, bits=bits, ends=None, method=method), tmp_path / name)
    weights = 64 * 256 + 256 * 256 + 256 * 10
    assert sizes["8"] - sizes["4"] > 0.98 * weights / 2
    assert sizes["4"] - sizes["3"] > 0.98 * weights / 8
    assert sizes["p4"] <= sizes["4"]
    assert sizes["4"] < 0.16 * 4 * weights


class Renamed(nn.Module):
    """`Residual` under other names."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Residual()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def test_layers_with_other_names_are_matched_in_order(tmp_path: Path) -> None:
    graph = quantize(residual(), X, bits=4, method="minmax")
    pack(graph, tmp_path / "a.safetensors")
    again = unpack(tmp_path / "a.safetensors", Renamed().eval(), X[:2])
    with torch.no_grad():
        assert torch.equal(again(X), graph(X))


def test_the_architecture_may_be_a_program(tmp_path: Path) -> None:
    graph = quantize(residual(), X, bits=4, method="minmax")
    pack(graph, tmp_path / "a.safetensors")
    program = torch.export.export(Residual().eval(), (X[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
    with torch.no_grad():
        assert torch.equal(unpack(tmp_path / "a.safetensors", program, X[:2])(X), graph(X))


class Text(nn.Module):
    """Tensors that belong to no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.norm, self.head = nn.Embedding(20, 8), nn.LayerNorm(8), nn.Linear(8, 3)
        self.register_buffer("place", torch.randn(6, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.words(x) + self.place).mean(1))


def test_tensors_of_no_layer_come_back(tmp_path: Path) -> None:
    words = torch.randint(0, 20, (16, 6), generator=torch.Generator().manual_seed(0))
    net = Text().eval()
    nn.init.normal_(net.norm.weight)
    graph = quantize(net, words, bits=4, ends=None, method="minmax")
    pack(graph, tmp_path / "a.safetensors")
    with torch.no_grad():
        assert torch.equal(unpack(tmp_path / "a.safetensors", Text().eval(), words[:2])(words), graph(words))


def test_mistakes(tmp_path: Path) -> None:
    graph = quantize(residual(), X, bits=4, method="minmax")
    file = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match="pack takes what quantize returns"):
        pack(deployable(graph, X), file)
    plain = trace(residual(), X[:2])
    fold(plain)
    with pytest.raises(UserError, match="pack takes what quantize returns"):
        pack(plain, file)
    with pytest.raises(UserError, match="no file"):
        unpack(file, residual(), X[:2])
    file.write_bytes(b"no")
    with pytest.raises(UserError, match="not a readable safetensors file"):
        unpack(file, residual(), X[:2])
    save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(UserError, match="not a packed network of archwright"):
        unpack(file, residual(), X[:2])
    pack(graph, file)
    with pytest.raises(UserError, match=r"stem has shape \[8, 1, 3, 3\], here \[6, 1, 3, 3\]"):
        unpack(file, Residual(6), X[:2])
    with pytest.raises(UserError, match="another architecture"):
        unpack(file, nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), X[:2])
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
