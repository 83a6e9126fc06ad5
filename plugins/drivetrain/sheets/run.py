"""One sync's part of a group: where it writes, what it found there, what it wants to change."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from drivetrain.errors import SchemaDriftError, UnavailableError
from drivetrain.sheets import a1, calls, limits
from drivetrain.sheets.cells import canonical
from drivetrain.sheets.columns import HeaderDecision, decide_header, header_of, layout_of, resolve_columns
from drivetrain.sheets.ingest import Ingested, ingest
from drivetrain.sheets.observe import RUNS_REMEMBERED, Marker, find_tab, fingerprint, parse_workbook, run_fingerprint
from drivetrain.sheets.outcome import SyncOutcome, describe_columns, preview_rows
from drivetrain.sheets.plan import Counts, RowPlan, plan_rows
from drivetrain.sheets.requests import Region
from drivetrain.sheets.spec import Mode, SheetSyncSpec
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from drivetrain.sheets.cells import Cell
    from drivetrain.sheets.observe import Workbook
    from drivetrain.sheets.port import RowSource, Settings
    from drivetrain.sheets.rejects import Reject


class SyncRun:
    """A sync while it runs.

    The group calls, for each look at the workbook: locate, blocks and absorb, decide, plan; and once it knows
    more: prepared, written. `done` is set as soon as the end is known.

    Args:
        spec: the sync.
        source: its query; read at the first plan.
        run_id: of the DAG run.
        settings: sizes.
        log: told what happens.
        dry_run: plan only.

    Raises:
        SchemaDriftError: the query's columns are not the spec's.
    """

    def __init__(
        self,
        spec: SheetSyncSpec,
        source: RowSource,
        run_id: str,
        settings: Settings,
        log: Callable[[str], None],
        *,
        dry_run: bool,
    ) -> None:
        self.spec, self.source, self.settings, self.log, self.dry_run = spec, source, settings, log, dry_run
        self.fingerprint = run_fingerprint(run_id)
        self.columns = resolve_columns(spec, source.schema)
        self.on_rejects: Callable[[Sequence[Reject]], None] = lambda _: None
        self.looks = self.refused = self.read_calls = self.write_calls = self.bytes_sent = 0
        self.parts: list[bytes] | None = None
        self.stage: calls.Staged | None = None
        self.done: SyncOutcome | None = None
        self._new: Ingested | None = None
        self._shape: tuple[int, int] | None = None
        self._old: RowSpool | None = None
        self._header: Sequence[Cell] | None = None
        self._attempted: SyncOutcome | None = None
        self._rejects_saved = False
        self._plan: RowPlan | None = None

    def close(self) -> None:
        """Give memory and disk back; an outcome that is there stays."""
        if self._old is not None:
            self._old.close()
        if self._new is not None:
            self._new.spool.close()
        self._old = self._new = self.parts = None

    def locate(self, answer: dict[str, Any]) -> None:
        """Find the tab in what spreadsheets.get answered, and forget what an earlier look saw."""
        self.workbook: Workbook = parse_workbook(answer, self.spec.sync)
        tab, self._marker = find_tab(self.workbook, sync=self.spec.sync, title=self.spec.target.tab)
        row, column = a1.parse_cell(self.spec.target.anchor)
        width = len(self.columns)
        if self._marker is not None and self.spec.mode is Mode.REPLACE:
            width = max(width, self._marker.width)  # columns that the spec no longer has are blanked
        if tab is None:
            self.region = Region(calls.new_gid(), self.spec.target.tab, row, column, width, 0, 0)
        else:
            self.region = Region(tab.gid, tab.title, row, column, width, tab.rows, tab.columns, tab.frozen_rows)
        if self._old is not None:
            self._old.close()
        self._old, self._header = RowSpool(width, self.settings.spool_bytes), None

    def blocks(self) -> Iterator[tuple[str, int, int]]:
        """(range, rows, cells) of each read that the tab needs, top down; none where there is nothing to read."""
        region = self.region
        columns = min(region.width, region.grid_columns - region.column)
        if region.is_new or columns <= 0:
            return
        rows_a_read = max(self.settings.read_cells // columns, 1)
        for start in range(region.row, region.grid_rows, rows_a_read):
            rows = min(rows_a_read, region.grid_rows - start)
            where = a1.block(
                region.title, first_row=start, first_column=region.column, last_row=start + rows - 1, columns=columns
            )
            yield where, rows, rows * columns

    def absorb(self, values: Sequence[Sequence[object]], rows: int) -> None:
        """Take in one block's values; the API leaves out what is blank at the end, so rows are filled up."""
        if self._old is None:
            return
        filled: list[Sequence[object]] = [*values, *[()] * (rows - len(values))]
        if self._header is None:
            first = [canonical(cell) for cell in filled[0][: self.region.width]]
            self._header = (*first, *(None for _ in range(self.region.width - len(first))))
            filled = filled[1:]
        self._old.extend_from_api(filled)

    def decide(self) -> bool:
        """Compare the headers. True: fewer columns are written than thought, so locate and read again."""
        self.looks += 1
        old = self._found
        old.trim()
        header = self._header if self._header is not None else (None,) * self.region.width
        self._decision: HeaderDecision = decide_header(
            self.spec,
            self.columns,
            header,
            self._marker,
            tab_has_rows=len(old) > 0,
            occupied=lambda: _occupied(old),
        )
        self._titles = self._decision.write or tuple("" if cell is None else str(cell) for cell in header)
        if self._decision.columns == len(self.columns):
            return False
        # Nothing beyond the tab's own columns may be read, or blanked, as ours.
        self.columns = self.columns[: self._decision.columns]
        if lost := [key for key in self.spec.keys if key not in [column.name for column in self.columns]]:
            raise SchemaDriftError(f"sync {self.spec.sync}: the tab lacks the key column {', '.join(lost)}: add it")
        return True

    def plan(self) -> calls.Change | None:
        """What to change; None where there is nothing to do, and then `done` says how it ended."""
        new, old = self._ingested(), self._found
        if self._marker and self.spec.mode is Mode.APPEND and self.fingerprint in self._marker.runs:
            self._plan = RowPlan((), None, (), len(old), Counts())
            self.done = self._finished("already_applied")
            return None
        names = [column.name for column in self.columns]
        self._plan = plan_rows(self.spec, old, new, [names.index(key) for key in self.spec.keys])
        change = calls.Change(
            spec=self.spec,
            workbook=self.workbook,
            region=self.region,
            columns=self.columns,
            header=self._decision,
            plan=self._plan,
            rows=new.spool,
            marker=self._next_marker(self._plan),
        )
        if change.is_empty:
            if not self.dry_run:
                self.save_rejects()
            self.done = self._finished("unchanged")
            return None
        return change

    def prepared(self, parts: list[bytes] | None, stage: calls.Staged | None) -> None:
        """How the change will be sent."""
        self.parts, self.stage = parts, stage
        if self.dry_run:
            preview = preview_rows(self._planned, self._found, self._ingested(), self.columns)
            outcome = self._outcome("planned")
            self.done = replace(outcome, columns=describe_columns(self.columns), preview=preview)
        else:
            self._attempted = self._outcome("written")

    def save_rejects(self) -> None:
        """Hand over the rows that were set aside, once."""
        if self._new is not None and self._new.rejects and not self._rejects_saved:
            self.on_rejects(self._new.rejects)
            self._rejects_saved = True

    def written(self) -> None:
        """The batch is in."""
        self.done = self._attempted

    def not_sent(self) -> None:
        """The batch had no effect: if there is nothing left to do next time, that was not our doing."""
        self._attempted = None

    def with_usage(self, outcome: SyncOutcome) -> SyncOutcome:
        """The outcome with this sync's share of the group's calls."""
        return replace(outcome, read_calls=self.read_calls, write_calls=self.write_calls, bytes_sent=self.bytes_sent)

    @property
    def _found(self) -> RowSpool:
        if self._old is None:
            raise RuntimeError("locate comes first")
        return self._old

    @property
    def _planned(self) -> RowPlan:
        if self._plan is None:
            raise RuntimeError("plan comes first")
        return self._plan

    def _ingested(self) -> Ingested:
        shape = (len(self.columns), self.region.width)
        if self._new is None:
            spool = RowSpool(shape[1], self.settings.spool_bytes)
            self._new, self._shape = ingest(self.spec, self.columns, self.source.batches(), spool), shape
            for reject in self._new.rejects[:20]:
                what = f"rejected row {reject.row} (key {reject.key!r}), {reject.column}"
                self.log(f"{self.spec.sync}: {what}: {reject.detail}")
        if shape != self._shape:
            raise UnavailableError(f"sync {self.spec.sync}: the tab's columns changed during the run: run it again")
        return self._new

    def _next_marker(self, plan: RowPlan) -> Marker:
        runs = self._marker.runs if self._marker is not None else ()
        if self.spec.mode is Mode.APPEND:
            runs = (*runs, self.fingerprint)[-RUNS_REMEMBERED:]
        return Marker(
            gid=self.region.gid,
            runs=runs,
            rows=plan.rows_after,
            header=header_of(self._titles[: len(self.columns)]),
            layout=layout_of(self.columns),
            width=len(self.columns),
            tab=fingerprint(self.region.title.casefold()),
        )

    def _finished(self, outcome: str) -> SyncOutcome:
        """Nothing is left to do: either nothing was, or a write whose answer was lost turns out to have happened."""
        if self._attempted is None:
            return self._outcome(outcome)
        return replace(self._attempted, looks=self.looks, rows=self._planned.rows_after)

    def _outcome(self, outcome: str) -> SyncOutcome:
        plan, new, stage = self._planned, self._ingested(), self.stage
        needed = 0 if outcome in ("unchanged", "already_applied") else stage.chunks + 2 if stage else 1
        return SyncOutcome(
            sync=self.spec.sync,
            mode=self.spec.mode.value,
            outcome=outcome,
            spreadsheet_id=self.workbook.spreadsheet_id,
            workbook=self.workbook.title,
            tab=self.region.title,
            gid=None if self.region.is_new and outcome == "planned" else self.region.gid,
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


def _occupied(rows: RowSpool) -> list[bool]:
    taken = [False] * rows.width
    for row in rows.rows():
        taken = [was or cell is not None for was, cell in zip(taken, row, strict=True)]
    return taken
