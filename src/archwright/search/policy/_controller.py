"""The network that writes architectures, token by token. Legend: B architectures, T variables, H hidden units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor, nn

from archwright.errors import Infeasible, UserError, nearest
from archwright.search.policy._grammar import ABSENT, Grammar
from archwright.space import Arch, Space

_TRIES = 100
_AT_ONCE = 16


class Likelihood(NamedTuple):
    """Of B architectures under a policy, in nats.

    Args:
        log_probability: (B,), the sum over their active variables.
        entropy: (B,), the sum of the entropies of the choices they have met; its mean over architectures drawn from
            the policy is an unbiased estimate of the entropy of the policy.
    """

    log_probability: Tensor
    entropy: Tensor


@final
class Controller(nn.Module):
    """LSTM policy over the architectures of any space, autoregressive over the active variables.

    Zoph and Le (2017), "Neural Architecture Search with Reinforcement Learning"; Zoph, Vasudevan, Shlens and Le (2018),
    "Learning Transferable Architectures for Scalable Image Recognition". Each variable has a softmax of its own; the
    input of a step is the embedding of the last decision plus that of the variable to decide. Variables that are not
    active are passed over. A `Real` is drawn from one of `parts` equal parts of its (log) range, uniform within it.

    A skip connection is decided by attention to anchor points: the state of the controller after the layer it leaves
    (h_j) and after the layer it enters (h_i). It is present with probability sigmoid(v' tanh(W_prev h_j + W_curr h_i)),
    on its own; the state of the controller does not move. Absent ones count in the likelihood as much as present ones.

    Args:
        space: what is written.
        hidden: H.
        layers: of the LSTM.
        parts: softmax of a `Real`.
        skips: variable of two options, the second of which is the connection, to the variables after which its anchor
            points are: `{"skip13": ("filters1", "filters3")}`, the earlier layer first.
        spread: weights are drawn from U(-spread, spread).
        seed: of the weights.

    Raises:
        UserError: a setting out of range, or skips that do not fit the space.
    """

    def __init__(
        self,
        space: Space,
        *,
        hidden: int = 64,
        layers: int = 1,
        parts: int = 10,
        skips: Mapping[str, Sequence[str]] | None = None,
        spread: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if hidden < 1 or layers < 1:
            raise UserError(f"hidden and layers must be at least 1, got {hidden} and {layers}")
        self.grammar = Grammar(space, parts)
        self.skips = self._columns(skips or {})
        self._first = [0, *np.cumsum(self.grammar.counts).tolist()]
        steps, total = len(self.grammar.names), self._first[-1]
        with torch.random.fork_rng(devices=[]):
            self.variable = nn.Embedding(steps, hidden)
            self.token = nn.Embedding(total + 1, hidden)  # the last one: nothing decided yet
            self.cells = nn.ModuleList(nn.LSTMCell(hidden, hidden) for _ in range(layers))
            self.heads = nn.Linear(hidden, total)
            self.previous = nn.Linear(hidden, hidden, bias=False)
            self.current = nn.Linear(hidden, hidden, bias=False)
            self.attention = nn.Linear(hidden, 1, bias=False)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-spread, spread, generator=generator)

    def _columns(self, skips: Mapping[str, Sequence[str]]) -> dict[int, tuple[int, int]]:
        """Column of a skip connection to the columns of its anchor points."""
        column = {name: i for i, name in enumerate(self.grammar.names)}
        found = {}
        for name, anchors in skips.items():
            for word in (name, *anchors):
                if word not in column:
                    raise UserError(f"skips: this space has no variable {word!r}{nearest(word, column)}")
            if len(anchors) != 2 or self.grammar.counts[column[name]] != 2:
                raise UserError(f"skips: {name!r} needs two options and two anchors, got {list(anchors)}")
            earlier, later = (column[anchor] for anchor in anchors)
            if not earlier < later < column[name] or {*anchors} & skips.keys():
                raise UserError(
                    f"skips: the anchors of {name!r} must be decided in order before it, got {list(anchors)}"
                )
            found[column[name]] = (earlier, later)
        return found

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, count: int) -> list[Arch]:
        """Architectures drawn from the policy; those that constraints refuse are left out of the `count`."""
        rows: list[dict[str, Any]] = [{} for _ in range(count)]
        walk = _Walk(self, count)
        for column, name in enumerate(self.grammar.names):
            tokens = np.full(count, ABSENT)
            active = np.array([self.grammar.active(name, values) for values in rows])
            if active.any():
                odds = walk.logits(column, torch.as_tensor(active)).double().softmax(1).cumsum(1).numpy()
                drawn = (odds <= rng.random((count, 1))).sum(1).clip(max=odds.shape[1] - 1)
                tokens = np.where(active, drawn, ABSENT)
                for at in np.flatnonzero(active).tolist():
                    rows[at][name] = self.grammar.value(column, int(tokens[at]), rng)
            walk.decide(column, torch.as_tensor(tokens))
        space = self.grammar.space
        archs = (Arch({name: values[name] for name in space.names if name in values}) for values in rows)
        return [arch for arch in archs if arch in space]

    def sample(self, rng: np.random.Generator) -> Iterator[Arch]:
        """Architectures drawn from the policy, one after the other, as many as are asked for.

        Raises:
            Infeasible: constraints refused 100 in turn.
        """
        refused, count = 0, 1
        while refused < _TRIES:
            drawn = self.draw(rng, count)
            yield from drawn
            refused = 0 if drawn else refused + count
            count = _AT_ONCE
        raise Infeasible(f"constraints refused {refused} architectures of the controller")

    def likelihood(self, archs: Sequence[Arch]) -> Likelihood:
        """Log-probability and entropy of architectures, with gradient; constraints are not accounted for."""
        tokens = torch.tensor([self.grammar.tokens(arch) for arch in archs])
        total = entropy = torch.zeros(len(archs))
        walk = _Walk(self, len(archs))
        for column in range(tokens.shape[1]):
            chosen = tokens[:, column]
            active = chosen != ABSENT
            log = walk.logits(column, active).log_softmax(1)
            taken = log.gather(1, chosen.clamp(min=0)[:, None])[:, 0]
            total = total + torch.where(active, taken, 0.0)
            entropy = entropy + torch.where(active, -(log.exp() * log).sum(1), 0.0)
            walk.decide(column, chosen)
        return Likelihood(total, entropy)


class _Walk:
    """Decides variables in order for B architectures at once.

    Args:
        controller: of the decisions.
        batch: B.
    """

    def __init__(self, controller: Controller, batch: int) -> None:
        self._controller = controller
        hidden = controller.heads.in_features
        zero = torch.zeros(batch, hidden)
        self._states = [(zero, zero) for _ in controller.cells]
        self._last = torch.full((batch,), controller.heads.out_features)
        self._anchors: dict[int, Tensor] = {}
        self._wanted = {column for pair in controller.skips.values() for column in pair}

    def logits(self, column: int, active: Tensor | None = None) -> Tensor:
        """(B, options) of a variable; where it is not active (B,), the state stays."""
        c = self._controller
        if column in c.skips:
            return self._skip(*c.skips[column])
        x = c.token(self._last) + c.variable.weight[column]
        for i, cell in enumerate(c.cells):
            new = cell(x, self._states[i])
            if active is not None:
                new = tuple(torch.where(active[:, None], n, o) for n, o in zip(new, self._states[i]))
            self._states[i] = new
            x = new[0]
        first, end = c._first[column], c._first[column + 1]
        return nn.functional.linear(x, c.heads.weight[first:end], c.heads.bias[first:end])

    def _skip(self, earlier: int, later: int) -> Tensor:
        """Logits (0, s) of absent and present: softmax of the two is sigmoid(s)."""
        c = self._controller
        present = c.attention(torch.tanh(c.previous(self._anchors[earlier]) + c.current(self._anchors[later])))
        return torch.cat((torch.zeros_like(present), present), 1)

    def decide(self, column: int, tokens: Tensor) -> None:
        """Take note of the tokens (B,), `ABSENT` where the variable is not active."""
        if column not in self._controller.skips:
            self._last = torch.where(tokens == ABSENT, self._last, tokens + self._controller._first[column])
        if column in self._wanted:
            self._anchors[column] = self._states[-1][0]
