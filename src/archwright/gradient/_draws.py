"""Architectures drawn from independent categoricals, all samples and variables at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from archwright.gradient._conditional import conditional_categorical, relaxed_categorical
from archwright.gradient._score_function import Sampled

Batched = Callable[[Sequence[Tensor]], Tensor]
"""From one (samples, n_i) tensor of weights a variable to (samples,) losses."""
_NEVER = -1e9  # logit of a place that only fills up


@dataclasses.dataclass(frozen=True)
class Draws:
    """Samples of all variables, padded to the same number of options.

    Args:
        counts: options of every variable.
        theta: (samples, variables, options) logits, a leaf, so that every sample has its own gradient.
        log_p: same shape, ln of probabilities, a function of theta.
        z: same shape, relaxed variables, a function of theta.
        b: (samples, variables) positions drawn, argmax of z.
    """

    counts: tuple[int, ...]
    theta: Tensor
    log_p: Tensor
    z: Tensor
    b: Tensor

    @classmethod
    def of(cls, logits: Sequence[Tensor], samples: int, generator: torch.Generator) -> Draws:
        """Draw from softmax(logits), variable by variable."""
        counts = tuple(len(v) for v in logits)
        padded = pad_sequence([v.detach() for v in logits], batch_first=True, padding_value=_NEVER)
        theta = padded.expand(samples, *padded.shape).clone().requires_grad_()
        with torch.enable_grad():
            log_p = theta.log_softmax(-1)
            z = relaxed_categorical(log_p, _exponentials(log_p, generator))
        return cls(counts, theta, log_p, z, z.argmax(-1))

    def conditional(self, generator: torch.Generator) -> Tensor:
        """z~ given b, like z, by noise of its own."""
        return conditional_categorical(self.log_p, self.b, _exponentials(self.log_p, generator))

    @property
    def one_hot(self) -> Tensor:
        """(samples, variables, options) of zeros and ones."""
        return torch.zeros_like(self.theta, requires_grad=False).scatter(-1, self.b[..., None], 1.0)

    @property
    def score(self) -> Tensor:
        """d ln p(b) / d theta, no gradient."""
        return self.one_hot - self.log_p.detach().exp()

    @property
    def real(self) -> Tensor:
        """(variables, options) whether a place holds an option."""
        widest = torch.arange(self.theta.shape[-1], device=self.theta.device)
        return widest < torch.tensor(self.counts, device=self.theta.device)[:, None]

    def split(self, padded: Tensor) -> list[Tensor]:
        """(..., variables, options) to one (..., n_i) a variable."""
        return [padded[..., i, :n] for i, n in enumerate(self.counts)]


def batched(loss: Sampled, samples: int) -> Batched:
    """The loss of several samples, evaluated one after the other."""

    def losses(weights: Sequence[Tensor]) -> Tensor:
        return torch.stack([loss([w[s] for w in weights]) for s in range(samples)])

    return losses


def _exponentials(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.empty(like.shape, dtype=like.dtype).exponential_(generator=generator).to(like.device)
