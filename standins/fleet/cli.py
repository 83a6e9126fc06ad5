"""Command line: ``python -m standins.fleet --out DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from standins.fleet.fleet import FEWEST_SYNCS, Fleet, draw_fleet
from standins.fleet.schedules import clock
from standins.fleet.write import write_fleet


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, draw a fleet, write it and say what it is like.

    Raises:
        SystemExit: 2 when the arguments are wrong (argparse).
    """
    parser = argparse.ArgumentParser(prog="python -m standins.fleet", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--syncs", type=int, default=2_500, help=f"how many, at least {FEWEST_SYNCS}")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of tables and results; 1.0 is 1.4 million table rows")
    arguments = parser.parse_args(argv)
    try:
        fleet = draw_fleet(arguments.syncs, arguments.seed, arguments.scale)
        files = write_fleet(fleet, arguments.out)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    print(f"{files:,} files below {arguments.out}", *describe(fleet), sep="\n")


def describe(fleet: Fleet) -> list[str]:
    """The fleet in numbers, a line each."""
    table_rows = sum(table.rows for table in fleet.tables)
    return [
        f"syncs:      {len(fleet.syncs):,} of {len({sync.team for sync in fleet.syncs})} teams",
        f"workbooks:  {len(fleet.workbooks):,}, the largest with {max(book.tabs for book in fleet.workbooks)} tabs",
        f"queries:    {len({(s.query.text, str(s.query.parameters)) for s in fleet.syncs}):,} different ones on "
        f"{len(fleet.tables)} tables of {table_rows:,} rows",
        f"rows:       {sum(sync.query.rows for sync in fleet.syncs):,} in sheets, "
        f"{sum(sync.cells for sync in fleet.syncs):,} cells",
        f"jobs a day: {fleet.jobs_a_day:,.1f}",
        "busiest minutes:",
        *(f"  {clock(busy.minute)}  {busy.syncs} syncs in {busy.workbooks} workbooks" for busy in fleet.busiest()),
    ]
