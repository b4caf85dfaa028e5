"""From a supernet to a plain network."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from supernet_networks import Mixed, count_flops, mixed, randomise, smallest
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice, Ordinal
from archwright.supernet import ElasticConv2d, ElasticLayerNorm, ElasticLinear, OneOf, Searchable, Supernet

X = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
WIDTH = Ordinal("width", (2, 4))


def deep(net: Supernet) -> dict[str, object]:
    """An architecture with every block."""
    return dict(next(a for a in (net.space.sample(np.random.default_rng(i)) for i in range(99)) if a["depth"] == 3))


both = pytest.mark.parametrize("cut", [Supernet.slice, Supernet.extract], ids=["slice", "extract"])


# what is inside -------------------------------------------------------------------------------------------------------


def test_extracted_networks_hold_layers_of_torch_only() -> None:
    net = mixed()
    plain = net.extract(deep(net))
    assert {type(m).__module__.split(".")[0] for m in plain.children()} == {"torch"}
    assert all(type(m).__module__.startswith("torch.") for _, m in plain.named_modules() if m is not plain)
    assert "archwright" not in plain.code


def test_sliced_networks_keep_their_containers_but_nothing_searchable() -> None:
    net = mixed()
    plain = net.slice(deep(net))
    assert type(plain) is Mixed
    assert not any(isinstance(m, Searchable) for m in plain.modules())


@both
def test_only_what_the_architecture_uses_is_there(cut: Callable[..., nn.Module]) -> None:
    net = mixed()
    plain = cut(net, smallest(net))  # width 4, one block of expansion 1 and kernel 1
    stem, block, head = 2 * 4 * 9 + 4, 4 * 4 + 2 * 4 + 4 * 4 + 4 + 2 * 4, 4 * 5 + 5
    assert sum(p.numel() for p in plain.parameters()) == stem + block + head


def test_layers_keep_their_names() -> None:
    net = mixed()
    keys = set(net.extract(smallest(net)).state_dict())
    assert {"stem.weight", "blocks.0.norm.running_var", "blocks.0.last.weight", "head.bias"} <= keys
    assert keys == set(net.slice(smallest(net)).state_dict())
    assert not any(key.startswith("blocks.1") for key in keys)


def test_concrete_forward_costs_what_the_extracted_network_costs() -> None:
    net = mixed()
    arch = deep(net)
    convolution = torch.ops.aten.convolution
    assert count_flops(convolution, net, X, arch) == count_flops(convolution, net.extract(arch), X)


# independence ---------------------------------------------------------------------------------------------------------


@both
def test_plain_networks_share_no_memory_with_the_supernet(cut: Callable[..., nn.Module]) -> None:
    net = mixed()
    arch = deep(net)
    before = copy.deepcopy(net.state_dict())
    plain = cut(net, arch).train()
    plain(X).sum().backward()
    with torch.no_grad():
        for p in plain.parameters():
            p.add_(1.0)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values()))
    assert all(p.grad is None for p in net.parameters())


@both
def test_plain_networks_copy_and_round_trip_their_state(cut: Callable[..., nn.Module]) -> None:
    net = mixed()
    arch = deep(net)
    plain, fresh = cut(net, arch), cut(net, arch, fresh=True) if cut is Supernet.extract else None
    assert torch.equal(copy.deepcopy(plain)(X), plain(X))
    if fresh is not None:
        assert not torch.equal(fresh.eval()(X), plain(X))
        fresh.load_state_dict(plain.state_dict())
        assert torch.equal(fresh(X), plain(X))


@both
@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_kept(cut: Callable[..., nn.Module], training: bool) -> None:
    net = mixed().train(training)
    net.module.blocks.blocks[0].norm.eval()  # as someone who froze the statistics of one layer would
    plain = cut(net, deep(net))
    expected = {"blocks.0.norm": False}
    assert {n: m.training for n, m in plain.named_modules()} == {
        n: expected.get(n, training) for n, _ in plain.named_modules()
    }


def test_hooks_on_a_plain_network_do_not_reach_the_supernet() -> None:
    class Body(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), ElasticLinear(3, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x))

    net, calls = Supernet(Body()), []
    plain = net.slice({"width": 2})
    plain.register_forward_hook(lambda *_: calls.append("body"))
    plain.first.register_forward_hook(lambda *_: calls.append("first"))
    net(torch.ones(1, 3), {"width": 2})
    assert calls == []
    plain(torch.ones(1, 3))
    assert calls == ["first", "body"]


_WITHOUT = """
import pickle, sys
import numpy
sys.modules["archwright"] = None
import torch
x, expected, plain = pickle.load(open(sys.argv[1], "rb"))
assert torch.equal(plain(x), expected)
print("equal")
"""


def test_extracted_networks_unpickle_where_archwright_is_not_installed(tmp_path: Path) -> None:
    net = mixed()
    plain = net.extract(deep(net))
    file = tmp_path / "plain.pickle"
    file.write_bytes(pickle.dumps((X, plain(X).detach(), plain)))
    done = subprocess.run([sys.executable, "-c", _WITHOUT, str(file)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "equal"


# fresh weights --------------------------------------------------------------------------------------------------------


def test_fresh_weights_are_new_and_initialised_like_the_plain_layers() -> None:
    net = mixed()
    plain, inherited = net.extract(deep(net), fresh=True), net.extract(deep(net))
    changed = {n: not torch.equal(p, inherited.get_parameter(n)) for n, p in plain.named_parameters()}
    assert all(changed.values())
    bound = 1 / plain.get_submodule("head").in_features ** 0.5
    assert plain.get_submodule("head").weight.abs().max() <= bound
    norm = plain.get_submodule("blocks.0.norm")
    assert norm.running_mean.abs().max() == 0
    assert (norm.running_var == 1).all()
    assert (norm.weight == 1).all()


def test_fresh_keeps_zero_init() -> None:
    net = mixed()
    plain = net.extract(deep(net), fresh=True)
    assert [plain.get_submodule(f"blocks.{i}.last").weight.abs().max().item() for i in range(3)] == [0.0] * 3


def test_fresh_follows_the_global_seed() -> None:
    net = mixed()
    twins = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        twins.append(net.extract(smallest(net), fresh=True)(X))
    assert torch.equal(twins[0], twins[1])
    assert not torch.equal(twins[0], twins[2])


class _Own(nn.Module):
    """A container with its own parameter and its own way to initialise what is inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ElasticLinear(3, WIDTH)
        self.scale = nn.Parameter(torch.tensor(5.0))

    def reset_parameters(self) -> None:
        nn.init.constant_(self.scale, 1.0)
        nn.init.constant_(self.inner.weight, 0.25)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.scale


def test_fresh_lets_containers_initialise_their_plain_layers_only() -> None:
    net = Supernet(_Own())
    before = copy.deepcopy(net.state_dict())
    plain = net.slice({"width": 2})
    assert plain.scale.item() == 5.0
    fresh = net.extract({"width": 2}, fresh=True)
    assert fresh.scale.item() == 1.0
    assert torch.equal(fresh.inner.weight, torch.full((2, 3), 0.25))
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values()))


def test_fresh_refuses_parameters_that_nobody_can_initialise() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scale = ElasticLinear(3, WIDTH), nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * self.scale

    net = Supernet(Scaled())
    net.extract({"width": 2})
    with pytest.raises(UserError, match=r"Scaled has parameters of its own \(scale\) but no method reset_parameters"):
        net.extract({"width": 2}, fresh=True)


def test_fresh_renews_attention() -> None:
    attention = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    net = Supernet(nn.Sequential(attention, ElasticLinear(4, WIDTH)))
    renewed = net._cut({"width": 2}, fresh=True)[0].self_attn.in_proj_weight
    assert not torch.equal(renewed, attention.self_attn.in_proj_weight)


# sharing --------------------------------------------------------------------------------------------------------------


class _Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.back = ElasticLinear(3, WIDTH, bias=False), ElasticLinear(3, WIDTH, bias=False)
        self.back.weight = self.embed.weight
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.again = self.a
        self.norm = ElasticLayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.embed(x) + self.back(x))
        return self.again(self.b(self.a(x[:, :2])))


@both
@pytest.mark.parametrize("fresh", [False, True])
def test_tied_weights_stay_tied(cut: Callable[..., nn.Module], fresh: bool) -> None:
    net = Supernet(_Tied())
    plain = net._cut({"width": 2}, fresh=fresh) if cut is Supernet.slice else cut(net, {"width": 2}, fresh=fresh)
    get = plain.get_submodule
    assert get("embed").weight is get("back").weight
    assert get("a").weight is get("b").weight
    assert get("a").bias is not get("b").bias
    assert len(list(plain.parameters())) == 1 + 3 + 2  # embed, a and b, norm
    x = torch.randn(4, 3)
    if not fresh:
        torch.testing.assert_close(plain(x), net(x, {"width": 2}))


def test_one_module_as_option_of_two_choices_stays_one_module() -> None:
    shared = nn.BatchNorm1d(3)
    options = [OneOf(Choice(n, ("norm", "skip")), {"norm": shared, "skip": nn.Identity()}) for n in ("first", "second")]
    plain = Supernet(nn.Sequential(*options)).slice({"first": "norm", "second": "norm"})
    assert plain[0] is plain[1]
    assert plain[0] is not shared


# threads ------------------------------------------------------------------------------------------------------------


def test_other_threads_run_while_one_extracts() -> None:
    """`torch.fx` replaces `nn.Module.__call__` for the whole process while it traces."""
    tracing, ran = threading.Event(), threading.Event()

    class Waits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            tracing.set()
            assert ran.wait(10)
            return x

    net, other = Supernet(nn.Sequential(ElasticLinear(3, WIDTH), Waits())), mixed()
    arch = smallest(other)
    expected = other(X, arch)
    with ThreadPoolExecutor(1) as pool:
        plain = pool.submit(net.extract, {"width": 2})
        assert tracing.wait(10)
        try:
            assert torch.equal(other(X, arch), expected)
        finally:
            ran.set()
        assert isinstance(plain.result(), torch.fx.GraphModule)


def test_several_threads_extract_at_once() -> None:
    net, rng = mixed(), np.random.default_rng(0)
    archs = [net.space.sample(rng) for _ in range(6)]
    with ThreadPoolExecutor(3) as pool:
        for arch, plain in zip(archs, pool.map(net.extract, archs)):
            torch.testing.assert_close(plain(X), net(X, arch))


# forwards that cannot become a graph ----------------------------------------------------------------------------------


class _Branching(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        return x if x.sum() > 0 else -x


class _ModeDependent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = ElasticLinear(3, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.layer(x), 0.5, self.training)


def test_control_flow_on_data_keeps_the_containers() -> None:
    net = Supernet(_Branching(ElasticLinear(3, WIDTH)))
    plain = net.extract({"width": 2})
    assert type(plain) is _Branching
    for x in (torch.randn(1, 3) for _ in range(5)):
        torch.testing.assert_close(plain(x), net(x, {"width": 2}))


def test_a_forward_that_depends_on_the_mode_is_not_frozen() -> None:
    net = Supernet(_ModeDependent()).train()
    plain = net.extract({"width": 4})
    x = torch.ones(64, 3)
    assert (plain(x) == 0).any()
    torch.testing.assert_close(plain.eval()(x), net.eval()(x, {"width": 4}))


def test_an_untraceable_network_that_needs_archwright_is_refused() -> None:
    from archwright.supernet import Cell

    cell = Cell({(0, 1): OneOf("op", {"a": nn.Identity(), "b": nn.Tanh()})})
    with pytest.raises(UserError, match=r"cannot be traced by torch.fx .* keeps \['PlainCell'\]"):
        Supernet(_Branching(cell)).extract({"op": "a"})


def test_sizes_taken_from_the_input_can_be_traced() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = ElasticConv2d(2, WIDTH, 3), ElasticLinear(WIDTH, 3)
            self.register_buffer("shift", torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x + self.shift)
            return self.head(x.view(x.size(0), x.shape[1], -1).mean(-1))

    net = Supernet(randomise(Flat())).eval()
    plain = net.extract({"width": 4})
    assert isinstance(plain, torch.fx.GraphModule)
    torch.testing.assert_close(plain(X[:2]), net(X[:2], {"width": 4}))
