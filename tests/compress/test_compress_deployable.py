"""The simulated network as a runtime computes it: one grid a tensor, 32-bit biases, sums and means included."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from compress_networks import residual
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from archwright.compress import (
    Affine,
    Masks,
    Quantization,
    Stored,
    bits_of,
    deployable,
    quantised_layers,
    quantize,
)
from archwright.errors import UserError

SYMMETRIC = Quantization(ranges="mse", symmetric=True)


def stored(graph: nn.Module) -> dict[str, Stored]:
    return {name: m for name, m in graph.named_modules() if isinstance(m, Stored)}


def images(count: int = 32, channels: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_stored_by_hand() -> None:
    grid = Stored(0.5, 3, 1, 9)
    x = torch.tensor([-9.0, -0.8, -0.25, 0.0, 0.25, 0.75, 1.3, 99.0])
    assert grid.codes(x).tolist() == [
        1,
        1,
        3,
        3,
        3,
        5,
        6,
        9,
    ]  # halves go to the even one before the zero point is added
    assert grid(x).tolist() == [-1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.5, 3.0]


@given(
    st.floats(1e-3, 10),
    st.integers(0, 255),
    st.floats(-5, 5),
    st.floats(0, 5),
    st.lists(st.floats(-100, 100), min_size=1, max_size=20),
)
def test_clipping_values_is_clipping_codes(scale: float, zero: int, least: float, width: float, x: list[float]) -> None:
    grid, values = Stored(scale, zero), torch.tensor(x)
    low, high = torch.tensor(least).item(), torch.tensor(least + width).item()
    assert torch.equal(grid.clipped(low, high)(values), grid(values.clamp(low, high)))


def test_the_grid_of_an_input_is_kept() -> None:
    quantiser = Affine(4, torch.tensor(-1.0), torch.tensor(2.0))
    grid = Stored.of(quantiser)
    x = torch.linspace(-2, 3, 499)  # no halves
    assert (grid.zero, grid.low, grid.high) == (5, 0, 15)
    assert torch.equal(grid(x), quantiser(x).detach())


def test_every_tensor_of_a_residual_network_is_kept_once() -> None:
    graph = deployable(quantize(residual(), images(), bits=8, method=SYMMETRIC), images())
    read = {node.name: [a.name for a in node.all_input_nodes] for node in graph.graph.nodes}
    assert read["add"] == ["relu_stored", "second_stored"]  # both inputs of the sum
    assert read["first"] == ["relu_stored"]  # the same codes as the sum reads
    assert read["mean"] == ["relu_1_stored"]
    assert read["head"] == ["mean_stored"]
    assert len(stored(graph)) == 6
    assert all(layer.inputs is None for layer in quantised_layers(graph).values())


def test_a_reader_with_fewer_bits_codes_the_tensor_again() -> None:
    given_ = quantize(residual(), images(), bits=4, method=SYMMETRIC)
    graph = deployable(given_, images())
    grids = stored(graph)
    assert (grids["relu_stored"].high, grids["relu_stored_stored"].high) == (255, 15)  # for the sum, for the layer
    assert grids["relu__stored"].high == 15  # only a 4-bit layer reads it
    own = quantised_layers(given_)["first"].inputs
    assert isinstance(own, Affine)
    assert grids["relu_stored_stored"].key == Stored.of(own).key
    assert bits_of(graph) == bits_of(given_)


def test_the_given_network_stays_and_a_second_call_changes_nothing() -> None:
    x = images()
    graph = quantize(residual(), x, bits=8, method=SYMMETRIC)
    before = {k: v.clone() for k, v in graph.state_dict().items()}
    once = deployable(graph, x)
    twice = deployable(once, x)
    assert all(torch.equal(v, before[k]) for k, v in graph.state_dict().items())
    assert stored(graph) == {}
    assert torch.equal(once(x), twice(x))


def test_it_stays_close_to_the_simulated_network() -> None:
    x = images(200)
    graph = quantize(residual(), x, bits=8, method=SYMMETRIC)
    with torch.no_grad():
        wanted, found = graph(x), deployable(graph, x)(x)
    assert float(wanted.square().sum() / (wanted - found).square().sum()) > 10**3.5  # 35 dB


def test_biases_are_integers_of_32_bits() -> None:
    graph = deployable(quantize(residual(), images(), bits=8, method=SYMMETRIC), images())
    grids = stored(graph)
    for node in graph.graph.nodes:
        layer = quantised_layers(graph).get(str(node.target))
        if layer is None:
            continue
        assert isinstance(layer.weights, Affine)
        codes = layer.layer.bias / (grids[node.args[0].target].scale * layer.weights.scale.flatten())
        assert (codes - codes.round()).abs().max() < 0.01  # in float32
        assert codes.abs().max() < 2**31


def test_the_bias_of_a_dead_channel_fits() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    with torch.no_grad():
        net[0].weight[1] = 0.0
        net[0].weight[2] = 1e-9
        net[0].bias.copy_(torch.tensor([0.1, 2.0, -30.0, 0.0]))
    x = images()
    graph = deployable(quantize(net, x, bits=8, ends=None, method=SYMMETRIC), x)
    layer = quantised_layers(graph)["0"]
    assert torch.allclose(layer.layer.bias, net[0].bias, atol=1e-3)
    assert (layer.weight[1] == 0).all()


def test_pruned_weights_stay_zero() -> None:
    net, x = residual(), images()
    with torch.no_grad():
        net.first.weight[net.first.weight.abs() < net.first.weight.abs().median()] = 0.0
    for symmetric in (True, False):
        graph = deployable(quantize(net, x, bits=4, method=Quantization(symmetric=symmetric)), x)
        layer = quantised_layers(graph)["first"]
        assert (layer.weight[net.first.weight == 0] == 0).all()
    assert Masks.of(net).sparsity > 0.05


def test_saturation_arithmetic() -> None:
    """Two products of unsigned and signed 8-bit integers added in 16 bits, as processors without VNNI do."""
    pair = torch.tensor([255, 255]) * torch.tensor([127, 127])
    assert int(pair.sum()) == 64770
    assert int(pair.sum().clamp(-(2**15), 2**15 - 1)) == 32767  # wrong
    assert int((torch.tensor([255, 255]) * torch.tensor([64, 64])).sum()) == 32640 <= 2**15 - 1
    x = images()
    graph = quantize(residual(), x, bits=8, method=SYMMETRIC)
    for reduce_range, largest, saturates in ((False, 127, True), (True, 63, False)):
        layer = quantised_layers(deployable(graph, x, reduce_range=reduce_range))["first"]
        assert isinstance(layer.weights, Affine)
        codes = (layer.weights.codes(layer.layer.weight) - layer.weights.zero).int()
        assert int(codes.abs().max()) == largest
        rows = codes.flatten(1)[:, : codes[0].numel() // 2 * 2].reshape(len(codes), -1, 2)
        worst = 255 * rows.clamp_min(0).sum(2).amax()
        assert bool(worst > 2**15 - 1) == saturates


def test_asymmetric_weights_keep_their_bits() -> None:
    x = images()
    method = Quantization(symmetric=False)
    graph = deployable(quantize(residual(), x, bits=8, method=method), x, reduce_range=True)
    assert set(bits_of(graph).values()) == {8}


def test_layers_without_an_integer_form_are_refused_or_left() -> None:
    x = images()
    power = quantize(residual(), x, bits=4, method="nupes-data-free")
    with pytest.raises(UserError, match=r"layer stem has no 8-bit integer form \(weights: a power grid\)"):
        deployable(power, x)
    with torch.no_grad():
        assert torch.equal(deployable(power, x, unsupported="float")(x), power(x))
    wide = quantize(residual(), x, bits=9, ends=None, method="minmax")
    with pytest.raises(UserError, match=r"layer stem .*\(weights: 9 bits\)"):
        deployable(wide, x)
    with pytest.raises(UserError, match=r"layer stem .*\(input: 12 bits\)"):
        deployable(quantize(residual(), x, bits=8, activation_bits=12, method="minmax"), x)
    with pytest.raises(UserError, match="unknown unsupported 'drop'"):
        deployable(power, x, unsupported="drop")


class Shapes(nn.Module):
    """Cut, padded, pooled, joined."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, 2, 1)
        self.c, self.d = nn.Conv2d(12, 4, 1), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.a(x))
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        x = torch.cat([F.relu(self.b(x)), short], 1)
        x = self.c(F.max_pool2d(x, 2))
        gate = torch.sigmoid(x)
        return self.d(F.adaptive_avg_pool2d(x * gate, 1).flatten(1))


def test_movements_keep_the_codes() -> None:
    torch.manual_seed(0)
    x = images(channels=3)
    graph = deployable(quantize(Shapes().eval(), x, bits=8, ends=None, method=SYMMETRIC), x)
    grids, nodes = stored(graph), {node.name: node for node in graph.graph.nodes}
    assert grids["pad_stored"].key == grids["relu6_stored"].key  # what was cut and padded has the codes it had
    assert grids["max_pool2d_stored"].key == grids["cat_stored"].key
    assert nodes["mul"].args == (nodes["c_stored"], nodes["sigmoid_stored"])
    with torch.no_grad():
        assert torch.isfinite(graph(x)).all()


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.mix = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.up, self.down, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        x = x + self.mix(y, y, y, need_weights=False)[0]
        return self.head((x + self.down(F.gelu(self.up(x)))).mean(1))


def test_sums_of_a_transformer_stay_float() -> None:
    torch.manual_seed(0)
    x = torch.randn(16, 5, 8)
    graph = deployable(quantize(Attention().eval(), x, bits=8, method=SYMMETRIC), x)
    read = [a.name for n in graph.graph.nodes if n.target is torch.ops.aten.add.Tensor for a in n.all_input_nodes]
    assert read
    assert not any(name.endswith("stored") for name in read)


def test_calibration_of_another_shape_is_told() -> None:
    graph = quantize(residual(), torch.randn(8, 1, 8, 8), method="minmax")
    with pytest.raises(UserError, match=r"cannot take calibration samples of shape \(3, 8, 8\)"):
        deployable(graph, torch.randn(8, 3, 8, 8))
