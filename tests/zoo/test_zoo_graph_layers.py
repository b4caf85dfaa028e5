"""Graph layers against dense formulas and against PyTorch Geometric."""

from __future__ import annotations

import importlib.util
import pickle
import sys

import pytest
import torch
from torch import Tensor, nn

from archwright import cost
from archwright.data.graphs._graph import sparse_rows
from archwright.errors import UserError
from archwright.zoo.graph import ARMA, GAT, GCN, GIN, KGNN, SAGE, SG, Cheb, Dropout, GraphNetwork, Neighbours, to_pyg

PATH = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
LAYERS = [ARMA, GAT, GCN, GIN, KGNN, SAGE, SG, Cheb]
pyg = pytest.mark.skipif(
    importlib.util.find_spec("torch_geometric") is None, reason="PyTorch Geometric is not installed"
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def adjacency(loops: bool = False) -> Tensor:
    dense = torch.zeros(4, 4)
    dense[PATH[1], PATH[0]] = 1.0
    return dense + torch.eye(4) if loops else dense


def symmetric(a: Tensor) -> Tensor:
    scale = a.sum(1).rsqrt()
    return scale[:, None] * a * scale


def by_hand(layer: nn.Module, x: Tensor) -> Tensor:
    """The formula of a layer in dense matrices."""
    a = adjacency()
    match layer:
        case GCN():
            return symmetric(adjacency(True)) @ x @ layer.lin.weight.t() + layer.bias
        case SG():
            return symmetric(adjacency(True)) @ x @ layer.lin.weight.t() + layer.lin.bias
        case GIN():
            return adjacency(True) @ x @ layer.nn.weight.t() + layer.nn.bias
        case Cheb():
            return x @ layer.lins[0].weight.t() - symmetric(a) @ x @ layer.lins[1].weight.t() + layer.bias
        case SAGE():
            return (a / a.sum(1, keepdim=True)) @ x @ layer.lin_l.weight.t() + layer.lin_l.bias + layer.lin_r(x)
        case KGNN():
            return a @ x @ layer.lin_rel.weight.t() + layer.lin_rel.bias + layer.lin_root(x)
        case ARMA():
            sent, kept = x @ layer.init_weight[0], x @ layer.root_weight[0, 0]
            return torch.relu(symmetric(a) @ sent + kept + layer.bias.flatten())
        case _:
            assert isinstance(layer, GAT)
            return attended(layer, x)


def attended(layer: GAT, x: Tensor) -> Tensor:
    heads = []
    for k, h in enumerate(layer.lin(x).chunk(layer.heads, 1)):
        score = (h @ layer.att_dst[0, k])[:, None] + (h @ layer.att_src[0, k])[None]
        score = nn.functional.leaky_relu(score, 0.2).masked_fill(adjacency(True) == 0, -torch.inf)
        weight = score.softmax(1)
        torch.testing.assert_close(weight.sum(1), torch.ones(4))
        heads.append(weight @ h)
    return (sum(heads) / len(heads) if layer.average else torch.cat(heads, 1)) + layer.bias


def test_averaged_heads() -> None:
    layer, x = GAT(3, 5, Neighbours(PATH, 4), 2, average=True), torch.randn(4, 3)
    assert layer.lin.weight.shape == (10, 3)
    torch.testing.assert_close(layer(x), attended(layer, x))


@pytest.mark.parametrize("kind", LAYERS)
def test_new_weights_are_drawn_in_place(kind: type[nn.Module]) -> None:
    torch.manual_seed(1)
    layer = kind(3, 6, Neighbours(PATH, 4))
    first = [p.detach().clone() for p in layer.parameters()]
    for module in layer.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    changed = {name for (name, p), old in zip(layer.named_parameters(), first, strict=True) if not torch.equal(p, old)}
    assert {name for name, p in layer.named_parameters() if p.ndim > 1 and p.any()} <= changed


@pytest.mark.parametrize("kind", LAYERS)
def test_formula_and_gradient(kind: type[nn.Module]) -> None:
    layer, x = kind(3, 6, Neighbours(PATH, 4)), torch.randn(4, 3, requires_grad=True)
    nn.init.normal_(list(layer.parameters())[-1])
    ours, dense = layer(x), by_hand(layer, x)
    torch.testing.assert_close(ours, dense)
    weights = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), [x, *used(layer)]),
        torch.autograd.grad((dense * weights).sum(), [x, *used(layer)]),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def used(layer: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in layer.named_parameters() if not (isinstance(layer, ARMA) and name == "weight")]


@pytest.mark.parametrize("kind", LAYERS)
def test_renumbered_nodes_give_renumbered_rows(kind: type[nn.Module]) -> None:
    order = torch.tensor([2, 0, 3, 1])  # node n of the second graph is order[n] of the first
    layer, x = kind(3, 6, Neighbours(PATH, 4)), torch.randn(4, 3)
    moved = kind(3, 6, Neighbours(order.argsort()[PATH], 4))
    moved.load_state_dict(layer.state_dict())
    torch.testing.assert_close(moved(x[order]), layer(x)[order], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_node_without_neighbours(kind: type[nn.Module]) -> None:
    layer = kind(3, 6, Neighbours(PATH[:, :2], 4))
    assert torch.isfinite(layer(torch.randn(4, 3))).all()


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(UserError, match="7 features cannot be divided among 2 heads"):
        GAT(3, 7, Neighbours(PATH, 4))


def test_dropout_of_sparse_features_keeps_the_mean() -> None:
    x = sparse_rows(torch.arange(0, 2001, 40), torch.arange(40).repeat(50), torch.ones(2000), (50, 40))
    drop = Dropout(0.25)
    kept = drop(x).to_dense()
    assert kept.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.06)
    assert drop.eval()(x) is x


def network(pre: bool, post: bool) -> GraphNetwork:
    return GraphNetwork(
        (0, 0, 1, 2),
        ("gat", "gcn", "skip", "fc"),
        Neighbours(PATH, 4),
        features=3,
        classes=2,
        width=4,
        pre=pre,
        post=post,
        dropout=0.5,
    )


@pyg
@pytest.mark.parametrize("kind", [k for k in LAYERS if k is not SG])
def test_layers_of_pyg_give_the_same(kind: type[nn.Module]) -> None:
    name = {GAT: "gat", GCN: "gcn", GIN: "gin", Cheb: "cheb", SAGE: "sage", ARMA: "arma", KGNN: "graph"}[kind]
    ours = GraphNetwork(
        (0, 1, 2, 3),
        (name,) * 4,
        Neighbours(PATH, 4),
        features=3,
        classes=2,
        width=4,
        pre=False,
        post=True,
        dropout=0.5,
    ).eval()
    x = torch.randn(4, 3)
    torch.testing.assert_close(to_pyg(ours)(x, PATH), ours(x))


@pyg
@pytest.mark.parametrize(("pre", "post"), [(False, False), (True, True)])
def test_a_network_of_pyg_is_free_of_archwright(pre: bool, post: bool) -> None:
    ours = network(pre, post)
    theirs = to_pyg(ours)
    assert theirs.training
    assert not [m for m in theirs.modules() if type(m).__module__.startswith("archwright")]
    x = torch.randn(4, 3)
    loaded = pickle.loads(pickle.dumps(theirs)).eval()
    torch.testing.assert_close(loaded(x, PATH), ours.eval()(x))
    unused = 0 if pre else 2 * 8  # normalisations of nodes that read the features
    assert cost.params(theirs) == cost.params(ours) - unused


def test_without_pyg(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "torch_geometric"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_Nothing(), *sys.meta_path])
    with pytest.raises(UserError, match=r"pip install 'archwright\[graph\]'"):
        to_pyg(network(True, True))


class _Nothing:
    """Finds no PyTorch Geometric."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] == "torch_geometric":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
