"""What wakes the workers, over a real Postgres and Google's emulator: an event for work, and none of it taken away."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from commands import queue as queue_command
from drivetrain.errors import FatalError
from drivetrain.jobs.postgres import PostgresQueue
from hooks.pubsub_client import PubSubClient
from hooks.pubsub_wakes import PubSubWakes, ensure_wake_subscription, wake_subscription
from tests.support.jobs import PROJECT, job, keys, pubsub_queue
from triggers.job_waiting import JobWaitingTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from airflow.triggers.base import TriggerEvent
    from sqlalchemy.engine import Engine

    from drivetrain.jobs.queue import Job
    from standins.pubsub.testing import PubSubEmulator

SOON = 20.0
LISTENERS = sa.text("SELECT pid FROM pg_stat_activity WHERE application_name = 'drivetrain wakes'")


@pytest.fixture
def connected(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's connection to our database, and none to Pub/Sub."""
    url = engine.url
    fields = {"host": url.host, "port": url.port, "login": url.username, "password": url.password}
    connection = {"conn_type": "postgres", "schema": url.database, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_STATE", json.dumps(connection))


@pytest.fixture
def in_pubsub(connected: None, emulator: PubSubEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is in Pub/Sub."""
    connection = {"conn_type": "google_cloud_platform", "extra": {"project": PROJECT, "is_anonymous": True}}
    monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_QUEUE", json.dumps(connection))


@pytest.fixture
def queue(engine: Engine, kind: str) -> PostgresQueue:
    return PostgresQueue(engine, kind=kind)


def trigger_of(kind: str, **arguments: Any) -> JobWaitingTrigger:
    """As the triggerer makes it: from what was stored of it."""
    first = JobWaitingTrigger(kind=kind, **{"quiet_seconds": 0.0, "retry_seconds": 0.05, **arguments})
    path, stored = first.serialize()
    assert path == "triggers.job_waiting.JobWaitingTrigger"
    return JobWaitingTrigger(**json.loads(json.dumps(stored)))


async def soon(events: AsyncIterator[Any]) -> Any:
    """The next one."""
    async with asyncio.timeout(SOON):
        return await anext(events)


async def listening(engine: Engine, other_than: int = 0) -> int:
    """The server's process of the one who listens, once there is one that waits."""

    def look() -> int | None:
        with engine.connect() as connection:
            query = sa.text(f"{LISTENERS} AND wait_event = 'ClientRead' AND pid <> :other")
            return connection.execute(query, {"other": other_than}).scalar()

    async with asyncio.timeout(SOON):
        while not (pid := await asyncio.to_thread(look)):
            await asyncio.sleep(0.02)
    return pid


def play(kind: str, game: Callable[[AsyncIterator[TriggerEvent]], Awaitable[None]], **arguments: Any) -> None:
    """Run a trigger in an event loop, and stop it at the end as the triggerer does."""

    async def main() -> None:
        async with aclosing(trigger_of(kind, **arguments).run()) as events:  # type: ignore[type-var]
            await game(events)

    asyncio.run(main())


def test_a_job_that_is_published_wakes_and_stays_in_the_queue(
    connected: None, engine: Engine, queue: PostgresQueue, kind: str
) -> None:
    async def game(events: AsyncIterator[TriggerEvent]) -> None:
        waiting = asyncio.ensure_future(soon(events))
        await listening(engine)
        assert not waiting.done(), "there is nothing yet"
        await asyncio.to_thread(queue.publish, [job("a", kind=kind)])
        assert (await waiting).payload == {"kind": kind}

    play(kind, game)
    assert keys(queue.lease(seconds=60)) == ["a"]


def test_what_was_published_while_no_trigger_ran_wakes_the_next_one(
    connected: None, engine: Engine, queue: PostgresQueue, kind: str
) -> None:
    queue.publish([job("a", kind=kind)])

    async def game(events: AsyncIterator[TriggerEvent]) -> None:
        await soon(events)

    play(kind, game)  # its triggerer is killed before it tells anybody
    play(kind, game)


def test_a_connection_that_is_lost_costs_no_wake_up(
    connected: None, engine: Engine, queue: PostgresQueue, kind: str
) -> None:
    def cut(pid: int) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    async def game(events: AsyncIterator[TriggerEvent]) -> None:
        for name in "ab":
            waiting = asyncio.ensure_future(soon(events))
            pid = await listening(engine)
            await asyncio.to_thread(cut, pid)
            await asyncio.to_thread(queue.publish, [job(name, kind=kind)])
            await waiting
            leases = await asyncio.to_thread(queue.lease, seconds=60)
            await asyncio.to_thread(queue.ack, leases[0], leases[0].deliveries)

    play(kind, game)


def test_many_messages_are_few_events(connected: None, engine: Engine, queue: PostgresQueue, kind: str) -> None:
    async def game(events: AsyncIterator[TriggerEvent]) -> None:
        waiting = asyncio.ensure_future(soon(events))
        await listening(engine)
        for number in range(40):
            await asyncio.to_thread(queue.publish, [job(f"{number}", group=f"book-{number}", kind=kind)])
        await waiting
        leases = await asyncio.to_thread(queue.lease, seconds=60, max_groups=40)
        assert len(leases) == 40
        # All forty are in a worker's hands, so what was announced meanwhile wakes nobody any more.
        waiting = asyncio.ensure_future(soon(events))
        await listening(engine)
        assert not waiting.done()
        await asyncio.to_thread(queue.publish, [job("more", group="another", kind=kind)])
        await waiting

    play(kind, game, quiet_seconds=1.0)


def test_only_work_of_ones_own_kind_that_nobody_has_wakes(
    connected: None, engine: Engine, queue: PostgresQueue, kind: str
) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    queue.publish([job("taken", group="theirs", kind=kind)])
    assert len(queue.lease(seconds=600)) == 1

    async def game(events: AsyncIterator[TriggerEvent]) -> None:
        waiting = asyncio.ensure_future(soon(events))
        await listening(engine)
        others = PostgresQueue(engine, kind="another_kind")
        await asyncio.to_thread(others.publish, [job("x", kind="another_kind")])
        await asyncio.to_thread(queue.publish, [job("taken", group="theirs", kind=kind)])
        await asyncio.to_thread(queue.publish, [job("later", group="delayed", kind=kind, not_before=later)])
        await listening(engine)
        assert not waiting.done()
        await asyncio.to_thread(queue.publish, [job("now", group="ours", kind=kind)])
        await waiting

    play(kind, game)
    assert keys(queue.lease(seconds=60)) == ["now"]


def test_a_missing_connection_is_logged_and_waited_for(
    connected: None, engine: Engine, queue: PostgresQueue, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooks import job_wakes

    async def main() -> None:
        with pytest.raises(FatalError, match="connection nowhere: there is none: add it to Airflow, type postgres"):
            await anext(job_wakes.job_wakes(kind, state_conn_id="nowhere"))
        monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_QUEUE", json.dumps({"conn_type": "http", "host": "x"}))
        with pytest.raises(FatalError, match="connection drivetrain_queue: type http holds no queue"):
            await anext(job_wakes.job_wakes(kind))
        queue.publish([job("a", kind=kind)])
        async with aclosing(trigger_of(kind).run()) as events:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(soon(events))
            await asyncio.sleep(0)
            monkeypatch.delenv("AIRFLOW_CONN_DRIVETRAIN_QUEUE")
            await waiting

    asyncio.run(main())


def test_the_command_makes_a_subscription_that_wakes_and_takes_nothing(
    in_pubsub: None, engine: Engine, kind: str
) -> None:
    worker = pubsub_queue(engine, kind, PubSubClient())
    worker.ensure()  # the emulator keeps nothing for as long as the command asks for
    made = CliRunner().invoke(queue_command.app, ["ensure", "--kind", kind])
    assert made.exit_code == 0, made.exception

    async def game(events: AsyncIterator[TriggerEvent]) -> None:
        waiting = asyncio.ensure_future(soon(events))
        await asyncio.to_thread(worker.publish, [job(f"{n}", group=f"book-{n}", kind=kind) for n in range(20)])
        assert (await waiting).payload == {"kind": kind}, "and nothing of the messages"

    play(kind, game)
    found: list[str] = []
    while len(found) < 20:
        found += keys(worker.lease(seconds=60, max_groups=20))
    assert sorted(found, key=int) == [f"{n}" for n in range(20)], "each is still a worker's to take"


@pytest.mark.slow
def test_a_wake_up_that_was_not_handed_over_comes_again_and_so_does_a_delayed_job_in_its_time(
    in_pubsub: None, engine: Engine, kind: str
) -> None:
    client = PubSubClient()
    now = dt.datetime.now(dt.UTC)
    later = now + dt.timedelta(hours=1)

    def topic_with(published: Job) -> str:
        worker = pubsub_queue(engine, published.kind, client)
        worker.ensure()
        # With the shortest deadline that there is; the command's own is longer.
        wake = {"ordered": False, "ack_deadline_seconds": 10, "keep_days": 1}
        client.ensure_subscription(wake_subscription(worker.topic), worker.topic, **wake)
        ensure_wake_subscription(client, worker.topic)
        worker.publish([published])
        return worker.topic

    def wakes(topic: str, clock: Callable[[], dt.datetime]) -> AsyncGenerator[None, None]:
        return PubSubWakes("drivetrain_queue", topic=topic, poll_seconds=0.05, clock=clock).wakes()

    async def killed(topic: str) -> None:
        for _ in range(2):
            async with aclosing(wakes(topic, lambda: now)) as some:
                await soon(some)

    async def delayed(topic: str) -> None:
        looked_at = asyncio.Event()

        def clock() -> dt.datetime:
            looked_at.set()
            return now

        early = asyncio.ensure_future(soon(wakes(topic, clock)))
        async with asyncio.timeout(SOON):
            await looked_at.wait()
        assert not early.done(), "a job whose time has not come wakes nobody"
        early.cancel()
        async with aclosing(wakes(topic, lambda: later)) as some:
            await soon(some)

    async def main() -> None:
        await asyncio.gather(killed(one), delayed(two))

    one = topic_with(job("now", kind=kind))
    two = topic_with(job("later", kind=f"{kind}_later", not_before=later))
    asyncio.run(main())
