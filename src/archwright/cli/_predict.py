"""`archwright predict RUN INPUT`: use an exported network."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from archwright.cli._parser import Commands

if TYPE_CHECKING:
    import numpy as np

_BATCH = 256


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "predict",
        _predict,
        about="Class and probability for images, arrays or rows of a table.",
        detail="Values are raw, as in the training data; images are cut and resized to the network's size.",
        examples=(
            "archwright predict runs/first photo.png",
            "archwright predict runs/first photos/ --json",
            "archwright predict runs/iris rows.csv",
        ),
    )
    parser.add_argument("run_folder", metavar="RUN", help="run folder, or a folder with an exported network")
    parser.add_argument("input", metavar="INPUT", help="image, folder of images, .npz, .csv or .parquet")
    parser.add_argument("--json", action="store_true", help="every probability, machine-readable")


def _predict(args: argparse.Namespace) -> int:
    from archwright.cli._exported import Exported
    from archwright.cli._inputs import inputs
    from archwright.cli._table import as_json, table

    exported = Exported.find(args.run_folder)
    names, x = inputs(args.input, exported)
    shares = probabilities(exported.answer(), x)
    classes = exported.classes or tuple(str(i) for i in range(shares.shape[1]))
    best = shares.argmax(1)
    if args.json:
        rows = [
            {
                "input": name,
                "class": classes[i],
                "probability": float(row[i]),
                "probabilities": {c: float(p) for c, p in zip(classes, row)},
            }
            for name, i, row in zip(names, best, shares)
        ]
        print(as_json(rows))
    else:
        print(
            table(
                ("input", "class", "probability"),
                [(n, classes[i], f"{row[i]:.4f}") for n, i, row in zip(names, best, shares)],
            )
        )
    return 0


def probabilities(answer: object, x: np.ndarray) -> np.ndarray:
    """Softmax of the logits, batch by batch: (N, classes) float64.

    Args:
        answer: inputs to logits.
        x: inputs, batch first.
    """
    import numpy as np

    assert callable(answer)
    logits = np.concatenate([answer(x[i : i + _BATCH]) for i in range(0, len(x), _BATCH)]).astype(np.float64)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    shares: np.ndarray = exponentials / exponentials.sum(1, keepdims=True)
    return shares
