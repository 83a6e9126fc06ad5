"""One sync from end to end: look, decide, write once, and look again when an answer was lost."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import tenacity

from drivetrain.errors import AmbiguousWriteError, RequestRejectedError, SchemaDriftError, UnavailableError
from drivetrain.sheets import a1, calls, limits
from drivetrain.sheets.columns import decide_header, header_of, layout_of, resolve_columns
from drivetrain.sheets.ingest import Ingested, ingest
from drivetrain.sheets.observe import (
    METADATA_FIELDS,
    RUNS_REMEMBERED,
    Marker,
    find_tab,
    fingerprint,
    parse_workbook,
)
from drivetrain.sheets.outcome import SyncOutcome, describe_columns, preview_rows
from drivetrain.sheets.plan import Counts, RowPlan, plan_rows
from drivetrain.sheets.port import Settings
from drivetrain.sheets.requests import Region
from drivetrain.sheets.spec import Column, Mode, SheetSyncSpec
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.cells import Cell
    from drivetrain.sheets.observe import Tab, Workbook
    from drivetrain.sheets.port import RowSource, SheetsPort
    from drivetrain.sheets.rejects import Reject


DEFAULTS = Settings()


def run_sync(
    spec: SheetSyncSpec,
    source: RowSource,
    port: SheetsPort,
    *,
    run_id: str,
    dry_run: bool = False,
    settings: Settings = DEFAULTS,
    log: Callable[[str], None] = lambda _: None,
    on_rejects: Callable[[Sequence[Reject]], None] = lambda _: None,
) -> SyncOutcome:
    """Bring one tab in line with one query.

    Args:
        spec: the sync.
        source: the query; read once.
        port: Google Sheets.
        run_id: the same for every try of one run: an append that already happened is recognized by it.
        dry_run: plan only, write nothing.
        settings: sizes and patience.
        log: told what happens, one line a step.
        on_rejects: given the rows that were set aside, before anything is written; not called in a dry run.

    Raises:
        FatalError: something has to be changed first; nothing was written.
        RetriableError: try the whole run again later.
    """
    return _Sync(spec, source, port, run_id, settings, log, on_rejects).run(dry_run=dry_run)


class _Sync:
    def __init__(
        self,
        spec: SheetSyncSpec,
        source: RowSource,
        port: SheetsPort,
        run_id: str,
        settings: Settings,
        log: Callable[[str], None],
        on_rejects: Callable[[Sequence[Reject]], None],
    ) -> None:
        self.spec, self.source, self.port, self.settings, self.log = spec, source, port, settings, log
        self.on_rejects = on_rejects
        self.used = replace(port.usage)
        self.fingerprint = fingerprint(run_id)
        self.columns = resolve_columns(spec, source.schema)
        self.new: Ingested | None = None
        self.ingested_as: tuple[int, int] | None = None
        self.looks = 0
        self.attempted: SyncOutcome | None = None

    def run(self, *, dry_run: bool) -> SyncOutcome:
        # Only a lost or refused write is worth another look; what the port could not do after its own retries is
        # not tried again here.
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._worth_another_look),
            stop=tenacity.stop_after_attempt(self.settings.attempts),
            wait=tenacity.wait_random_exponential(multiplier=self.settings.wait_seconds, max=30),
            before_sleep=lambda state: (
                self.log(f"{state.outcome.exception()}; looking again") if state.outcome else None
            ),
            reraise=True,
        )
        try:
            return again(self._once, dry_run=dry_run)
        finally:
            if self.new is not None:
                self.new.spool.close()

    def _say_why(self, state: tenacity.RetryCallState) -> None:
        if state.outcome is not None:
            self.log(f"{state.outcome.exception()}; looking again")

    def _worth_another_look(self, error: BaseException) -> bool:
        # Refused as a whole: the workbook changed between our look and our write (a tab went, a row limit moved).
        # A second refusal is a real one.
        return isinstance(error, AmbiguousWriteError) or (isinstance(error, RequestRejectedError) and self.looks < 2)

    def _once(self, *, dry_run: bool) -> SyncOutcome:
        self.looks += 1
        spec = self.spec
        workbook = parse_workbook(self.port.get_workbook(spec.target.spreadsheet_id, METADATA_FIELDS), spec.sync)
        tab, marker = find_tab(workbook, sync=spec.sync, title=spec.target.tab)
        region = self._region(tab, marker)
        with RowSpool(region.width) as old:
            header = self._read_tab(region, old)
            decision = decide_header(
                spec,
                self.columns,
                header,
                marker,
                tab_has_rows=len(old) > 0,
                occupied=lambda: _occupied(old),
            )
            if decision.columns < len(self.columns):
                return self._narrowed(decision.columns, dry_run=dry_run)
            columns = self.columns
            new = self._ingested(columns, region.width)
            if marker is not None and spec.mode is Mode.APPEND and self.fingerprint in marker.runs:
                done = self._outcome("already_applied", workbook, region, _nothing(len(old)), new)
                return self._as_attempted(done)
            key_at = [[column.name for column in columns].index(key) for key in spec.keys]
            plan = plan_rows(spec, old, new, key_at)
            titles = decision.write or tuple("" if cell is None else str(cell) for cell in header)
            change = calls.Change(
                spec=spec,
                workbook=workbook,
                region=region,
                columns=columns,
                header=decision,
                plan=plan,
                rows=new.spool,
                marker=self._marker(marker, region, plan, titles, columns),
            )
            if change.is_empty:
                if new.rejects and not dry_run and self.attempted is None:
                    self.on_rejects(new.rejects)
                return self._as_attempted(self._outcome("unchanged", workbook, region, plan, new))
            body = calls.inline_body(change, self.settings.max_request_bytes)
            stage = None if body is not None else calls.staged(change, self.settings.max_request_bytes)
            calls.check_limits(change, stage)
            outcome = self._outcome(
                "planned" if dry_run else "written", workbook, region, plan, new, stage=stage, needs=True
            )
            if dry_run:
                return replace(
                    outcome, columns=describe_columns(columns), preview=preview_rows(plan, old, new, columns)
                )
            if new.rejects and self.attempted is None:
                self.on_rejects(new.rejects)
            self.attempted = outcome
            self._apply(change, body, stage)
        return self._with_usage(outcome)

    def _narrowed(self, columns: int, *, dry_run: bool) -> SyncOutcome:
        """Leave out what the tab has no column for, and look again: nothing beyond may be read as ours."""
        self.columns = self.columns[:columns]
        if lost := [key for key in self.spec.keys if key not in [column.name for column in self.columns]]:
            raise SchemaDriftError(f"sync {self.spec.sync}: the tab lacks the key column {', '.join(lost)}: add it")
        return self._once(dry_run=dry_run)

    def _region(self, tab: Tab | None, marker: Marker | None) -> Region:
        row, column = a1.parse_cell(self.spec.target.anchor)
        width = len(self.columns)
        if marker is not None and self.spec.mode is Mode.REPLACE:
            width = max(width, marker.width)  # columns that the spec no longer has are blanked
        if tab is None:
            return Region(calls.new_gid(), self.spec.target.tab, row, column, width, 0, 0)
        return Region(tab.gid, tab.title, row, column, width, tab.rows, tab.columns, tab.frozen_rows)

    def _read_tab(self, region: Region, old: RowSpool) -> Sequence[Cell]:
        """Fill `old` with the tab's data rows, return its header row."""
        columns = min(region.width, region.grid_columns - region.column)
        blank: tuple[Cell, ...] = (None,) * region.width
        if region.is_new or columns <= 0 or region.row >= region.grid_rows:
            return blank
        rows_a_call = max(self.settings.read_cells // columns, 1)
        header: Sequence[Cell] | None = None
        for start in range(region.row, region.grid_rows, rows_a_call):
            last = min(start + rows_a_call, region.grid_rows) - 1
            where = a1.block(region.title, first_row=start, first_column=region.column, last_row=last, columns=columns)
            values = list(self.port.read_values(self.spec.target.spreadsheet_id, where))
            values += [()] * (last - start + 1 - len(values)) if last + 1 < region.grid_rows else []
            if header is None:
                with RowSpool(region.width) as first:
                    first.extend_from_api(values[:1])
                    header = first.row(0) if len(first) else blank
                values = values[1:]
            old.extend_from_api(values)
        old.trim()
        return header if header is not None else blank

    def _ingested(self, columns: Sequence[Column], width: int) -> Ingested:
        shape = (len(columns), width)
        if self.new is None:
            self.new, self.ingested_as = ingest(self.spec, columns, self.source.batches(), width=width), shape
            for reject in self.new.rejects[:20]:
                self.log(f"rejected row {reject.row} (key {reject.key!r}), {reject.column}: {reject.detail}")
        if shape != self.ingested_as:
            raise UnavailableError(f"sync {self.spec.sync}: the tab's columns changed during the run: run it again")
        return self.new

    def _marker(
        self,
        marker: Marker | None,
        region: Region,
        plan: RowPlan,
        titles: Sequence[str],
        columns: Sequence[Column],
    ) -> Marker:
        runs = marker.runs if marker is not None else ()
        if self.spec.mode is Mode.APPEND:
            runs = (*runs, self.fingerprint)[-RUNS_REMEMBERED:]
        return Marker(
            gid=region.gid,
            runs=runs,
            rows=plan.rows_after,
            header=header_of(titles[: len(columns)]),
            layout=layout_of(columns),
            width=len(columns),
            tab=fingerprint(region.title.casefold()),
        )

    def _apply(self, change: calls.Change, body: bytes | None, stage: calls.Staged | None) -> None:
        spreadsheet_id, most = self.spec.target.spreadsheet_id, self.settings.max_request_bytes
        if body is not None:
            self.port.batch_update(spreadsheet_id, body)
        elif stage is not None:
            self.port.batch_update(spreadsheet_id, stage.open_body)
            for number, (where, chunk) in enumerate(calls.chunk_bodies(change, stage, most), 1):
                self.log(f"staging {number} of {stage.chunks}: {where}")
                self.port.put_values(spreadsheet_id, where, chunk)
            self.port.batch_update(spreadsheet_id, stage.commit_body)

    def _outcome(
        self,
        outcome: str,
        workbook: Workbook,
        region: Region,
        plan: RowPlan,
        new: Ingested,
        *,
        stage: calls.Staged | None = None,
        needs: bool = False,
    ) -> SyncOutcome:
        needed = (stage.chunks + 2 if stage is not None else 1) if needs else 0
        result = SyncOutcome(
            sync=self.spec.sync,
            mode=self.spec.mode.value,
            outcome=outcome,
            spreadsheet_id=workbook.spreadsheet_id,
            workbook=workbook.title,
            tab=region.title,
            gid=region.gid if not (region.is_new and outcome == "planned") else None,
            source_rows=new.source_rows,
            rows=plan.rows_after,
            rows_rejected=len(new.rejects),
            calls_needed=needed,
            quota_share=round(needed / limits.QUOTA_WRITES_PER_MINUTE_PER_USER, 4),
            staged=stage is not None,
            looks=self.looks,
            rejects=tuple(new.rejects),
            **asdict(plan.counts),
        )
        return self._with_usage(result)

    def _with_usage(self, outcome: SyncOutcome) -> SyncOutcome:
        now, used = self.port.usage, self.used
        return replace(
            outcome,
            read_calls=now.read_calls - used.read_calls,
            write_calls=now.write_calls - used.write_calls,
            bytes_sent=now.bytes_sent - used.bytes_sent,
        )

    def _as_attempted(self, outcome: SyncOutcome) -> SyncOutcome:
        """A write whose answer was lost turns out to have happened: report what it did, not that nothing is left."""
        if self.attempted is None:
            return outcome
        return self._with_usage(replace(self.attempted, looks=self.looks, rows=outcome.rows))


def _nothing(rows: int) -> RowPlan:
    return RowPlan((), None, (), rows, Counts())


def _occupied(rows: RowSpool) -> list[bool]:
    taken = [False] * rows.width
    for row in rows.rows():
        taken = [was or cell is not None for was, cell in zip(taken, row, strict=True)]
    return taken
