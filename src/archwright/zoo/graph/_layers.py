"""The seven graph layers of NAS-Bench-Graph and one more, each as the PyTorch Geometric layer of its name.

Parameters have the names and shapes of PyG, so that a state dict fits both. Here features are multiplied by the weight
before they are summed over neighbours: the same number for less work, above all for wide sparse features.

N nodes, I input features, D output features, H heads of C = D / H features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.zoo.graph._neighbours import Kind, Neighbours


class GraphLayer(nn.Module):
    """A layer bound to a graph.

    Args:
        inputs: I.
        outputs: D.
        neighbours: of the graph.
    """

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__()
        self.inputs, self.outputs, self.neighbours = inputs, outputs, neighbours

    def total(self, kind: Kind, h: Tensor) -> Tensor:
        """Weighted sum over neighbours of dense h (N, D)."""
        return torch.sparse.mm(self.neighbours.matrix(kind, h), h)

    def extra_repr(self) -> str:
        return f"{self.inputs}, {self.outputs}"


class GCN(GraphLayer):
    """Graph convolution, D^-1/2 (A + I) D^-1/2 X W + b (Kipf and Welling 2017); PyG `GCNConv`."""

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.lin = _glorot_linear(inputs, outputs)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def reset_parameters(self) -> None:
        _glorot(self.lin.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.total("gcn", times(x, self.lin.weight)) + self.bias


class GAT(GraphLayer):
    """Graph attention with heads concatenated, or averaged (Velickovic et al. 2018); PyG `GATConv`.

    Args:
        heads: H; D must be a multiple of it if they are concatenated.
        average: whether heads have D features each and are averaged.
    """

    heads: int

    def __init__(
        self, inputs: int, outputs: int, neighbours: Neighbours, heads: int = 2, *, average: bool = False
    ) -> None:
        super().__init__(inputs, outputs, neighbours)
        if outputs % heads and not average:
            raise UserError(f"{outputs} features cannot be divided among {heads} heads")
        self.heads, self.average = heads, average
        features = outputs if average else outputs // heads
        self.lin = _glorot_linear(inputs, heads * features)
        self.att_src = nn.Parameter(torch.empty(1, heads, features))
        self.att_dst = nn.Parameter(torch.empty(1, heads, features))
        self.bias = nn.Parameter(torch.zeros(outputs))
        _glorot(self.att_src, self.att_dst)

    def reset_parameters(self) -> None:
        _glorot(self.lin.weight, self.att_src, self.att_dst)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        h_NHC = times(x, self.lin.weight).view(-1, *self.att_src.shape[1:])
        source, target = self.neighbours.with_loops(h_NHC.device)
        sent, received = (h_NHC * self.att_src).sum(-1), (h_NHC * self.att_dst).sum(-1)
        score_EH = F.leaky_relu(sent[source] + received[target], 0.2)
        weight_EH = softmax_over_sources(score_EH, target, len(h_NHC))
        starts = self.neighbours.starts(h_NHC.device)
        heads = [
            F.embedding_bag(source, h_NC, starts, mode="sum", per_sample_weights=weight_E)
            for h_NC, weight_E in zip(h_NHC.unbind(1), weight_EH.t().contiguous())
        ]
        return (torch.stack(heads).mean(0) if self.average else torch.cat(heads, 1)) + self.bias


class GIN(GraphLayer):
    """Graph isomorphism layer with one linear map, (A + I) X W + b (Xu et al. 2019); PyG `GINConv(nn.Linear)`."""

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.nn = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = times(x, self.nn.weight)
        return self.total("sum", h) + h + self.nn.bias


class Cheb(GraphLayer):
    """Chebyshev filter of K = 2 terms, X W0 - D^-1/2 A D^-1/2 X W1 + b (Defferrard et al. 2016); PyG `ChebConv`."""

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.lins = nn.ModuleList([_glorot_linear(inputs, outputs), _glorot_linear(inputs, outputs)])
        self.bias = nn.Parameter(torch.zeros(outputs))

    def reset_parameters(self) -> None:
        _glorot(*self.lins.parameters())
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        kept, sent = times2(x, *(weight for weight in self.lins.parameters()))
        return kept - self.total("symmetric", sent) + self.bias


class SAGE(GraphLayer):
    """GraphSAGE with the mean, D^-1 A X W1 + b + X W2 (Hamilton et al. 2017); PyG `SAGEConv`."""

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.lin_l = nn.Linear(inputs, outputs)
        self.lin_r = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        sent, kept = times2(x, self.lin_l.weight, self.lin_r.weight)
        return self.total("mean", sent) + self.lin_l.bias + kept


class ARMA(GraphLayer):
    """ARMA filter, one stack and layer, ReLU(D^-1/2 A D^-1/2 X W + X V + b) (Bianchi et al. 2021); PyG `ARMAConv`.

    PyG also keeps a D x D `weight` for deeper stacks, which is not used; it is here for the published parameter counts.
    """

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.weight = nn.Parameter(torch.empty(1, 1, outputs, outputs))
        self.init_weight = nn.Parameter(torch.empty(1, inputs, outputs))
        self.root_weight = nn.Parameter(torch.empty(1, 1, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(1, 1, 1, outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _glorot(*(weight.view(weight.shape[-2:]) for weight in (self.weight, self.init_weight, self.root_weight)))
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        sent, kept = times2(x, self.init_weight[0].t(), self.root_weight[0, 0].t())
        return F.relu(self.total("symmetric", sent) + kept + self.bias.flatten())


class KGNN(GraphLayer):
    """k-GNN layer, A X W1 + b + X W2 (Morris et al. 2019); PyG `GraphConv`."""

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.lin_rel = nn.Linear(inputs, outputs)
        self.lin_root = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        sent, kept = times2(x, self.lin_rel.weight, self.lin_root.weight)
        return self.total("sum", sent) + self.lin_rel.bias + kept


class SG(GraphLayer):
    """Simplified graph convolution of one hop, D^-1/2 (A + I) D^-1/2 X W + b (Wu et al. 2019); PyG `SGConv`.

    The function of `GCN`; other initial weights.
    """

    def __init__(self, inputs: int, outputs: int, neighbours: Neighbours) -> None:
        super().__init__(inputs, outputs, neighbours)
        self.lin = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.total("gcn", times(x, self.lin.weight)) + self.lin.bias


class FullyConnected(nn.Linear):
    """A linear layer that takes sparse features too."""

    def forward(self, x: Tensor) -> Tensor:
        out = times(x, self.weight)
        return out if self.bias is None else out + self.bias


class Dropout(nn.Module):
    """Dropout of dense features, or of the stored values of sparse (CSR) ones.

    Args:
        p: share that is dropped.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if x.layout == torch.strided or not (self.training and self.p):
            return F.dropout(x, self.p, self.training)
        kept = F.dropout(x.values(), self.p, True)
        return torch.sparse_csr_tensor(x.crow_indices(), x.col_indices(), kept, x.shape, check_invariants=False)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def times(x: Tensor, weight: Tensor) -> Tensor:
    """x (N, I), dense or CSR, times weight (D, I) transposed: (N, D)."""
    return x @ weight.t()


def times2(x: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """`times` with two weights of one shape in one product."""
    a, b = times(x, torch.cat([first, second])).chunk(2, 1)
    return a, b


def softmax_over_sources(score_EH: Tensor, target: Tensor, nodes: int) -> Tensor:
    """Softmax of (E, H) over the edges that share a target."""
    index = target[:, None].expand_as(score_EH)
    top = (
        score_EH.detach()
        .new_full((nodes, score_EH.shape[1]), -torch.inf)
        .scatter_reduce(0, index, score_EH.detach(), "amax")
    )
    weight = (score_EH - top[target]).exp()
    return weight / torch.zeros_like(top).index_add(0, target, weight)[target]


def _glorot(*weights: Tensor) -> None:
    for weight in weights:
        nn.init.xavier_uniform_(weight)


def _glorot_linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.xavier_uniform_(linear.weight)
    return linear
