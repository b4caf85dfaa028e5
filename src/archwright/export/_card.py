"""The README.md of an exported network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_KNOWN = ("title", "description", "data", "input_range", "classes", "metrics", "limits", "notes")

_TORCH = """
## In PyTorch

Needs `torch` and `safetensors`; run inside this folder, or put `model.py` on the path.

```python
import torch
from model import load

network = load()
x = torch.zeros({shape}{dtype})
with torch.inference_mode():
    logits = network(x)
```
"""

_ONNX = """
## In ONNX Runtime

Needs `onnxruntime` and `numpy`. The batch size is free.

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
x = np.zeros({shape}, dtype=np.{dtype})
(logits,) = session.run(None, {{"input": x}})
```
"""


def card(
    facts: Mapping[str, Any], *, shape: Sequence[int], dtype: str, sizes: Mapping[str, int], checks: Sequence[str]
) -> str:
    """Markdown text of the card.

    Args:
        facts: what is known. `title`, `description`, `data`, `input_range` are texts, `classes` and `notes` sequences,
            `metrics` and `limits` mappings; anything else becomes a row of a table.
        shape: of one input, without the batch.
        dtype: type of the input: `float32`.
        sizes: bytes by file name.
        checks: sentences about what was verified.
    """
    parts = [f"# {facts.get('title') or 'A network written by archwright'}\n"]
    if facts.get("description"):
        parts.append(f"{facts['description']}\n")
    parts.append(_input(facts, shape, dtype))
    full = ", ".join(map(str, (1, *shape)))
    parts.append(_TORCH.format(shape=full, dtype="" if dtype == "float32" else f", dtype=torch.{dtype}"))
    parts.append(_ONNX.format(shape=f"({full}{',' if not shape else ''})", dtype=dtype))
    for name in ("metrics", "limits"):
        parts += _section(name.capitalize(), _rows(facts.get(name) or {}))
    parts += _section("Details", _rows({k: v for k, v in facts.items() if k not in _KNOWN}))
    parts += _section("Files", [f"| `{name}` | {size:,} bytes |" for name, size in sizes.items()])
    parts.append("\n## Checked when written\n\n" + "\n".join(f"- {check}" for check in checks) + "\n")
    if facts.get("notes"):
        parts.append("\n## Notes\n\n" + "\n".join(f"- {note}" for note in facts["notes"]) + "\n")
    return "".join(parts)


def _input(facts: Mapping[str, Any], shape: Sequence[int], dtype: str) -> str:
    lines = [f"- Input `input`: {dtype}, shape (N, {', '.join(map(str, shape))})"]
    if facts.get("input_range"):
        lines.append(f"- Values: {facts['input_range']}")
    if facts.get("data"):
        lines.append(f"- Trained on: {facts['data']}")
    classes = list(map(str, facts.get("classes") or ()))
    if classes:
        lines.append(f"- Output `logits`: one number for each of {len(classes)} classes: {', '.join(classes)}")
    return "\n" + "\n".join(lines) + "\n"


def _section(title: str, rows: Sequence[str]) -> list[str]:
    return ["\n" + "\n".join([f"## {title}", "", "| | |", "|---|---|", *rows]) + "\n"] if rows else []


def _rows(facts: Mapping[str, Any], prefix: str = "") -> list[str]:
    return list(_walk(facts, prefix))


def _walk(facts: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            yield from _walk(fact, f"{prefix}{name} ")
        else:
            yield f"| {prefix}{name} | {_cell(fact)} |"


def _cell(fact: Any) -> str:
    if isinstance(fact, bool) or not isinstance(fact, int | float):
        text = ", ".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
        return text.replace("|", "\\|").replace("\n", " ")
    return f"{fact:,}" if isinstance(fact, int) else f"{fact:,.6g}"
