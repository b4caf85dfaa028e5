"""What every method of compression asks of a network and its data."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archwright.errors import UserError


def check_finite(module: nn.Module) -> None:
    """Raises UserError if a parameter or buffer holds NaN or infinity."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(tensor):
            raise UserError(f"{name} of the network has no shape yet: run the network once before")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UserError(f"{name} of the network holds values that are not finite")


def check_takes(module: nn.Module, samples: Tensor | tuple[Tensor, ...], what: str) -> None:
    """Run the network on two samples, in eval mode.

    Args:
        module: left as it is.
        samples: as the network takes them, (N, ...); a tuple of several inputs.
        what: they are called.

    Raises:
        UserError: it cannot take them.
    """
    was, inputs = module.training, samples if isinstance(samples, tuple) else (samples,)
    try:
        with torch.no_grad():
            module.eval()(*(x[:2] for x in inputs))
    except (RuntimeError, TypeError, ValueError, LookupError, AssertionError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        shapes = ", ".join(str(tuple(x.shape[1:])) for x in inputs)
        raise UserError(f"the network cannot take {what} of shape {shapes}: {reason}") from error
    finally:
        module.train(was)
