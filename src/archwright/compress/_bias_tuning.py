"""Biases tuned to the full-precision logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx

from archwright.compress._divergence import answers, divergence
from archwright.compress._quantised import quantised_layers


def tune_biases(
    graph: fx.GraphModule,
    samples: Tensor | tuple[Tensor, ...],
    logits: Tensor | Sequence[Tensor],
    *,
    steps: int = 800,
    lr: float = 0.1,
    batch_size: int = 50,
    seed: int = 0,
) -> None:
    """Train the biases of all layers but the last on the divergence of the quantised from the full-precision softmax,
    in place (Hubara et al. 2021, AdaQuant, section 5 and code: SGD, the divergence averaged over samples and classes,
    the rate a tenth of itself after five eighths and again after seven eighths of the steps).

    The state with the least divergence on a quarter of the samples is kept, the first one included.

    Args:
        graph: quantised.
        samples: inputs, (N, ...); a tuple of several.
        logits: of the full-precision network on them, (N, classes); of several heads, one each.
        steps: of SGD.
        lr: learning rate.
        batch_size: samples of a step.
        seed: of the batches.
    """
    layers = list(quantised_layers(graph).values())[:-1]
    biases = [m.layer.bias for m in layers if m.layer.bias is not None]
    if not biases or steps < 1:
        return
    generator = torch.Generator().manual_seed(seed)
    inputs = samples if isinstance(samples, tuple) else (samples,)
    wanted = answers(logits)
    order = torch.randperm(len(inputs[0]), generator=generator)
    held, rest = order[: len(order) // 4], order[len(order) // 4 :]
    graph.requires_grad_(False)
    for bias in biases:
        bias.requires_grad_(True)
    optimiser = torch.optim.SGD(biases, lr=lr)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [steps * 5 // 8, steps * 7 // 8])

    def apart(index: Tensor) -> Tensor:
        found = answers(graph(*(x[index] for x in inputs)))
        return divergence(found, [w[index] for w in wanted], per_class=True)

    def judged() -> float:
        with torch.no_grad():
            return float(torch.stack([apart(part) * len(part) for part in torch.split(held, 4 * batch_size)]).sum())

    least, best = judged(), [b.detach().clone() for b in biases]
    for step in range(steps):
        index = rest[torch.randint(len(rest), (min(batch_size, len(rest)),), generator=generator)]
        optimiser.zero_grad(set_to_none=True)
        apart(index).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if (step + 1) % max(1, steps // 10) == 0:
            now = judged()
            if now < least:
                least, best = now, [b.detach().clone() for b in biases]
    with torch.no_grad():
        for bias, kept in zip(biases, best):
            bias.copy_(kept)
    graph.requires_grad_(False)
