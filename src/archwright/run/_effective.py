"""A configuration as plain values, defaults included."""

from __future__ import annotations

from typing import Any

from archwright.run._config import Config


def effective(config: Config) -> dict[str, Any]:
    """What `config.yaml` holds."""
    from archwright.recipes import effective as plain  # recipes know how configurations read as YAML

    return plain(config)
