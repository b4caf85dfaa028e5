"""The loop: any slots on small supernets, restart, planted answers, diagnostics."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from gradient_networks import blobs, cells, chain
from torch import Tensor, nn

from archwright.errors import Infeasible, UserError
from archwright.gradient import (
    DERIVATIONS,
    HYPERGRADIENTS,
    RELAXATIONS,
    SCHEDULES,
    Adam,
    AutomaticRelevance,
    BinaryGates,
    Derivation,
    EvidencePrune,
    ExpectedCost,
    ExponentiatedGradient,
    FirstOrder,
    GradientSearch,
    GumbelSoftmax,
    Magnitude,
    Perturbation,
    Progressive,
    PruneBelow,
    Relaxed,
    Sampled,
    ScalingFactors,
    ScoreFunction,
    Session,
    SingleLevel,
    SkipLimited,
    Softmax,
    TrainingSpeed,
    WipeOut,
    assembled,
    dominant_eigenvalue,
    ranked,
    skip_share,
)
from archwright.gradient._perturbation import removed
from archwright.space import Arch
from archwright.supernet import OneOf, Paths, Supernet
from archwright.train import Trainer
from archwright.zoo.darts import Noise

FAST = Trainer(epochs=2, batch_size=32, lr=0.02, precision="32", augment=None)
DATA = blobs()


def searched(net: Supernet, **slots: object) -> GradientSearch:
    given = {"relaxation": Softmax(), "hypergradient": FirstOrder(), "update": Adam(lr=0.05), "trainer": FAST, **slots}
    return GradientSearch(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("relaxation", "hypergradient", "derivation"),
    [
        (r, h, d)
        for r, h, d in itertools.product(RELAXATIONS.names(), HYPERGRADIENTS.names(), ("magnitude", "skip-limited"))
    ],
)
@pytest.mark.filterwarnings("ignore:the Neumann series grows")
def test_any_slots_run_or_say_why_not(relaxation: str, hypergradient: str, derivation: str) -> None:
    net = cells()
    relaxed, h = RELAXATIONS.load(relaxation)(), HYPERGRADIENTS.load(hypergradient)()
    h = TrainingSpeed(steps=2) if isinstance(h, TrainingSpeed) else h
    slots = {"relaxation": relaxed, "hypergradient": h, "derive": DERIVATIONS.load(derivation)(), "sharpness": False}
    if relaxed.sampled != isinstance(h, ScoreFunction):
        with pytest.raises(UserError, match=r"^[^\n]*: take the relaxation Sampled$|^[^\n]*score-function[^\n]*$"):
            searched(net, **slots)
        return
    found = searched(net, **slots).search(net, DATA, seed=1)
    assert found.arch in net.space
    assert len(found.history) == 2


@pytest.mark.parametrize("relaxation", [Softmax(), GumbelSoftmax(hard=True), BinaryGates()])
def test_perturbation_after_any_relaxation(relaxation: Softmax) -> None:
    net = cells()
    found = searched(net, relaxation=relaxation, derive=Perturbation(interval=1), none=True).search(net, DATA)
    assert found.arch in net.space
    assert set(found.relaxed.fixed) == set(found.relaxed.names) | set(found.relaxed.open)


class _Counted:
    """A session that takes note of what is judged."""

    def __init__(self, session: Session) -> None:
        self._session, self.samples, self.asked = session, list[int | None](), list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def judge(self, selection: Any, *, samples: int | None = None) -> dict[str, float]:
        self.samples.append(samples)
        return self._session.judge(selection, samples=samples)

    def affordable_samples(self, judgements: int) -> int | None:
        self.asked.append(judgements)
        return 8


def test_perturbation_knows_its_judgements_beforehand_and_keeps_to_the_budget() -> None:
    net, found = cells(), list[_Counted]()

    class Counted(Derivation):
        def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
            found.append(_Counted(session))
            return Perturbation(interval=1, samples=100)(relaxed, found[0])  # type: ignore[arg-type]

    searched(net, derive=Counted(), none=True).search(net, DATA)
    assert found[0].asked == [len(found[0].samples)]
    assert set(found[0].samples) == {8}


def test_input_choices_may_be_relaxed_themselves() -> None:
    net = cells()
    found = searched(net, inputs="learned").search(net, DATA)
    assert not found.relaxed.open
    assert {"normal.sources3", "reduce.sources4"} <= set(found.history[-1]["probabilities"])
    best = found.relaxed.probabilities()["normal.sources4"].argmax()
    assert found.arch["normal.sources4"] == net.space["normal.sources4"].options[int(best)]  # type: ignore[attr-defined]


def test_the_slots_may_be_given_by_position() -> None:
    search = GradientSearch(Softmax(), FirstOrder(), Adam(), None, Magnitude(), trainer=FAST)
    assert search.search(chain(), DATA).arch in chain().space


def test_what_perturbation_has_decided_is_certain() -> None:
    relaxed = Relaxed(cells(), Softmax(), Adam(), none=True)
    relaxed.fixed["normal.edge02"] = "linear"
    assert relaxed.probabilities()["normal.edge02"].tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("schedule", SCHEDULES.names())
def test_schedules_shrink_only(schedule: str) -> None:
    net, part = cells(), SCHEDULES.load(schedule)
    slots: dict[str, object] = {"schedule": part()}
    if part is WipeOut:
        slots["update"] = ExponentiatedGradient()
    if part is EvidencePrune:
        slots |= {"update": AutomaticRelevance(), "relaxation": ScalingFactors()}
    if part is Progressive:
        slots["schedule"] = Progressive(layers=(1, 2), keep=(2, 1), dropout=(0.1, 0.2))
    found = searched(net, **slots).search(net, DATA, build=cells)
    options = [sum(map(len, entry["probabilities"].values())) for entry in found.history]
    assert options == sorted(options, reverse=True)
    assert found.arch in net.space


@pytest.mark.parametrize("relaxation", [Softmax(), GumbelSoftmax(hard=True), BinaryGates()])
def test_a_search_that_is_stopped_goes_on_to_the_same_end(relaxation: Softmax, tmp_path: Path) -> None:
    whole = searched(chain(), relaxation=relaxation, trainer=Trainer(**{**vars(FAST), "epochs": 3}))
    net = chain()
    reference = whole.search(net, DATA, seed=3)

    calls = 0

    def interrupt(done: float, planned: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt

    other = chain()
    with pytest.raises(KeyboardInterrupt):
        whole.search(other, DATA, seed=3, folder=tmp_path, on_update=interrupt)
    again = chain()
    found = whole.search(again, DATA, seed=3, folder=tmp_path)
    assert found.arch == reference.arch
    assert all(torch.equal(a, b) for a, b in zip(found.relaxed.alphas, reference.relaxed.alphas))
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), net.state_dict().values()))


def test_parameters_that_never_move_stay_bit_identical() -> None:
    net = cells()
    first = Relaxed(cells(), Softmax(), Adam(), seed=0).alphas
    found = searched(net, warmup=1.0, derive=Perturbation(interval=1)).search(net, DATA, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(first, found.relaxed.alphas))


def test_the_answer_keeps_a_limit() -> None:
    net = chain()
    free = searched(net).search(chain(), DATA).arch

    def feasible(arch: Arch) -> bool:
        return arch != free

    assert searched(net).search(chain(), DATA, feasible=feasible).arch != free
    with pytest.raises(Infeasible, match="no architecture within the limits"):
        searched(net).search(chain(), DATA, feasible=lambda arch: False)


def test_an_expected_cost_pulls_towards_cheap_options() -> None:
    net = chain()
    cost = {"linear": 10.0, "skip_connect": 0.0, "tanh": 1.0}

    def costs(arch: Arch) -> dict[str, float]:
        return {"flops": 5.0 + sum(cost[str(v)] for v in arch.values())}

    penalty = ExpectedCost(weight=100.0).fit(net.space, costs)
    assert penalty.explained == pytest.approx(1.0)
    shares = {"first": torch.tensor([0.2, 0.5, 0.3]), "second": torch.tensor([1.0, 0.0])}
    assert penalty.expected(shares).item() == pytest.approx(5.0 + 2.0 + 0.3 + 10.0, abs=1e-3)
    found = searched(net, update=Adam(lr=0.3)).search(net, DATA, penalty=penalty)
    assert dict(found.arch) == {"first": "skip_connect", "second": "skip_connect"}


def test_product_form_of_proxylessnas() -> None:
    """Sheet of ProxylessNAS, must show 4: the factor at 60, 80 and 100 ms with T = 80."""
    settings = ExpectedCost(metric="ms", weight=0.2, target=80.0, form="product")
    for cost, factor in ((60.0, 0.195967), (80.0, 0.2), (100.0, 0.203002)):
        penalty = settings.fit(chain().space, lambda arch, cost=cost: {"ms": cost})
        shares = {"first": torch.full((3,), 1 / 3), "second": torch.full((2,), 0.5)}
        assert penalty(torch.tensor(1.0), shares).item() == pytest.approx(factor, abs=2e-5)


class _Planted(nn.Module):
    """One edge: a useful layer, or noise."""

    def __init__(self) -> None:
        super().__init__()
        self.edge = OneOf("edge", {"useful": nn.Linear(4, 4), "skip_connect": Noise()})
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.edge(x))


def test_perturbation_never_keeps_noise_whatever_its_parameter_says() -> None:
    """Sheet of DARTS-PT, must show 3: magnitude follows the forced parameter, perturbation does not."""
    torch.manual_seed(0)
    net = Supernet(_Planted(), input_shape=(4,))

    class Forced(Derivation):
        def __init__(self, rest: Derivation) -> None:
            self.rest = rest

        def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
            relaxed.alphas[0].copy_(torch.tensor([0.0, 1.0]))
            return self.rest(relaxed, session)

    trainer = Trainer(**{**vars(FAST), "epochs": 6})
    by_size = searched(net, derive=Forced(Magnitude()), trainer=trainer, warmup=1.0).search(net, DATA).arch
    by_loss = searched(net, derive=Forced(Perturbation(interval=1)), trainer=trainer, warmup=1.0).search(net, DATA).arch
    assert (by_size["edge"], by_loss["edge"]) == ("skip_connect", "useful")


def test_removal_keeps_the_other_weights() -> None:
    """Sheet of DARTS-PT, must show 2."""
    row = torch.tensor([0.4, 0.35, 0.25])
    assert removed(row, 1).tolist() == pytest.approx([0.4, 0.0, 0.25])
    paths = removed(Paths((0, 2), torch.tensor([0.6, 0.4])), 2)
    assert paths.weights.tolist() == pytest.approx([0.6, 0.0])


def test_all_inputs_run_with_weight_one() -> None:
    net = cells()
    relaxed = Relaxed(net, Softmax(), Adam())
    for name, weights in relaxed.open.items():
        edges = sorted({edge for option in relaxed.wiring.kept[name] for edge in option})
        for edge in edges:
            total = sum(w for w, option in zip(weights.tolist(), relaxed.wiring.kept[name]) if edge in option)
            assert total == pytest.approx(1.0)
        fewer = relaxed.wiring.keeping(name, edges[:2])
        assert fewer.tolist() == [float(set(option) == set(edges[:2])) for option in relaxed.wiring.kept[name]]


def test_the_zero_that_competes_is_never_chosen_but_has_its_share() -> None:
    net = cells()
    relaxed = Relaxed(net, Softmax(spread=0.0), Adam(), none=True)
    p = relaxed.probabilities()["normal.edge02"]
    assert p.tolist() == pytest.approx([0.25] * 4)
    x = torch.randn(5, 4)
    with_zero = net(x, relaxed.selection(relaxed.alphas, 0))
    weights = {**{n: torch.full((3,), 0.25) for n in relaxed.names}, **relaxed.open}
    assert torch.allclose(with_zero, net(x, weights), atol=1e-6)


def test_the_genotype_rule_of_darts() -> None:
    """Sheet of DARTS, must show 4: ranking by softmax with the zero, not by raw parameters."""
    p = torch.tensor([[5.0, 3.0, 0.0, 0.0], [0.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.5]]).softmax(-1)  # none first
    net = cells()
    relaxed = Relaxed(net, Softmax(), Adam(), none=True)
    with torch.no_grad():
        for alpha in relaxed.alphas:
            alpha.zero_()
        for i, row in enumerate([[3.0, 0.0, 0.0, 5.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.5, 0.0]]):
            relaxed.alphas[relaxed.names.index(f"normal.edge{i}3")].copy_(torch.tensor(row))
    scores = ranked(relaxed)
    assert [max(scores[f"normal.edge{i}3"].values()) for i in range(3)] == pytest.approx(
        p[:, 1:].max(-1).values.tolist()
    )
    assert assembled(relaxed, scores)["normal.sources3"] == "1+2"


def test_at_most_so_many_skips_stay() -> None:
    net = cells()

    def strongest(limit: int) -> Arch:
        relaxed = Relaxed(net, Softmax(), Adam())
        with torch.no_grad():
            for alpha in relaxed.alphas:
                alpha.copy_(torch.tensor([2.0, 1.0, 0.0]))

        class Session:
            feasible = None

        return SkipLimited(most=limit, prefix="normal")(relaxed, Session())  # type: ignore[arg-type]

    for limit in (0, 1, 2, 6):
        arch = strongest(limit)
        assert sum(v == "skip_connect" for n, v in arch.items() if n.startswith("normal.edge")) == limit
        assert all(v == "skip_connect" for n, v in arch.items() if n.startswith("reduce.edge"))
        assert {v for n, v in arch.items() if n.startswith("normal.edge")} <= {"skip_connect", "linear"}


def test_gradients_by_layers_add_up() -> None:
    """Sheet of XNAS, must show 4: the reward of every layer is -dL/du of that layer; their sum that of the shared u."""
    net = cells()
    relaxed = Relaxed(net, Softmax(), ExponentiatedGradient(), none=True)
    x, y = DATA.train.x[:16], DATA.train.y[:16]
    values = relaxed.weights(0)
    selection = relaxed.selection(values, 0, of="layers")
    loss = nn.functional.cross_entropy(net(x, selection), y)
    found = relaxed.by_layers(selection, loss)
    whole = torch.autograd.grad(
        nn.functional.cross_entropy(net(x, relaxed.selection(values, 0, of="weights")), y), values
    )
    for name, layers, total in zip(relaxed.names, found, whole):
        assert len(layers) == relaxed.wiring.layers[name]
        assert torch.allclose(layers.sum(0), total, atol=1e-6)


def test_gates_keep_two_paths_and_steps_of_weights_one() -> None:
    net = chain()
    relaxed = Relaxed(net, BinaryGates(), Adam())
    ran: list[int] = []
    for n, option in enumerate(net.module.first.options):  # type: ignore[union-attr,arg-type]
        option.register_forward_hook(lambda *_, n=n: ran.append(n))
    x = torch.randn(3, 4)
    for noise in range(10):
        ran.clear()
        net(x, relaxed.selection([a.requires_grad_() for a in relaxed.alphas], noise))
        assert len(ran) == 2
        ran.clear()
        net(x, relaxed.path(noise))
        assert len(ran) == 1


def test_the_eigenvalue_of_a_known_hessian() -> None:
    h = torch.diag(torch.tensor([0.5, -3.0, 2.0]))
    found = dominant_eigenvalue(lambda a: 0.5 * a[0] @ h @ a[0], [torch.ones(3)], iterations=60)
    assert found == pytest.approx(-3.0, abs=1e-3)


def test_share_of_skips() -> None:
    net = chain()
    assert skip_share(net, {"first": "skip_connect", "second": "linear"}) == 0.5


def test_single_level_moves_both_by_one_backward() -> None:
    net = chain()
    found = searched(net, hypergradient=SingleLevel()).search(net, DATA)
    assert any(
        (a - b).abs().max() > 0.01 for a, b in zip(found.relaxed.alphas, Relaxed(chain(), Softmax(), Adam()).alphas)
    )


@pytest.mark.parametrize(
    "slots",
    [
        {"split": 1.5},
        {"every": 0},
        {"warmup": 2.0},
        {"relaxation": Sampled()},
        {"update": ExponentiatedGradient(), "hypergradient": SingleLevel()},
    ],
)
def test_settings_out_of_range(slots: dict[str, object]) -> None:
    with pytest.raises(UserError):
        searched(chain(), **slots)


def test_progressive_needs_to_build() -> None:
    with pytest.raises(UserError, match="build="):
        searched(chain(), schedule=Progressive()).search(chain(), DATA)


def test_pruned_options_no_longer_run() -> None:
    net = chain()
    relaxed = Relaxed(net, Softmax(), Adam())
    ran: list[int] = []
    for n, option in enumerate(net.module.first.options):  # type: ignore[union-attr,arg-type]
        option.register_forward_hook(lambda *_, n=n: ran.append(n))
    relaxed.restrict(net.space.restrict({"first": ["linear", "tanh"]}))
    net(torch.randn(2, 4), relaxed.selection([a.requires_grad_() for a in relaxed.alphas], 0))
    assert sorted(ran) == [0, 2]
    assert PruneBelow(threshold=0.4).threshold == 0.4
