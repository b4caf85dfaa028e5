"""The phases that a recipe can name."""

from __future__ import annotations

from archwright.registry import Registry

PHASES = Registry(
    "phase",
    {
        "train-supernet": "archwright.run:TrainSupernet",
        "search": "archwright.run:Search",
        "search-by-gradient": "archwright.run:SearchByGradient",
        "choose": "archwright.run:Choose",
        "train": "archwright.run:Train",
        "verify": "archwright.run:Verify",
        "export": "archwright.run:Export",
        "compress": "archwright.run:Compress",
        "report": "archwright.run:WriteReport",
    },
)
