"""The reject table: what was set aside, kept once however often a run is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from drivetrain.state.tables import sheet_rejects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

    from drivetrain.sheets.rejects import Reject

_ROWS_A_STATEMENT = 1_000


def save_rejects(engine: Engine, sync: str, run_id: str, rejects: Sequence[Reject]) -> None:
    """Keep the rows that a run set aside."""
    with engine.begin() as connection:
        for start in range(0, len(rejects), _ROWS_A_STATEMENT):
            rows = [
                {
                    "sync": sync,
                    "run_id": run_id,
                    "row_number": reject.row,
                    "column_name": reject.column,
                    "reason": reject.reason.value,
                    "address": reject.address,
                    # Postgres' text holds no NUL
                    "row_key": reject.key.replace("\x00", "␀"),
                    "value": reject.value.replace("\x00", "␀"),
                    "detail": reject.detail,
                }
                for reject in rejects[start : start + _ROWS_A_STATEMENT]
            ]
            connection.execute(insert(sheet_rejects).values(rows).on_conflict_do_nothing())
