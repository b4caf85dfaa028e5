"""What every `Supernet` keeps."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright.space import Arch, Space
from archwright.supernet import Paths, Searchable, Supernet
from archwright.testing._space import SpaceContract


class SupernetContract(SpaceContract):
    """Rules of a supernet and of its space. Provide the fixture `supernet`; a small one keeps the tests fast.

    Attributes:
        draws: random architectures a rule is tried on.
        tolerance: of outputs that should agree, relative and absolute.
    """

    tolerance: ClassVar[float] = 1e-5

    @pytest.fixture
    def supernet(self) -> Supernet:
        raise NotImplementedError("provide the supernet in a fixture called `supernet`")

    @pytest.fixture
    def space(self, supernet: Supernet) -> Space:
        return supernet.space

    @pytest.fixture
    def x(self, supernet: Supernet) -> Tensor:
        """Two inputs; override it for a supernet without `input_shape`."""
        assert supernet.input_shape is not None, "give input_shape to the Supernet, or override the fixture x"
        return torch.randn(2, *supernet.input_shape, generator=torch.Generator().manual_seed(0))

    @pytest.fixture
    def net(self, supernet: Supernet) -> Supernet:
        """The supernet in eval mode, with nothing at a value that hides errors."""
        return unsettle(supernet).eval()

    def close(self, a: Tensor, b: Tensor) -> None:
        torch.testing.assert_close(a, b, rtol=self.tolerance, atol=self.tolerance)

    @torch.no_grad()
    def test_concrete_relaxed_sliced_and_extracted_agree(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        for arch in archs:
            concrete = net(x, arch)
            assert concrete.isfinite().all()
            self.close(net(x, net.space.one_hot(arch)), concrete)
            self.close(net.extract(arch)(x), concrete)
        self.close(net.slice(arch)(x), concrete)

    @torch.no_grad()
    def test_a_part_of_the_variables_may_be_relaxed(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        rng = np.random.default_rng(4)
        for arch in archs[:10]:
            one_hot = net.space.one_hot(arch)
            partly = {n: one_hot[n] if n in one_hot and rng.random() < 0.5 else v for n, v in arch.items()}
            self.close(net(x, partly), net(x, arch))

    @torch.no_grad()
    def test_some_paths_are_the_mixture_without_the_others(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        rng = np.random.default_rng(5)
        for arch in archs[:5]:
            one_hot = {name: torch.as_tensor(w) for name, w in net.space.one_hot(arch).items()}
            single = {name: Paths((int(w.argmax()),), torch.ones(1)) for name, w in one_hot.items()}
            self.close(net(x, single), net(x, arch))
            pairs = {name: _pair(w, rng) for name, w in one_hot.items() if len(w) > 1}
            dense = {name: paths.dense(len(one_hot[name])) for name, paths in pairs.items()}
            self.close(net(x, {**one_hot, **pairs}), net(x, {**one_hot, **dense}))

    def test_every_relaxed_variable_gets_a_finite_gradient(self, net: Supernet, x: Tensor) -> None:
        weights = {n: uniform(w) for n, w in net.space.one_hot(net.space.sample(np.random.default_rng(0))).items()}
        net.train()(x, weights).square().sum().backward()
        for name, w in weights.items():
            assert w.grad is not None, f"{name!r} has no influence on the output"
            assert w.grad.isfinite().all()

    @torch.no_grad()
    def test_one_output_shape_for_every_architecture(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        assert {net(x, arch).shape for arch in archs[:10]} == {net(x, archs[0]).shape}
        assert net(x, archs[0]).shape[0] == x.shape[0]

    @torch.no_grad()
    def test_inputs_of_a_batch_do_not_mix(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        self.close(net(x, archs[0])[:1], net(x[:1], archs[0]))

    @torch.no_grad()
    def test_a_forward_leaves_nothing_behind(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        before = copy.deepcopy(net.state_dict())
        first = net(x, archs[0])
        net(x, archs[1])
        assert torch.equal(net(x, archs[0]), first)
        assert same(net.state_dict(), before)

    def test_threads_do_not_disturb_each_other(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        archs = archs[:3]
        with torch.no_grad():
            expected = [net(x, arch) for arch in archs]
        start = threading.Barrier(len(archs))

        @torch.no_grad()
        def repeat(n: int) -> bool:
            start.wait()
            return all(torch.equal(net(x, archs[n]), expected[n]) for _ in range(10))

        with ThreadPoolExecutor(len(archs)) as pool:
            assert all(pool.map(repeat, range(len(archs))))

    @torch.no_grad()
    def test_extracted_networks_are_plain_torch(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        for arch in archs[:5]:
            plain = net.extract(arch)
            assert not any(isinstance(m, Searchable | Supernet) for m in plain.modules())
            assert not any(type(m).__module__.split(".")[0] == "archwright" for m in plain.modules())
            assert torch.equal(pickle.loads(pickle.dumps(plain))(x), plain(x))  # noqa: S301

    def test_extracted_networks_share_nothing_with_the_supernet(
        self, net: Supernet, x: Tensor, archs: list[Arch]
    ) -> None:
        before = copy.deepcopy(net.state_dict())
        plain = net.extract(archs[0]).train()
        plain(x).sum().backward()
        with torch.no_grad():
            for p in plain.parameters():
                p.add_(1.0)
        assert same(net.state_dict(), before)
        assert all(p.grad is None for p in net.parameters())

    def test_fresh_networks_have_new_weights_of_the_same_shapes(self, net: Supernet, archs: list[Arch]) -> None:
        for arch in archs[:5]:
            old, new = net.extract(arch).state_dict(), net.extract(arch, fresh=True).state_dict()
            assert {n: t.shape for n, t in new.items()} == {n: t.shape for n, t in old.items()}
            assert not any(torch.equal(new[n], t) for n, t in old.items() if t.ndim > 1)

    @torch.no_grad()
    def test_state_round_trip(self, net: Supernet, x: Tensor, archs: list[Arch]) -> None:
        twin = unsettle(copy.deepcopy(net), seed=1).eval()
        assert not torch.equal(twin(x, archs[0]), net(x, archs[0]))
        twin.load_state_dict(net.state_dict())
        assert torch.equal(twin(x, archs[0]), net(x, archs[0]))


@torch.no_grad()
def unsettle(module: Supernet, seed: int = 0) -> Supernet:
    """Draw again what starts constant (scales, shifts, statistics), so that an error there shows, and scale weights."""
    generator = torch.Generator().manual_seed(seed)
    for name, t in [*module.named_parameters(), *module.named_buffers()]:
        statistic = name.endswith(("running_mean", "running_var"))
        if statistic or (isinstance(t, nn.Parameter) and bool((t == t.flatten()[0]).all())):
            t.copy_(0.5 + torch.rand(t.shape, generator=generator))
        elif isinstance(t, nn.Parameter):
            t.mul_(1.0 + 0.2 * torch.rand((), generator=generator))
    return module


def uniform(weights: Any) -> Tensor:
    """Equal weights over as many options, as a leaf that collects a gradient."""
    return torch.full(weights.shape, 1.0 / len(weights), requires_grad=True)


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Whether two states are bitwise equal."""
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def _pair(one_hot: Tensor, rng: np.random.Generator) -> Paths:
    """The chosen option and another one, with weights 0.7 and 0.3."""
    chosen = int(one_hot.argmax())
    other = int(rng.choice([n for n in range(len(one_hot)) if n != chosen]))
    return Paths((chosen, other), torch.tensor([0.7, 0.3]))
