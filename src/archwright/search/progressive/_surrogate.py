"""The predictor of progressive search. Legend: M members, N architectures, B blocks, S slots of each, D embedding."""

from __future__ import annotations

from typing import Literal, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.predict._networks import Layer

Kind = Literal["mlp", "lstm"]
START = 1.8  # bias of the output: sigmoid 0.858
_CHUNK = 4096


@final
class Surrogate:
    """Ensemble that predicts a value in (0, 1) from the words of an architecture, of any number of blocks.

    Liu et al. (2018), "Progressive Neural Architecture Search", section 3.4: `"mlp"` embeds the words of a block, puts
    them side by side, takes the mean over the blocks, then one hidden layer; `"lstm"` reads all words in order. Sigmoid
    output that begins at 0.858, L1 loss, Adam. Each member learns from a random 4/5 of the examples.

    Args:
        words: of the vocabulary; word 0 is nothing.
        slots: S, words of a block.
        kind: `"mlp"` or `"lstm"`.
        members: M, at least 1.
        embedding: D.
        hidden: units of the hidden layer, or of the LSTM.
        seed: of weights and of the parts.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        words: int,
        slots: int,
        *,
        kind: Kind,
        members: int = 5,
        embedding: int = 32,
        hidden: int = 100,
        seed: int = 0,
    ) -> None:
        if kind not in get_args(Kind):
            raise UserError(f"surrogate must be one of {', '.join(get_args(Kind))}, got {kind!r}")
        if min(members, embedding, hidden) < 1:
            raise UserError(f"members, embedding and hidden must be at least 1: {members}, {embedding}, {hidden}")
        self.members = members
        self._rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = _Blocks if kind == "mlp" else _Sequence
            self._net: nn.Module = made(members, words, slots, embedding, hidden)

    def fit(self, tokens: NDArray[np.int64], targets: NDArray[np.float64], *, lr: float, epochs: int) -> None:
        """Go on learning: `epochs` steps of Adam on all examples.

        Args:
            tokens: (N, B, S).
            targets: (N,), in (0, 1).
            lr: learning rate.
            epochs: steps.
        """
        x, y = torch.as_tensor(tokens), torch.as_tensor(targets, dtype=torch.float32)
        parts = np.stack([self._rng.permutation(len(y)) < max(1, round(0.8 * len(y))) for _ in range(self.members)])
        part = torch.as_tensor(parts, dtype=torch.float32)
        optimizer = torch.optim.Adam(self._net.parameters(), lr=lr)
        with torch.enable_grad():
            for _ in range(epochs):
                loss = (part * (self._net(x) - y).abs()).sum(1) / part.sum(1)
                optimizer.zero_grad()
                torch.autograd.backward(loss.sum())
                optimizer.step()

    @torch.no_grad()
    def predict(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Mean over the members, (N,)."""
        x = torch.as_tensor(tokens)
        parts = [self._net(x[at : at + _CHUNK]).mean(0) for at in range(0, len(x), _CHUNK)]
        return torch.cat(parts).double().numpy() if len(x) else np.zeros(0)


class _Output(nn.Module):
    """(M, N, H) to (M, N) in (0, 1)."""

    def __init__(self, members: int, hidden: int) -> None:
        super().__init__()
        self.layer = Layer(members, hidden, 1)
        with torch.no_grad():
            self.layer.weight.mul_(0.1)
            self.layer.bias.fill_(START)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(x)[..., 0])


class _Blocks(nn.Module):
    def __init__(self, members: int, words: int, slots: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(members, words, embedding).uniform_(-0.1, 0.1))
        self.layer = Layer(members, slots * embedding, hidden)
        self.output = _Output(members, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        present = (tokens > 0).float()  # (N, B, S)
        x = self.embedding[:, tokens] * present[..., None]  # (M, N, B, S, D)
        blocks = present.amax(2).sum(1).clamp(min=1)
        x = x.flatten(3).sum(2) / blocks[:, None]
        return self.output(torch.relu(self.layer(x)))


class _Sequence(nn.Module):
    def __init__(self, members: int, words: int, slots: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(members, words, embedding).uniform_(-0.1, 0.1))
        self.hidden = hidden
        self.cells = nn.ModuleList(nn.LSTMCell(embedding, hidden) for _ in range(members))
        self.output = _Output(members, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        words = tokens.flatten(1)
        ends = []
        for member, cell in enumerate(self.cells):
            h = c = torch.zeros(len(words), self.hidden)
            for word in words.T:
                there = (word > 0)[:, None]
                new_h, new_c = cell(self.embedding[member, word], (h, c))
                h, c = torch.where(there, new_h, h), torch.where(there, new_c, c)
            ends.append(h)
        return self.output(torch.stack(ends))
