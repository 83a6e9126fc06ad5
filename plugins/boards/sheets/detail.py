"""What the page of one sync asks of the database."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.sheets.dispatch import KIND
from drivetrain.state.job_tables import job_dead_letters, jobs
from drivetrain.state.tables import sheet_rejects, sheet_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection, RowMapping

RUNS = 50
REJECTS = 50
DEAD_LETTERS = 20
_COUNTED = 10_000  # more rejects than this are "more than"
_RUN_DAYS = dt.timedelta(days=400)
_DEAD_DAYS = dt.timedelta(days=90)
_R, _X, _D, _J = sheet_runs.c, sheet_rejects.c, job_dead_letters.c, jobs.c


@dataclass(frozen=True)
class Detail:
    """All that is kept of one sync.

    Attributes:
        runs: the latest first.
        older: where the next older runs begin; None: there are none.
        rejects: the latest first.
        reject_count: up to 10,001.
        waiting: its jobs in the queue.
    """

    runs: Sequence[RowMapping]
    older: dt.datetime | None
    rejects: Sequence[RowMapping]
    reject_count: int
    dead_letters: Sequence[RowMapping]
    waiting: Sequence[RowMapping]


def detail(connection: Connection, sync: str, workbook: str, before: dt.datetime | None, now: dt.datetime) -> Detail:
    """Look it up.

    Args:
        connection: to the state database.
        sync: its name.
        workbook: in whose group its jobs wait.
        before: only runs that were due earlier; None: all.
        now: aware.
    """
    end = min(before or now + dt.timedelta(hours=1), now + dt.timedelta(hours=1))
    runs = (
        sa.select(sheet_runs, sa.extract("epoch", _R.finished_at - _R.started_at).label("seconds"))
        .where(_R.sync == sync, _R.due_at < end, _R.due_at > now - _RUN_DAYS)
        .order_by(_R.due_at.desc())
        .limit(RUNS + 1)
    )
    found = connection.execute(runs).mappings().all()
    rejects = (
        sa.select(sheet_rejects)
        .where(_X.sync == sync)
        .order_by(_X.rejected_at.desc(), _X.row_number, _X.column_name)
        .limit(REJECTS)
    )
    counted = sa.select(sa.literal(1)).where(_X.sync == sync).limit(_COUNTED + 1).subquery()
    dead = (
        sa.select(_D.key, _D.tries, _D.reason, _D.buried_at, _D.payload)
        .where(_D.kind == KIND, _D.buried_at > now - _DEAD_DAYS, _D.payload["sync"].as_string() == sync)
        .order_by(_D.buried_at.desc())
        .limit(DEAD_LETTERS)
    )
    waiting = (
        sa.select(_J.key, _J.published_at, _J.not_before, _J.tries, _J.last_error)
        .where(_J.kind == KIND, _J.group_name == workbook, _J.payload["sync"].as_string() == sync)
        .order_by(_J.id)
        .limit(20)
    )
    return Detail(
        runs=found[:RUNS],
        older=found[RUNS - 1]["due_at"] if len(found) > RUNS else None,
        rejects=connection.execute(rejects).mappings().all(),
        reject_count=int(connection.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()),
        dead_letters=connection.execute(dead).mappings().all(),
        waiting=connection.execute(waiting).mappings().all(),
    )
