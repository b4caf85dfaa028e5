"""Phase `export`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import onnxruntime
from torch import nn

from archwright import cost, export
from archwright.data import Split
from archwright.errors import Infeasible
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.trial import broken


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export(Phase):
    """Write the answer as files that load without archwright, and judge those files: agreement, accuracy, limits.

    Args:
        threads: of ONNX Runtime when latency is measured.
    """

    threads: int = 1

    def __call__(self, state: State) -> None:
        assert state.model is not None
        assert state.chosen is not None
        splits = state.splits
        module = nn.Sequential(splits.normalizer(), state.model.cpu()).eval()
        example = splits.train.x[:1].float()
        facts = self._facts(state, module)
        exported = export.save(
            module,
            state.folder / "best",
            example=example,
            architecture=state.chosen,
            space=state.net.space.name,
            classes=splits.classes,
            card=facts,
            check_x=splits.train.x[:256].float(),
        )
        onnx = exported.paths["model.onnx"]
        latency = cost.onnx_latency(onnx, example.numpy(), threads=self.threads)
        size = max(exported.sizes["model.onnx"], exported.sizes["model.safetensors"])
        state.result |= {
            "valid": {"accuracy": accuracy(onnx, splits.valid)},
            "test": {"accuracy": accuracy(onnx, splits.test)},
            "params": cost.params(state.model),
            "flops": cost.flops(state.model, (1, *splits.input_shape)),
            "latency_ms": latency.ms,
            "latency": latency.to_dict(),
            "size": size,
            "sizes": dict(exported.sizes),
            "agreement": {
                "torch": dataclasses.asdict(exported.source_agreement),
                "onnx": dataclasses.asdict(exported.onnx_agreement),
            },
        }
        self._check(state, onnx)
        agreement = exported.onnx_agreement
        state.progress.message(
            f"model.onnx agrees with PyTorch to {agreement.max_abs:.1e}, same answer on "
            f"{100 * agreement.argmax_agreement:.1f} % of {agreement.samples} samples"
        )

    def _facts(self, state: State, module: nn.Module) -> dict[str, object]:
        x = state.splits.train.x[:256]
        return {
            "title": f"{state.splits.name} classifier",
            "data": f"{state.splits.name}, fingerprint {state.splits.fingerprint[:16]}",
            "input_range": f"values as stored in the data, here {x.min().item():g} to {x.max().item():g}",
            "limits": dict(state.limits),
            "metrics": {"parameters": cost.params(module)},
        }

    def _check(self, state: State, onnx: Path) -> None:
        """The answer never breaks a limit."""
        over = broken({k: v for k, v in state.result.items() if isinstance(v, int | float)}, state.limits)
        if over:
            text = ", ".join(
                f"{name} {value:.6g} instead of at most {limit:.6g}" for name, (value, limit) in over.items()
            )
            raise Infeasible(f"the exported network breaks the limits: {onnx} has {text}")


def accuracy(onnx: Path, split: Split) -> float:
    """Percent of `split` that the exported file classifies correctly, raw input, ONNX Runtime alone."""
    if not len(split):
        return float("nan")
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    correct = 0
    for start in range(0, len(split), 512):
        x = split.x[start : start + 512].float().numpy()
        correct += int((session.run(None, {name: x})[0].argmax(1) == split.y[start : start + 512].numpy()).sum())
    return 100.0 * correct / len(split)
