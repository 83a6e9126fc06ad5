"""One load from end to end: check the table, read the tab, stage, then change the table at once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from drivetrain.errors import GuardError, UnavailableError
from drivetrain.sheets.cells import canonical
from drivetrain.sheets.header import locate
from drivetrain.sheets.load_outcome import LoadOutcome
from drivetrain.sheets.load_rows import RowReader, Tally
from drivetrain.sheets.load_spec import LoadMode, SheetLoadSpec
from drivetrain.sheets.load_sql import LoadSql
from drivetrain.sheets.load_tab import find_source, read_tab
from drivetrain.sheets.load_table import TableColumn, check_table, parse_description
from drivetrain.sheets.port import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivetrain.sheets.observe import Tab
    from drivetrain.sheets.port import SheetsPort
    from drivetrain.sheets.rejects import Reject

DEFAULTS = Settings()
_NAMED_CELLS = 3


class TableSession(Protocol):
    """One session of the database. Its end undoes an open transaction and drops what is temporary."""

    def execute(self, sql: str) -> Sequence[Mapping[str, Any]]:
        """Run one statement, PUT included; the rows of its answer by the names of their columns."""


def run_load(
    spec: SheetLoadSpec,
    port: SheetsPort,
    table: TableSession,
    *,
    dry_run: bool = False,
    settings: Settings = DEFAULTS,
    log: Callable[[str], None] = lambda _: None,
    on_rejects: Callable[[Sequence[Reject]], None] = lambda _: None,
) -> LoadOutcome:
    """Bring one table in line with one tab.

    May be killed at any line and run again: until the one MERGE or COMMIT nothing has changed, and after it a second
    run finds nothing left to do.

    Args:
        spec: the load.
        port: Google Sheets; only read.
        table: a session of its own.
        dry_run: stage the rows and count what would change, for this session's eyes only; change nothing.
        settings: cells a call.
        log: told what happens, one line a step.
        on_rejects: given the cells at fault before anything is written, also where they are too many to go on;
            not called in a dry run.

    Raises:
        FatalError: something has to be changed first; nothing was written.
        RetriableError: try the whole run again later.
    """
    return _Load(spec, port, table, LoadSql(spec), settings, log, on_rejects).run(dry_run=dry_run)


@dataclass(frozen=True)
class _Changes:
    inserted: int
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class _Load:
    spec: SheetLoadSpec
    port: SheetsPort
    table: TableSession
    sql: LoadSql
    settings: Settings
    log: Callable[[str], None]
    on_rejects: Callable[[Sequence[Reject]], None]

    def run(self, *, dry_run: bool) -> LoadOutcome:
        used = replace(self.port.usage)
        self.table.execute(self.sql.use_schema())
        room = check_table(self.spec, parse_description(self.table.execute(self.sql.describe())))
        workbook, tab = find_source(self.spec, self.port)
        with tempfile.TemporaryDirectory(prefix="drivetrain_load_") as folder:
            files = Path(folder)
            tally = self._read(tab, room, files)
            self._report(tally, dry_run=dry_run)
            self._check(tally)
            staged = self._stage(tally, files)
        change = self._merge if self.spec.mode is LoadMode.MERGE else self._replace
        changes = change(tally, dry_run=dry_run)
        any_change = changes.inserted or changes.updated or changes.deleted
        now = self.port.usage
        return LoadOutcome(
            load=self.spec.load,
            mode=self.spec.mode.value,
            outcome="planned" if dry_run else "written" if any_change else "unchanged",
            spreadsheet_id=workbook.spreadsheet_id,
            workbook=workbook.title,
            tab=tab.title,
            gid=tab.gid,
            table=self.spec.target.table,
            rows_read=tally.read,
            rows_inserted=changes.inserted,
            rows_updated=changes.updated,
            rows_deleted=changes.deleted,
            rows_rejected=tally.rejected,
            files=staged,
            read_calls=now.read_calls - used.read_calls,
            bytes_received=now.bytes_received - used.bytes_received,
            columns=tuple(
                {"name": column.name, "header": column.title, "type": column.type.value} for column in self.spec.columns
            ),
            preview=tuple(tally.preview),
            worst=tuple(tally.worst(_NAMED_CELLS)),
            rejects=tuple(tally.rejects),
        )

    def _read(self, tab: Tab, room: Sequence[TableColumn], folder: Path) -> Tally:
        """Write the tab's good rows to files, a file a part."""
        reader: RowReader | None = None
        for number, (start, rows) in enumerate(
            read_tab(self.spec, self.port, tab, cells_a_call=self.settings.read_cells)
        ):
            first, data = start, rows
            if reader is None:
                header = [canonical(cell) for cell in rows[0]] if rows else []
                reader = RowReader(self.spec, locate(self.spec, header), room)
                first, data = start + 1, rows[1:]
            batch = reader.read(first, data)
            if batch.num_rows:
                pq.write_table(pa.Table.from_batches([batch]), folder / f"part{number:05d}.parquet")
        return reader.tally if reader is not None else Tally()

    def _report(self, tally: Tally, *, dry_run: bool) -> None:
        self.log(f"{tally.read:,} rows in tab {self.spec.source.tab!r}, {tally.rejected:,} of them set aside")
        for reject in tally.rejects[:20]:
            self.log(f"rejected row {reject.row} (key {reject.key!r}), {reject.address}: {reject.detail}")
        if tally.rejects and not dry_run:
            self.on_rejects(tally.rejects)

    def _check(self, tally: Tally) -> None:
        guards, where = self.spec.guards, f"load {self.spec.load}: tab {self.spec.source.tab!r}"
        if tally.read and tally.rejected / tally.read > guards.max_reject_share:
            raise GuardError(
                f"{where}: {tally.rejected:,} of {tally.read:,} rows ({tally.rejected / tally.read:.0%}) can't be "
                f"loaded, more than guards.max_reject_share = {guards.max_reject_share:.0%}, so none was: "
                f"{'; '.join(tally.worst(_NAMED_CELLS))}"
            )
        if not tally.accepted and not guards.allow_empty:
            raise GuardError(f"{where} has no rows to load: fill it, or set guards.allow_empty: true")

    def _stage(self, tally: Tally, folder: Path) -> int:
        """Bring the files' rows into the temporary table."""
        self.table.execute(self.sql.create_table())
        files = len(list(folder.iterdir()))
        if not files:
            return 0
        self.table.execute(self.sql.create_stage())
        self.table.execute(self.sql.put(folder))
        loaded = sum(int(row["rows_loaded"]) for row in self.table.execute(self.sql.copy(folder)))
        self.log(f"{loaded:,} rows in {files} files staged")
        if loaded != tally.accepted:
            raise UnavailableError(
                f"load {self.spec.load}: {loaded:,} of {tally.accepted:,} rows reached the stage: run it again"
            )
        return files

    def _merge(self, _: Tally, *, dry_run: bool) -> _Changes:
        if dry_run:
            plan = self.table.execute(self.sql.plan_merge())[0]
            return _Changes(int(plan["inserted"]), updated=int(plan["updated"]))
        done = self.table.execute(self.sql.merge())[0]
        return _Changes(
            int(done["number of rows inserted"]),
            updated=int(done.get("number of rows updated", 0)),
        )

    def _replace(self, tally: Tally, *, dry_run: bool) -> _Changes:
        plan = self.table.execute(self.sql.plan_replace())[0]
        changes = _Changes(int(plan["inserted"]), deleted=int(plan["deleted"]))
        self._guard(before=int(plan["before"]), after=tally.accepted)
        if dry_run or not (changes.inserted or changes.deleted):
            return changes
        # A worker that dies in here leaves a transaction that Snowflake ends by itself, after five minutes if the
        # next try waits for it: https://docs.snowflake.com/en/sql-reference/transactions#aborting-transactions
        self.table.execute("BEGIN")
        gone = int(self.table.execute(self.sql.delete())[0]["number of rows deleted"])
        self._guard(before=gone, after=tally.accepted)  # somebody may have added rows since the count
        self.table.execute(self.sql.insert())
        self.table.execute("COMMIT")
        return changes

    def _guard(self, *, before: int, after: int) -> None:
        most = self.spec.guards.max_delete_share
        if before and (before - after) / before > most and (after or not self.spec.guards.allow_empty):
            raise GuardError(
                f"load {self.spec.load}: table {self.spec.target.table} has {before:,} rows, the tab {after:,}: "
                f"{(before - after) / before:.0%} fewer, more than guards.max_delete_share = {most:.0%}: look at the "
                "tab's version history, or raise the share"
            )
