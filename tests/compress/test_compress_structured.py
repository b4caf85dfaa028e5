"""Channels that are really removed."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from compress_networks import accuracy, residual, trained
from torch import Tensor, nn

from archwright import cost, data, zoo
from archwright.bench._pretrained import CifarResNet
from archwright.compress import Masks, Structured, prune, quantize, recalibrate_like
from archwright.compress._structured import _dependencies, _group, _groups, _shaken, _without, _zero
from archwright.errors import UserError
from archwright.supernet import recalibrate
from archwright.train import Trainer


class Block(nn.Module):
    """Of a residual network, with a 1 x 1 convolution as shortcut where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def resnet20(blocks_a_stage: int = 3) -> nn.Module:
    more = blocks_a_stage - 1
    stages = [(16, 16), *[(16, 16)] * more, (16, 32), *[(32, 32)] * more, (32, 64), *[(64, 64)] * more]
    blocks = [Block(i, o, 1 if i == o else 2) for i, o in stages]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mobilenet() -> nn.Module:
    """Depthwise convolutions, with and without a shortcut."""
    return torchvision.models.MobileNetV2(10, inverted_residual_setting=[[1, 16, 1, 1], [4, 24, 2, 2]])


def convnet() -> nn.Module:
    net = zoo.build("convnet", in_channels=3, classes=10, image_size=32)
    return net.extract(net.space.sample(np.random.default_rng(0)))


def flattened() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(),
        nn.Linear(8 * 64, 32), nn.Sigmoid(), nn.Linear(32, 10),
    )  # fmt: skip


def images(count: int = 16, channels: int = 3, size: int = 32) -> data.Split:
    x = torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0))
    return data.Split(x, torch.zeros(count, dtype=torch.int64))


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """With statistics that are not those of the start."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return recalibrate(_shaken(build().eval(), 0), [images().x])


def widths(net: nn.Module) -> set[int]:
    return {m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)}


# exactness ------------------------------------------------------------------------------------------------------------


def test_removing_channels_is_zeroing_them() -> None:
    """Row of the convolution, scale and shift of its norm; by hand, with the importance by hand."""
    net = residual()
    split = images(channels=1, size=8)
    parts = [net.first.weight.flatten(1), net.first_norm.weight[:, None], net.second.weight.transpose(0, 1).flatten(1)]
    importance = sum(part.detach().square().sum(1) for part in parts) / 3
    found = _groups(copy.deepcopy(net), split.x)
    assert set(found) == {"stem", "first"}
    torch.testing.assert_close(found["first"].float(), importance / importance.mean())
    smaller = prune(net, sparsity=0.5, method="structured", data=split)
    masked = copy.deepcopy(net)
    for name, norm in (("first", [net.first]), ("stem", [])):
        gone = found[name].argsort()[:4]
        members = [masked.first] if name == "first" else [masked.stem, masked.second]
        norms = [masked.first_norm] if name == "first" else [masked.stem_norm, masked.second_norm]
        del norm
        for layer in (*members, *norms):
            layer.weight.data[gone] = 0
            if layer.bias is not None:
                layer.bias.data[gone] = 0
    recalibrate_like(masked, net, lambda: split.batches(16))
    with torch.no_grad():
        torch.testing.assert_close(smaller(split.x), masked(split.x), atol=1e-5, rtol=1e-5)
    assert [smaller.stem.out_channels, smaller.first.out_channels, smaller.head.in_features] == [4, 4, 4]


NETWORKS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "residual": (lambda: resnet20(1), 0.26),
    "mobilenet": (mobilenet, 0.35),
    "densenet": (lambda: torchvision.models.DenseNet(8, (2, 2), 16, num_classes=10), 0.35),
    "zoo": (convnet, 0.35),
    "flattened": (flattened, 0.3),
    "option A": (lambda: CifarResNet(8), 0.6),
    "transformer": (lambda: torchvision.models.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10), 0.85),
}


@pytest.mark.parametrize(
    ("name", "scope"), [*((name, None) for name in NETWORKS), ("residual", "global"), ("option A", "global")]
)
def test_channels_that_are_zero_go_and_nothing_else_changes(name: str, scope: str | None) -> None:
    build, most = NETWORKS[name]
    net, split, generator = seeded(build), images(), torch.Generator().manual_seed(1)
    masked = copy.deepcopy(net)
    for group, importance in _groups(net, split.x).items():
        half = torch.randperm(len(importance), generator=generator)[: (len(importance) + 1) // 2].tolist()
        if _without(net, {group: half}, split.x) is not None:
            with _dependencies(masked, split.x) as graph:
                _zero(graph, _group(graph, masked, group, half))
    smaller = prune(masked, sparsity=0.5, method="structured", scope=scope, data=split)  # type: ignore[arg-type]
    with torch.no_grad():
        wanted = masked(split.x)
        torch.testing.assert_close(smaller(split.x), wanted, atol=1e-5 * float(wanted.abs().max()), rtol=0)
    assert wanted.std() > 0
    assert cost.params(smaller) < most * cost.params(net)


def test_what_cannot_be_removed_exactly_is_left_alone() -> None:
    """Padded shortcuts tie channel c of one stage to channel c + 8 of the next."""
    net = CifarResNet(8).eval()
    split = images()
    groups = _groups(copy.deepcopy(net), split.x)
    twin = _shaken(net, 0)
    assert _without(twin, {"conv1": [3, 5, 6]}, split.x) is None
    assert all(_without(twin, {name: [3, 5, 6]}, split.x) is not None for name in groups if name != "conv1")
    smaller = prune(net, sparsity=0.5, method="structured", data=split)
    for stage, width in ((smaller.layer1, 16), (smaller.layer2, 32), (smaller.layer3, 64)):
        for block in stage:
            assert (block.conv1.out_channels, block.conv2.out_channels) == (width // 2, width)


def test_a_transformer_loses_hidden_units_only() -> None:
    net = torchvision.models.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10)
    smaller = prune(net, sparsity=0.25, method="structured", data=images())
    layer = smaller.encoder.layers.encoder_layer_0
    assert (layer.mlp[0].out_features, layer.mlp[3].in_features, layer.mlp[3].out_features) == (48, 48, 32)
    assert (smaller.hidden_dim, layer.self_attention.num_heads, smaller.heads.head.out_features) == (32, 2, 10)


# counts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "parameters", "channels"), [(0.5, 68_786, {8, 16, 32}), (0.3, 129_359, {11, 22, 44})]
)
def test_widths_and_parameters_of_a_residual_network(share: float, parameters: int, channels: set[int]) -> None:
    net = resnet20()
    assert cost.params(net) == 272_474
    smaller = prune(net, sparsity=share, method="structured", data=images())
    assert (cost.params(smaller), widths(smaller)) == (parameters, channels)
    assert (widths(net), smaller[-1].out_features) == ({16, 32, 64}, 10)


def test_half_of_the_channels_are_a_quarter_of_the_products() -> None:
    net, x = resnet20(), torch.randn(1, 3, 32, 32)
    smaller = prune(net, sparsity=0.5, method="structured", data=images())
    assert cost.flops(net, x) / 2e6 == pytest.approx(40.8, abs=0.1)
    assert cost.flops(smaller, x) / 2e6 == pytest.approx(10.3, abs=0.1)


def test_resnet18_as_torch_pruning_counts_it() -> None:
    smaller = prune(torchvision.models.resnet18(), sparsity=0.5, method="structured", data=images(4, size=64))
    assert cost.params(smaller) == 3_055_880


def test_counts_are_rounded_and_no_group_is_emptied() -> None:
    assert widths(prune(resnet20(), sparsity=0.3, method=Structured(round_to=8), data=images())) == {8, 24, 48}
    assert widths(prune(resnet20(), sparsity=0.999, method="structured", data=images())) == {1}
    everywhere = prune(resnet20(), sparsity=0.8, method="structured", scope="global", data=images())
    assert min(widths(everywhere)) >= 1
    assert len(widths(everywhere)) > 3
    assert widths(prune(resnet20(), sparsity=0, method="structured", data=images())) == {16, 32, 64}


# use ------------------------------------------------------------------------------------------------------------------


def test_a_smaller_network_is_tuned_and_keeps_its_zeros_and_is_quantised() -> None:
    net, calibration, test_x, test_y = trained()
    splits = data.load("digits", seed=0)
    sparse = prune(net, sparsity=0.5)
    trainer = Trainer(epochs=8, lr=0.1, augment=None)
    small = prune(sparse, sparsity=0.5, method="structured", data=splits, trainer=trainer)
    assert [small[0].out_channels, small[3].out_channels, small[6].out_channels] == [8, 16, 16]
    assert 0.05 < Masks.of(small).sparsity < 0.5
    assert accuracy(small, test_x, test_y) > 93
    graph = quantize(small, calibration, bits=8, method="minmax")
    assert accuracy(graph, test_x, test_y) > 91


def test_frozen_parameters_stay_frozen() -> None:
    net = resnet20()
    net[0].requires_grad_(False)
    smaller = prune(net, sparsity=0.5, method="structured", data=images())
    assert {n: p.requires_grad for n, p in smaller.named_parameters()} == {
        n: p.requires_grad for n, p in net.named_parameters()
    }
    assert all(p.is_leaf for p in smaller.parameters())


class Reshaping(nn.Module):
    """With a number of channels written into its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).view(-1, 8, 1024).mean(2))


class Twice(nn.Module):
    """One layer at two places, each with its own channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.shared, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.sin(self.shared(torch.sin(self.shared(self.stem(x))))))


def test_a_network_that_cannot_be_followed_is_refused() -> None:
    grouped = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.GroupNorm(2, 6), nn.Flatten(), nn.Linear(6 * 900, 10))
    for net in (Reshaping(), grouped):
        with pytest.raises(UserError, match=r"no channels of .* can be removed without changing its other outputs"):
            prune(net, sparsity=0.5, method="structured", data=images())
    with pytest.raises(UserError, match="the channels of ShuffleNetV2 cannot be followed"):
        prune(torchvision.models.shufflenet_v2_x0_5(), sparsity=0.5, method="structured", data=images())
    with pytest.raises(UserError, match="round_to must be at least 1, got 0"):
        Structured(round_to=0)


def test_a_shared_layer_is_never_corrupted() -> None:
    net = seeded(Twice).eval() if False else Twice().eval()
    x = torch.randn(16, 8)
    split = data.Split(x, torch.zeros(16, dtype=torch.int64))
    try:
        smaller = prune(net, sparsity=0.5, method="structured", data=split)
    except UserError:
        return
    assert smaller(x).shape == (16, 3)
