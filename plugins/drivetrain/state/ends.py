"""How jobs of sheet syncs ended, for those who wait for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.sheets.dispatch import KIND
from drivetrain.state.job_tables import job_dead_letters
from drivetrain.state.tables import sheet_runs
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from sqlalchemy.engine import Engine

_R, _D = sheet_runs.c, job_dead_letters.c


@dataclass(frozen=True)
class End:
    """The end of one job.

    Attributes:
        outcome: as in drivetrain.sheets.registry.RunRecord; "failed" of a job that was given up.
        error: one line, "" where it went well.
        rows: of the tab afterwards.
        rows_changed: added, changed and deleted together.
        write_calls: to Google.
    """

    outcome: str
    error: str = ""
    rows: int = 0
    rows_changed: int = 0
    write_calls: int = 0


def ends_of(engine: Engine, keys: Collection[str], due_at: dt.datetime) -> dict[str, End]:
    """Those of the jobs that have ended for good, by key. A job that will be tried again is not there.

    Args:
        engine: of our database.
        keys: of jobs.
        due_at: what their runs are about, which is the same for all of them.

    Raises:
        UnavailableError: see drivetrain.state.transaction.
    """
    changed = (_R.rows_added + _R.rows_changed + _R.rows_deleted).label("changed")
    ran = sa.select(_R.job_key, _R.outcome, _R.error, _R.rows, changed, _R.write_calls).where(
        _R.job_key.in_(list(keys)), _R.due_at == due_at, _R.is_final
    )
    # Some are given up without having run: a message that no worker could do anything with.
    buried = sa.select(_D.key, _D.reason).where(_D.kind == KIND, _D.key.in_(list(keys)))
    with transaction(engine) as connection:
        ends = {row.key: End("failed", row.reason) for row in connection.execute(buried)}
        ends |= {
            row.job_key: End(row.outcome, row.error, row.rows, row.changed, row.write_calls)
            for row in connection.execute(ran)
        }
    return ends
