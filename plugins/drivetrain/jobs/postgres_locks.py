"""Locks on groups in Postgres: the very leases of PostgresQueue, for those who have their jobs from elsewhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from drivetrain.jobs import groups
from drivetrain.jobs.clock import utc_now
from drivetrain.jobs.locks import GroupLock, Settled
from drivetrain.state.job_tables import job_groups, job_tries
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.engine import Connection, Engine

    from drivetrain.jobs.clock import Clock

_T = job_tries.c


class PostgresGroupLocks:
    """See GroupLocks. Where the kind is the same, a group that PostgresQueue leases is locked, and the other way round.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared. A call uses one connection.
        kind: of the jobs whose groups these are.
        clock: see PostgresQueue.
    """

    def __init__(self, engine: Engine, *, kind: str, clock: Clock = utc_now) -> None:
        self._engine, self._kind, self._clock = engine, kind, clock

    def take(self, names: Collection[str], *, seconds: float) -> Mapping[str, GroupLock]:
        """See GroupLocks."""
        if not names:
            return {}
        now = self._clock()
        until = now + dt.timedelta(seconds=seconds)
        with transaction(self._engine) as connection:
            groups.lock_groups(connection, self._kind, names)
            groups.wake(connection, self._kind, now, names=names)
            tokens = groups.claim_named(connection, self._kind, names, until)
        return {name: GroupLock(name, str(token), until) for name, token in tokens.items()}

    def check(self, lock: GroupLock) -> bool:
        """See GroupLocks."""
        now = self._clock()
        with transaction(self._engine) as connection:
            return groups.hold(connection, self._kind, lock.group, lock.token, now)

    def extend(self, lock: GroupLock, *, seconds: float) -> GroupLock:
        """See GroupLocks."""
        now = self._clock()
        until = now + dt.timedelta(seconds=seconds)
        with transaction(self._engine) as connection:
            groups.extend(connection, self._kind, lock.group, lock.token, now, until)
        return replace(lock, expires_at=until)

    def count(self, lock: GroupLock, keys: Collection[str]) -> Mapping[str, int]:
        """See GroupLocks."""
        now = self._clock()
        values = {
            "kind": self._kind,
            "group_name": lock.group,
            "tries": 1,
            "token": int(lock.token),
            "tried_at": now,
        }
        first = insert(job_tries).values([{"key": key, **values} for key in sorted(set(keys))])
        again = {
            "tries": _T.tries + 1,
            **{name: first.excluded[name] for name in ("group_name", "token", "tried_at")},
        }
        counted = first.on_conflict_do_update(index_elements=["kind", "key"], set_=again).returning(_T.key, _T.tries)
        with transaction(self._engine) as connection:
            groups.hold(connection, self._kind, lock.group, lock.token, now)
            return {row.key: row.tries for row in connection.execute(counted)} if keys else {}

    def settle(self, lock: GroupLock, keys: Collection[str], how: Settled) -> None:
        """See GroupLocks."""
        now = self._clock()
        these = (*_in_hand(self._kind, lock), _T.key == sa.any_(groups.texts(keys)))
        with transaction(self._engine) as connection:
            if not groups.hold(connection, self._kind, lock.group, lock.token, now):
                return
            if how is Settled.DONE:
                connection.execute(sa.delete(job_tries).where(*these))
            elif how is Settled.FAILED:
                connection.execute(sa.update(job_tries).where(*these).values(token=None))
            else:
                _uncount(connection, these)
            groups.let_go_if_done(connection, self._kind, lock.group, now)

    def release(self, lock: GroupLock) -> frozenset[str]:
        """See GroupLocks."""
        now = self._clock()
        with transaction(self._engine) as connection:
            if not self._is_held(connection, lock, now):
                return frozenset()
            keys = _uncount(connection, _in_hand(self._kind, lock))
            groups.let_go(connection, self._kind, lock.group, now)
        return keys

    def _is_held(self, connection: Connection, lock: GroupLock, now: dt.datetime) -> bool:
        c = job_groups.c
        mine = (c.kind == self._kind, c.group_name == lock.group, c.token == int(lock.token), c.leased_until > now)
        return connection.execute(sa.select(c.group_name).where(*mine).with_for_update()).first() is not None


def _in_hand(kind: str, lock: GroupLock) -> tuple[sa.ColumnElement[bool], ...]:
    return _T.kind == kind, _T.group_name == lock.group, _T.token == int(lock.token)


def _uncount(connection: Connection, which: tuple[sa.ColumnElement[bool], ...]) -> frozenset[str]:
    """Take tries back that did not happen; the keys of their jobs."""
    never = connection.execute(sa.delete(job_tries).where(*which, _T.tries == 1).returning(_T.key)).scalars().all()
    fewer = sa.update(job_tries).where(*which).values(token=None, tries=_T.tries - 1).returning(_T.key)
    return frozenset([*never, *connection.execute(fewer).scalars()])
