"""Trains the network of `PriorFitted` on curves of the LC-PFN prior and writes its weights.

Streaming: every batch is drawn from (seed, step), so no curve is seen twice and a run that was interrupted goes on as
it would have; with another number of STEPS, the schedule of that number holds from there on. A batch has one context
length, uniform in 1 ... 99; the loss is the log density of the noisy values at random later epochs. Adam, cosine with a
quarter of warm-up.

`python benchmarks/train_lcpfn.py CHECKPOINT [STEPS]` continues from the checkpoint; the last step writes
`src/archwright/estimate/extrapolate/prior_fitted.safetensors` (or TARGET, the third argument) and prints its SHA-256,
which belongs into `_prior_fitted.py`. About half an hour on one core.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from archwright.estimate.extrapolate import prior_curves
from archwright.estimate.extrapolate._bins import Bins
from archwright.estimate.extrapolate._curve_transformer import CurveTransformer

BINS, LAYERS, WIDTH, HEADS = 1000, 3, 128, 4
STEPS, BATCH, LENGTH, QUERIES, RATE, WARM, SEED = 2500, 100, 100, 16, 1e-3, 0.25, 0
EVERY, CHECK = 250, 2000
TARGET = Path(__file__).parents[1] / "src/archwright/estimate/extrapolate/prior_fitted.safetensors"


def rate(step: int, steps: int) -> float:
    """Share of the learning rate: linear warm-up, then a cosine to 0."""
    warm = WARM * steps
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def batch(step: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Observed epochs and values, asked epochs and the values there, shapes (B, m), (B, m), (B, q), (B, q)."""
    rng = np.random.default_rng([seed, step])
    _, noisy = prior_curves(BATCH, rng, length=LENGTH)
    seen = int(rng.integers(1, LENGTH))
    asked = seen + rng.permuted(np.tile(np.arange(LENGTH - seen), (BATCH, 1)), axis=1)[:, :QUERIES]
    y = torch.from_numpy(noisy).float()
    places = torch.from_numpy(asked)
    x = torch.arange(1.0, LENGTH + 1).expand(BATCH, -1)
    return x[:, :seen], y[:, :seen], x.gather(1, places), y.gather(1, places)


def held_out(network: CurveTransformer, bins: Bins) -> dict[str, float]:
    """Mean log density of the last value from 5, 20 and 50 epochs of curves that were not trained on."""
    _, noisy = prior_curves(CHECK, np.random.default_rng(123456789), length=LENGTH)
    y, x = torch.from_numpy(noisy).float(), torch.arange(1.0, LENGTH + 1).expand(CHECK, -1)
    with torch.inference_mode():
        return {
            f"from {n}": float(bins.log_density(network(x[:, :n], y[:, :n], x[:, -1:]), y[:, -1:]).mean())
            for n in (5, 20, 50)
        }


def train(checkpoint: Path, steps: int) -> tuple[CurveTransformer, Bins, float, list[list[int]]]:
    """The trained network, its bins, processor seconds, and the first step and the `steps` of every part of the run."""
    bins = Bins.equal(prior_curves(10_000, np.random.default_rng(SEED), length=LENGTH)[1], BINS)
    torch.manual_seed(SEED)
    network = CurveTransformer(len(bins), layers=LAYERS, width=WIDTH, heads=HEADS)
    adam = torch.optim.Adam(network.parameters(), lr=RATE)
    first, seconds, parts = 0, 0.0, [[0, steps]]
    losses: list[float] = []
    if checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(stored["network"])
        adam.load_state_dict(stored["adam"])
        first, seconds, parts = stored["step"], stored["seconds"], stored["parts"]
        parts += [[first, steps]] if parts[-1][1] != steps else []
    start = time.process_time()
    for step in range(first, steps):
        adam.param_groups[0]["lr"] = RATE * rate(step, steps)
        x, y, query, truth = batch(step, SEED)
        loss = -bins.log_density(network(x, y, query), truth).mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        losses.append(float(loss.detach()))
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            spent = seconds + time.process_time() - start
            print(step + 1, round(spent), round(float(np.mean(losses)), 4), held_out(network, bins), flush=True)
            losses.clear()
            state = {"network": network.state_dict(), "adam": adam.state_dict()}
            torch.save({**state, "step": step + 1, "seconds": spent, "parts": parts}, checkpoint)
    return network, bins, seconds + time.process_time() - start, parts


def main() -> None:
    """Train and write."""
    torch.set_num_threads(1)
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else STEPS
    target = Path(sys.argv[3]) if len(sys.argv) > 3 else TARGET
    network, bins, seconds, parts = train(Path(sys.argv[1]), steps)
    training = {"steps": steps, "batch": BATCH, "queries": QUERIES, "rate": RATE, "seed": SEED, "schedule": parts}
    tensors = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    about = {
        "about": "LC-PFN network of archwright, trained by benchmarks/train_lcpfn.py on curves of prior_curves only",
        "paper": "Adriaensen, Rakotoarison, Mueller, Hutter, NeurIPS 2023, arXiv 2310.20447",
        "settings": json.dumps({"layers": LAYERS, "width": WIDTH, "heads": HEADS}),
        "training": json.dumps(training),
        "seconds": str(round(seconds)),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "torch": torch.__version__,
        "license": "Apache-2.0",
    }
    save_file({**tensors, "borders": torch.from_numpy(bins.borders).float()}, target, metadata=about)
    print(target, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
