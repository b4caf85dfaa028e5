"""Updates and schedules against the figures of their sheets."""

import math

import numpy as np
import pytest
import torch
from gradient_networks import chain

from archwright.errors import UserError
from archwright.gradient import (
    Adam,
    Annealed,
    ExponentiatedGradient,
    Mover,
    Progressive,
    ProximalGradient,
    PruneBelow,
    RemoveZeros,
    View,
    WipeOut,
    without,
)
from archwright.space import Choice, Space


def view(mover: Mover, alphas: dict[str, torch.Tensor], probabilities: dict[str, torch.Tensor] | None = None) -> View:
    options = {name: len(a) for name, a in alphas.items()}
    p = probabilities or {name: a.softmax(-1) for name, a in alphas.items()}
    return View(
        probabilities=p,
        alphas=alphas,
        options=options,
        zeros=frozenset(),
        places={name: range(n) for name, n in options.items()},
        mover=mover,
        progress=0.5,
        moving=True,
    )


def experts(n: int, steps: int) -> tuple[torch.Tensor, Mover]:
    alpha = torch.zeros(n, dtype=torch.float64)
    mover = ExponentiatedGradient().begin([alpha])
    mover.plan(steps)
    return alpha, mover


def test_exponentiated_gradient_arithmetic() -> None:
    """Sheet of XNAS, must show 1: eta* = 0.148230; after ten constant rewards the softmax of eta * 10 * R."""
    alpha, mover = experts(3, 100)
    rewards = torch.tensor([[0.5, 0.1, -0.4]], dtype=torch.float64)
    for _ in range(10):
        mover.step([-rewards])
    assert alpha[0].item() / (10 * 0.5) == pytest.approx(0.148230, abs=1e-6)
    assert alpha.softmax(-1).tolist() == pytest.approx([0.550627, 0.304337, 0.145036], abs=1e-6)


def test_wipe_out_rounds() -> None:
    """The third expert leaves in round 69, the second in round 84."""
    alpha, mover = experts(3, 100)
    space, gone = Space([Choice("a", ("x", "y", "z"))]), {}
    rewards = torch.tensor([[0.5, 0.1, -0.4]], dtype=torch.float64)
    for t in range(1, 101):
        mover.step([-rewards])
        left = WipeOut()(space, view(mover, {"a": alpha[: len(space["a"].options)]}))  # type: ignore[attr-defined]
        for option in set(space["a"].options) - set(left["a"].options):  # type: ignore[attr-defined]
            gone[option] = t
        space = left
    assert gone == {"z": 69, "y": 84}


def test_the_best_expert_is_never_wiped_out() -> None:
    """Sheet of XNAS, must show 2: brute force over bounded reward sequences."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        rewards = torch.from_numpy(rng.uniform(-1, 1, (30, 4)))
        best = int(rewards.sum(0).argmax())
        alpha, mover = experts(4, 30)
        space = Space([Choice("a", (0, 1, 2, 3))])
        for reward in rewards:
            mover.step([-reward[None]])
            alive = list(space["a"].options)  # type: ignore[attr-defined]
            space = WipeOut()(space, view(mover, {"a": alpha[alive]}))
        assert best in space["a"].options  # type: ignore[attr-defined]


@pytest.mark.parametrize("adversary", [False, True])
def test_regret_stays_within_the_bound(adversary: bool) -> None:
    """L sqrt(2 T ln N) = 14.823 for T = 100, N = 3; the adversary rewards whatever has the least weight."""
    rng = np.random.default_rng(1)
    for _ in range(1 if adversary else 100):
        alpha, mover = experts(3, 100)
        earned, totals = 0.0, torch.zeros(3, dtype=torch.float64)
        for _ in range(100):
            u = alpha.softmax(-1)
            if adversary:
                reward = torch.full((3,), -1.0, dtype=torch.float64)
                reward[int(u.argmin())] = 1.0
            else:
                reward = torch.from_numpy(rng.uniform(-1, 1, 3))
            earned += float((u * reward).sum())
            totals += reward
            mover.step([-reward[None]])
        assert float(totals.max()) - earned <= math.sqrt(2 * 100 * math.log(3))


def test_layers_are_clipped_one_by_one() -> None:
    alpha, mover = experts(2, 10)
    mover.step([torch.tensor([[-3.0, 0.5], [0.2, 0.1]], dtype=torch.float64)])
    eta = math.sqrt(2 * math.log(2) / 20)  # ten steps of two layers
    assert alpha.tolist() == pytest.approx([eta * (1 - 0.2), eta * (-0.5 - 0.1)])


@pytest.mark.parametrize(
    ("a", "expected"),
    [
        (0.5, [0.886, 0.74506, 0.596393, 0.456333, 0.337251]),
        (0.05, [0.8005, 0.553855, 0.293687, 0.048582, 0.0]),
        (-0.2, [0.753, 0.44763, 0.125517, 0.0, 0.0]),
    ],
)
def test_the_proximal_iteration(a: float, expected: list[float]) -> None:
    """Sheet of DSO-NAS, must show 1."""
    factor = torch.ones(1, dtype=torch.float64)
    mover = ProximalGradient(lr=0.1, sparsity=0.1, momentum=0.9).begin([factor])
    found = []
    for _ in range(5):
        mover.step([factor - a])
        found.append(factor.item())
    assert found == pytest.approx(expected, abs=1e-6)
    for _ in range(600):
        mover.step([factor - a])
    assert factor.item() == pytest.approx(max(a - 0.1, 0.0), abs=1e-9)
    assert a > 0.1 or factor.item() == 0.0


def test_no_momentum_reaches_exact_zero_in_iteration_29() -> None:
    factor = torch.ones(1, dtype=torch.float64)
    mover = ProximalGradient(lr=0.1, sparsity=0.1, momentum=0.0).begin([factor])
    values = []
    for _ in range(29):
        mover.step([factor - 0.05])
        values.append(factor.item())
    assert values[-1] == 0.0
    assert values[-2] > 0


def test_the_offset_of_proxylessnas() -> None:
    """Sheet of ProxylessNAS, must show 3, with the arithmetic of a plain step of 0.1: the pair keeps its mass."""
    alpha = torch.tensor([0.2, -0.1, 0.5])
    before = alpha.softmax(-1)
    mover = Adam(lr=0.1, betas=(0.0, 0.999), weight_decay=0.0, keep_mass=True).begin([alpha])
    mover.step([torch.tensor([0.0489, 0.0, -0.0489])])
    after = alpha.softmax(-1)
    assert after[1].item() == pytest.approx(before[1].item(), abs=1e-7)
    assert (after[0] < before[0]).item()


def test_states_continue() -> None:
    for update in (Adam(), ProximalGradient(), ExponentiatedGradient()):
        a, b = torch.ones(3), torch.ones(3)
        gradient = torch.tensor([[0.3, -0.2, 0.1]]) if update.wants == "layers" else torch.tensor([0.3, -0.2, 0.1])
        first, second = update.begin([a]), update.begin([b])
        first.plan(10)
        first.step([gradient])
        b.copy_(a)
        second.load_state_dict(first.state_dict())
        first.step([gradient])
        second.step([gradient])
        assert torch.equal(a, b)


def test_the_row_of_asap() -> None:
    """Sheet of ASAP, must show 3: nothing at 1.6, 1.0, 0.5; the last at 0.25; four at 0.1."""
    logits = torch.tensor([0.3, 0.2, 0.1, 0.0, 0.0, -0.1, -0.2])
    space = Space([Choice("a", tuple("pqrstuv"))])
    for temperature, gone in ((1.6, 0), (1.0, 0), (0.5, 0), (0.25, 1), (0.1, 4)):
        p = Annealed(start=temperature).probabilities(logits, progress=0.0)
        left = PruneBelow()(space, view(Adam().begin([logits]), {"a": logits}, {"a": p}))
        assert 7 - len(left["a"].options) == gone  # type: ignore[attr-defined]


@pytest.mark.parametrize(("gap", "epoch"), [(0.05, 74), (0.1, 61), (0.3, 40), (1.0, 16)])
def test_when_asap_drops_the_weaker_of_two(gap: float, epoch: int) -> None:
    logits, space = torch.tensor([gap, 0.0]), Space([Choice("a", (0, 1))])
    annealed = Annealed(epochs=100)

    def left(at: int) -> int:
        p = annealed.probabilities(logits, progress=at / 100)
        return len(PruneBelow()(space, view(Adam().begin([logits]), {"a": logits}, {"a": p}))["a"].options)  # type: ignore[attr-defined]

    assert (left(epoch - 1), left(epoch)) == (2, 1)


def test_zero_factors_leave_but_never_the_last() -> None:
    space = Space([Choice("a", (0, 1, 2)), Choice("b", (0, 1))])
    alphas = {"a": torch.tensor([0.0, 0.4, 0.0]), "b": torch.zeros(2)}
    left = RemoveZeros()(space, view(ProximalGradient().begin(list(alphas.values())), alphas))
    assert left["a"].options == (1,)  # type: ignore[attr-defined]
    assert left["b"].options == (0,)  # type: ignore[attr-defined]


def test_dropout_of_pdarts() -> None:
    """Sheet of P-DARTS, must show 2."""
    stages = Progressive(dropout=(0.1, 0.4, 0.7))
    found = [stages.rate(1, epoch / 25) for epoch in (0, 5, 9, 10, 15, 20, 24)]
    assert found == pytest.approx([0.384, 0.304, 0.240, 0.4, 0.14715, 0.05413, 0.02432], abs=1e-5)


def test_wipe_out_needs_its_update() -> None:
    alpha = torch.zeros(2)
    with pytest.raises(UserError, match="ExponentiatedGradient"):
        WipeOut()(Space([Choice("a", (0, 1))]), view(Adam().begin([alpha]), {"a": alpha}))


def test_without_never_takes_the_last() -> None:
    space = chain().space
    assert without(space, {"second": [0, 1]}) is space
