"""Phase `export`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torch import nn

from archwright import cost
from archwright.data import Splits
from archwright.errors import Infeasible
from archwright.run._answers import Integers, accuracy, answers
from archwright.run._exported import latency, size, value_range, written
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.trial import broken


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export(Phase):
    """Write the answer as files that load without archwright, and judge those files: agreement, accuracy, limits.

    What the file answers for each sample of the test part goes to `predictions.csv`.

    Args:
        threads: of ONNX Runtime when latency is measured.
    """

    threads: int = 1

    def __post_init__(self) -> None:
        self._require("threads", "an integer of at least 1", self.threads >= 1)

    def __call__(self, state: State) -> None:
        assert state.chosen is not None
        assert state.model is not None
        splits, chosen = state.splits, state.chosen
        exported = written(state, chosen, state.model, state.folder / "best", card=self._facts(state, state.model))
        if splits.encoder is not None:
            state.folder.write("best/columns.json", splits.encoder.to_json())
        onnx = exported.paths["model.onnx"]
        measured = latency(exported, splits, threads=self.threads, limit=state.limits.get("latency_ms"))
        tested = answers(onnx, splits.test)
        state.folder.write("predictions.csv", _table(splits, tested))
        if not state.result.get("training", {}).get("refit"):  # else the exported network has learnt from that part
            state.result["valid"] = {"accuracy": accuracy(answers(onnx, splits.valid), splits.valid)}
        state.result |= {
            "test": {"accuracy": accuracy(tested, splits.test)},
            "params": cost.params(state.model),
            "flops": cost.flops(state.model, (1, *splits.input_shape)),
            "memory": cost.peak_memory(state.model, (1, *splits.input_shape)),
            "latency_ms": measured.ms,
            "latency": measured.to_dict(),
            "size": size(exported),
            "sizes": dict(exported.sizes),
            "agreement": {
                "torch": dataclasses.asdict(exported.source_agreement),
                "onnx": dataclasses.asdict(exported.onnx_agreement),
            },
        }
        modelled = [name for name in state.limits if ":" in name]  # of an accelerator
        state.result |= cost.evaluate(state.model, splits.input_shape, modelled)
        self._check(state, onnx)
        agreement = exported.onnx_agreement
        state.progress.message(
            f"model.onnx agrees with PyTorch to {agreement.max_abs:.1e}, same answer on "
            f"{100 * agreement.argmax_agreement:.1f} % of {agreement.samples} samples"
        )

    def _facts(self, state: State, module: nn.Module) -> dict[str, object]:
        low, high = value_range(state.splits)
        return {
            "title": f"{state.splits.name} classifier",
            "data": f"{state.splits.name}, fingerprint {state.splits.fingerprint[:16]}",
            "input_range": f"values as stored in the data, here {low:g} to {high:g}",
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


def _table(splits: Splits, found: Integers) -> str:
    """Position in the source, class number and answer of each sample of the test part, as CSV."""
    rows = zip(splits.indices["test"].tolist(), splits.test.y.tolist(), found.tolist(), strict=True)
    return "index,label,predicted\n" + "".join(f"{index},{label},{answer}\n" for index, label, answer in rows)
