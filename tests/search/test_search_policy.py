"""Policies: what the sheets of NAS-RL and PPO promise."""

import itertools
import math

import numpy as np
import pytest
import torch

from archwright.errors import UserError
from archwright.search import PPO, Controller, PolicyGradient, Reinforce, Reward, clipped
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.testing import StrategyContract
from archwright.trial import Objective, Report, Trial

THREE = Space([Choice("a", (0, 1, 2))])
TWO_OF_THREE = Space([Choice("a", (0, 1, 2)), Choice("b", (0, 1, 2))])


class TestReinforceContract(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return Reinforce


class TestPPOContract(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return PPO


def chain(layers: int) -> tuple[Space, dict[str, tuple[str, str]]]:
    """Layers of one token with a possible skip connection from every earlier one."""
    variables: list[Choice] = []
    skips = {}
    for i in range(layers):
        variables.append(Choice(f"layer{i}", (24, 36, 48)))
        for j in range(i):
            variables.append(Choice(f"skip{j}.{i}", (False, True)))
            skips[f"skip{j}.{i}"] = (f"layer{j}", f"layer{i}")
    return Space(variables), skips


def flat(gradients: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([g.flatten() for g in gradients])


# gradient identity ----------------------------------------------------------------------------------------------------


def test_one_softmax_of_three_has_the_gradient_of_the_sheet() -> None:
    """Uniform logits, R = (1, 0, 0): (2/9, -1/9, -1/9), with any constant baseline; the mean has less variance."""
    controller = Controller(THREE, hidden=4)
    with torch.no_grad():
        for weight in controller.parameters():
            weight.zero_()
    archs = [Arch({"a": value}) for value in range(3)]
    log = controller.likelihood(archs).log_probability
    scores = torch.stack([torch.autograd.grad(log[i], controller.heads.bias, retain_graph=True)[0] for i in range(3)])
    drawn = np.random.default_rng(0).integers(3, size=100_000)
    rewards, variance = np.array([1.0, 0.0, 0.0]), {}
    for baseline in (0.0, 1 / 3, 0.8):
        terms = scores.numpy()[drawn] * (rewards[drawn] - baseline)[:, None]
        assert terms.mean(0) == pytest.approx([2 / 9, -1 / 9, -1 / 9], abs=0.005)
        variance[baseline] = terms.var(0).sum()
    assert variance[1 / 3] < variance[0.0]


def test_autoregressive_estimator_averages_to_the_gradient_of_the_expected_reward() -> None:
    controller = Controller(TWO_OF_THREE, hidden=6, spread=1.0)
    parameters = [p for p in controller.parameters() if p is not controller.attention.weight]
    archs = [Arch({"a": a, "b": b}) for a, b in itertools.product(range(3), repeat=2)]
    rewards = torch.rand(9, generator=torch.Generator().manual_seed(1))
    log = controller.likelihood(archs).log_probability
    assert float(log.detach().exp().sum()) == pytest.approx(1, abs=1e-5)
    exact = torch.autograd.grad((log.exp() * rewards).sum(), parameters, retain_graph=True, allow_unused=True)
    rng = np.random.default_rng(0)
    counts = torch.tensor([0.0] * 9)
    for arch in controller.draw(rng, 4000):
        counts[archs.index(arch)] += 1
    assert torch.allclose(counts / 4000, log.detach().exp(), atol=0.03), "the sampler draws from the policy"
    weights = log.detach().exp() * (rewards - 0.3)  # its expectation over samples, with a constant baseline
    estimated = torch.autograd.grad((weights * log).sum(), parameters, allow_unused=True)
    for one, other in zip(exact, estimated):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, atol=1e-6)


# anchor points --------------------------------------------------------------------------------------------------------


def test_skip_connections_are_even_with_zero_weights_and_at_first() -> None:
    space, skips = chain(15)
    controller = Controller(space, skips=skips, hidden=16, seed=3)
    rng = np.random.default_rng(0)
    drawn = [sum(bool(v) for name, v in arch.items() if "skip" in name) for arch in controller.draw(rng, 100)]
    assert np.mean(drawn) == pytest.approx(52.5, abs=3)
    small, skips = chain(3)
    controller = Controller(small, skips=skips, hidden=4)
    with torch.no_grad():
        for weight in controller.parameters():
            weight.zero_()
    archs = controller.draw(rng, 20)
    expected = 3 * math.log(1 / 3) + 3 * math.log(1 / 2)
    assert controller.likelihood(archs).log_probability.tolist() == pytest.approx([expected] * 20, abs=1e-5)


def test_absent_skips_count_in_the_likelihood() -> None:
    """Over all 2^3 patterns of three layers the probabilities, given the layers, sum to one."""
    space, skips = chain(3)
    controller = Controller(space, skips=skips, hidden=8, spread=1.0)
    archs = [
        space.arch({"layer0": 24, "layer1": 36, "skip0.1": a, "layer2": 48, "skip0.2": b, "skip1.2": c})
        for a, b, c in itertools.product((False, True), repeat=3)
    ]
    probabilities = controller.likelihood(archs).log_probability.detach().exp()
    every = [space.arch({**archs[0], "layer0": x, "layer1": y, "layer2": z}) for x, y, z in
             itertools.product((24, 36, 48), repeat=3)]  # fmt: skip
    none_skipped = controller.likelihood(every).log_probability.detach().exp().sum()
    assert probabilities.std() > 1e-4, "the patterns differ"
    assert 0 < float(none_skipped) < 1
    layers_only = Controller(space.restrict({name: [False] for name in skips}), hidden=8, spread=1.0)
    assert len(layers_only.skips) == 0
    everything = [
        space.arch({"layer0": x, "layer1": y, "skip0.1": a, "layer2": z, "skip0.2": b, "skip1.2": c})
        for x, y, z in itertools.product((24, 36, 48), repeat=3)
        for a, b, c in itertools.product((False, True), repeat=3)
    ]
    assert float(controller.likelihood(everything).log_probability.detach().exp().sum()) == pytest.approx(1, abs=1e-4)


def test_a_skip_is_the_sigmoid_of_the_attention_between_its_anchors() -> None:
    space, skips = chain(2)
    controller = Controller(space, skips=skips, hidden=5, spread=1.0)
    present = space.arch({"layer0": 24, "layer1": 48, "skip0.1": True})
    states, (h, c) = [], (torch.zeros(1, 5), torch.zeros(1, 5))
    last = controller.token.weight[-1:]
    for column, token in ((0, 0), (1, 2)):
        h, c = controller.cells[0](last + controller.variable.weight[column], (h, c))
        states.append(h)
        last = controller.token.weight[3 * column + token][None]
    score = controller.attention(torch.tanh(controller.previous(states[0]) + controller.current(states[1])))
    log = controller.likelihood([present, present.replace({"skip0.1": False})]).log_probability
    assert float((log[0] - log[1]).detach()) == pytest.approx(float(score.detach()), abs=1e-5)


@pytest.mark.parametrize(
    ("skips", "message"),
    [
        ({"skip0.9": ("layer0", "layer1")}, "no variable 'skip0.9'"),
        ({"skip0.1": ("layer1", "layer0")}, "in order before it"),
        ({"layer1": ("layer0", "layer0")}, "two options"),
        ({"skip0.1": ("layer0",)}, "two anchors"),
    ],
)
def test_skips_that_do_not_fit(skips: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Controller(chain(2)[0], skips=skips)


# PPO ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "gradient"),
    [(1.5, 1.0, 1.2, 0.0), (0.5, -1.0, -0.8, 0.0), (1.5, -1.0, -1.5, -1.0), (0.5, 1.0, 0.5, 1.0)],
)
def test_clip(ratio: float, advantage: float, value: float, gradient: float) -> None:
    rho = torch.tensor(ratio, requires_grad=True)
    found = clipped(rho, torch.tensor(advantage), 0.2)
    found.backward()
    assert float(found.detach()) == pytest.approx(value)
    assert float(rho.grad) == gradient  # type: ignore[arg-type]


def test_first_step_of_ppo_is_that_of_reinforce() -> None:
    """Before the weights move, both gradients are the same."""
    controller = Controller(TWO_OF_THREE, hidden=6, spread=0.5)
    archs = controller.draw(np.random.default_rng(0), 8)
    advantage = torch.randn(8, generator=torch.Generator().manual_seed(0))
    parameters = [*controller.cells.parameters(), *controller.heads.parameters(), *controller.token.parameters()]
    log = controller.likelihood(archs).log_probability
    reinforce = torch.autograd.grad((advantage * log).mean(), parameters, retain_graph=True)
    ratio = (log - log.detach()).exp()
    ppo = torch.autograd.grad(clipped(ratio, advantage, 0.2).mean(), parameters)
    assert torch.allclose(flat(list(reinforce)), flat(list(ppo)), atol=1e-7)


def test_ppo_keeps_the_probabilities_of_the_beginning_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ratios are one in the first pass and move in later ones, when weights have moved."""
    seen: list[float] = []

    def noted(ratio: torch.Tensor, advantage: torch.Tensor, clip: float) -> torch.Tensor:
        seen.append(float((ratio.detach() - 1).abs().max()))
        return clipped(ratio, advantage, clip)

    monkeypatch.setattr("archwright.search.policy._ppo.clipped", noted)
    strategy = PPO(TWO_OF_THREE, batch=4, minibatch=4, epochs=3, lr=0.05)
    for n, arch in enumerate(strategy.ask(4)):
        strategy.tell(Trial(number=n, arch=arch, metrics={"accuracy": float(n == 0)}))  # type: ignore[arg-type]
    strategy.ask()
    assert len(seen) == 3
    assert seen[0] < 1e-6
    assert min(seen[1:]) > 0.01


# learning -------------------------------------------------------------------------------------------------------------


def toy(strategy: PolicyGradient, values: np.ndarray, steps: int = 500) -> list[float]:
    """Noise-free rewards of what was proposed on an additive toy with noise 0.05."""
    rng, rewards = np.random.default_rng(1), []
    for number in range(steps):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        rewards.append(float(sum(values[i, arch[f"x{i}"]] for i in range(len(values)))))
        noisy = rewards[-1] + 0.05 * rng.standard_normal()
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": noisy}))
    return rewards


@pytest.mark.parametrize("method", [Reinforce, PPO])
@pytest.mark.parametrize("variables", [5, 6])
def test_learns_an_additive_toy_in_500_children(method: type[PolicyGradient], variables: int) -> None:
    space = Space([Choice(f"x{i}", tuple(range(5))) for i in range(variables)])
    values = np.random.default_rng(0).permuted(np.tile(np.arange(5) / 4, (variables, 1)), axis=1)
    strategy = method(space, duplicates=True, seed=1)
    archs = strategy.controller.draw(np.random.default_rng(0), 100)
    before = float(strategy.controller.likelihood(archs).entropy.mean().detach())
    assert before == pytest.approx(variables * math.log(5), abs=0.01)
    rewards = toy(strategy, values)
    assert np.mean(rewards[-100:]) > np.mean(rewards[:100]) + 0.2
    assert np.mean(rewards[-100:]) > values.mean(1).sum() + 0.5, "the mean of random search"
    assert max(rewards) == pytest.approx(values.max(1).sum()), "the optimum is met"
    after = float(strategy.controller.likelihood(archs).entropy.mean().detach())
    assert after < before / 2


def test_learns_a_real_variable() -> None:
    space = Space([Real("rate", 1e-4, 1.0, log=True), Choice("op", ("a", "b"))])
    strategy = Reinforce(space)
    for number in range(300):
        arch = strategy.ask()
        near = -abs(math.log10(arch["rate"]) + 3)  # type: ignore[index]
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": near}))  # type: ignore[arg-type]
    drawn = [math.log10(arch["rate"]) for arch in strategy.ask(40)]  # type: ignore[union-attr,index]
    assert np.median(np.abs(np.array(drawn) + 3)) < 0.4


def test_policy_of_inactive_variables_is_passed_over(mixed: Space) -> None:
    controller = Controller(mixed, hidden=8, spread=1.0)
    rng = np.random.default_rng(0)
    archs = controller.draw(rng, 30)
    assert all(arch in mixed for arch in archs)
    together = controller.likelihood(archs).log_probability.detach()
    alone = torch.cat([controller.likelihood([arch]).log_probability.detach() for arch in archs])
    assert torch.allclose(together, alone, atol=1e-5)


def test_parents_are_decided_before_their_children() -> None:
    space = Space([Ordinal("width", (8, 16)), Choice("op", ("conv", "pool"))], when={"width": {"op": ["conv"]}})
    controller = Controller(space)
    assert controller.grammar.names == ("op", "width")
    archs = [space.arch({"op": "pool"}), *(space.arch({"width": w, "op": "conv"}) for w in (8, 16))]
    assert float(controller.likelihood(archs).log_probability.detach().exp().sum()) == pytest.approx(1, abs=1e-6)


def test_weights_follow_the_told_trials_however_they_were_asked_for() -> None:
    old, new = Reinforce(TWO_OF_THREE, batch=4), Reinforce(TWO_OF_THREE, batch=4)
    for number in range(10):
        arch = old.ask()
        trial = Trial(number=number, arch=arch, metrics={"accuracy": float(number % 3)})  # type: ignore[arg-type]
        old.tell(trial)
        new.tell(trial)
    for one, other in zip(old.controller.parameters(), new.controller.parameters()):
        assert torch.equal(one, other)


def test_without_duplicates_the_space_is_exhausted() -> None:
    strategy = Reinforce(TWO_OF_THREE, duplicates=False)
    assert len(set(strategy.ask(9))) == 9


# rewards --------------------------------------------------------------------------------------------------------------


def rewards(shape: str = "value", *, objective: str = "accuracy", last: int = 1, **limits: float) -> Reward:
    return Reward(Objective.parse(objective), limits, shape=shape, last=last)  # type: ignore[arg-type]


def test_the_cube_stretches_the_top() -> None:
    cube = rewards("cube")
    assert cube.of(-95) - cube.of(-90) == pytest.approx(0.857375 - 0.729)
    assert cube.of(-75) - cube.of(-70) == pytest.approx(0.078875)


def test_perplexity_is_rewarded_by_80_over_its_square() -> None:
    assert rewards("inverse-square", objective="perplexity").of(62.4) == pytest.approx(80 / 62.4**2)


def test_best_of_the_last_reports() -> None:
    arch = Arch({"a": 0})
    reports = tuple(Report(step=i, metrics={"accuracy": v}) for i, v in enumerate((99.0, 50.0, 70.0, 60.0)))
    for last, value in ((1, 60.0), (3, 70.0), (4, 99.0)):
        reward = rewards(last=last)
        reward.tell(Trial(number=0, arch=arch, metrics={"accuracy": 60.0}, reports=reports))
        assert reward.between(0, 1).tolist() == [value]


def test_broken_limits_and_failures_are_worse_than_anything_so_far() -> None:
    arch, reward = Arch({"a": 0}), rewards(params=10)
    for accuracy, params in ((50.0, 5.0), (70.0, 5.0), (99.0, 12.0), (99.0, 500.0)):
        reward.tell(Trial(number=0, arch=arch, metrics={"accuracy": accuracy, "params": params}))
    reward.tell(Trial(number=0, arch=arch, state="failed"))
    assert reward.between(0, 5).tolist() == pytest.approx([50, 70, 48, 40, 40])
    assert rewards().between(0, 0).tolist() == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rewards("square"), "reward must be one of value, cube, inverse-square, got 'square'"),
        (lambda: rewards("cube", objective="min:loss"), "for a metric to maximise"),
        (lambda: rewards("inverse-square"), "for a metric to minimise"),
        (lambda: rewards(last=0), "last must be at least 1"),
        (lambda: Reinforce(THREE, batch=0), "batch must be at least 1"),
        (lambda: Reinforce(THREE, lr=0), "lr must be above 0"),
        (lambda: Reinforce(THREE, decay=1.0), "decay must be in"),
        (lambda: Reinforce(THREE, parts=1), "parts must be at least 2"),
        (lambda: Reinforce(THREE, layers=0), "hidden and layers"),
        (lambda: PPO(THREE, minibatch=99), "minibatch 1 to batch=10"),
        (lambda: PPO(THREE, clip=0), "clip must be in"),
    ],
)
def test_settings_out_of_range(make, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
