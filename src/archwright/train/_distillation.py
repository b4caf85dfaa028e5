"""What a student can learn from a teacher: soft labels, features, relations."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.registry import Registry


def distillation(student: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Cross-entropy of the student against the teacher's distribution, `-T^2 sum_k p_k log q_k`, mean over the batch.

    Args:
        student: logits (N, K).
        teacher: logits (N, K); no gradient reaches them.
        temperature: T of both distributions, above 0 (Hinton et al. 2015, section 2; BigNAS, Yu et al. 2020, has 1).
    """
    soft = (teacher.detach() / temperature).softmax(-1)
    return temperature**2 * F.cross_entropy(student / temperature, soft)


@dataclasses.dataclass
class Seen:
    """What one forward pass of a network shows.

    Args:
        logits: (N, K).
        embedding: input of the last linear layer, (N, D); None: the network has none.
        maps: (height, width) -> output of the last convolution at that resolution, (N, C, height, width).
    """

    logits: Tensor | None = None
    embedding: Tensor | None = None
    maps: dict[tuple[int, int], Tensor] = dataclasses.field(default_factory=dict)

    def detach(self) -> Seen:
        """The same without gradients."""
        return Seen(
            None if self.logits is None else self.logits.detach(),
            None if self.embedding is None else self.embedding.detach(),
            {size: x.detach() for size, x in self.maps.items()},
        )


class Distillation(ABC):
    """A loss between what a student and a teacher show for the same inputs; their widths may differ."""

    @abstractmethod
    def __call__(self, student: Seen, teacher: Seen) -> Tensor:
        """A scalar. No gradient may reach the teacher.

        Raises:
            UserError: the networks do not show what is compared.
        """

    watches = True
    """Whether more than the logits is looked at."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Logits(Distillation):
    """Soft labels: cross-entropy against the teacher's distribution (Hinton, Vinyals, Dean 2015, section 2).

    Args:
        temperature: of both distributions, above 0.
    """

    temperature: float = 1.0
    watches = False

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UserError(f"temperature must be above 0, got {self.temperature}")

    def __call__(self, student: Seen, teacher: Seen) -> Tensor:
        assert student.logits is not None
        assert teacher.logits is not None
        return distillation(_wide(student.logits), _wide(teacher.logits), temperature=self.temperature)


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Features(Distillation):
    """Soft labels, and where the networks look: attention transfer (Zagoruyko, Komodakis, ICLR 2017, equation 2).

    For the last convolution of every resolution that both have, the map Q = sum_c |A_c|^2 over channels, flattened and
    divided by its norm; the loss is the mean over resolutions of the mean squared distance. Channels may differ, as
    in networks cut from a supernet.

    Args:
        weight: beta of the maps beside the soft labels, at least 0 (paper: 1000 on 1 / positions).
        temperature: of the soft labels, above 0.
    """

    weight: float = 1000.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise UserError(f"weight must be at least 0, got {self.weight}")

    def __call__(self, student: Seen, teacher: Seen) -> Tensor:
        shared = [size for size in student.maps if size in teacher.maps and size != (1, 1)]
        if not shared:
            raise UserError("features are compared at a common resolution of convolutions; the networks have none")
        distances = [
            F.mse_loss(_attention(student.maps[size]), _attention(teacher.maps[size].detach())) for size in shared
        ]
        soft = Logits(temperature=self.temperature)(student, teacher)
        return soft + self.weight * torch.stack(distances).mean()


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Relations(Distillation):
    """Soft labels, and how samples lie to each other: relational distillation (Park et al., CVPR 2019, eq. 4 to 8).

    Distances of all pairs of embeddings divided by their mean, and cosines of the angles of all triplets, Huber loss.

    Args:
        distance, angle: weights of the two beside the soft labels, at least 0 (paper: 25 and 50 for classification).
        temperature: of the soft labels, above 0.
        samples: of the batch that triplets are made from, at least 3, as angles grow with its cube.
    """

    distance: float = 25.0
    angle: float = 50.0
    temperature: float = 1.0
    samples: int = 32

    def __post_init__(self) -> None:
        if not (self.distance >= 0 and self.angle >= 0):
            raise UserError(f"distance and angle must be at least 0, got {self.distance} and {self.angle}")
        if self.samples < 3:
            raise UserError(f"samples must be at least 3, got {self.samples}")

    def __call__(self, student: Seen, teacher: Seen) -> Tensor:
        if student.embedding is None or teacher.embedding is None:
            raise UserError("relations are between inputs of the last linear layer; a network has no linear layer")
        s, t = _wide(student.embedding.flatten(1)), _wide(teacher.embedding.detach().flatten(1))
        loss = Logits(temperature=self.temperature)(student, teacher)
        loss = loss + self.distance * F.smooth_l1_loss(_distances(s), _distances(t))
        return loss + self.angle * F.smooth_l1_loss(_angles(s[: self.samples]), _angles(t[: self.samples]))


def _wide(x: Tensor) -> Tensor:
    """At least float32."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _attention(x: Tensor) -> Tensor:
    return F.normalize(_wide(x).pow(2).mean(1).flatten(1), dim=1)


def _distances(x: Tensor) -> Tensor:
    """Of all pairs, divided by the mean of those that are not zero."""
    square = x.pow(2).sum(1)
    found = (square[:, None] + square[None] - 2 * x @ x.T).clamp_min(1e-12).sqrt()
    found = found * (1 - torch.eye(len(x), device=x.device))
    apart = found[found > 1e-6]
    return found / apart.mean() if len(apart) else found


def _angles(x: Tensor) -> Tensor:
    """Cosines at i between j and k, (n, n, n)."""
    unit = F.normalize(x[None] - x[:, None], dim=2)
    return torch.einsum("ijd,ikd->ijk", unit, unit)


@contextmanager
def watching(module: nn.Module) -> Iterator[Seen]:
    """Fill a `Seen` during the forward passes of `module`; clear it between two of them by `take`."""
    seen = Seen()
    last = [m for m in module.modules() if _rank(m) == 2]

    def convolved(m: nn.Module, args: Any, out: Any) -> None:
        if isinstance(out, Tensor) and out.ndim == 4:
            seen.maps[(out.shape[2], out.shape[3])] = out

    def classified(m: nn.Module, args: tuple[Any, ...]) -> None:
        seen.embedding = args[0]

    handles = [m.register_forward_hook(convolved) for m in module.modules() if _rank(m) == 4]
    handles += [m.register_forward_pre_hook(classified) for m in last[-1:]]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def take(seen: Seen, outputs: Tensor | tuple[Tensor, ...]) -> Seen:
    """What a pass that gave `outputs` has shown; `seen` is empty again."""
    found = Seen(outputs if isinstance(outputs, Tensor) else outputs[0], seen.embedding, dict(seen.maps))
    seen.embedding = None
    seen.maps.clear()
    return found


def _rank(module: nn.Module) -> int:
    """Dimensions of a layer's own weight: 4 of a convolution of images, 2 of a linear layer, elastic ones too."""
    weight = dict(module.named_parameters(recurse=False)).get("weight")
    return 0 if weight is None or isinstance(module, nn.Embedding) else weight.ndim


DISTILLATIONS = Registry(
    "distillation",
    {
        "logits": "archwright.train:Logits",
        "features": "archwright.train:Features",
        "relations": "archwright.train:Relations",
    },
)
