"""`archwright bench strategies`: what strategies find on a table or a problem."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.cli._parser import Commands, positive
from archwright.errors import UserError

if TYPE_CHECKING:
    from archwright.bench import Standing, StrategyRow

_COLUMNS = ("rank", "strategy", "regret", "95 % interval", "test regret", "95 % interval", "any time", "found best",
            "p", "ask/tell s")  # fmt: skip
_AS_KEPT = "the same command again continues where it was stopped, also with further strategies or seeds."


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "strategies",
        _strategies,
        about="Regrets of search strategies on a table or a problem after the same number of evaluations.",
        detail="Strategies are names of 'archwright ls strategies', with settings if wanted: NAME:setting=value.\n"
        f"Expected random search is always in the table; {_AS_KEPT}",
        examples=(
            "archwright bench strategies --problem nasbench201 --budget 150 --seeds 20 --strategies random,nsga2",
            "archwright bench strategies --problem func2c --strategies regularized-evolution:population=30:sample=10",
            "archwright bench strategies --problem nats-size --strategies optuna-tpe,random --jobs 2 --json rows.json",
        ),
    )
    parser.add_argument(
        "--problem", metavar="NAME", required=True, help="archwright ls benchmarks, archwright ls problems"
    )
    parser.add_argument("--dataset", metavar="NAMES", help="data sets of a table, commas (default: all)")
    parser.add_argument("--strategies", metavar="NAMES", required=True, help="commas; NAME or NAME:setting=value")
    parser.add_argument("--budget", metavar="N", type=positive, default=150, help="evaluations of a run, default 150")
    parser.add_argument("--seeds", metavar="N", type=positive, default=10, help="runs of each strategy, default 10")
    parser.add_argument(
        "--initial", metavar="N", type=int, default=0, help="first evaluations the same for all, default 0: their own"
    )
    parser.add_argument("--metric", metavar="NAME", help="of a table: what is searched by (default: its own)")
    parser.add_argument("--jobs", metavar="N", type=positive, default=1, help="processes of one thread, default 1")
    parser.add_argument("--again", metavar="NAMES", default="", help="strategies to run anew; commas")
    parser.add_argument("--out", metavar="FOLDER", help="runs and page (default: runs/bench-<problem>-strategies)")
    parser.add_argument("--json", metavar="FILE", help="write the rows of the table here")


def _strategies(args: argparse.Namespace) -> int:
    from archwright import bench
    from archwright.cli._progress import shown
    from archwright.cli._table import as_json
    from archwright.report import strategies_html

    problems = _problems(args.problem, args.dataset, args.metric)
    folder = Path(args.out) if args.out else Path("runs") / f"bench-{args.problem}-strategies"
    progress = shown(sys.stdout)
    progress.phase(f"searches of {args.problem}", 1, 1)
    try:
        rows = bench.evaluate_strategies(
            problems,
            _split(args.strategies),
            budget=args.budget,
            seeds=args.seeds,
            initial=args.initial,
            jobs=args.jobs,
            out=folder,
            again=_split(args.again),
            progress=lambda done, total, last: progress.step(done, total, last or "runs"),
            refused=lambda strategy, dataset, why: progress.message(f"{strategy} left out on {dataset}: {why}"),
        )
    finally:
        progress.close(finished=True)
    if all(row.exact for row in rows):
        raise UserError(f"none of the strategies could search {args.problem}")
    if args.json:
        Path(args.json).write_text(as_json([row.as_dict() for row in rows]) + "\n", encoding="utf-8")
    _print(bench.standings(rows))
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "strategies.html"
    page.write_text(strategies_html(rows), encoding="utf-8")
    print(f"page: {page}")
    return 0


def _split(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _problems(name: str, datasets: str | None, metric: str | None) -> Sequence[Any]:
    """The tables, one a data set, or the problem."""
    from archwright import bench

    if name in bench.PROBLEMS.names():
        if datasets or metric:
            raise UserError(f"{name} is a problem without --dataset and --metric; tables have them")
        return [bench.problem(name)]
    known = [*bench.names(), *bench.PROBLEMS.names()]
    if name not in known:
        from archwright.errors import nearest

        raise UserError(f"unknown problem {name!r}{nearest(name, known)}")
    wanted = _split(datasets) if datasets else bench.BENCHMARKS.load(name).datasets
    return [bench.TableJudge(bench.load(name, dataset), metric) for dataset in wanted]


def _print(standings: Sequence[Standing]) -> None:
    from archwright.cli._table import table

    for dataset in dict.fromkeys(standing.row.dataset for standing in standings):
        here = [standing for standing in standings if standing.row.dataset == dataset]
        print(table(_COLUMNS, [_cells(standing) for standing in here], title=_title(here)), end="\n\n")
    means = {standing.row.strategy: standing.mean_rank for standing in standings if standing.mean_rank is not None}
    if means:
        ordered = sorted(means.items(), key=lambda item: item[1])
        print(table(("strategy", "mean rank"), [(name, f"{rank:.2f}") for name, rank in ordered]), end="\n\n")


def _title(here: Sequence[Standing]) -> str:
    rows = [standing.row for standing in here]
    seeds = max(len(row.seeds) for row in rows)
    where = rows[0].problem if rows[0].problem == rows[0].dataset else f"{rows[0].problem} on {rows[0].dataset}"
    tested = "" if rows[0].tested else "; no test results, test regret is regret"
    return f"{where}: {rows[0].budget} evaluations, {seeds} seeds, regret in {rows[0].unit}{tested}"


def _cells(standing: Standing) -> Sequence[str]:
    row = standing.row
    return (
        "-" if standing.rank is None else str(standing.rank),
        row.strategy,
        _fixed(row.valid_regret),
        _interval(row.valid_low, row.valid_high, row),
        _fixed(row.test_regret),
        _interval(row.test_low, row.test_high, row),
        _fixed(row.area),
        "-" if row.exact else f"{standing.found_best}/{len(row.seeds)}",
        "-" if standing.p is None else f"{standing.p:.2g}",
        "-" if row.exact else f"{row.seconds:.3g}",
    )


def _interval(low: float, high: float, row: StrategyRow) -> str:
    return "exact" if row.exact else "-" if low != low else f"{_fixed(low)} to {_fixed(high)}"


def _fixed(value: float) -> str:
    return "-" if value != value else f"{value:.3f}" if abs(value) < 1e4 else f"{value:.4g}"
