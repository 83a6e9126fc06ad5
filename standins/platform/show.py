"""What the demo prints: a live table on a terminal, plain lines elsewhere, one table at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from standins.platform.layout import Layout
    from standins.platform.runs import Snapshot, TaskRow

STYLES = {"success": "green", "failed": "bold red", "up_for_retry": "yellow", "running": "cyan"}


def wide_console() -> Console:
    """Standard output; a file or a pipe has no width that a table should be squeezed into."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def api_calls(summary: Mapping[str, Any]) -> int | None:
    """Calls to the Sheets API, reads and writes; None before the task has told."""
    if not summary:
        return None
    return int(summary.get("read_calls", 0)) + int(summary.get("write_calls", 0))


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _cells(row: TaskRow) -> tuple[str, ...]:
    rows, written = row.summary.get("rows"), row.summary.get("cells_written")
    seconds = f"{row.seconds:.1f}" if row.seconds else ""
    return _number(rows), _number(written), seconds


def _changes(summary: Mapping[str, Any]) -> str:
    kinds = (("+", "rows_added"), ("~", "rows_changed"), ("-", "rows_deleted"), ("rejected ", "rows_rejected"))
    return " ".join(f"{sign}{summary[key]:,}" for sign, key in kinds if summary.get(key))


def table_of(rows: Sequence[TaskRow], title: str) -> Table:
    """One line for each sync, a line between tasks; fits 80 columns.

    `changes` are rows added, changed, deleted and rejected. Calls and seconds that the syncs of a task share stand with
    its first.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("team")
    table.add_column("sync", no_wrap=True, overflow="fold")
    table.add_column("state")
    for heading in ("rows", "changes", "cells", "calls", "s"):
        table.add_column(heading, justify="right")
    for _, together in groupby(rows, key=lambda row: (row.dag_id, row.task_id)):
        of_task = list(together)
        shared = [calls for row in of_task if (calls := api_calls(row.summary)) is not None]
        for place, row in enumerate(of_task):
            outcome = Text(str(row.summary.get("outcome", row.state)), style=STYLES.get(row.state, "dim"))
            total, written, seconds = _cells(row)
            calls = "" if place or not shared else f"{sum(shared):,}"
            table.add_row(row.team, row.name, outcome, total, _changes(row.summary), written, calls, seconds)
        table.add_section()
    return table


class Progress:
    """Shows snapshots as they come. Use as a context manager and call it with each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._seen: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, snapshot: Snapshot) -> None:
        """Show one snapshot; without a terminal, only what is new in it."""
        for dag_id, run_id in snapshot.behind.items():
            if self._seen.setdefault((dag_id, run_id), "behind") == "behind":
                self._seen[(dag_id, run_id)] = "told"
                self._console.print(f"  {dag_id} waits for its run {run_id} to end", highlight=False)
        if self._live:
            self._live.update(table_of(snapshot.rows, "Sheet syncs"))
            return
        for row in snapshot.rows:
            key = (row.dag_id, row.name)
            if row.state in ("waiting", "scheduled", "queued") or self._seen.get(key) == row.state:
                continue
            self._seen[key] = row.state
            line = f"  {row.team:<14} {row.name:<32} {row.summary.get('outcome', row.state)!s:<14}"
            if row.summary:
                rows, written, seconds = _cells(row)
                line += f" {rows or '-'} rows, {written or '0'} cells written"
                line += f", {seconds} s" if seconds else ""
            print(line.rstrip(), flush=True)


def print_result(console: Console, layout: Layout, snapshot: Snapshot, login: str, password: str) -> None:
    """The end: one table, and where to look."""
    console.print(table_of(snapshot.rows, "Synced"))
    for row in snapshot.rows:
        if url := row.summary.get("url"):
            console.print(f"  {row.name:<32} {url}", soft_wrap=True, highlight=False)
    console.print(f"\nAirflow  {layout.airflow_url}", highlight=False)
    console.print(
        f"  login {login}, password {password} (random, kept in {layout.secrets_file})", soft_wrap=True, highlight=False
    )
