"""Tells when jobs wait in the queue in Postgres, so that nobody has to look every second."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from drivetrain.errors import UnavailableError
from drivetrain.jobs.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from drivetrain.jobs.clock import Clock

CHANNEL = "drivetrain_jobs"

# The three ways in which a group can have something to do: see drivetrain.jobs.groups. One look into an index each.
_IS_WAITING = """
SELECT EXISTS (SELECT FROM job_groups WHERE kind = %(kind)s AND ready_id IS NOT NULL)
    OR EXISTS (SELECT FROM job_groups WHERE kind = %(kind)s AND next_at <= %(now)s)
    OR EXISTS (SELECT FROM job_groups WHERE kind = %(kind)s AND leased_until <= %(now)s)
"""
_ANSWER_SECONDS = 15.0
# A server that went without a word is noticed within a minute, not after the kernel's two hours:
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def announce(connection: sa.Connection, kind: str) -> None:
    """Wake who waits for jobs of this kind, once the transaction has committed; several of one transaction are one.

    https://www.postgresql.org/docs/current/sql-notify.html
    """
    connection.execute(sa.select(sa.func.pg_notify(CHANNEL, kind)))


class PostgresWakes:
    """Waits for jobs of one kind.

    A notification says only that it is time to look, and nobody keeps it for who is not there. So it is looked at the
    beginning too, and every `look_seconds`: that finds what was announced while we were away, jobs whose time has come,
    and those of workers that died.

    Args:
        conninfo: of our database. Not through a pooler that changes connections between transactions: it passes no
            notifications on, and then only the looks are left.
        kind: of the jobs.
        look_seconds: the longest between two looks.
        clock: an aware time, the queue's.
    """

    def __init__(self, conninfo: str, *, kind: str, look_seconds: float = 30.0, clock: Clock = utc_now) -> None:
        self._conninfo = make_conninfo(conninfo, application_name="drivetrain wakes", **_PATIENCE)
        self._kind, self._look_seconds, self._clock = kind, look_seconds, clock

    async def wakes(self) -> AsyncGenerator[None, None]:
        """Yields whenever something waits that no worker has; never ends by itself.

        Raises:
            UnavailableError: the database can't be reached, or let go of us. Begin anew: nothing is missed by that.
        """
        with _ours():
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                while True:
                    if await self._is_waiting(connection):
                        yield
                    # What is announced from here on, or was since the last time, ends the wait.
                    async for _ in connection.notifies(timeout=self._look_seconds, stop_after=1):
                        pass

    async def _is_waiting(self, connection: psycopg.AsyncConnection) -> bool:
        async with asyncio.timeout(_ANSWER_SECONDS):
            found = await connection.execute(_IS_WAITING, {"kind": self._kind, "now": self._clock()})
            row = await found.fetchone()
        return bool(row and row[0])


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, TimeoutError) as error:
        # Of a missing table too: somebody migrates the database sooner or later.
        raise UnavailableError(f"the state database: {' '.join(str(error).split())[:200] or 'no answer'}") from None
