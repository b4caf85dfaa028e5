"""Sizes at which the registered spaces are tested: a new space needs a line in each table."""

from __future__ import annotations

from typing import Any

_DARTS: dict[str, Any] = {"in_channels": 2, "classes": 3, "image_size": 8, "channels": 4, "layers": 3}
_DARTS_SPACES = ("darts", "darts-s1", "darts-s2", "darts-s3", "darts-s4")

SMALL: dict[str, dict[str, Any]] = {
    "conv-macro": {"in_channels": 2, "classes": 3, "image_size": 12},
    "convnet": {"in_channels": 3, "classes": 5, "image_size": 12},
    **dict.fromkeys(_DARTS_SPACES, _DARTS),
    "dso-nas": {"in_channels": 2, "classes": 3, "image_size": 8, "channels": 4, "stages": 2, "blocks": 1, "levels": 3},
    "entangled-cell": {"in_channels": 2, "classes": 3, "image_size": 8, "channels": 4},
    "mlp": {"in_channels": 7, "classes": 3, "width": 16},
    "nasbench201": {"in_channels": 3, "classes": 4, "image_size": 8, "channels": 4, "cells": 1},
    "proxyless": {"in_channels": 2, "classes": 3, "image_size": 8, "width": 0.25, "stages": 3, "blocks": 2, "head": 16},
}

FULL: dict[str, dict[str, Any]] = {
    "conv-macro": {"in_channels": 3, "classes": 10, "image_size": 32},
    "convnet": {"in_channels": 3, "classes": 10, "image_size": 32},
    "darts": {"in_channels": 3, "classes": 10, "image_size": 32},
    **{name: {"in_channels": 3, "classes": 10, "image_size": 16, "layers": 5} for name in _DARTS_SPACES[1:]},
    "dso-nas": {"in_channels": 3, "classes": 10, "image_size": 16, "blocks": 2},
    "entangled-cell": {"in_channels": 1, "classes": 10, "image_size": 28},
    "mlp": {"in_channels": 16, "classes": 2},
    "nasbench201": {"in_channels": 3, "classes": 10, "image_size": 32},
    "proxyless": {"in_channels": 3, "classes": 10, "image_size": 32},
}
