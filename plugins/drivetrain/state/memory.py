"""What is remembered of each sync, in Postgres; see drivetrain.sheets.memory.SyncMemory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from drivetrain.sheets.memory import Remembered
from drivetrain.state.tables import sheet_memory, sheet_memory_rows
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.engine import Engine

_FACTS = tuple(column.name for column in sheet_memory.c)
_FACT, _ROWS = sheet_memory.c, sheet_memory_rows.c

_INSERT_FACTS = insert(sheet_memory)
_PUT_FACTS = _INSERT_FACTS.on_conflict_do_update(
    index_elements=["sync"], set_={name: _INSERT_FACTS.excluded[name] for name in _FACTS if name != "sync"}
)
_FORGET_ROWS = sa.delete(sheet_memory_rows).where(
    _ROWS.sync == sa.bindparam("_sync"),
    _ROWS.tab_digest != sa.bindparam("_now"),
    _ROWS.tab_digest != sa.bindparam("_before"),
)
_INSERT_ROWS = insert(sheet_memory_rows)
# The same bytes again are no new version of the row, which for a large tab is some hundred kilobytes.
_PUT_ROWS = _INSERT_ROWS.on_conflict_do_update(
    index_elements=["sync", "tab_digest"],
    set_={"row_hashes": _INSERT_ROWS.excluded.row_hashes},
    where=_ROWS.row_hashes != _INSERT_ROWS.excluded.row_hashes,
)
_UNCHANGED = (
    sheet_memory.update()
    .where(_FACT.sync == sa.bindparam("_sync"), _FACT.source_read_at < sa.bindparam("_at"))
    .values(source_read_at=sa.bindparam("_at"))
)


class PostgresMemory:
    """The memory.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, syncs: Collection[str]) -> Mapping[str, Remembered]:
        """See SyncMemory."""
        query = (
            sa.select(sheet_memory, _ROWS.tab_digest.label("of"), _ROWS.row_hashes)
            .outerjoin(sheet_memory_rows, _ROWS.sync == _FACT.sync)
            .where(_FACT.sync.in_(list(syncs)))
        )
        found: dict[str, Remembered] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(query):
                facts = {name: getattr(row, name) for name in _FACTS}
                known = found.setdefault(row.sync, Remembered(**facts, row_hashes=b""))
                if row.of == known.tab_digest and row.of:
                    found[row.sync] = replace(known, row_hashes=row.row_hashes)
                elif row.of:
                    found[row.sync] = replace(known, other_rows=(*known.other_rows, (row.of, row.row_hashes)))
        return found

    def writing(self, remembered: Sequence[Remembered], before: Mapping[str, str]) -> None:
        """See SyncMemory."""
        self._put([replace(one, result_digest="", source_version="") for one in remembered], before)

    def save(self, remembered: Sequence[Remembered]) -> None:
        """See SyncMemory."""
        self._put(remembered, {})

    def unchanged(self, syncs: Mapping[str, dt.datetime]) -> None:
        """See SyncMemory."""
        if not syncs:
            return
        with transaction(self._engine) as connection:
            connection.execute(_UNCHANGED, [{"_sync": sync, "_at": at} for sync, at in sorted(syncs.items())])

    def _put(self, remembered: Sequence[Remembered], before: Mapping[str, str]) -> None:
        if not remembered:
            return
        ordered = sorted(remembered, key=lambda one: one.sync)  # one order: no deadlock
        facts = [{name: getattr(one, name) for name in _FACTS} for one in ordered]
        kept = [{"_sync": one.sync, "_now": one.tab_digest, "_before": before.get(one.sync, "")} for one in ordered]
        rows = [
            {"sync": one.sync, "tab_digest": one.tab_digest, "row_hashes": one.row_hashes}
            for one in ordered
            if one.tab_digest
        ]
        with transaction(self._engine) as connection:
            connection.execute(_PUT_FACTS, facts)
            connection.execute(_FORGET_ROWS, kept)
            if rows:
                connection.execute(_PUT_ROWS, rows)
