"""Writes features into Redis where they are not older than what is there, a transaction for each batch.

Redis' own transaction is used: WATCH the hashes, read their event times, and write those that are older in one
MULTI/EXEC, which does nothing where somebody else wrote one of them meanwhile. Then it is tried again by halves.
https://redis.io/docs/latest/develop/using-commands/transactions/

Two connections take turns: while Redis works on one batch, the next one is put together.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ConnectionError,
    ExecAbortError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
)

from drivetrain.errors import AccessDeniedError, CredentialsError, RetriableError, UnavailableError
from drivetrain.features.redis_commands import command, commands, variadic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis import Redis

    from drivetrain.features.gone_rows import GoneRows
    from drivetrain.features.online_rows import OnlineRows

    Rows = OnlineRows | GoneRows  # what is to be there, or to be there no more

BATCH = 1_500  # rows: a transaction holds Redis up for some ms
LANES = 2  # connections: Redis has one thread for commands, and more would only wait for it
ATTEMPTS = 10
_ENDED = object()


@dataclass
class Written:
    """What became of rows.

    Attributes:
        written: they are there now; or gone, if they were to go.
        stale: what was there is newer.
        conflicts: transactions that somebody else's write came between; they were tried again.
    """

    written: int = 0
    stale: int = 0
    conflicts: int = 0


class OnlineWriter:
    """Writes rows of views.

    Args:
        client: of Redis, with time-outs.
        key_ttl_seconds: after how long Redis forgets an entity that nobody writes any more; None: never.
        attempts: how often a batch is tried that others write at the same time; each time it is halved.
    """

    def __init__(self, client: Redis, *, key_ttl_seconds: int | None = None, attempts: int = ATTEMPTS) -> None:
        self._client, self._ttl, self._attempts = client, key_ttl_seconds, attempts

    def write(self, rows: Rows) -> Written:
        """Write them, if they are due, a transaction for BATCH of them at a time; may be repeated.

        Raises:
            RetriableError: others write the same entities all the time, or Redis has no room.
            UnavailableError: Redis can't be reached.
            CredentialsError: Redis refuses the user or the password.
            AccessDeniedError: the user may not do that.
        """
        total = Written()
        batches = [rows.slice(start, BATCH) for start in range(0, len(rows), BATCH)]
        with _told(), self._connections(min(LANES, len(batches))) as connections:
            left = iter(batches)
            lanes = [self._lane(connection, left, total) for connection in connections]
            while lanes:
                lanes = [lane for lane in lanes if next(lane, _ENDED) is not _ENDED]
        return total

    @contextmanager
    def _connections(self, count: int) -> Iterator[list[Any]]:
        pool = self._client.connection_pool
        taken: list[Any] = []
        try:
            taken.extend(pool.get_connection() for _ in range(count))
            yield taken
        except BaseException:
            for connection in taken:
                connection.disconnect()  # answers of what was sent would come before those of what is sent next
            raise
        finally:
            for connection in taken:
                pool.release(connection)

    def _lane(self, connection: Any, batches: Iterator[Rows], total: Written) -> Iterator[None]:
        """Write batch after batch, whichever is next; yields where it would wait for Redis.

        No two batches have an entity in common, so lanes are never in each other's way.
        """
        for batch in batches:
            yield from self._batch(connection, batch, total, self._attempts)

    def _batch(self, connection: Any, rows: Rows, total: Written, attempts: int) -> Iterator[None]:
        reads = rows.reads()
        connection.send_packed_command([variadic(b"WATCH", rows.keys), reads.data])
        yield
        answers = _answers(connection, 1 + len(reads))
        due = rows.due(answers[1:])
        total.stale += len(rows) - len(due)
        if not len(due):
            connection.send_packed_command([command(b"UNWATCH")])
            yield
            _answers(connection, 1)
            return
        chosen = rows if len(due) == len(rows) else rows.take(due)
        count = self._send_transaction(connection, chosen)
        yield
        if _answers(connection, count)[-1] is not None:
            total.written += len(chosen)
            return
        total.conflicts += 1
        if attempts == 1:
            raise RetriableError(
                f"feature view {rows.view.name}: {len(chosen)} entities were written by others {self._attempts} times "
                "while they were to be written: tried again later"
            )
        half = max(1, len(chosen) // 2)
        for start in range(0, len(chosen), half):
            yield from self._batch(connection, chosen.slice(start, half), total, attempts - 1)

    def _send_transaction(self, connection: Any, rows: Rows) -> int:
        """How many answers there will be; the last is None where nothing was written, since somebody else has."""
        writes = [rows.writes()]
        if self._ttl is not None:
            writes.append(commands(b"EXPIRE", rows.keys, b"%d" % self._ttl))
        data = [command(b"MULTI"), *(one.data for one in writes), command(b"EXEC")]
        connection.send_packed_command(data)
        return 2 + sum(map(len, writes))


def _answers(connection: Any, count: int) -> list[Any]:
    """All of them are read before the first that is an error is raised."""
    # The connection's own read_response does the same with two clocks and a host's name around each answer, which takes
    # as long as reading it. Whatever is raised here closes the connection, as it would there.
    read = connection._parser.read_response
    answers = [read(disable_decoding=True) for _ in range(count)]
    errors = [one for one in answers if isinstance(one, RedisError)]
    # "EXECABORT: previous errors" says less than those.
    for error in sorted(errors, key=lambda one: isinstance(one, ExecAbortError)):
        raise error
    return answers


@contextmanager
def _told() -> Iterator[None]:
    """Redis' errors as ours."""
    try:
        yield
    except RedisError as error:
        raise mapped(error) from error


_MAPPED: Sequence[tuple[tuple[type[RedisError], ...], type[Exception], str]] = (
    ((AuthenticationError,), CredentialsError, "refuses the user or the password"),
    ((NoPermissionError, AuthorizationError), AccessDeniedError, "does not let the user do that"),
    ((OutOfMemoryError,), RetriableError, "has no room left: raise its maxmemory, or let entities expire"),
    ((ReadOnlyError,), UnavailableError, "is a replica, which takes no writes"),
    ((ConnectionError, TimeoutError, BusyLoadingError), UnavailableError, "can't be reached"),
)


def mapped(error: RedisError) -> Exception:
    """An error of Redis' client as one of ours."""
    for kinds, ours, says in _MAPPED:
        if isinstance(error, kinds):
            return ours(f"the online store {says}: {error}")
    return RetriableError(f"the online store: {error}")
