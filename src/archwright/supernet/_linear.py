"""`ElasticLinear`."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from archwright.supernet._dimension import Dimension, Size
from archwright.supernet._plain import assign, corner, require_concrete
from archwright.supernet._searchable import Searchable, Variable


class ElasticLinear(Searchable):
    """A linear layer whose numbers of inputs and outputs are decided by the architecture.

    Weights are shared by slicing: the first `out` rows and `in` columns of the largest matrix. Relaxed sizes superpose
    the zero-padded slices, so one product serves any mixture (TangleNAS, Sukthanker et al. 2023).

    Args:
        in_features: size of the last axis of the input (..., in): an int, an `Ordinal` or a `Product`.
        out_features: the same for the output (..., out).
        bias: whether to add a bias.
    """

    _in_steps: Tensor
    _out_steps: Tensor

    def __init__(self, in_features: Size, out_features: Size, *, bias: bool = True) -> None:
        super().__init__()
        self._in, self._out = Dimension(in_features), Dimension(out_features)
        largest = nn.Linear(self._in.maximum, self._out.maximum, bias=bias)
        self.weight, self.bias = largest.weight, largest.bias
        self.register_buffer("_in_steps", self._in.steps(), persistent=False)
        self.register_buffer("_out_steps", self._out.steps(), persistent=False)

    def variables(self) -> tuple[Variable, ...]:
        return (*self._in.variables, *self._out.variables)

    def _effective(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of the one product that the selection amounts to."""
        out, inputs, bias = self._out.resolve(), self._in.resolve(), self.bias
        rows = self._out.maximum if isinstance(out, Tensor) else out
        columns = self._in.maximum if isinstance(inputs, Tensor) else inputs
        weight, shift = corner(self.weight, rows, columns), None if bias is None else corner(bias, rows)
        if isinstance(out, Tensor):
            mask = out.to(weight.dtype) @ self._out_steps
            weight, shift = weight * mask[:, None], None if shift is None else shift * mask
        if isinstance(inputs, Tensor):
            weight = weight * (inputs.to(weight.dtype) @ self._in_steps)
        return weight, shift

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, *self._effective())

    def plain(self) -> nn.Linear:
        require_concrete(self)
        weight, bias = self._effective()
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        assign(layer, weight=weight, bias=bias)
        return layer

    def extra_repr(self) -> str:
        return f"in_features<={self._in.maximum}, out_features<={self._out.maximum}, bias={self.bias is not None}"
