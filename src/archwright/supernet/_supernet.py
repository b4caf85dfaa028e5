"""`Supernet`: one forward for concrete, relaxed and mixed architectures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archwright.errors import UserError, nearest
from archwright.space import Arch, Finite, Space
from archwright.supernet._discover import discover
from archwright.supernet._searchable import Searchable
from archwright.supernet._selection import Decision, Paths, selected
from archwright.supernet._slice import flattened, sliced


class Supernet(nn.Module):
    """A network with searchable layers inside, and its space.

    `net(x, arch)` runs the architecture `arch`, a mapping from variable to either one of its options (that path alone
    runs) or a weight tensor over its options (the mixture runs; elastic layers superpose weight slices and call once).
    Both kinds may be mixed. The call leaves no state behind and is safe in several threads at once.

    Args:
        module: any `nn.Module` that contains `OneOf`, `Elastic...`, `Depth` or `Cell` layers; its own `forward` stays
            as it is.
        name: of the space, for reports.
        input_shape: shape of one input without the batch axis, (C, H, W) or (F,), if known; cost models use it.
        where, canonical, graph: passed to the `Space`.

    Raises:
        UserError: nothing searchable inside, or conflicting decisions of one name.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str = "",
        input_shape: Sequence[int] | None = None,
        where: Callable[..., bool] | Sequence[Callable[..., bool]] = (),
        canonical: Callable[[Arch], Arch] | None = None,
        graph: Callable[[Arch], Any] | None = None,
    ) -> None:
        super().__init__()
        self.module = module
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.space: Space = discover(module, name=name, where=where, canonical=canonical, graph=graph)
        self._variables = {v.name: v for v in self.space.variables if isinstance(v, Finite)}

    def forward(self, x: Tensor, arch: Mapping[str, Any]) -> Tensor:
        """Run `arch` on a batch.

        Args:
            x: (N, ...) batch in the network's input format.
            arch: option, weights (options,) or `Paths` for every variable the path needs. Weights may be tensors,
                arrays or lists.

        Raises:
            UserError: unknown variable, value that is no option, weights of the wrong length, a needed variable left
                open.
        """
        with selected({name: self._decision(name, value, x) for name, value in arch.items()}):
            return self.module(x)

    def _decision(self, name: str, value: Any, x: Tensor) -> Decision:
        variable = self._variables.get(name)
        if variable is None:
            raise UserError(
                f"the architecture names {name!r}, which this network does not have{nearest(name, self._variables)}"
            )
        if isinstance(value, Paths):
            if not value.indices or not all(0 <= i < variable.count for i in value.indices):
                raise UserError(f"paths of {name!r} are positions from 0 to {variable.count - 1}, got {value.indices}")
            return (
                value
                if value.weights.device == x.device
                else dataclasses.replace(value, weights=value.weights.to(x.device))
            )
        if not isinstance(value, Tensor | np.ndarray | list | tuple):
            return variable.check(value)
        dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
        weights = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=dtype)
        if weights.shape != (variable.count,):
            raise UserError(f"weights of {name!r} must have shape ({variable.count},), got {tuple(weights.shape)}")
        return weights.to(x.device)

    def slice(self, arch: Mapping[str, Any], *, fresh: bool = False) -> nn.Module:
        """A plain copy cut to `arch`, still in the container classes of the network: what scoring and calibration use.

        Args:
            arch: a member of the space.
            fresh: draw new initial weights instead of inheriting.

        Raises:
            UserError: `arch` is not in the space.
        """
        return self._cut(arch, fresh=fresh)

    def _cut(self, arch: Mapping[str, Any], *, fresh: bool) -> nn.Module:
        with selected(self.space.arch(arch)):
            return sliced(self.module, fresh=fresh)

    def extract(self, arch: Mapping[str, Any], *, fresh: bool = False) -> nn.Module:
        """An ordinary network of `torch.nn` layers with the weights of `arch`, no trace of the search left.

        It runs, compiles, exports and pickles like a hand-written one and its output equals `net.eval()(x, arch)`. If
        the network's own forward cannot be traced by `torch.fx`, or does something else in train than in eval mode (as
        `F.dropout(x, training=self.training)` does; `nn.Dropout` is fine), the copy keeps its container classes.

        Args:
            arch: a member of the space.
            fresh: draw new initial weights instead of inheriting.

        Raises:
            UserError: `arch` is not in the space, or searchable layers remain in an untraceable network.
        """
        plain = self._cut(arch, fresh=fresh)
        try:
            return flattened(plain)
        except Exception as error:  # torch.fx raises many types for control flow it cannot follow
            own = {type(m).__name__ for m in plain.modules() if type(m).__module__.startswith("archwright.")}
            if own:
                raise UserError(
                    f"the network cannot be traced by torch.fx ({error}) and so keeps {sorted(own)}; "
                    "avoid control flow that depends on data or on the mode"
                ) from error
            return plain

    def searchable(self) -> list[Searchable]:
        """Every searchable layer, in module order."""
        return [m for m in self.modules() if isinstance(m, Searchable)]
