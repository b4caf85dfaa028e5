"""Two implementations of a network compared on the same inputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from archwright.cost._mode import inference
from archwright.cost._onnx import INPUT, session
from archwright.errors import ArchwrightError, UserError

_BATCH = 256


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two implementations of a network are apart.

    Args:
        max_abs: largest absolute difference of an output.
        argmax_agreement: share of samples with the same largest output over axis 1, in [0, 1]; a sample counts as
            agreed when the reference's outputs for the two answers are equal up to rounding (1e-6 of the largest).
        samples: number of inputs.
        scale: largest absolute output of the reference.
        sqnr_db: squares of the reference's outputs over those of the differences, in decibels; None: no difference.
    """

    max_abs: float
    argmax_agreement: float
    samples: int
    scale: float
    sqnr_db: float | None = None

    def require(self, tolerance: float, what: str) -> None:
        """Refuse a difference above `tolerance` (times the largest output where that exceeds 1) or another answer.

        Raises:
            ArchwrightError: naming the figures.
        """
        allowed = tolerance * max(1.0, self.scale)
        if not self.max_abs <= allowed or self.argmax_agreement < 1.0:
            raise ArchwrightError(
                f"{what} disagrees with the network: outputs differ by {self.max_abs:.3g} (allowed {allowed:.3g}), "
                f"same answer on {100 * self.argmax_agreement:.2f} % of {self.samples} samples (required 100 %)"
            )

    def require_ratio(self, sqnr_db: float, what: str) -> None:
        """Refuse differences too large beside the outputs, for networks that round: a difference in the last digit of a
        sum moves a code by one, and that moves later ones.

        Raises:
            ArchwrightError: naming the figures.
        """
        if self.sqnr_db is not None and not self.sqnr_db >= sqnr_db:
            raise ArchwrightError(
                f"{what} disagrees with the network: outputs over differences {self.sqnr_db:.1f} dB (required "
                f"{sqnr_db:g} dB), largest difference {self.max_abs:.3g}, "
                f"same answer on {100 * self.argmax_agreement:.2f} % of {self.samples} samples"
            )


def agreement(path: str | Path, module: nn.Module, x: Tensor) -> Agreement:
    """The ONNX file at `path`, run in ONNX Runtime on one CPU thread, against `module` in eval mode.

    Args:
        path: file written by `to_onnx`.
        module: the network it was written from.
        x: inputs, batch first; compared in batches of 256 and, to try the free batch axis, one alone.

    Raises:
        UserError: the file does not exist.
    """
    running = session(path)

    def onnx(batch: Tensor) -> Tensor:
        (output,) = running.run(None, {INPUT: batch.cpu().numpy()})
        return torch.from_numpy(output)

    return compare(onnx, module, x)


def compare(candidate: Callable[[Tensor], Tensor], module: nn.Module, x: Tensor) -> Agreement:
    """`candidate` against `module` in eval mode on every row of `x` (batch first), and on the first row alone."""
    if not len(x):
        raise UserError("agreement needs at least one input, got none")
    device = next((p.device for p in module.parameters()), x.device)
    max_abs, scale, agreed, signal, noise = 0.0, 0.0, 0, 0.0, 0.0
    batches = [x[:1], *(x[start : start + _BATCH] for start in range(0, len(x), _BATCH))]
    with inference(module):
        for batch in batches:
            answer = module(batch.to(device))
            if not isinstance(answer, Tensor):
                raise UserError(f"files are written of networks that give one tensor, this gives {_what(answer)}")
            expected, got = answer.cpu(), candidate(batch).cpu()
            if got.shape != expected.shape:
                raise ArchwrightError(f"output of shape {tuple(got.shape)}, the network gives {tuple(expected.shape)}")
            difference = (got - expected).abs().max().item()
            max_abs = difference if not difference <= max_abs else max_abs  # keeps NaN
            scale = max(scale, expected.abs().max().item())
            signal += expected.double().square().sum().item()
            noise += (got.double() - expected.double()).square().sum().item()
            agreed += _agreed(got, expected)
    return Agreement(
        max_abs=max_abs,
        argmax_agreement=agreed / (len(x) + 1),
        samples=len(x),
        scale=scale,
        sqnr_db=None if noise == 0 else 10 * math.log10(max(signal, 1e-300) / noise),
    )


def _what(answer: object) -> str:
    return f"{len(answer)} of them" if isinstance(answer, tuple | list) else f"a {type(answer).__name__}"


def _agreed(got: Tensor, expected: Tensor) -> int:
    """Samples with the same answer."""
    if expected.dim() < 2:
        return len(expected)
    margin = expected.amax(1, keepdim=True) - expected.gather(1, got.argmax(1, keepdim=True))
    tie = 1e-6 * expected.abs().amax(1, keepdim=True).clamp(min=1.0)
    return int((margin <= tie).flatten(1).all(1).sum())
