"""Time of `archwright --help` against `python -c "import torch"`, in turn, each in a fresh process.

The limit is a ratio of 0.3. Run alone: `python benchmarks/cli_start.py`; writes `benchmarks/results/cli_start.json`.
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from archwright.versions import versions

ROUNDS = 15
LIMIT = 0.3
COMMANDS = {
    "import torch": [sys.executable, "-c", "import torch"],
    "archwright --help": [str(Path(sys.executable).with_name("archwright")), "--help"],
    "archwright search --help": [str(Path(sys.executable).with_name("archwright")), "search", "--help"],
    "python -c pass": [sys.executable, "-c", "pass"],
}


def seconds(command: list[str]) -> float:
    """Wall time of one fresh process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Measure in turn, print, write the record; 1 if the limit is broken."""
    for command in COMMANDS.values():
        seconds(command)  # files into the cache of the system
    samples = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            samples[name].append(seconds(command))
    ratios = [a / b for a, b in zip(samples["archwright --help"], samples["import torch"], strict=True)]
    record = {
        "ratio": statistics.median(ratios),
        "limit": LIMIT,
        "rounds": ROUNDS,
        "median_seconds": {name: statistics.median(values) for name, values in samples.items()},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "versions": versions(),
    }
    target = Path(__file__).parent / "results" / "cli_start.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for name, value in record["median_seconds"].items():
        print(f"{value:.3f} s  {name}")
    print(f"ratio {record['ratio']:.3f}, limit {LIMIT}; written to {target}")
    return int(record["ratio"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
