"""`CurveTransformer`: from observed points of a curve to the density of its value elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_OCTAVES = 8


class CurveTransformer(nn.Module):
    """A transformer over points of a learning curve (Adriaensen, Rakotoarison, Müller, Hutter, NeurIPS 2023, sec. 3).

    A token is a point. All tokens attend to the observed points and to nothing else, so that a query sees neither other
    queries nor itself; there is no positional encoding, the epoch is a feature. Layers normalise before they act.

    Args:
        bins: of the density.
        layers, width, heads: of the transformer; the authors have 12, 512, 4.
    """

    def __init__(self, bins: int, *, layers: int = 3, width: int = 128, heads: int = 4) -> None:
        super().__init__()
        self.epoch = nn.Linear(2, width)
        self.value = nn.Linear(1 + 2 * _OCTAVES, width)
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, bins)
        )

    def forward(self, x: Tensor, y: Tensor, query: Tensor) -> Tensor:
        """Logits of the bins.

        Args:
            x: epochs of the observed points, above 0, shape (B, m).
            y: their values, shape (B, m).
            query: epochs that are asked, above 0, shape (B, q).

        Returns:
            Shape (B, q, bins).
        """
        seen = x.shape[1]
        tokens = self.epoch(_epochs(torch.cat([x, query], dim=1)))
        tokens = torch.cat([tokens[:, :seen] + self.value(_waves(y)), tokens[:, seen:]], dim=1)
        for layer in self.layers[:-1]:
            tokens = layer(tokens, tokens[:, :seen])
        return self.head(self.layers[-1](tokens[:, seen:], tokens[:, :seen]))


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.before_attention, self.before_mixing = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asks, self.tells = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.joins = nn.Linear(width, width)
        self.mixing = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        for last in (self.joins, self.mixing[-1]):
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """Tokens of shape (B, n, width) after they attended to those of the context, shape (B, m, width)."""
        asks = self.asks(self.before_attention(tokens))
        keys, values = self.tells(self.before_attention(context)).chunk(2, dim=-1)
        q, k, v = (t.unflatten(-1, (self._heads, -1)).transpose(1, 2) for t in (asks, keys, values))
        tokens = tokens + self.joins(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return tokens + self.mixing(self.before_mixing(tokens))


def _epochs(x: Tensor) -> Tensor:
    """x and ln x, both about in [-1, 1] for epochs 1 to 100, shape (..., 2)."""
    return torch.stack([x / 50 - 1, x.log() / 2.3 - 1], dim=-1)


def _waves(y: Tensor) -> Tensor:
    """A value and its sines and cosines with periods 1, 1/2, 1/4, ..., shape (..., 1 + 2 octaves).

    Their average over points is a characteristic function, which the head turns into a density finer than a linear
    embedding of the value could.
    """
    angles = 2 * torch.pi * y[..., None] * 2.0 ** torch.arange(_OCTAVES, device=y.device, dtype=y.dtype)
    return torch.cat([2 * y[..., None] - 1, angles.sin(), angles.cos()], dim=-1)
