"""Progressive search on the published cell space, and on others."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import spearmanr

from archwright.errors import UserError
from archwright.search import ProgressiveNAS, build
from archwright.search.progressive import Growth, Surrogate
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

OPERATIONS = ("sep3", "sep5", "sep7", "conv1x7-7x1", "dil3", "identity", "avg3", "max3")


class TestContract(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **settings: ProgressiveNAS(space, beam=4, epochs=10, members=2, **settings)


def cells(blocks: int, operations: tuple[str, ...] = OPERATIONS) -> Space:
    """Cells of the paper: a block adds op1(in1) and op2(in2); inputs are -1, -2 (cells before) or earlier blocks."""
    variables: list[Choice | Ordinal] = [Ordinal("blocks", range(1, blocks + 1))]
    when = {}
    for b in range(1, blocks + 1):
        for k in (1, 2):
            variables.append(Choice(f"block{b}.in{k}", (-1, -2, *range(1, b))))
            variables.append(Choice(f"block{b}.op{k}", operations))
        names = [f"block{b}.{what}" for what in ("in1", "op1", "in2", "op2")]
        when |= {name: {"blocks": list(range(b, blocks + 1))} for name in names if b > 1}
    return Space(variables, when=when, canonical=canonical)


def canonical(arch: Arch) -> Arch:
    """Operands sorted, blocks in an order that does not depend on how they were numbered."""
    depth: dict[int, int] = {-1: 0, -2: 0}
    text: dict[int, str] = {-1: "-1", -2: "-2"}
    pairs = {}
    for b in range(1, arch["blocks"] + 1):
        pairs[b] = [(arch[f"block{b}.in{k}"], arch[f"block{b}.op{k}"]) for k in (1, 2)]
        depth[b] = 1 + max(depth[i] for i, _ in pairs[b])
        text[b] = "+".join(sorted(f"{op}({text[i]})" for i, op in pairs[b]))
    order = sorted(pairs, key=lambda b: (depth[b], text[b]))
    number = {-1: -1, -2: -2, **{old: new for new, old in enumerate(order, 1)}}
    values = {"blocks": arch["blocks"]}
    for old in order:
        for k, (i, op) in enumerate(sorted((number[i], op) for i, op in pairs[old]), 1):
            values |= {f"block{number[old]}.in{k}": i, f"block{number[old]}.op{k}": op}
    return Arch(values)


def drive(strategy: ProgressiveNAS, count: int, value: Callable[[Arch], float], batch: int = 1) -> list[Arch]:
    archs: list[Arch] = []
    while len(archs) < count:
        for arch in strategy.ask(batch):
            assert isinstance(arch, Arch)
            strategy.tell(Trial(number=len(archs), arch=arch, metrics={"accuracy": value(arch)}))
            archs.append(arch)
    return archs


def quality(seed: int, operations: tuple[str, ...] = OPERATIONS, interaction: float = 0.02) -> Callable[[Arch], float]:
    """The known target of the sheet: mean operation score, a bonus for reading the first block, noise 0.005."""
    scores = dict(zip(operations, np.random.default_rng(seed).uniform(-0.05, 0.05, len(operations)), strict=True))

    def value(arch: Arch) -> float:
        blocks = range(1, arch["blocks"] + 1)
        total = np.mean([sum(scores[arch[f"block{b}.op{k}"]] for k in (1, 2)) for b in blocks])
        reads = any(arch[f"block{b}.in{k}"] == 1 for b in blocks for k in (1, 2))
        noise = np.random.default_rng(int(arch.key[:8], 16)).normal(0, 0.005)
        return float(0.6 + total + interaction * reads + noise)

    return value


# enumeration ----------------------------------------------------------------------------------------------------------


def test_published_counts() -> None:
    growth, rng = Growth(cells(2), depth="blocks", groups=3), np.random.default_rng(0)
    assert sum(1 for _ in growth.extensions({}, 0)) == 256
    first = growth.grown([{}], 0, None, rng)
    assert len(first) == 136
    assert [len(growth.grown([parent], 1, None, rng)) for parent in first[::50]] == [300] * 3


def test_cells_equal_up_to_block_order_are_one() -> None:
    """With three operations: 21 first blocks; 21 x 24 second ones read the first, 21 x 22 / 2 pairs do not."""
    growth, rng = Growth(cells(2, OPERATIONS[:3]), depth="blocks", groups=3), np.random.default_rng(0)
    first = growth.grown([{}], 0, None, rng)
    second = growth.grown(first, 1, None, rng)
    assert len(first) == 21
    assert len(second) == len({growth.space.canonical(arch) for arch in second}) == 21 * 24 + 21 * 22 // 2


def test_operand_swap_is_one_form() -> None:
    space = cells(1)
    a, b = (space.arch({"blocks": 1, "block1.in1": i, "block1.op1": x, "block1.in2": j, "block1.op2": y})
            for i, x, j, y in ((-1, "sep3", -2, "max3"), (-2, "max3", -1, "sep3")))  # fmt: skip
    assert a != b
    assert space.canonical(a) == space.canonical(b)


def test_growth_keeps_what_was_decided() -> None:
    growth = Growth(cells(3), depth=None, groups=9)
    assert (growth.depth, growth.levels) == ("blocks", 3)
    parent = growth.grown([{}], 0, None, np.random.default_rng(0))[5]
    for child in itertools.islice(growth.extensions(parent, 1), 50):
        assert {n: v for n, v in child.items() if n in parent and n != "blocks"} == {
            n: v for n, v in parent.items() if n != "blocks"
        }
        assert growth.level(child) == 1


def test_a_space_without_depth_grows_by_groups(flat: Space) -> None:
    edges = Space([Choice(f"edge{i}", ("none", "skip_connect", "conv")) for i in range(6)])
    growth, rng = Growth(edges, depth=None, groups=3), np.random.default_rng(0)
    first = growth.grown([{}], 0, None, rng)
    assert len(first) == 9
    assert all(arch[f"edge{i}"] == "skip_connect" for arch in first for i in (2, 3, 4, 5))
    second = growth.grown(first[:2], 1, None, rng)
    assert len(second) == 18
    assert {growth.level(arch) for arch in second} == {0, 1}
    assert Growth(flat, depth=None, groups=99).levels == 4


def test_many_extensions_are_drawn() -> None:
    growth, rng = Growth(cells(3), depth="blocks", groups=3), np.random.default_rng(0)
    found = growth.grown(growth.grown([{}], 0, None, rng), 1, 500, rng)
    assert len(found) == len(set(found)) == 500


# budget ---------------------------------------------------------------------------------------------------------------


def test_plan_of_the_paper() -> None:
    strategy = ProgressiveNAS(cells(5), beam=256)
    assert strategy.plan == (136, 256, 256, 256, 256)
    assert sum(strategy.plan) == 1160


@pytest.mark.parametrize("batch", [1, 8])
def test_levels_are_trained_in_turn(batch: int) -> None:
    strategy = ProgressiveNAS(cells(3), beam=8, epochs=40, candidates=2000)
    assert sum(strategy.plan) == 136 + 16
    archs = drive(strategy, 136 + 16 + 8, quality(0), batch)
    assert [arch["blocks"] for arch in archs] == [1] * 136 + [2] * 8 + [3] * 16, "and more of the last level after that"
    assert len({strategy.space.canonical(arch) for arch in archs}) == len(archs)
    parents = {tuple(v for n, v in arch.items() if n != "blocks") for arch in archs[136:144]}
    assert all(tuple(arch[n] for n in archs[136] if n != "blocks") in parents for arch in archs[144:])


@pytest.mark.slow
def test_the_whole_budget_of_the_paper() -> None:
    strategy = ProgressiveNAS(cells(5), beam=256)
    archs = drive(strategy, 1160, quality(0), 8)
    assert [sum(arch["blocks"] == b for arch in archs) for b in range(1, 6)] == [136, 256, 256, 256, 256]


# surrogate ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mlp", "lstm"])
def test_surrogate_begins_at_the_mean_and_takes_any_number_of_blocks(kind: str) -> None:
    space = cells(3)
    growth = Growth(space, depth="blocks", groups=3)
    model = Surrogate(growth.words, growth.slots, kind=kind, embedding=100)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(60)]
    start = model.predict(growth.tokens(archs))
    assert start == pytest.approx(np.full(60, 0.858), abs=0.02)
    first = [arch for arch in archs if arch["blocks"] == 1]
    model.fit(growth.tokens(first), np.linspace(0.2, 0.9, len(first)), lr=0.01, epochs=20)
    learnt = model.predict(growth.tokens(archs))
    assert learnt.shape == (60,)
    assert np.ptp(learnt) > 0.02


def test_words_are_shared_between_blocks() -> None:
    growth = Growth(cells(3), depth="blocks", groups=3)
    arch = cells(3).arch({"blocks": 2, **{f"block{b}.{n}": v for b in (1, 2) for n, v in
                          (("in1", -1), ("op1", "sep3"), ("in2", -2), ("op2", "max3"))}})  # fmt: skip
    tokens = growth.tokens([arch])[0]
    assert tokens.shape == (3, 4)
    assert tokens[0].tolist() == tokens[1].tolist()
    assert tokens[2].tolist() == [0, 0, 0, 0]
    assert growth.words == 1 + 4 + 8  # nothing; -1, -2 and two blocks; operations


def test_extrapolates_to_cells_one_block_larger() -> None:
    growth, value, rng = Growth(cells(2), depth="blocks", groups=3), quality(1), np.random.default_rng(0)
    first = growth.grown([{}], 0, None, rng)
    second = growth.grown(first, 1, 4000, rng)
    targets = np.array([value(arch) for arch in first])
    model = Surrogate(growth.words, growth.slots, kind="mlp")
    model.fit(growth.tokens(first), targets, lr=0.01, epochs=200)
    truth, predicted = np.array([value(arch) for arch in second]), model.predict(growth.tokens(second))
    some = rng.permutation(len(second))[:500]
    assert spearmanr(truth[some], predicted[some]).statistic > 0.8
    top = np.argsort(-predicted)[:16]
    assert truth[top].mean() - truth[some[:16]].mean() > 2 * truth.std() * 0.8  # 2 deviations of the whole, less noise


def test_progressive_beats_random_at_equal_number() -> None:
    operations, wins = OPERATIONS[:4], 0
    for seed in range(10):
        value = quality(seed, operations, interaction=0.04)
        found = []
        for name, settings in (("pnas", {"beam": 16, "epochs": 60, "candidates": 600}), ("random", {})):
            strategy = build(name, cells(3, operations), seed=seed, **settings)  # type: ignore[arg-type]
            found.append(max(map(value, drive(strategy, 68, value, 4))))  # type: ignore[arg-type]
        wins += found[0] >= found[1]
    assert wins >= 8


def test_failures_and_broken_limits_have_the_lowest_target(flat: Space) -> None:
    strategy = ProgressiveNAS(flat, limits={"params": 10}, levels=2)
    for number, (accuracy, params) in enumerate([(50.0, 5.0), (70.0, 5.0), (99.0, 50.0)]):
        arch = flat.sample(np.random.default_rng(number))
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": accuracy, "params": params}))
    strategy.tell(Trial(number=3, arch=flat.sample(np.random.default_rng(3)), state="failed"))
    targets = strategy._targets(4)
    assert targets[1] > targets[0] > targets[2] == targets[3] > 0
    assert targets[1] < 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam": 0}, "beam, first, candidates and epochs must be at least 1"),
        ({"lr": 0}, "lr and later_lr must be above 0"),
        ({"levels": 0}, "levels must be at least 1"),
        ({"depth": "x0"}, "depth must name an unconditional Ordinal, got 'x0'"),
        ({"depth": "blocks"}, "no variable 'blocks'"),
        ({"surrogate": "svm"}, "surrogate must be one of mlp, lstm"),
        ({"members": 0}, "members, embedding and hidden"),
    ],
)
def test_settings_out_of_range(flat: Space, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ProgressiveNAS(flat, **settings)  # type: ignore[arg-type]
