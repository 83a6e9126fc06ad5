"""The queue in Postgres. It needs nothing else, keeps priorities and deadlines exactly, and can tell how deep it is."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from drivetrain.jobs import groups
from drivetrain.jobs.clock import utc_now
from drivetrain.jobs.postgres_wakes import announce
from drivetrain.jobs.queue import DeadLetter, Delivery, Depth, Job, Lease
from drivetrain.state.job_tables import job_dead_letters, job_groups, job_tries, jobs
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.sql import ColumnElement

    from drivetrain.jobs.clock import Clock

_J, _G, _D = jobs.c, job_groups.c, job_dead_letters.c
_AT = sa.DateTime(timezone=True)


class PostgresQueue:
    """See JobQueue. Any number of objects, threads and processes may work on one queue.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared. A call uses one connection.
        kind: of the jobs. Queues of different kinds share tables and nothing else.
        clock: an aware time. Of every call one reading counts; clocks of different machines may differ by less than a
            lease's length.
    """

    def __init__(self, engine: Engine, *, kind: str, clock: Clock = utc_now) -> None:
        self._engine, self._kind, self._clock = engine, kind, clock

    def publish(self, new: Sequence[Job]) -> int:
        """See JobQueue. All or none. Who publishes to the same groups, or acknowledges their jobs, waits meanwhile."""
        for job in new:
            if job.kind != self._kind:
                raise ValueError(f"job {job.key}: kind: {job.kind} is not this queue's, {self._kind}")
        if not new:
            return 0
        now = self._clock()
        with transaction(self._engine) as connection:
            groups.lock_groups(connection, self._kind, {job.group for job in new})
            self._forget_dead(connection, [job.key for job in new])
            return self._put(connection, new, now)

    def lease(self, *, seconds: float, max_groups: int = 1, max_jobs: int = 200) -> Sequence[Lease]:
        """See JobQueue."""
        now = self._clock()
        until = now + dt.timedelta(seconds=seconds)
        with transaction(self._engine) as connection:
            groups.wake(connection, self._kind, now)
            names = groups.claim(connection, self._kind, until, max_groups)
            if not names:
                return []
            leases = self._deliver(connection, names, now, until, max_jobs)
            for name in set(names) - {lease.group for lease in leases}:
                # Another worker's clock, which is ahead of ours, said that a job's time had come.
                groups.let_go(connection, self._kind, name, now)
        return leases

    def extend(self, lease: Lease, *, seconds: float) -> Lease:
        """See JobQueue."""
        now = self._clock()
        until = now + dt.timedelta(seconds=seconds)
        with transaction(self._engine) as connection:
            groups.extend(connection, self._kind, lease.group, lease.token, now, until)
        return replace(lease, expires_at=until)

    def ack(self, lease: Lease, deliveries: Sequence[Delivery]) -> None:
        """See JobQueue."""
        now = self._clock()
        with transaction(self._engine) as connection:
            if groups.hold(connection, self._kind, lease.group, lease.token, now):
                connection.execute(sa.delete(jobs).where(_in_hand(lease, deliveries)))
                groups.let_go_if_done(connection, self._kind, lease.group, now)

    def nack(self, lease: Lease, delivery: Delivery, *, retry_in_seconds: float, reason: str) -> bool:
        """See JobQueue."""
        now = self._clock()
        with transaction(self._engine) as connection:
            if groups.hold(connection, self._kind, lease.group, lease.token, now):
                which = _in_hand(lease, [delivery])
                if delivery.is_last:
                    groups.bury(connection, which, reason, now)
                else:
                    later = now + dt.timedelta(seconds=max(retry_in_seconds, 0.0))
                    given_up = {"token": None, "not_before": later, "last_error": groups.storable(reason)}
                    connection.execute(sa.update(jobs).where(which).values(**given_up))
                groups.let_go_if_done(connection, self._kind, lease.group, now)
        return not delivery.is_last

    def bury(self, lease: Lease, delivery: Delivery, *, reason: str) -> None:
        """See JobQueue."""
        now = self._clock()
        with transaction(self._engine) as connection:
            if groups.hold(connection, self._kind, lease.group, lease.token, now):
                groups.bury(connection, _in_hand(lease, [delivery]), reason, now)
                groups.let_go_if_done(connection, self._kind, lease.group, now)

    def postpone(self, lease: Lease, deliveries: Sequence[Delivery], *, seconds: float) -> None:
        """See JobQueue."""
        now = self._clock()
        later = now + dt.timedelta(seconds=max(seconds, 0.0))
        with transaction(self._engine) as connection:
            if groups.hold(connection, self._kind, lease.group, lease.token, now):
                untried = {"token": None, "not_before": later, "tries": _J.tries - 1}
                connection.execute(sa.update(jobs).where(_in_hand(lease, deliveries)).values(**untried))
                groups.let_go_if_done(connection, self._kind, lease.group, now)

    def release(self, lease: Lease) -> None:
        """See JobQueue."""
        now = self._clock()
        mine = sa.and_(_G.kind == self._kind, _G.group_name == lease.group, _G.token == int(lease.token))
        with transaction(self._engine) as connection:
            held = sa.select(_G.group_name).where(mine, _G.leased_until > now).with_for_update()
            if connection.execute(held).first() is None:
                return
            which = sa.and_(_J.kind == self._kind, _J.group_name == lease.group, _J.token == int(lease.token))
            connection.execute(sa.update(jobs).where(which).values(token=None, tries=_J.tries - 1))
            groups.let_go(connection, self._kind, lease.group, now)

    def depth(self) -> Depth:
        """See JobQueue."""
        now = self._clock()
        leased = sa.and_(_J.token.is_not(None), _G.leased_until > now)
        ready = sa.and_(sa.not_(sa.func.coalesce(leased, False)), _J.not_before <= now)
        count = sa.func.count
        counted = sa.select(
            count().filter(ready).label("ready"),
            count().filter(leased).label("leased"),
            count().label("all"),
            sa.func.min(_J.not_before).filter(ready).label("oldest"),
            sa.select(count()).where(_D.kind == self._kind).scalar_subquery().label("dead"),
        ).select_from(jobs.join(job_groups, sa.and_(_G.kind == _J.kind, _G.group_name == _J.group_name)))
        with transaction(self._engine) as connection:
            row = connection.execute(counted.where(_J.kind == self._kind)).one()
        return Depth(
            ready=row.ready,
            delayed=row.all - row.ready - row.leased,
            leased=row.leased,
            dead=row.dead,
            oldest_seconds=(now - row.oldest).total_seconds() if row.oldest else None,
        )

    def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """See JobQueue."""
        query = sa.select(job_dead_letters).where(_D.kind == self._kind)
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(_D.buried_at.desc(), _D.key).limit(limit)).all()
        return [
            DeadLetter(
                key=row.key,
                group=row.group_name,
                kind=row.kind,
                payload=row.payload,
                reason=row.reason,
                attempts=row.tries,
                buried_at=row.buried_at,
            )
            for row in rows
        ]

    def revive(self, keys: Collection[str]) -> int:
        """See JobQueue. All or none."""
        now = self._clock()
        these = (_D.kind == self._kind, _D.key == sa.any_(groups.texts(keys)))
        with transaction(self._engine) as connection:
            names = connection.execute(sa.select(_D.group_name).where(*these)).scalars().all()
            if not names:
                return 0
            groups.lock_groups(connection, self._kind, names)
            back = self._forget_dead(connection, keys)
            self._put(connection, back, now)
        return len(back)

    def prune(self, *, before: dt.datetime) -> int:
        """Forget dead letters that were buried before, tries that nobody went on with, and groups that nobody uses.

        Returns:
            How many dead letters.
        """
        idle = (_G.kind == self._kind, _G.leased_until.is_(None), _G.ready_id.is_(None), _G.next_at.is_(None))
        some = sa.exists().where(_J.kind == _G.kind, _J.group_name == _G.group_name)
        t = job_tries.c
        with transaction(self._engine) as connection:
            dead = sa.delete(job_dead_letters).where(_D.kind == self._kind, _D.buried_at < before)
            count = connection.execute(dead).rowcount
            old = (t.kind == self._kind, t.token.is_(None), t.tried_at < before)
            connection.execute(sa.delete(job_tries).where(*old))
            # First locked, then looked at: a publisher that has the row now may be about to give it a job.
            query = sa.select(_G.group_name).where(*idle).with_for_update(skip_locked=True)
            names = connection.execute(query).scalars().all()
            unused = (_G.kind == self._kind, _G.group_name == sa.any_(groups.texts(names)), *idle[1:], ~some)
            connection.execute(sa.delete(job_groups).where(*unused))
        return count

    def _put(self, connection: Connection, new: Sequence[Job], now: dt.datetime) -> int:
        """Insert jobs whose groups are locked, in one statement; how many are new."""
        if not new:
            return 0
        columns: dict[str, tuple[sa.types.TypeEngine[Any], list[Any]]] = {
            "key": (sa.Text(), [job.key for job in new]),
            "group_name": (sa.Text(), [job.group for job in new]),
            "payload": (sa.Text(), [orjson.dumps(dict(job.payload)).decode() for job in new]),
            "priority": (sa.Integer(), [job.priority for job in new]),
            "attempts": (sa.Integer(), [job.attempts for job in new]),
            "not_before": (_AT, [max(job.not_before or now, now) for job in new]),
            "deadline": (_AT, [job.deadline or max(job.not_before or now, now) for job in new]),
        }
        arrays = (sa.literal(values, ARRAY(kind)) for kind, values in columns.values())
        names = [sa.column(name, kind) for name, (kind, _) in columns.items()]
        rows = sa.func.unnest(*arrays).table_valued(*names, name="new_jobs").render_derived()
        chosen = [sa.cast(rows.c.payload, sa.JSON) if name == "payload" else rows.c[name] for name in columns]
        at = sa.literal(now, _AT)
        put = insert(jobs).from_select(
            [*columns, "kind", "published_at"], sa.select(*chosen, sa.literal(self._kind), at)
        )
        kept = put.on_conflict_do_nothing(index_elements=["kind", "key"]).returning(_J.group_name)
        names_of_new = connection.execute(kept).scalars().all()
        groups.refresh(connection, self._kind, sorted(set(names_of_new)), now)
        if names_of_new:
            announce(connection, self._kind)
        return len(names_of_new)

    def _forget_dead(self, connection: Connection, keys: Collection[str]) -> list[Job]:
        """Take dead letters out, whose groups are locked; as jobs that were never tried."""
        these = (_D.kind == self._kind, _D.key == sa.any_(groups.texts(keys)))
        rows = connection.execute(sa.delete(job_dead_letters).where(*these).returning(job_dead_letters)).all()
        return [
            Job(
                key=row.key,
                group=row.group_name,
                kind=row.kind,
                payload=row.payload,
                priority=row.priority,
                attempts=row.attempts,
            )
            for row in sorted(rows, key=lambda row: (row.published_at, row.key))
        ]

    def _deliver(
        self, connection: Connection, names: Sequence[str], now: dt.datetime, until: dt.datetime, max_jobs: int
    ) -> list[Lease]:
        """Put the jobs of leased groups into our hands."""
        order = (_J.priority.desc(), _J.deadline, _J.id)
        place = sa.func.row_number().over(partition_by=_J.group_name, order_by=order)
        free = (_J.group_name == sa.any_(groups.texts(names)), _J.token.is_(None), _J.not_before <= now)
        ranked = sa.select(_J.id, place.label("place")).where(_J.kind == self._kind, *free).subquery()
        first = sa.select(ranked.c.id).where(ranked.c.place <= max_jobs)
        taken = (
            sa.update(jobs)
            .where(_J.id.in_(first), _G.kind == self._kind, _G.group_name == _J.group_name)
            .values(token=_G.token, tries=_J.tries + 1)
            .returning(jobs)
        )
        by_group: dict[str, list[Any]] = defaultdict(list)
        for row in connection.execute(taken):
            by_group[row.group_name].append(row)
        return [
            Lease(
                group=name,
                deliveries=tuple(_deliveries(by_group[name])),
                token=str(by_group[name][0].token),
                expires_at=until,
            )
            for name in names
            if name in by_group
        ]


def _deliveries(rows: Iterable[Any]) -> Iterable[Delivery]:
    for row in sorted(rows, key=lambda row: (-row.priority, row.deadline, row.id)):
        job = Job(
            key=row.key,
            group=row.group_name,
            kind=row.kind,
            payload=row.payload,
            priority=row.priority,
            attempts=row.attempts,
        )
        yield Delivery(job=job, attempt=row.tries, receipt=str(row.id))


def _in_hand(lease: Lease, deliveries: Sequence[Delivery]) -> ColumnElement[bool]:
    ids = [int(delivery.receipt) for delivery in deliveries]
    return sa.and_(_J.id == sa.any_(sa.literal(ids, ARRAY(sa.BigInteger))), _J.token == int(lease.token))
