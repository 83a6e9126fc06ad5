"""`drivetrain sheets plan` and `apply`: what syncs would change, and to change it."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from commands.logs import keep_stdout_clean
from commands.sheets_diff import summary_line, told_lines
from commands.sheets_options import AT, CHANGED_SINCE, INCLUDE, NAMES, chosen_or_changed, moment
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from commands.sheets_run import Told
    from drivetrain.sheets.catalog import Sync

AS_JSON = typer.Option(False, "--json", help="One JSON document instead of lines, for programs.")
DETAILED = typer.Option(False, "--detailed-exitcode", help="End with 2 where there is something to write.")
YES = typer.Option(False, "--yes", "-y", help="Ask nobody.")
RUN_ID = typer.Option(None, help="The same for every try of one run: an append that it made is not made again.")
_CHANGES = 2


def plan(
    names: list[str] | None = NAMES,
    changed_since: str | None = CHANGED_SINCE,
    include: Path = INCLUDE,
    at: str | None = AT,
    as_json: bool = AS_JSON,
    detailed_exitcode: bool = DETAILED,
) -> None:
    """Show what a run would change, cell by cell, and write nothing.

    Ends with 1 if a sync can't run; with --detailed-exitcode, with 2 if there is something to write.
    """
    syncs = chosen_or_changed(include, names, changed_since)
    told = _run(syncs, moment(at), "plan", dry_run=True, is_quiet=as_json)
    kinds = _ended(told, as_json=as_json)
    if kinds["failed"]:
        raise typer.Exit(1)
    if kinds["planned"] and detailed_exitcode:
        raise typer.Exit(_CHANGES)


def apply(
    names: list[str] | None = NAMES,
    changed_since: str | None = CHANGED_SINCE,
    include: Path = INCLUDE,
    at: str | None = AT,
    yes: bool = YES,
    run_id: str | None = RUN_ID,
    as_json: bool = AS_JSON,
) -> None:
    """Show the plan, ask, and run the syncs that have something to write.

    Each workbook is looked at again before it is written: what people changed in between counts. Ends with 1 if a
    sync can't run.
    """
    if not yes and (as_json or not _is_terminal()):
        raise FatalError("apply: there is no terminal to ask at: give --yes, after a look at `drivetrain sheets plan`")
    syncs, when = chosen_or_changed(include, names, changed_since), moment(at)
    run = run_id or f"apply__{dt.datetime.now(dt.UTC).isoformat(timespec='seconds')}"
    planned = _run(syncs, when, run, dry_run=True, is_quiet=as_json)
    wanted = [told.sync for told in planned if told.kind == "planned"]
    if not as_json:
        typer.echo(_summary(planned))
    if wanted and not yes and not typer.confirm(f"Write {', '.join(sync.spec.sync for sync in wanted)}?"):
        raise FatalError("apply: nothing was written")
    done = _run(wanted, when, run, dry_run=False, is_quiet=as_json) if wanted else []
    told = [one for one in planned if one.kind != "planned"] + done
    kinds = _ended(told, as_json=as_json) if as_json or wanted else Counter(one.kind for one in told)
    if any(one.kind == "failed" for one in done) and not run_id:
        typer.echo(f"another try of this run: --run-id {run}", err=True)
    if kinds["failed"]:
        raise typer.Exit(1)


def _run(syncs: Sequence[Sync], at: dt.datetime, run_id: str, *, dry_run: bool, is_quiet: bool) -> list[Told]:
    """Run, and print each workbook's syncs as soon as it is done."""
    # Airflow takes a second to import, which the other commands need not wait for.
    from commands.sheets_run import run_syncs

    keep_stdout_clean()
    # Colours only where a terminal shows them; long lines are the terminal's to break.
    console = Console(highlight=False, soft_wrap=True, quiet=is_quiet)
    told = []
    for one in run_syncs(syncs, at=at, run_id=run_id, dry_run=dry_run):
        for line in told_lines(one):
            console.print(line)
        told.append(one)
    return told


def _ended(told: Sequence[Told], *, as_json: bool) -> Counter[str]:
    kinds = Counter(one.kind for one in told)
    if as_json:
        document = {"summary": dict(kinds), "syncs": [one.summary() for one in told]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        typer.echo(summary_line(kinds))
    return kinds


def _summary(told: Iterable[Told]) -> str:
    return summary_line(Counter(one.kind for one in told))


def _is_terminal() -> bool:
    return sys.stdin.isatty()
