"""Requests by a DAG run, over a real Postgres: into the queue, and to the end of what was asked for."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from drivetrain.sheets.dispatch import KIND, Trigger
from drivetrain.sheets.registry import RunRecord
from hooks.job_queue import job_queue
from hooks.state import StateHook
from operators.sheets_request import SheetsRequestOperator
from tests.support.operators import NOON, Context
from tests.support.postgres import empty_tables, running_postgres
from tests.support.sheets import spec_file
from triggers.jobs_ended import JobsEndedTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASKED: dict[str, Any] = {"syncs": ["leads", "stock"], "team": "retail", "reason": "a call", "wait": False}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateHook]:
    with running_postgres(tmp_path_factory.mktemp("state")) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_DRIVETRAIN_STATE", json.dumps(connection))
        state = StateHook()
        state.migrate()
        yield state
        state.engine.dispose()


@pytest.fixture
def state(server: StateHook) -> Iterator[StateHook]:
    yield server
    with server.engine.begin() as connection:
        empty_tables(connection)


@pytest.fixture
def operator(tmp_path: Path, state: StateHook) -> SheetsRequestOperator:
    spec_file(tmp_path, "leads")
    spec_file(tmp_path, "stock", target={"spreadsheet_id": "b" * 30, "tab": "Stock"})
    spec_file(tmp_path, "funnel", team="growth", target={"spreadsheet_id": "c" * 30, "tab": "Funnel"})
    return SheetsRequestOperator(task_id="request", include=str(tmp_path), waits_for=JobsEndedTrigger)


def waiting(state: StateHook) -> list[str]:
    leases = job_queue(KIND, state=state).lease(seconds=60, max_groups=10)
    return [each.job.key for lease in leases for each in lease.deliveries]


def record(key: str, *, outcome: str = "written", error: str = "", is_final: bool = True) -> RunRecord:
    at = NOON + dt.timedelta(minutes=1)
    return RunRecord(
        sync=key.partition("!")[0],
        job_key=key,
        due_at=NOON,
        trigger=Trigger.DEMAND,
        attempt=1,
        started_at=at,
        finished_at=at,
        outcome=outcome,
        is_final=is_final,
        error=error,
        rows=12,
        rows_added=2,
        rows_changed=1,
        write_calls=1,
    )


def test_a_request_is_queued_and_one_that_is_made_again_is_the_same(
    operator: SheetsRequestOperator, state: StateHook
) -> None:
    first = operator.execute(Context("manual__1", **ASKED))
    assert {name: each["outcome"] for name, each in first.items()} == {"leads": "queued", "stock": "queued"}
    assert operator.execute(Context("manual__1", try_number=2, **ASKED)) == first
    assert sorted(waiting(state)) == sorted(each["job"] for each in first.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"syncs": ["leads", "nobody"]}, "nothing was queued: no sync is called nobody"),
        ({"syncs": ["leads", "funnel"]}, "nothing was queued: funnel is growth's, not retail's"),
        ({"waits": True}, "conf: unknown key waits; known: reason, syncs, team, wait"),
    ],
)
def test_a_request_that_can_not_be_done_fails_in_one_line_and_queues_nothing(
    operator: SheetsRequestOperator, state: StateHook, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(Context(**ASKED | changes))
    assert str(caught.value) == message
    assert waiting(state) == []


def deferred(operator: SheetsRequestOperator) -> tuple[Context, TaskDeferred]:
    context = Context(**ASKED | {"wait": True})
    with pytest.raises(TaskDeferred) as caught:
        operator.execute(context)
    return context, caught.value


def wait_for(trigger: Any, **changes: Any) -> dict[str, Any]:
    """Run a trigger as the triggerer does: from what was stored of it."""
    path, stored = trigger.serialize()
    assert path == "triggers.jobs_ended.JobsEndedTrigger"

    async def main() -> Any:
        arguments = json.loads(json.dumps(stored)) | {"poll_seconds": 0.05} | changes
        async with aclosing(JobsEndedTrigger(**arguments).run()) as events, asyncio.timeout(20):  # type: ignore[type-var]
            return (await anext(events)).payload

    return dict(asyncio.run(main()))


def test_who_waits_is_told_how_each_ended(operator: SheetsRequestOperator, state: StateHook) -> None:
    context, waits = deferred(operator)
    one, other = (each["job"] for each in context.pushed["return_value"].values())
    state.registry.record([record(one), record(other, outcome="unchanged")])
    event = wait_for(waits.trigger)
    told = getattr(operator, waits.method_name)(context, event)
    assert told["leads"] == {
        "job": one, "outcome": "written", "error": "", "rows": 12, "rows_changed": 3, "write_calls": 1,
    }  # fmt: skip
    assert told["stock"]["outcome"] == "unchanged"


def test_a_job_that_is_tried_again_is_waited_for_and_one_that_is_given_up_fails_the_task(
    operator: SheetsRequestOperator, state: StateHook
) -> None:
    context, waits = deferred(operator)
    one, other = (each["job"] for each in context.pushed["return_value"].values())
    state.registry.record([record(one, outcome="failed", error="quota", is_final=False)])
    queue = job_queue(KIND, state=state)
    (lease,) = [lease for lease in queue.lease(seconds=60, max_groups=2) if lease.deliveries[0].job.key == other]
    queue.bury(lease, lease.deliveries[0], reason=f"message {other}: no sync is called stock")

    async def tried_again() -> None:
        trigger = JobsEndedTrigger(**waits.trigger.serialize()[1] | {"poll_seconds": 0.02})  # type: ignore[operator]
        async with aclosing(trigger.run()) as events:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.to_thread(lambda: [state.registry.finished([one]) for _ in range(20)])
            assert not waiting.done()
            await asyncio.to_thread(state.registry.record, [record(one)])
            async with asyncio.timeout(20):
                await waiting

    asyncio.run(tried_again())
    with pytest.raises(AirflowFailException, match=f"^message {other}: no sync is called stock$"):
        operator.ended(context, {"waited_until": ""})
    assert context.pushed["return_value"]["leads"]["outcome"] == "written"
    assert context.pushed["return_value"]["stock"]["outcome"] == "failed"


def test_a_wait_ends_in_time_and_says_what_to_look_at(operator: SheetsRequestOperator, state: StateHook) -> None:
    context, waits = deferred(operator)
    event = wait_for(waits.trigger, until=state.now().isoformat())
    with pytest.raises(AirflowFailException) as caught:
        operator.ended(context, event)
    said = "{}: not done after 30 min, it stays queued: is sheets_worker awake?"
    assert str(caught.value) == "\n".join(said.format(name) for name in ("leads", "stock"))
    assert len(waiting(state)) == 2


def test_a_database_that_is_away_is_waited_for(
    operator: SheetsRequestOperator, state: StateHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, waits = deferred(operator)
    gone = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "password": "x", "schema": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_GONE", json.dumps(gone))
    until = (state.now() + dt.timedelta(seconds=0.3)).isoformat()
    assert wait_for(waits.trigger, state_conn_id="gone", until=until)["waited_until"] >= until
