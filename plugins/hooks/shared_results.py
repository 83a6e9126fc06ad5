"""One query for all syncs that ask the same: the first runs it, the others fetch its result by its id."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import orjson

from drivetrain.errors import SourceError
from drivetrain.state.shared_queries import KnownQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from drivetrain.jobs.clock import Clock
    from drivetrain.state.shared_queries import SharedQueries
    from hooks.snowflake import ArrowResult, ArrowSnowflakeHook, SnowflakeConnections

# Snowflake keeps a result for 24 hours: https://docs.snowflake.com/en/user-guide/querying-persisted-results
_KEPT = dt.timedelta(hours=23)
# Where nothing tells whether the source has changed, a result is for the syncs of one due minute, and not for long.
_WINDOW = dt.timedelta(minutes=15)


class SharedResults:
    """Queries that at least two syncs have. Thread-safe.

    Args:
        ids: what ran, for all processes.
        now: the clock of due times.
        log: told what happens.
    """

    def __init__(
        self,
        ids: SharedQueries,
        *,
        now: Clock,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ids, self._now, self._log = ids, now, log
        self._lock = threading.Lock()
        self._of_several: frozenset[str] | None = None

    def has(self, query_key: str) -> bool:
        """Whether several syncs have this query; the catalog is asked once for each of us."""
        with self._lock:
            if self._of_several is None:
                self._of_several = self._ids.of_several()
            return query_key in self._of_several

    @contextmanager
    def arrow_result(
        self,
        connections: SnowflakeConnections,
        connection_id: str,
        sql: str,
        parameters: Mapping[str, object],
        *,
        version: str,
        due_at: dt.datetime,
        on_shared: Callable[[dt.datetime], None],
        name: str,
    ) -> Iterator[ArrowResult]:
        """The query's result, whoever runs it.

        Args:
            connections: of this thread.
            connection_id: the query's.
            sql: the query.
            parameters: as they are bound.
            version: the source's; "" if unknown: then results are shared by those who are due in the same minute.
            due_at: the job's due time.
            on_shared: called where somebody else had run it, with the time when.
            name: what to call the query in errors.

        Raises:
            SourceError, CredentialsError, UnavailableError: as SnowflakeConnections.arrow_result.
        """
        hook = connections.hook(connection_id)
        minute = due_at.astimezone(dt.UTC).isoformat(timespec="minutes")
        # The session's user is part of it: a result is its user's, and policies may show each role other rows.
        facts = orjson.dumps(
            [hook.session(), sql, parameters, version or minute], default=str, option=orjson.OPT_SORT_KEYS
        )
        key = hashlib.blake2b(facts, digest_size=16).hexdigest()
        with ExitStack() as stack:
            # The turn ends as soon as the result is there to be read: others need its id and not our patience.
            with self._ids.turn(key, since=self._now() - (_KEPT if version else _WINDOW)) as turn:
                result = self._known(stack, hook, turn.known, name)
                if result is not None and turn.known is not None:
                    on_shared(turn.known.read_at)
                else:
                    read_at = self._now()
                    result = stack.enter_context(hook.arrow_result(sql, parameters, name=name))
                    turn.ran(KnownQuery(result.query_id, read_at))
            yield result

    def _known(
        self, stack: ExitStack, hook: ArrowSnowflakeHook, known: KnownQuery | None, name: str
    ) -> ArrowResult | None:
        if known is None:
            return None
        try:
            return stack.enter_context(hook.arrow_result_of(known.query_id, name=name))
        except SourceError as error:
            self._log(f"{error}: it runs again")
            return None
