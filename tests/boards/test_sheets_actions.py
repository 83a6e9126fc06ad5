"""What the buttons do."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import KIND, Trigger
from drivetrain.sheets.message import read_message
from hooks.job_queue import job_queue
from tests.boards.conftest import EVERYTHING, User
from tests.support.sheets import sync_spec

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.boards.conftest import Board

REQUEST = "0123456789abcdef" * 2


@pytest.fixture
def spec(board: Board) -> Any:
    spec = sync_spec(sync="retail_leads", team="retail", schedule={"cron": "0 * * * *"}, freshness="2h")
    board.state.registry.register([Sync(spec, "SELECT 1")], board.state.now())
    return spec


def facts(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT * FROM sheet_syncs")).one()


def test_sync_now_is_a_job_that_a_worker_takes_for_what_it_says(board: Board, spec: Any) -> None:
    board.user = User(name="asha@drivetrain.example", rights={"retail": EVERYTHING})
    before = board.state.now()
    answer = board.post("/sheets/retail_leads/run", {"request_id": REQUEST})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/drivetrain/sheets/retail_leads?done=run"
    (lease,) = job_queue(KIND, state=board.state).lease(seconds=60)
    (delivery,) = lease.deliveries
    assert delivery.job.key == f"retail_leads!{REQUEST}"
    assert delivery.job.attempts == spec.attempts
    message, sync = read_message(delivery.job, {"retail_leads": Sync(spec, "SELECT 1")})
    assert (message.trigger, message.team, message.requested_by) == (
        Trigger.DEMAND,
        "retail",
        "asha@drivetrain.example",
    )
    assert before <= message.due_at <= board.state.now()
    assert sync.spec is spec


def test_a_form_that_is_sent_twice_is_one_run_and_the_page_shows_it_waiting(
    board: Board, engine: Engine, spec: Any
) -> None:
    for _ in range(2):
        assert board.post("/sheets/retail_leads/run", {"request_id": REQUEST}).status_code == 303
    page = board.get("/sheets/retail_leads?done=run").text
    assert page.count(f"retail_leads!{REQUEST}") == 1
    assert "It waits in the queue" in page


@pytest.mark.parametrize("request_id", ["", "A" * 32, "a" * 31, "a" * 500, "../../../../x", "a" * 31 + "\x00"])
def test_a_request_id_that_no_page_made_is_refused(board: Board, engine: Engine, spec: Any, request_id: str) -> None:
    assert board.post("/sheets/retail_leads/run", {"request_id": request_id}).status_code == 422
    assert board.post("/sheets/retail_leads/run").status_code == 422
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM jobs")).scalar() == 0


def test_pausing_names_who_did_it_and_resuming_makes_it_due_from_now_on(
    board: Board, engine: Engine, spec: Any
) -> None:
    assert board.post("/sheets/retail_leads/pause").status_code == 303
    assert facts(engine).paused_by == "asha"
    page = board.get("/sheets/retail_leads?done=pause").text
    assert "paused by asha" in page
    assert "/retail_leads/resume" in page
    assert "/retail_leads/pause" not in page
    assert board.post("/sheets/retail_leads/resume").status_code == 303
    after = facts(engine)
    assert after.paused_at is None
    assert after.next_due_at > dt.datetime.now(dt.UTC)


@pytest.mark.parametrize("done", ["nonsense", "<script>", ""])
def test_what_was_done_is_one_of_our_own_words(board: Board, spec: Any, done: str) -> None:
    assert 'class="notice"' not in board.get("/sheets/retail_leads", params={"done": done}).text


def test_an_api_server_without_its_queue_says_so_and_changes_nothing(
    board: Board, engine: Engine, spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from boards.sheets import actions
    from drivetrain.errors import UnavailableError

    def refuse(_: object) -> int:
        raise UnavailableError("the state database: gone <b>")

    monkeypatch.setattr(actions, "job_queue", lambda *_, **__: SimpleNamespace(publish=refuse))
    answer = board.post("/sheets/retail_leads/run", {"request_id": REQUEST})
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.text
    assert "<b>" not in answer.text
