from __future__ import annotations

import contextlib
import datetime as dt
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.sheets.catalog import Sync
from drivetrain.state.shared_queries import KnownQuery, SharedQueries
from drivetrain.state.syncs import PostgresRegistry
from tests.support.sheets import sync_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
FIRST = KnownQuery("01b7-first", NOON)


def ran(queries: SharedQueries, key: str, query: KnownQuery) -> None:
    with queries.turn(key, since=NOON) as turn:
        turn.ran(query)


def known(queries: SharedQueries, key: str, since: dt.datetime = NOON) -> KnownQuery | None:
    with queries.turn(key, since=since) as turn:
        return turn.known


def test_what_one_has_run_the_next_knows_as_long_as_it_is_young_enough(engine: Engine) -> None:
    queries = SharedQueries(engine)
    assert known(queries, "key") is None
    ran(queries, "key", FIRST)
    assert (known(queries, "key"), known(queries, "other")) == (FIRST, None)
    assert known(queries, "key", since=NOON + HOUR) is None
    second = KnownQuery("01b7-second", NOON + HOUR)
    ran(queries, "key", second)
    assert known(queries, "key") == second


def test_what_is_older_than_a_day_is_forgotten(engine: Engine) -> None:
    queries = SharedQueries(engine)
    ran(queries, "old", FIRST)
    ran(queries, "new", KnownQuery("01b7-new", NOON + 25 * HOUR))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT key FROM shared_queries")).scalars().all() == ["new"]


def test_a_query_that_failed_leaves_nothing_and_is_the_next_one_s(engine: Engine) -> None:
    queries = SharedQueries(engine)
    with contextlib.suppress(ZeroDivisionError), queries.turn("key", since=NOON) as turn:
        turn.ran(FIRST)
        raise ZeroDivisionError
    assert known(queries, "key") is None


def waiting(engine: Engine) -> Sequence[int]:
    with engine.connect() as connection:
        query = sa.text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return connection.execute(query).scalars().all()


def test_who_comes_second_waits_for_the_first_and_nobody_for_another_query(engine: Engine) -> None:
    queries, found = SharedQueries(engine), list[KnownQuery | None]()
    with ExitStack() as stack:
        turn = stack.enter_context(queries.turn("key", since=NOON))
        thread = threading.Thread(target=lambda: found.append(known(queries, "key")))
        thread.start()
        while not waiting(engine):
            assert thread.is_alive()
        assert known(queries, "other") is None
        turn.ran(FIRST)
    thread.join()
    assert found == [FIRST]


def test_patience_ends_and_then_one_runs_it_oneself(engine: Engine) -> None:
    queries = SharedQueries(engine)
    with queries.turn("key", since=NOON), queries.turn("key", since=NOON, patience_seconds=1) as turn:
        assert turn.known is None
        turn.ran(FIRST)
    assert known(queries, "key") == FIRST


def test_only_queries_that_two_syncs_have_are_shared(engine: Engine) -> None:
    def sync(name: str, sql: str = "SELECT 1", **source: object) -> Sync:
        return Sync(sync_spec(sync=name, source={"query": sql, **source}, target={"tab": name}), sql)

    registry, queries = PostgresRegistry(engine), SharedQueries(engine)
    assert queries.of_several() == frozenset()
    alike = [sync("one_a"), sync("one_b")]
    others = [
        sync("two", "SELECT 2"),
        sync("elsewhere", connection="other"),
        sync("bound", parameters={"day": {"from": "run_date"}}),
        sync("bound_otherwise", parameters={"day": "run_date"}),
    ]
    registry.register([*alike, *others], NOON)
    assert len(queries.of_several()) == 1
    registry.register([alike[0], *others], NOON)
    assert queries.of_several() == frozenset()
