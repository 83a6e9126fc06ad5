"""One sync's part of a group: where it writes, what it found there, what it wants to change."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from drivetrain.errors import SchemaDriftError, UnavailableError
from drivetrain.sheets import a1, calls, limits
from drivetrain.sheets.cells import canonical
from drivetrain.sheets.columns import HeaderDecision, decide_header, header_of, layout_of, resolve_columns
from drivetrain.sheets.edits import FoundEdits, find_edits
from drivetrain.sheets.ingest import Ingested, ingest
from drivetrain.sheets.known import KnownRows, RowKeys, known_after, shape_of
from drivetrain.sheets.observe import RUNS_REMEMBERED, Marker, find_tab, fingerprint, parse_workbook, run_fingerprint
from drivetrain.sheets.outcome import SyncOutcome, describe_columns, preview_rows, unchanged_unseen
from drivetrain.sheets.plan import Counts, RowPlan, plan_rows
from drivetrain.sheets.recall import Recall
from drivetrain.sheets.requests import Region
from drivetrain.sheets.spec import Edits, Mode
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from drivetrain.jobs.clock import Clock
    from drivetrain.sheets.cells import Cell
    from drivetrain.sheets.job import SyncJob
    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.observe import Workbook
    from drivetrain.sheets.port import RowSource, Settings


class SyncRun:
    """A sync while it runs.

    The group calls, for each look at the workbook: locate, blocks and absorb, decide, plan; and once it knows
    more: prepared, written. `done` is set as soon as the end is known, and then `remembered` is what to remember.

    Args:
        job: the sync.
        source: its query; read at the first plan, or before the look if that may make it unnecessary.
        opened_at: before the query ran.
        settings: sizes.
        log: told what happens.
        clock: for what is remembered.

    Raises:
        SchemaDriftError: the query's columns are not the spec's.
    """

    def __init__(
        self,
        job: SyncJob,
        source: RowSource,
        opened_at: dt.datetime,
        settings: Settings,
        log: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self.spec, self.source, self.settings, self.log, self.clock = job.spec, source, settings, log, clock
        self.dry_run, self.on_rejects = job.dry_run, job.on_rejects
        self.fingerprint = run_fingerprint(job.run_id)
        self.columns = resolve_columns(job.spec, source.schema)
        self.recall = Recall(job, opened_at)
        self.remembered: Remembered | None = None
        self.looks = self.refused = self.read_calls = self.write_calls = self.bytes_sent = 0
        self.parts: list[bytes] | None = None
        self.stage: calls.Staged | None = None
        self.done: SyncOutcome | None = None
        self._new: Ingested | None = None
        self._result_digest = ""
        self._shape: tuple[int, int] | None = None
        self._is_early = False
        self._edits = FoundEdits()
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

    def read_early(self) -> int:
        """Read the query before the sheet is looked at. Done, if it says what it said the last time.

        Returns:
            Rows that are kept for the look, 0 if none is needed.
        """
        self._is_early = True
        new = self._ingested()
        self.remembered = self.recall.unchanged(new, self._result_digest)
        if self.remembered is None:
            return len(new.spool)
        self.save_rejects()
        rows = self.remembered.rows
        self.done = unchanged_unseen(self.spec, rows=rows, source_rows=new.source_rows, rejects=new.rejects)
        return 0

    def locate(self, answer: dict[str, Any]) -> None:
        """Find the tab in what spreadsheets.get answered, and forget what an earlier look saw."""
        self._looked_at = self.clock()
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
        names = [column.name for column in self.columns]
        key_at = [names.index(key) for key in self.spec.keys]
        keys = RowKeys(old, key_at)
        content = self.content_before
        known = self.recall.known(content, shape_of(old.width, key_at))
        self._edits = find_edits(self.spec, known, old, keys, new, region=self.region, key_at=key_at)
        is_applied = self._marker and self.spec.mode is Mode.APPEND and self.fingerprint in self._marker.runs
        if is_applied:
            self._plan = RowPlan((), None, (), len(old), Counts())
        else:
            self._plan = plan_rows(self.spec, old, new, key_at, keys=keys, known=known)
        after = known_after(self.spec, self._plan, old, keys, new, known=known, key_at=key_at)
        if is_applied:
            self._remember(content, after)
            self.done = self._finished("already_applied")
            return None
        change = calls.Change(
            spec=self.spec,
            workbook=self.workbook,
            region=self.region,
            columns=self.columns,
            header=self._decision,
            plan=self._plan,
            rows=new.spool,
            marker=self._next_marker(self._plan, after),
            # Whoever wants edits noticed needs a marker to notice them by.
            is_marker_due=not content and self.spec.edits is not Edits.OVERWRITE,
        )
        if change.is_empty:
            if not self.dry_run:
                self.save_rejects()
            self._remember(content, after)
            self.done = self._finished("unchanged")
            return None
        self._remember(change.marker.content, after)
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
    def content_before(self) -> str:
        """What the marker says of our rows, as of the last look."""
        return self._marker.content if self._marker is not None else ""

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

    def _remember(self, content: str, after: KnownRows) -> None:
        self.remembered = self.recall.leave(
            content,
            after,
            result_digest=self._result_digest,
            rows=self._planned.rows_after,
            checked_at=self._looked_at,
        )

    def _ingested(self) -> Ingested:
        width = len(self.columns)
        shape = (width, self.region.width if self.looks else width)
        if self._new is None:
            spool = RowSpool(shape[1], self.settings.spool_bytes)
            self._new, self._shape = ingest(self.spec, self.columns, self.source.batches(), spool), shape
            self._result_digest = self._new.digest(self.columns)
            for reject in self._new.rejects[:20]:
                what = f"rejected row {reject.row} (key {reject.key!r}), {reject.column}"
                self.log(f"{self.spec.sync}: {what}: {reject.detail}")
        if shape != self._shape and self._is_early:
            self._new.spool = self._new.spool.reshaped(*shape, self.settings.spool_bytes)
            self._shape, self._is_early = shape, False
        if shape != self._shape:
            raise UnavailableError(f"sync {self.spec.sync}: the tab's columns changed during the run: run it again")
        return self._new

    def _next_marker(self, plan: RowPlan, after: KnownRows) -> Marker:
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
            content=after.digest,
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
            rows_edited=self._edits.rows,
            edits=self._edits.told(with_cells=self.spec.edits is not Edits.OVERWRITE),
            warning=self._edits.warning(self.spec),
            **asdict(plan.counts),
        )


def _occupied(rows: RowSpool) -> list[bool]:
    taken = [False] * rows.width
    for row in rows.rows():
        taken = [was or cell is not None for was, cell in zip(taken, row, strict=True)]
    return taken
