"""Relaxed variables and their conditional samples given the discrete value: what REBAR and RELAX draw."""

from __future__ import annotations

import torch
from torch import Tensor


def relaxed_bernoulli(logit: Tensor, u: Tensor) -> Tensor:
    """z = l + ln u - ln(1 - u), of which b = 1[z > 0] is Bernoulli(sigmoid(l)) (Tucker et al. 2017, appendix C).

    Args:
        logit: l, any shape.
        u: uniform on (0, 1), same shape.
    """
    return logit + u.logit(eps=_tiny(u))


def conditional_bernoulli(logit: Tensor, b: Tensor, v: Tensor) -> Tensor:
    """z~ ~ p(z | b): l + ln v' - ln(1 - v') with v' = v (1 - theta) if b = 0, else v theta + 1 - theta, theta =
    sigmoid(l) (Tucker et al. 2017, appendix C). Gradients go through l only.

    Args:
        logit: l, any shape.
        b: 0 or 1, same shape.
        v: uniform on (0, 1) given b, same shape: never the u that b was drawn with.
    """
    theta, v = logit.sigmoid(), v.clamp(_tiny(v), 1 - _tiny(v))
    inner = torch.where(b > 0, v * theta + 1.0 - theta, v * (1.0 - theta))
    return logit + inner.logit(eps=_tiny(v))


def relaxed_categorical(log_p: Tensor, e: Tensor) -> Tensor:
    """z_i = ln theta_i - ln e_i, of which b = argmax z is drawn from theta (Gumbel-max).

    Args:
        log_p: (..., n) ln theta, normalised over the last axis.
        e: (..., n) standard exponential, that is -ln u of a uniform u.
    """
    return log_p - e.clamp_min(_tiny(e)).log()


def conditional_categorical(log_p: Tensor, b: Tensor, e: Tensor) -> Tensor:
    """z~ ~ p(z | b): z~_b = -ln e_b and z~_i = -ln(e_i / theta_i + e_b) for the others (Tucker et al. 2017, appendix
    C). Gradients go through theta only.

    Args:
        log_p: (..., n) ln theta, normalised over the last axis.
        b: (...) position of the option that was drawn.
        e: (..., n) standard exponential given b, that is -ln v: never the e that b was drawn with.
    """
    e = e.clamp_min(_tiny(e))
    first = e.gather(-1, b[..., None]).log()
    others = torch.logaddexp(e.log() - log_p, first)
    chosen = torch.zeros_like(e, dtype=torch.bool).scatter(-1, b[..., None], True)
    return -torch.where(chosen, first.expand_as(others), others)


def _tiny(like: Tensor) -> float:
    """Uniform noise keeps this far from 0 and 1, exponential noise from 0."""
    return float(torch.finfo(like.dtype).eps)
