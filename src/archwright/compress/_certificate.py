"""How far a pruned network can be from the network it was pruned from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from archwright.compress._any_rank import AnyRank
from archwright.compress._fold import fold
from archwright.compress._operator_norm import operator_norm
from archwright.compress._trace import LAYERS, trace
from archwright.errors import UserError

_aten = torch.ops.aten


@final
@dataclasses.dataclass(frozen=True)
class LayerBound:
    """What the pruning of one layer adds to a certificate.

    Args:
        norm: of the layer, ||W||.
        pruned: of the pruned layer, ||W'||.
        difference: ||W - W'||.
        part: of the bound that is due to this layer.
    """

    norm: float
    pruned: float
    difference: float
    part: float


@final
@dataclasses.dataclass(frozen=True)
class Certificate:
    """An upper bound of ||F(x) - f(x)|| over all inputs of norm at most `radius`.

    Args:
        radius: largest Euclidean norm of an input.
        bound: of the distance of the outputs, in the Euclidean norm.
        layers: what each layer adds, in the order they run.
    """

    radius: float
    bound: float
    layers: Mapping[str, LayerBound]


@torch.no_grad()
def certificate(module: nn.Module, pruned: nn.Module, radius: float, input_shape: Sequence[int]) -> Certificate:
    """Bound the distance of two networks that differ in their weights only, whatever the weights are and without data.

    The distances of the layers are summed from the input to the output: a layer adds ||W - W'|| times the largest
    activation of the pruned network before it, and everything after it multiplies that by its Lipschitz constant (the
    telescoping sum of Qian and Klabjan 2021, made deterministic). Without biases and with ReLUs this is
    radius * sum_k prod_(j > k) ||W_j|| ||W_k - W'_k|| prod_(j < k) ||W'_j||. Batch normalisation is folded; at a sum
    the bounds of both sides are added.

    Args:
        module: the dense network, F.
        pruned: f, of the same structure; its biases and statistics may differ too.
        radius: largest Euclidean norm of an input as the network takes it, at least 0.
        input_shape: of one sample.

    Raises:
        UserError: the networks differ in more than numbers, cannot be traced, or have an operation whose Lipschitz
            constant is not known.
    """
    if not 0 <= radius < math.inf:
        raise UserError(f"radius must be a finite number of at least 0, got {radius}")
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    example = torch.zeros(2, *input_shape, device=device)
    dense, sparse = trace(module, example), trace(pruned, example)
    fold(dense)
    fold(sparse)
    _check_structure(dense, sparse)
    walk = _Walk(dense, sparse, radius)
    walk.run(example[:1])
    end = walk.bounds[walk.last]
    layers = {name: LayerBound(*norms, end.gaps.get(name, 0.0)) for name, norms in walk.norms.items()}
    return Certificate(radius, end.gap, layers)


@torch.no_grad()
def gaps(module: nn.Module, pruned: nn.Module, inputs: Tensor, *, batch_size: int = 500) -> Tensor:
    """||F(x) - f(x)|| of every input, (N,). No certificate whose radius is the norm of the largest input is below it.

    Args:
        module, pruned: in eval mode, with outputs (N, ...).
        inputs: (N, ...).
        batch_size: inputs at once.
    """
    parts = [(module(x) - pruned(x)).flatten(1).norm(dim=1) for x in torch.split(inputs, batch_size)]
    return torch.cat(parts)


@dataclasses.dataclass(frozen=True)
class _Bound:
    """Of one tensor: the largest norm in the pruned network, and the largest distance, by the layer it is due to."""

    size: float
    gaps: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def gap(self) -> float:
        return math.fsum(self.gaps.values())

    def times(self, factor: float) -> _Bound:
        return _Bound(self.size * factor, {name: gap * factor for name, gap in self.gaps.items()})

    def plus(self, other: _Bound) -> _Bound:
        names = {**self.gaps, **other.gaps}
        added = {name: self.gaps.get(name, 0.0) + other.gaps.get(name, 0.0) for name in names}
        return _Bound(self.size + other.size, added)


class _Walk(fx.Interpreter):
    """Runs the dense network on one sample for its shapes, and bounds every tensor on the way."""

    def __init__(self, dense: fx.GraphModule, sparse: fx.GraphModule, radius: float) -> None:
        super().__init__(dense)
        self.extra_traceback = False
        self._sparse, self._radius = sparse, radius
        self.bounds: dict[fx.Node, _Bound] = {}
        self.norms: dict[str, tuple[float, float, float]] = {}
        self.last: fx.Node

    def run_node(self, n: fx.Node) -> Any:
        """The value of a node; its bound is kept."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        value = super().run_node(n)
        if n.op == "output":
            (self.last,) = n.args  # type: ignore[assignment]
            if self.last not in self.bounds:
                raise UserError(f"a certificate is for a network with one output, got {n.args[0]}")
        elif isinstance(value, Tensor):
            self.bounds[n] = self._bound(n, args, kwargs, value)
        return value

    def _bound(self, n: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any], value: Tensor) -> _Bound:
        if n.op == "placeholder":
            return _Bound(self._radius)
        if n.op == "get_attr":
            other = _attribute(self._sparse, str(n.target))
            return _Bound(float(other.double().norm()), {str(n.target): float((value - other).double().norm())})
        before = [self.bounds[a] for a in n.all_input_nodes if a in self.bounds]
        if n.op == "call_module":
            return self._layer(str(n.target), before[0], args[0], value)
        if n.target in (_aten.add.Tensor, _aten.sub.Tensor) and len(before) == len(n.args) == 2:
            return before[0].plus(before[1])
        if n.target is _aten.cat.default:
            return _concatenated(before)
        factor = _factor(n.target, args, kwargs) if len(before) == 1 else None
        if factor is None:
            raise UserError(
                f"a certificate needs Lipschitz constants, and {n.target} has none that is known; convolutions, linear "
                "layers, ReLUs, pooling, sums and batch normalisation have"
            )
        return before[0].times(factor)

    def _layer(self, name: str, before: _Bound, x: Tensor, out: Tensor) -> _Bound:
        dense, sparse = self.fetch_attr(name), self._sparse.get_submodule(name)
        if isinstance(dense, LAYERS):
            assert isinstance(sparse, LAYERS)
            weight, other = dense.weight.double(), sparse.weight.double()
            norm, pruned, apart = (operator_norm(dense, w, x.shape[1:]) for w in (weight, other, weight - other))
            offset, offset_apart = _offsets(dense.bias, sparse.bias, out)
        elif isinstance(dense, AnyRank):
            (scale, shift), (scale2, shift2) = _affine(dense), _affine(sparse)
            norm, pruned, apart = (float(s.abs().max()) for s in (scale, scale2, scale - scale2))
            offset, offset_apart = _offsets(shift, shift2, out)
        else:
            raise UserError(f"a certificate needs Lipschitz constants, and that of {name} is not known")
        self.norms[name] = (norm, pruned, apart)
        after = before.times(norm)
        own = after.gaps.get(name, 0.0) + apart * before.size + offset_apart
        return _Bound(pruned * before.size + offset, {**after.gaps, name: own})


def _offsets(bias: Tensor | None, other: Tensor | None, out: Tensor) -> tuple[float, float]:
    """Norm of the pruned layer's bias over all positions of an output, and of the difference."""
    if bias is None and other is None:
        return 0.0, 0.0
    zero = torch.zeros(())
    first, second = (zero if b is None else b.double() for b in (bias, other))
    channels = max(first.numel(), second.numel())
    positions = out.numel() / channels
    return float(second.norm()) * math.sqrt(positions), float((first - second).norm()) * math.sqrt(positions)


def _affine(norm: Any) -> tuple[Tensor, Tensor]:
    scale = 1 / (norm.running_var.double() + norm.eps).sqrt()
    scale = scale if norm.weight is None else scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    return scale, shift if norm.bias is None else shift + norm.bias.double()


def _attribute(root: nn.Module, name: str) -> Tensor:
    parent, _, last = name.rpartition(".")
    found = getattr(root.get_submodule(parent), last)
    assert isinstance(found, Tensor)
    return found


def _concatenated(parts: Sequence[_Bound]) -> _Bound:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.plus(part)
    return dataclasses.replace(whole, size=math.hypot(*[part.size for part in parts]))


def _check_structure(dense: fx.GraphModule, sparse: fx.GraphModule) -> None:
    one, two = list(dense.graph.nodes), list(sparse.graph.nodes)
    for first, second in zip(one, two):
        if _described(dense, first) != _described(sparse, second):
            raise UserError(
                f"a certificate compares networks that differ in numbers only; {first.name} of the first is "
                f"{second.name} in the second, or of another shape"
            )
    if len(one) != len(two):
        raise UserError(
            f"a certificate compares networks that differ in numbers only; they have {len(one)} and {len(two)} nodes"
        )


def _described(graph: fx.GraphModule, node: fx.Node) -> Any:
    about = node.op, str(node.target), len(node.all_input_nodes)
    if node.op == "get_attr":
        return about, _attribute(graph, str(node.target)).shape
    if node.op != "call_module":
        return about
    part = graph.get_submodule(str(node.target))
    settings = [getattr(part, name, None) for name in ("stride", "padding", "dilation", "groups")]
    return about, [p.shape for p in part.parameters()], settings


Rule = Callable[..., float | None]
"""Lipschitz constant of an operation with these arguments; it must map zero to zero."""


def _factor(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float | None:
    rule = _RULES.get(target)
    return rule(*args, **kwargs) if callable(rule) else rule


def _rearranged(operation: Any) -> Rule:
    """The root of how often an entry is repeated, counted."""

    def rule(x: Tensor, *args: Any, **kwargs: Any) -> float:
        places = torch.arange(1, x.numel() + 1, dtype=torch.float64, device=x.device).reshape(x.shape)
        counts = torch.bincount(operation(places, *args, **kwargs).flatten().long(), minlength=2)[1:]
        return math.sqrt(int(counts.max()))

    return rule


def _padded(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> float | None:
    if mode == "constant" and value:
        return None
    return _rearranged(_aten.pad.default)(x, pad, mode)


def _overlap(size: Sequence[int], stride: Sequence[int]) -> int:
    """Windows that one entry is in, at most."""
    return math.prod(-(-k // s) for k, s in zip(size, stride or size))


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value) * (2 if len(value) == 1 else 1)


def _max_pool(
    x: Tensor, size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> float:
    return math.sqrt(_overlap(_pair(size), _pair(stride) if stride else _pair(size)))


def _average_pool(
    x: Tensor,
    size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> float | None:
    size = _pair(size)
    if ceil_mode or divisor_override or (any(_pair(padding)) and not count_include_pad):
        return None
    return math.sqrt(_overlap(size, _pair(stride) if stride else size) / math.prod(size))


def _adaptive_average_pool(x: Tensor, size: Any) -> float | None:
    wanted, given = _pair(size), x.shape[-2:]
    if any(n % m for n, m in zip(given, wanted)):
        return None
    return math.sqrt(math.prod(wanted) / math.prod(given))


def _mean(x: Tensor, dims: Any, keepdim: bool = False, *, dtype: Any = None) -> float | None:
    dims = [d % x.ndim for d in (dims or range(x.ndim))]
    return None if 0 in dims else 1 / math.sqrt(math.prod(x.shape[d] for d in dims))


def _scaled(x: Tensor, factor: Any) -> float | None:
    return abs(float(factor)) if isinstance(factor, int | float) else None


def _divided(x: Tensor, divisor: Any) -> float | None:
    return 1 / abs(float(divisor)) if isinstance(divisor, int | float) and divisor else None


def _leaky(x: Tensor, slope: float = 0.01) -> float:
    return max(1.0, abs(slope))


def _elu(x: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> float:
    return abs(scale) * max(1.0, abs(alpha * input_scale))


def _hardtanh(x: Tensor, low: float = -1.0, high: float = 1.0) -> float | None:
    return 1.0 if low <= 0 <= high else None


_RULES: dict[Any, Rule | float] = {
    _aten.relu.default: 1.0,
    _aten.relu6.default: 1.0,
    _aten.tanh.default: 1.0,
    _aten.dropout.default: 1.0,
    _aten.gelu.default: 1.13,  # 1.1290
    _aten.silu.default: 1.1,  # 1.0998
    _aten.hardswish.default: 1.5,
    _aten.leaky_relu.default: _leaky,
    _aten.elu.default: _elu,
    _aten.hardtanh.default: _hardtanh,
    _aten.max_pool2d.default: _max_pool,
    _aten.avg_pool2d.default: _average_pool,
    _aten.adaptive_avg_pool2d.default: _adaptive_average_pool,
    _aten.mean.dim: _mean,
    _aten.mul.Tensor: _scaled,
    _aten.div.Tensor: _divided,
    _aten.pad.default: _padded,
    **{
        operation: _rearranged(operation)
        for operation in (
            _aten.flatten.using_ints, _aten.view.default, _aten.reshape.default, _aten.permute.default,
            _aten.transpose.int, _aten.contiguous.default, _aten.clone.default, _aten.squeeze.dims, _aten.squeeze.dim,
            _aten.unsqueeze.default, _aten.slice.Tensor, _aten.select.int, _aten.expand.default, _aten.detach.default,
            _aten.alias.default, _aten.flip.default, _aten.roll.default, _aten.channel_shuffle.default,
            _aten.pixel_shuffle.default,
        )
    },
}  # fmt: skip
