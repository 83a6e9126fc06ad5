"""Groups of jobs in Postgres: who has one, and which is the next. The queue and the locks both stand on this.

Two rules hold everywhere. Whoever changes jobs of a group has the group's row locked. And while nobody has a group, its
row tells its most urgent job and when the next one's time comes, so that a lease reads no jobs to find its group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from drivetrain.jobs.queue import LeaseLostError, lost_in
from drivetrain.state.job_tables import job_dead_letters, job_groups, job_tries, jobs, lease_tokens

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable

    from sqlalchemy.engine import Connection
    from sqlalchemy.sql import ColumnElement

# A lease's own work is bounded: what thousands of groups wait for at the same moment is taken up by several leases.
_MOST_WOKEN = 1_000
_MAX_REASON = 2_000

_G, _J = job_groups.c, jobs.c


def texts(values: Iterable[str]) -> ColumnElement[list[str]]:
    """Texts as one array: one parameter however many there are."""
    return sa.literal(list(values), ARRAY(sa.Text))


def lock_groups(connection: Connection, kind: str, names: Collection[str]) -> None:
    """Lock the rows of these groups, made where missing; waits for whoever has one.

    All make and then lock in the order of the names, so that no two wait for each other.
    """
    wanted = sorted(set(names))
    rows = sa.select(sa.literal(kind), sa.func.unnest(texts(wanted)))
    made = insert(job_groups).from_select(["kind", "group_name"], rows).on_conflict_do_nothing()
    mine = sa.select(_G.group_name).where(_G.kind == kind, _G.group_name == sa.any_(texts(wanted)))
    locked = 0
    while locked < len(wanted):  # a second time where prune() removed one in between
        connection.execute(made)
        locked = len(connection.execute(mine.order_by(_G.group_name).with_for_update()).all())


def refresh(connection: Connection, kind: str, names: Collection[str], now: dt.datetime) -> None:
    """Sum up the jobs of groups that nobody has; their rows are locked."""
    free = (_J.kind == _G.kind, _J.group_name == _G.group_name, _J.token.is_(None))

    def of_free(value: ColumnElement[Any]) -> sa.ScalarSelect[Any]:
        # One look into an index for each group. A join would be planned by statistics, which a queue that fills and
        # empties within minutes never has right.
        return sa.select(value).where(*free).correlate(job_groups).scalar_subquery()

    ready = _J.not_before <= now
    connection.execute(
        sa.update(job_groups)
        .where(_G.kind == kind, _G.group_name == sa.any_(texts(names)), _G.leased_until.is_(None))
        .values(
            ready_priority=of_free(sa.func.max(_J.priority).filter(ready)),
            ready_deadline=of_free(sa.func.min(_J.deadline).filter(ready)),
            ready_id=of_free(sa.func.min(_J.id).filter(ready)),
            next_at=of_free(sa.func.min(_J.not_before).filter(_J.not_before > now)),
        )
    )


def wake(connection: Connection, kind: str, now: dt.datetime, *, names: Collection[str] | None = None) -> None:
    """Take up what time alone has changed: leases that ended, and jobs whose time has come.

    Args:
        connection: within a transaction, which keeps the groups that it woke locked.
        kind: of the groups.
        now: the time.
        names: only these groups.
    """
    query = sa.select(_G.group_name, _G.leased_until).where(
        _G.kind == kind, sa.or_(_G.leased_until <= now, _G.next_at <= now)
    )
    if names is not None:
        query = query.where(_G.group_name == sa.any_(texts(names)))
    found = connection.execute(query.limit(_MOST_WOKEN).with_for_update(skip_locked=True)).all()
    if not found:
        return
    lost = [row.group_name for row in found if row.leased_until is not None]
    if lost:
        _take_back(connection, kind, lost, now)
    refresh(connection, kind, [row.group_name for row in found], now)


def claim(connection: Connection, kind: str, until: dt.datetime, most: int) -> list[str]:
    """Lease the most urgent groups that nobody has and nobody is about to lease; their names in that order."""
    picked = (
        sa.select(_G.group_name, _G.ready_priority, _G.ready_deadline, _G.ready_id)
        .where(_G.kind == kind, _G.ready_id.is_not(None))
        .order_by(_G.ready_priority.desc(), _G.ready_deadline, _G.ready_id)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    taken = connection.execute(
        _leased(until)
        .where(_G.kind == kind, _G.group_name == picked.c.group_name)
        .returning(_G.group_name, picked.c.ready_priority, picked.c.ready_deadline, picked.c.ready_id)
    ).all()
    return [row.group_name for row in sorted(taken, key=_urgency)]


def claim_named(connection: Connection, kind: str, names: Collection[str], until: dt.datetime) -> dict[str, int]:
    """Lease those of these groups that nobody has, their rows being locked; tokens by name."""
    mine = _leased(until).where(_G.kind == kind, _G.group_name == sa.any_(texts(names)), _G.leased_until.is_(None))
    return {row.group_name: row.token for row in connection.execute(mine.returning(_G.group_name, _G.token))}


def hold(connection: Connection, kind: str, name: str, token: str, now: dt.datetime) -> bool:
    """Lock the row of a group that we have a lease of.

    Returns:
        False where the lease ended by our own doing, with its last job: then there is nothing left to do, and the
        answer to doing it was lost.

    Raises:
        LeaseLostError: the lease has ended otherwise.
    """
    query = sa.select(_G.token, _G.leased_until).where(_G.kind == kind, _G.group_name == name).with_for_update()
    row = connection.execute(query).first()
    if row is None or row.token != int(token) or (row.leased_until is not None and row.leased_until <= now):
        raise LeaseLostError(f"group {name}: the lease has ended, another worker may have it by now")
    return row.leased_until is not None


def extend(connection: Connection, kind: str, name: str, token: str, now: dt.datetime, until: dt.datetime) -> None:
    """Move the end of a lease.

    Raises:
        LeaseLostError: it has ended.
    """
    held = sa.and_(_G.kind == kind, _G.group_name == name, _G.token == int(token), _G.leased_until > now)
    if not connection.execute(sa.update(job_groups).where(held).values(leased_until=until)).rowcount:
        raise LeaseLostError(f"group {name}: the lease has ended, another worker may have it by now")


def let_go_if_done(connection: Connection, kind: str, name: str, now: dt.datetime) -> None:
    """End the lease of a group of which nothing is in hand any more; its row is locked.

    The token stays: by it a holder that repeats its last word is known.
    """
    in_hand = [
        sa.exists().where(table.c.kind == kind, table.c.group_name == name, table.c.token.is_not(None))
        for table in (jobs, job_tries)
    ]
    ended = sa.update(job_groups).where(_G.kind == kind, _G.group_name == name, *(~some for some in in_hand))
    if connection.execute(ended.values(leased_until=None)).rowcount:
        refresh(connection, kind, [name], now)


def let_go(connection: Connection, kind: str, name: str, now: dt.datetime) -> None:
    """End the lease of a group, whose row is locked, whatever was in hand."""
    mine = (_G.kind == kind, _G.group_name == name)
    connection.execute(sa.update(job_groups).where(*mine).values(leased_until=None, token=None))
    refresh(connection, kind, [name], now)


def bury(connection: Connection, which: ColumnElement[bool], reason: str | None, now: dt.datetime) -> None:
    """Make jobs dead letters; their groups' rows are locked.

    Args:
        connection: within a transaction.
        which: of the jobs.
        reason: None: each job's worker is gone without a word.
        now: the time.
    """
    gone = connection.execute(sa.delete(jobs).where(which).returning(jobs)).mappings().all()
    if not gone:
        return
    rows = [
        {
            **{column.name: row[column.name] for column in job_dead_letters.c if column.name in row},
            "reason": storable(reason or lost_in(row["tries"])),
            "buried_at": now,
        }
        for row in gone
    ]
    dead = insert(job_dead_letters).values(rows)
    key = ("kind", "key")
    latest = {column.name: dead.excluded[column.name] for column in job_dead_letters.c if column.name not in key}
    connection.execute(dead.on_conflict_do_update(index_elements=key, set_=latest))


def storable(text: str) -> str:
    """As Postgres' text holds it: no NUL, nothing that UTF-8 can't write, not endless."""
    return text[:_MAX_REASON].replace("\x00", "␀").encode("utf-8", "replace").decode()


def _urgency(row: Any) -> tuple[Any, ...]:
    # A worker of the version before, which goes on until it is replaced, writes no deadline.
    return -row.ready_priority, row.ready_deadline is None, row.ready_deadline, row.ready_id


def _leased(until: dt.datetime) -> sa.Update:
    return sa.update(job_groups).values(
        token=lease_tokens.next_value(), leased_until=until, ready_priority=None, ready_id=None, next_at=None
    )


def _take_back(connection: Connection, kind: str, names: Collection[str], now: dt.datetime) -> None:
    """End leases whose holders did not; a try is counted, and may have been a job's last."""
    in_hand = sa.and_(_J.kind == kind, _J.group_name == sa.any_(texts(names)), _J.token.is_not(None))
    bury(connection, sa.and_(in_hand, _J.tries >= _J.attempts), None, now)
    connection.execute(sa.update(jobs).where(in_hand).values(token=None))
    t = job_tries.c
    tried = (t.kind == kind, t.group_name == sa.any_(texts(names)), t.token.is_not(None))
    connection.execute(sa.update(job_tries).where(*tried).values(token=None))
    ended = (_G.kind == kind, _G.group_name == sa.any_(texts(names)))
    connection.execute(sa.update(job_groups).where(*ended).values(token=None, leased_until=None))
