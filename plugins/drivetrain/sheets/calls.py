"""A plan as API calls: one batch, or a staging tab and one batch."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from drivetrain.errors import LimitError
from drivetrain.sheets import a1, limits, requests
from drivetrain.sheets.observe import marker_key
from drivetrain.sheets.plan import RowPlan, Segment
from drivetrain.sheets.spec import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drivetrain.sheets.columns import HeaderDecision
    from drivetrain.sheets.observe import Marker, Workbook
    from drivetrain.sheets.requests import Region, Request
    from drivetrain.sheets.spec import Column, SheetSyncSpec
    from drivetrain.sheets.spool import RowSpool

_INLINE_VALUE_BYTES = len(b'{"userEnteredValue":{"boolValue":}}')
_MAX_COPIES = 2_000
_CHUNK_FRAME_BYTES = 64


@dataclass(frozen=True)
class Change:
    """All that the calls are made of."""

    spec: SheetSyncSpec
    workbook: Workbook
    region: Region
    columns: Sequence[Column]
    header: HeaderDecision
    plan: RowPlan
    rows: RowSpool
    marker: Marker
    is_marker_due: bool = False

    @property
    def is_empty(self) -> bool:
        """The tab is as it should be, nothing lies around, and the marker says what it has to."""
        lies_around = bool(self.workbook.stages_of(self.spec.sync))
        return self.plan.is_empty and self.header.write is None and not lies_around and not self.is_marker_due


@dataclass(frozen=True)
class Staged:
    """The calls where one batch is too large: `open_body`, then every chunk, then `commit_body`."""

    gid: int
    open_body: bytes
    chunks: int
    commit_body: bytes


def new_gid() -> int:
    """A sheetId that no tab has: positive, 31 bits, as Google's own."""
    return secrets.randbelow(2**31 - 2) + 1


def inline_parts(change: Change, max_bytes: int) -> list[bytes] | None:
    """The whole change as sub-requests of one batchUpdate, None if their rows had better be staged.

    A change that writes no rows is never staged: a staging tab would not make it smaller.
    """
    plan, region = change.plan, change.region
    if plan.rows_written and _least_size(change) > max_bytes:
        return None
    items = _remove_stages(change)
    if region.is_new:
        grown = region.grown(plan)
        items.append(
            requests.add_tab(
                region.gid,
                region.title,
                rows=grown.grid_rows,
                columns=grown.grid_columns,
                frozen_rows=region.first_data_row,
            )
        )
    else:
        items += requests.grow(region, plan)
    items += _header(change)
    items += requests.write_rows(region, plan.segments, change.rows)
    items += _finish(change)
    parts = _encoded(items, change)
    return parts if not plan.rows_written or len(batch_body(parts)) <= max_bytes else None


def _least_size(change: Change) -> int:
    """Bytes that the rows need at least as typed cells: tells without building them that they have to be staged."""
    size = values = 0
    for segment in change.plan.segments:
        start, stop = segment.source, segment.source + segment.count
        size += change.rows.size(start, stop)
        values += segment.count * change.region.width
        for block in range(start, stop, 1_000):
            values -= sum(row.count(b"null") for row in change.rows.raw(block, min(block + 1_000, stop)))
    return size + values * _INLINE_VALUE_BYTES


def batch_body(parts: Iterable[bytes]) -> bytes:
    """spreadsheets.batchUpdate's body; sub-requests of several syncs may stand in one."""
    return b'{"requests":[' + b",".join(parts) + b"]}"


def staged(change: Change, max_bytes: int) -> Staged:
    """The change by way of a staging tab. A tab that has to be created is itself the staging tab."""
    plan, region = _coalesced(change), change.region
    change = replace(change, plan=plan)
    if region.is_new:
        grown = region.grown(plan)
        gid, rows, columns = region.gid, grown.grid_rows, grown.grid_columns
        commit = [requests.reveal_tab(gid, region.title), *_header(change), *_finish(change)]
        frozen = region.first_data_row
    else:
        gid, rows, columns, frozen = new_gid(), plan.rows_written, region.width, 0
        commit = requests.grow(region, plan) + _header(change)
        commit += requests.copy_rows(region, gid, plan.segments)
        commit += [*_finish(change), requests.delete_tab(gid)]
    title = requests.stage_title(change.spec.sync, gid)
    opening = [
        *_remove_stages(change),
        requests.add_tab(gid, title, rows=rows, columns=columns, frozen_rows=frozen, hidden=True),
    ]
    chunks = sum(1 for _ in _chunks(change, max_bytes))
    return Staged(gid, _body(opening, change), chunks, _body(commit, change))


def chunk_bodies(change: Change, stage: Staged, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """(range, body) of each values.update into the staging tab, none larger than `max_bytes`.

    Values are sent RAW, so that strings stay strings, in a tenth of the bytes that typed cells need.
    """
    region, title = change.region, requests.stage_title(change.spec.sync, stage.gid)
    row = 0
    for run in _chunks(change, max_bytes):
        if region.is_new:
            row = region.first_data_row + run[0].target
        count = sum(segment.count for segment in run)
        column = region.column if region.is_new else 0
        where = a1.block(title, first_row=row, first_column=column, last_row=row + count - 1, columns=region.width)
        parts = (part for segment in run for part in change.rows.raw(segment.source, segment.source + segment.count))
        yield where, b'{"majorDimension":"ROWS","values":[' + b",".join(parts) + b"]}"
        row += count


class Planned:
    """What a group's changes add up to, held against the workbook's limits before the first write."""

    def __init__(self) -> None:
        self._cells = self._tabs = self._metadata = 0

    def check(self, change: Change, stage: Staged | None) -> None:
        """Refuse before the first write what Google would refuse in its middle.

        Raises:
            LimitError: names the limit, the numbers and the way out; the change does not count.
        """
        workbook, region = change.workbook, change.region
        grown = region.grown(change.plan)
        stages = workbook.stages_of(change.spec.sync)
        more_cells = grown.grid_rows * grown.grid_columns - region.grid_rows * region.grid_columns
        more_tabs = int(region.is_new) - len(stages)
        more_cells -= sum(tab.cells for tab in stages)
        through_stage = stage is not None and not region.is_new
        staged_cells = change.plan.rows_written * region.width if through_stage else 0
        cells = workbook.cells + self._cells + more_cells + staged_cells
        tabs = len(workbook.tabs) + self._tabs + more_tabs + int(through_stage)
        metadata = len(marker_key(change.spec.sync)) + len(change.marker.model_dump_json())
        if workbook.other_metadata + self._metadata + metadata > limits.MAX_METADATA_CHARACTERS:
            raise LimitError(
                f"sync {change.spec.sync}: workbook {workbook.title!r} has no room for another marker, Google allows "
                f"{limits.MAX_METADATA_CHARACTERS:,} characters of metadata: move some syncs to another workbook"
            )
        _refuse_over(change, cells, tabs, grown.grid_columns, ", staging included" if through_stage else "")
        self._cells += more_cells
        self._tabs += more_tabs
        self._metadata += 0 if workbook.marker_exists else metadata


def _refuse_over(change: Change, cells: int, tabs: int, columns: int, staging: str) -> None:
    where = f"sync {change.spec.sync}: workbook {change.workbook.title!r}"
    if cells > limits.MAX_CELLS_PER_WORKBOOK:
        raise LimitError(
            f"{where} would have {cells:,} cells{staging}, Google allows {limits.MAX_CELLS_PER_WORKBOOK:,}: "
            "move a tab to another workbook, narrow the query, or delete empty rows and columns"
        )
    if tabs > limits.MAX_TABS_PER_WORKBOOK:
        raise LimitError(
            f"{where} would have {tabs} tabs{staging}, Google allows {limits.MAX_TABS_PER_WORKBOOK}: delete some"
        )
    if columns > limits.MAX_COLUMNS_PER_TAB:
        raise LimitError(
            f"{where}: tab {change.region.title!r} would have {columns:,} columns, Google allows "
            f"{limits.MAX_COLUMNS_PER_TAB:,}: choose an anchor further left"
        )


def _remove_stages(change: Change) -> list[Request]:
    return [requests.delete_tab(tab.gid) for tab in change.workbook.stages_of(change.spec.sync)]


def _header(change: Change) -> list[Request]:
    if change.header.write is None:
        return []
    items = [requests.write_header(change.region, change.header.write)]
    if change.region.is_new:
        items.append(requests.embolden_header(change.region))
    return items


def _finish(change: Change) -> list[Request]:
    """What ends every batch, after the rows are in place."""
    plan, region = change.plan, change.region
    grown = region.grown(plan)
    from_row = region.first_data_row if change.header.format_all else max(region.grid_rows, region.first_data_row)
    return [
        *requests.clear_rows(region, plan.clear),
        *requests.format_columns(grown, change.columns, from_row=from_row),
        *requests.delete_rows(region, plan.deletes),
        requests.set_marker(change.spec.sync, change.marker, exists=change.workbook.marker_exists),
    ]


def _body(items: list[Request], change: Change) -> bytes:
    return batch_body(_encoded(items, change))


def _encoded(items: list[Request], change: Change) -> list[bytes]:
    if len(items) > limits.MAX_SUBREQUESTS_PER_BATCH:
        raise LimitError(
            f"sync {change.spec.sync}: {len(items):,} scattered changes need more than "
            f"{limits.MAX_SUBREQUESTS_PER_BATCH:,} sub-requests: order the query by its key"
        )
    return [orjson.dumps(item) for item in items]


def _coalesced(change: Change) -> RowPlan:
    """Where rows stay at their place, write a few unchanged ones too rather than thousands of small copies."""
    plan = change.plan
    segments = list(plan.segments)
    gap = 1
    # Only in a replace does row i of the source belong to row i of the tab.
    while change.spec.mode is Mode.REPLACE and len(segments) > _MAX_COPIES:
        merged: list[Segment] = []
        for segment in segments:
            if merged and segment.target - (merged[-1].target + merged[-1].count) <= gap:
                start = merged[-1].target
                merged[-1] = Segment(start, start, segment.target + segment.count - start)
            else:
                merged.append(segment)
        segments, gap = merged, gap * 2
    return RowPlan(tuple(segments), plan.clear, plan.deletes, plan.rows_after, plan.counts)


def _chunks(change: Change, max_bytes: int) -> Iterator[list[Segment]]:
    """Runs of segments that one values.update of at most `max_bytes` carries (a single row may be larger).

    Segments are cut where a request is full. In a staging tab rows stand one below the other whatever their
    targets are; in a tab that is itself being made they stand at their targets, so a gap ends the run.
    """
    rows, used = change.rows, _CHUNK_FRAME_BYTES
    run: list[Segment] = []
    for segment in _coalesced(change).segments:
        if run and change.region.is_new and segment.target != run[-1].target + run[-1].count:
            yield run
            run, used = [], _CHUNK_FRAME_BYTES
        start = segment.source
        for index in range(segment.source, segment.source + segment.count):
            size = rows.size(index, index + 1) + 1
            if used + size > max_bytes and (run or index > start):
                if index > start:
                    run.append(_part(segment, start, index))
                yield run
                run, used, start = [], _CHUNK_FRAME_BYTES, index
            used += size
        run.append(_part(segment, start, segment.source + segment.count))
    if run:
        yield run


def _part(segment: Segment, start: int, stop: int) -> Segment:
    return Segment(segment.target + start - segment.source, start, stop - start)
