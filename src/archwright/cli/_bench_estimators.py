"""`archwright bench estimators`: how well scores order the networks of a table."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archwright.cli._parser import Commands, positive

if TYPE_CHECKING:
    from archwright.bench import Row

_COLUMNS = ("estimator", "n", "Kendall", "Spearman", "95 % interval", "given params", "P@10", "P@10 %", "best rank",
            "regret", "s / network")  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "estimators",
        _estimators,
        about="Rank correlations of estimators with the results of a table, and their cost.",
        detail="The parameters, FLOPs and operations of the networks, random scores and the noise of the table itself "
        "are always\nin the list. The same command again continues where it was stopped.",
        examples=(
            "archwright bench estimators --problem nasbench201 --estimators naswot,synflow --count 500",
            "archwright bench estimators --problem nasbench201 --dataset cifar100 --estimators table:zen --count all",
            "archwright bench estimators --problem nats-size --count all --json rows.json",
        ),
    )
    parser.add_argument("--problem", metavar="NAME", required=True, help="a table: archwright ls benchmarks")
    parser.add_argument("--dataset", metavar="NAME", help="what its networks were trained on (default: its first)")
    parser.add_argument(
        "--estimators", metavar="NAMES", default="", help="zero-cost scores, or table:NAME for published ones; commas"
    )
    parser.add_argument("--count", metavar="N", type=_count, default=500, help="random networks, or all; default 500")
    parser.add_argument("--metric", metavar="NAME", help="the truth (default: what a search of the table drives)")
    parser.add_argument("--data", metavar="DATA", help="images for the scores (default: those of the data set)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of everything random, default 0")
    parser.add_argument("--out", metavar="FOLDER", help="scores and page (default: runs/bench-<problem>-<dataset>)")
    parser.add_argument("--json", metavar="FILE", help="write the rows of the table here")


def _count(text: str) -> int | None:
    return None if text == "all" else positive(text)


def _estimators(args: argparse.Namespace) -> int:
    from archwright import bench, data
    from archwright.cli._progress import shown
    from archwright.cli._table import as_json, table
    from archwright.report import estimators_html

    benchmark = bench.load(args.problem, args.dataset)
    folder = Path(args.out) if args.out else Path("runs") / f"bench-{benchmark.name}-{benchmark.dataset}"
    progress = shown(sys.stdout)
    progress.phase(f"scores of {benchmark.name} networks", 1, 1)
    try:
        rows = bench.evaluate_estimators(
            benchmark,
            [name for name in args.estimators.split(",") if name],
            count=None if args.count is None else min(args.count, len(benchmark)),
            seed=args.seed,
            splits=data.load(args.data, seed=args.seed) if args.data else None,
            metric=args.metric,
            out=folder,
            progress=lambda done, total: progress.step(done, total, "networks"),
        )
    finally:
        progress.close(finished=True)
    first = rows[0]
    title = f"{first.benchmark} on {first.dataset}: {first.metric} after {first.budget:g} epochs, seed {first.seed}"
    print(table(_COLUMNS, [_cells(row) for row in rows], title=title))
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "estimators.html"
    page.write_text(estimators_html(rows), encoding="utf-8")
    if args.json:
        Path(args.json).write_text(as_json([row.as_dict() for row in rows]) + "\n", encoding="utf-8")
    print(f"page: {page}")
    return 0


def _cells(row: Row) -> Sequence[str | int]:
    interval = "-" if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
    return (
        row.estimator,
        row.count,
        _fixed(row.kendall),
        _fixed(row.spearman),
        interval,
        _fixed(row.partial),
        _fixed(row.precision_at_10, 1),
        _fixed(row.precision_at_10_percent, 2),
        _fixed(row.best_rank_at_10),
        _fixed(row.regret_at_10, 2),
        "-" if math.isnan(row.seconds_per_architecture) else f"{row.seconds_per_architecture:.3g}",
    )


def _fixed(value: float, places: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{places}f}"
