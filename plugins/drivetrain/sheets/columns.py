"""Which columns a run writes: the spec against what the query gives and what the tab's header says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import SchemaDriftError
from drivetrain.sheets import a1
from drivetrain.sheets.cells import Cell, accepts, infer_type
from drivetrain.sheets.observe import Marker, fingerprint
from drivetrain.sheets.spec import Column, Drift, Mode, SheetSyncSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa


def resolve_columns(spec: SheetSyncSpec, source: pa.Schema) -> tuple[Column, ...]:
    """The columns to write, every one known to the source with a type that fits.

    Raises:
        SchemaDriftError: names the spec, the columns and what to change.
    """
    names = source.names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SchemaDriftError(f"sync {spec.sync}: the query gives {', '.join(twice)} twice, give each its own alias")
    if missing := [column.name for column in spec.columns if column.name not in names]:
        near = {name.casefold(): name for name in names}
        hints = [f"{m} (is it {near[m.casefold()]}?)" if m.casefold() in near else m for m in missing]
        raise SchemaDriftError(
            f"sync {spec.sync}: columns: the query does not give {', '.join(hints)}; "
            f"it gives {', '.join(names)}: correct the spec's columns or the query"
        )
    problems = [
        f"columns.{column.name}: type {column.type.value}: {fix}"
        for column in spec.columns
        if (fix := accepts(column, source.field(column.name).type))
    ]
    if problems:
        raise SchemaDriftError(f"sync {spec.sync}: {'; '.join(problems)}")
    known = {column.name for column in spec.columns}
    extra = [name for name in names if name not in known]
    if not extra or spec.drift is Drift.IGNORE:
        return spec.columns
    if spec.drift is Drift.FAIL:
        raise SchemaDriftError(
            f"sync {spec.sync}: the query gives {', '.join(extra)}, which columns does not list: add it there, or set "
            "drift: add (write it) or drift: ignore (leave it out)"
        )
    if taken := [name for name in extra if name in {column.title for column in spec.columns}]:
        raise SchemaDriftError(
            f"sync {spec.sync}: the query's column {', '.join(taken)} would get a header that another column has: "
            "rename it in the query, or list it in columns with a header of its own"
        )
    return (*spec.columns, *(Column(name=name, type=infer_type(source.field(name).type)) for name in extra))


@dataclass(frozen=True)
class HeaderDecision:
    """What to do with the header row.

    Attributes:
        write: the titles to write, None to leave the row alone.
        columns: how many of the run's columns are written, from the left.
        format_all: the columns are new here: give all of their rows the number format.
    """

    write: tuple[str, ...] | None
    columns: int
    format_all: bool


def layout_of(columns: Sequence[Column]) -> str:
    """Fingerprint of the columns' source names in their order."""
    return fingerprint(*(column.name for column in columns))


def header_of(titles: Sequence[Cell]) -> str:
    """Fingerprint of a header row."""
    return fingerprint(*("" if title is None else str(title) for title in titles))


def decide_header(
    spec: SheetSyncSpec,
    columns: Sequence[Column],
    found: Sequence[Cell],
    marker: Marker | None,
    *,
    tab_has_rows: bool,
    occupied: Callable[[], Sequence[bool]],
) -> HeaderDecision:
    """Compare the tab's header row with the spec's.

    Args:
        spec: the sync.
        columns: the run's columns, from resolve_columns.
        found: the header row's cells, as many as the region is wide.
        marker: what the sync left at its last write, None on its first.
        tab_has_rows: there is something below the header row.
        occupied: tells for each of the region's columns whether a data row has a value in it.

    Raises:
        SchemaDriftError: the tab's columns are not the spec's, and the policy does not say what to do.
    """
    wanted = tuple(column.title for column in columns)
    width = len(wanted)
    titles = tuple("" if cell is None else str(cell) for cell in found)
    if not any(titles):
        if tab_has_rows and marker is None:
            raise SchemaDriftError(
                f"sync {spec.sync}: tab {spec.target.tab!r} has values below {spec.target.anchor} and no header: "
                "they are not this sync's, so choose an empty tab or another anchor"
            )
        if tab_has_rows and marker is not None and spec.mode is not Mode.REPLACE:
            _refuse_other_layout(spec, columns, marker)
        return HeaderDecision(wanted, width, format_all=marker is None)
    if titles[:width] == wanted and not any(titles[width:]):
        return HeaderDecision(None, width, format_all=False)
    ours = marker is not None and header_of(titles[: marker.width]) == marker.header
    if ours and marker is not None and marker.layout == layout_of(columns):
        return HeaderDecision(wanted, width, format_all=False)  # the spec renamed a header
    known = len([title for title in titles if title])
    if titles[:known] == wanted[:known] and known < width:
        return _new_columns(spec, wanted, known, titles, occupied)
    if ours and marker is not None and spec.mode is Mode.REPLACE:
        _refuse_occupied(spec, wanted, marker.width, titles, occupied)
        return HeaderDecision(wanted, width, format_all=True)  # the spec's columns changed, and all rows with them
    same = marker is not None and marker.layout == layout_of(columns)
    if same and spec.mode is Mode.REPLACE and spec.drift is Drift.IGNORE:
        return HeaderDecision(None, width, format_all=False)  # a person renamed a header: let it be
    raise SchemaDriftError(_mismatch(spec, titles, wanted, ours=ours))


def _new_columns(
    spec: SheetSyncSpec,
    wanted: tuple[str, ...],
    known: int,
    titles: tuple[str, ...],
    occupied: Callable[[], Sequence[bool]],
) -> HeaderDecision:
    added = wanted[known:]
    if spec.drift is Drift.IGNORE:
        return HeaderDecision(None, known, format_all=False)
    if spec.drift is Drift.FAIL and spec.mode is not Mode.REPLACE:
        raise SchemaDriftError(
            f"sync {spec.sync}: tab {spec.target.tab!r} lacks the columns {', '.join(added)}: set drift: add (write "
            "them) or drift: ignore (leave them out)"
        )
    _refuse_occupied(spec, wanted, known, titles, occupied)
    return HeaderDecision(wanted, len(wanted), format_all=True)


def _refuse_other_layout(spec: SheetSyncSpec, columns: Sequence[Column], marker: Marker) -> None:
    """Without its header only the marker tells which columns the tab's rows have."""
    if layout_of(columns[: marker.width]) != marker.layout:
        raise SchemaDriftError(
            f"sync {spec.sync}: tab {spec.target.tab!r} has lost its header in {spec.target.anchor}, and the spec's "
            "columns are not those of the rows below it: write the old header there again, or choose a new tab"
        )


def _refuse_occupied(
    spec: SheetSyncSpec,
    wanted: tuple[str, ...],
    known: int,
    titles: tuple[str, ...],
    occupied: Callable[[], Sequence[bool]],
) -> None:
    """Columns from `known` on were not the sync's so far: nothing may stand there."""
    if known >= len(wanted):
        return
    taken = [bool(title) or used for title, used in zip(titles, occupied(), strict=False)]
    where = next((i for i in range(known, min(len(wanted), len(taken))) if taken[i]), None)
    if where is not None:
        row, column = a1.parse_cell(spec.target.anchor)
        raise SchemaDriftError(
            f"sync {spec.sync}: the new column {wanted[where]!r} would overwrite values below "
            f"{a1.cell(row, column + where)} of tab {spec.target.tab!r}: move them to the right"
        )


def _mismatch(spec: SheetSyncSpec, titles: tuple[str, ...], wanted: tuple[str, ...], *, ours: bool) -> str:
    row, column = a1.parse_cell(spec.target.anchor)
    padded = (*wanted, *("" for _ in range(len(titles) - len(wanted))))
    at, (is_, should) = next(
        (i, pair) for i, pair in enumerate(zip(titles, padded, strict=False)) if pair[0] != pair[1]
    )
    cell = f"{a1.cell(row, column + at)} of tab {spec.target.tab!r}"
    if ours:
        return (
            f"sync {spec.sync}: the order of columns changed ({cell}: {is_!r} was written, the spec says {should!r}), "
            f"which mode {spec.mode.value} can't carry over: add columns at the end, or choose a new tab"
        )
    return (
        f"sync {spec.sync}: header {cell} says {is_!r}, the spec says {should!r}: "
        "rename it back in the tab, or change the spec's header"
    )
