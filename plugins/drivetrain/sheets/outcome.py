"""What a run did or would do, for XCom, the log and people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from drivetrain.sheets.ingest import Ingested
    from drivetrain.sheets.plan import RowPlan
    from drivetrain.sheets.rejects import Reject
    from drivetrain.sheets.spec import Column, SheetSyncSpec
    from drivetrain.sheets.spool import RowSpool


@dataclass(frozen=True)
class SyncOutcome:
    """What a run did, or with dry_run what it would do.

    Attributes:
        outcome: "planned", "unchanged", "written", or "already_applied" (an earlier try of this very run did it).
        calls_needed: write calls that the plan needs.
        quota_share: those calls as a share of one account's writes a minute.
        source: where the rows are from: "query", "shared" (the result of another sync's equal query) or "skipped" (the
            source has not changed, so nothing was asked).
        source_read_at: the tab says what the source said then, or later; None: when the run began.
        looks: how often the workbook was looked at; 0 where the query said what it said the last time.
        rows_edited: rows that people changed, added or removed since the last run, as far as that is known.
        edits: the first cells of those, see drivetrain.sheets.edits.Edit.
        warning: one line about them, where the spec asks for it; else "".
    """

    sync: str
    mode: str
    outcome: str
    spreadsheet_id: str
    workbook: str
    tab: str
    gid: int | None
    source_rows: int
    rows: int
    rows_added: int
    rows_changed: int
    rows_deleted: int
    rows_rejected: int
    cells_added: int
    cells_changed: int
    cells_deleted: int
    calls_needed: int
    quota_share: float
    staged: bool
    looks: int
    read_calls: int = 0
    write_calls: int = 0
    bytes_sent: int = 0
    source: str = "query"
    source_read_at: dt.datetime | None = None
    rows_edited: int = 0
    edits: tuple[dict[str, Any], ...] = ()
    warning: str = ""
    columns: tuple[dict[str, str], ...] = ()
    preview: tuple[dict[str, Any], ...] = ()
    rejects: tuple[Reject, ...] = field(default=(), repr=False)

    def summary(self) -> dict[str, Any]:
        """Numbers and names for XCom and the log; no row's content but the preview of a dry run."""
        values = asdict(self)
        values.pop("rejects")
        values["source_read_at"] = self.source_read_at.isoformat() if self.source_read_at else None
        values["cells_written"] = self.cells_added + self.cells_changed + self.cells_deleted
        if self.outcome != "planned":
            values.pop("preview")
            values.pop("columns")
        # Airflow keeps a tuple as an object of its own making, a list as JSON.
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def unchanged_unseen(
    spec: SheetSyncSpec, *, rows: int, source_rows: int = 0, rejects: Sequence[Reject] = ()
) -> SyncOutcome:
    """The outcome of a run that had no reason to look at the sheet, whose title and gid are not known then."""
    return SyncOutcome(
        sync=spec.sync,
        mode=spec.mode.value,
        outcome="unchanged",
        spreadsheet_id=spec.target.spreadsheet_id,
        workbook="",
        tab=spec.target.tab,
        gid=None,
        source_rows=source_rows,
        rows=rows,
        rows_added=0,
        rows_changed=0,
        rows_deleted=0,
        rows_rejected=len(rejects),
        cells_added=0,
        cells_changed=0,
        cells_deleted=0,
        calls_needed=0,
        quota_share=0.0,
        staged=False,
        looks=0,
        rejects=tuple(rejects),
    )


def describe_columns(columns: Sequence[Column]) -> tuple[dict[str, str], ...]:
    """The columns as a plan shows them."""
    return tuple({"name": c.name, "header": c.title, "type": c.type.value} for c in columns)


_PREVIEW_ROWS = 20


def preview_rows(plan: RowPlan, old: RowSpool, new: Ingested, columns: Sequence[Column]) -> tuple[dict[str, Any], ...]:
    """The first rows of a plan, cell by cell: what was, what will be."""
    shown: list[dict[str, Any]] = []
    for segment in plan.segments:
        for step in range(segment.count):
            if len(shown) == _PREVIEW_ROWS:
                return tuple(shown)
            at = segment.target + step
            after = new.spool.row(segment.source + step)
            before = old.row(at) if at < len(old) else [None] * len(after)
            cells = {
                column.title: {"old": was, "new": will}
                for column, was, will in zip(columns, before, after, strict=False)
                if was != will
            }
            shown.append({"row": at + 1, "change": "changed" if at < len(old) else "added", "cells": cells})
    for start, stop in (*([plan.clear] if plan.clear else []), *plan.deletes):
        shown += [{"row": i + 1, "change": "deleted"} for i in range(start, min(stop, start + _PREVIEW_ROWS))]
    return tuple(shown[:_PREVIEW_ROWS])
