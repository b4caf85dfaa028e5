"""A module as a graph of `torch.nn` layers and torch functions."""

from __future__ import annotations

from torch import fx, nn

from archwright.errors import UserError


def trace(module: nn.Module, purpose: str) -> fx.GraphModule:
    """`torch.fx` graph over the layers of `module` itself (nothing is copied), dead nodes removed.

    Args:
        module: a plain network in eval mode.
        purpose: end of "cannot ...", for the message.

    Raises:
        UserError: `forward` does something that tracing cannot follow.
    """
    root = module
    if type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.Sequential):
        root = nn.Sequential(module)  # a lone layer stays a layer
    try:
        traced = fx.symbolic_trace(root)
    except Exception as error:
        raise UserError(
            f"{type(module).__name__} cannot {purpose} because torch.fx cannot trace it: {error}; "
            "its forward must not branch on, loop over or print tensor values"
        ) from error
    traced.graph.eliminate_dead_code()
    return traced
