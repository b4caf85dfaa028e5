"""GPyTorch, imported without the FutureWarning that torch gives for a decorator of its `linear_operator`."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    import gpytorch
    import gpytorch.constraints
    import gpytorch.kernels
    import gpytorch.priors

__all__ = ["gpytorch"]
