"""What every method of compression asks of a network and its data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archwright.errors import UserError


def check_finite(module: nn.Module) -> None:
    """Raises UserError if a parameter or buffer holds NaN or infinity."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UserError(f"{name} of the network holds values that are not finite")


def check_takes(module: nn.Module, samples: Tensor, what: str) -> None:
    """Run the network on two samples, in eval mode.

    Args:
        module: left as it is.
        samples: as the network takes them, (N, ...).
        what: they are called.

    Raises:
        UserError: it cannot take them.
    """
    was = module.training
    try:
        with torch.no_grad():
            module.eval()(samples[:2])
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the network cannot take {what} of shape {tuple(samples.shape[1:])}: {reason}") from error
    finally:
        module.train(was)
