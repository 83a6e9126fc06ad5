"""The plan preview: who gets the button, and what the page makes of what Airflow's API answers, in a real browser.

The API here is a script, for what no real Airflow does on request; tests/e2e/test_sheets_board.py has the real one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request

from boards.plugin import PREFIX
from tests.boards.conftest import EVERYTHING, Board, User
from tests.boards.test_sheets_detail import EVIL
from tests.boards.test_sheets_list import DAY, register
from tests.support.browser import CHROMIUM, Tab, browser_tab

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
STATUS = "document.querySelector('#plan [role=status]').textContent"
RESULT = "document.querySelector('#plan [data-result]')"


@pytest.mark.parametrize(("rights", "there"), [(EVERYTHING, True), ({"read", "run"}, True), ({"read", "edit"}, False)])
def test_only_who_may_trigger_the_teams_dag_is_offered_its_plan(board: Board, rights: set[str], there: bool) -> None:
    register(board, "leads", ago=10 * DAY)
    board.user = User(rights={"retail": rights})
    page = board.get("/sheets/leads").text
    assert [text in page for text in ("Preview plan", "plan.js", "data-api")] == [there] * 3
    assert "plan.js" not in board.get("/sheets").text


def test_the_page_names_airflows_api_below_its_own_path(board: Board) -> None:
    register(board, "leads", ago=10 * DAY)
    page = board.get("/sheets/leads").text
    assert 'data-api="/api/v2"' in page
    assert 'data-dag="sheets_sync_retail"' in page
    assert 'data-task="workbook_' in page


@dataclass
class Airflow:
    """Answers of an API, and what it was asked.

    Attributes:
        state: of every run.
        task: state of the workbook's task; None: there is none.
        outcome: what the task returned; None: nothing.
        refuses: status with which a trigger is refused.
        loses: how many triggers are done and answered with an error.
    """

    state: str = "success"
    task: str | None = "success"
    outcome: dict[str, Any] | None = None
    paused: bool = False
    refuses: int = 0
    loses: int = 0
    broken: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """The API."""
        app = FastAPI()
        dag, run = "/api/v2/dags/{dag}", "/api/v2/dags/{dag}/dagRuns/{run}"

        @app.post(f"{dag}/dagRuns")
        async def trigger(request: Request) -> dict[str, str]:
            body = await request.json()
            if self.refuses:
                raise HTTPException(self.refuses, "no: <b>it does not\nand more")
            if body["dag_run_id"] in [each["dag_run_id"] for each in self.asked]:
                raise HTTPException(409, {"reason": "there already"})
            self.asked.append(body)
            if self.loses:
                self.loses -= 1
                raise HTTPException(502)
            return {}

        @app.get(dag)
        def _dag() -> dict[str, bool]:
            return {"is_paused": self.paused}

        @app.get(run)
        def _run() -> dict[str, str]:
            return {"state": self.state}

        @app.get(f"{run}/taskInstances/{{task}}")
        def _task() -> dict[str, str]:
            return {"state": found(self.task)}

        @app.get(f"{run}/taskInstances/{{task}}/xcomEntries/return_value")
        def _xcom() -> dict[str, Any]:
            return {"value": {"leads": found(self.outcome)}}

        @app.get(f"{dag}/tasks/leads")
        def _documentation() -> dict[str, str]:
            return {"doc_md": found(self.broken)}

        return app


def found(value: Any) -> Any:
    if not value:
        raise HTTPException(404, "not found")
    return value


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser_tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def tab(browser: Tab, board: Board, airflow: Airflow) -> Iterator[Tab]:
    """The page of a sync, within an Airflow of ours."""
    register(board, "leads", ago=10 * DAY)
    board.get("/sheets/leads")  # the user is known from here on
    app = airflow.app()
    app.mount(PREFIX, board.boards)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    socket = server.config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        browser.complaints.clear()
        browser.open(f"http://127.0.0.1:{socket.getsockname()[1]}{PREFIX}/sheets/leads")
        browser.wait("document.querySelector('[data-plan]').hidden === false")
        browser.run("document.getElementById('plan').dataset.lookSeconds = '0.05'")
        yield browser
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def click(tab: Tab) -> None:
    tab.run("document.querySelector('[data-plan]').click()")


def says(tab: Tab, text: str) -> str:
    return str(tab.wait(f"{STATUS}.includes({text!r}) && {STATUS}"))


COLUMNS = {"Code": "text", EVIL: "text", "Sold on": "date", "Same": "text"}
PREVIEW = [
    {"row": 3, "change": "changed", "cells": {"Code": {"old": 7, "new": "7"}, EVIL: {"old": EVIL, "new": None}}},
    {"row": 4, "change": "added", "cells": {"Code": {"old": None, "new": "A"}, "Sold on": {"old": None, "new": 46000}}},
    {"row": 9, "change": "deleted"},
]
NUMBERS = {
    "rows": 1234,
    "rows_added": 1,
    "rows_changed": 1,
    "rows_deleted": 1,
    "rows_edited": 5,
    "rows_rejected": 6,
    "calls_needed": 2,
    "quota_share": 0.0333,
}


def plan(**changes: Any) -> dict[str, Any]:
    columns = [
        {"name": f"C{place}", "header": name, "type": kind} for place, (name, kind) in enumerate(COLUMNS.items())
    ]
    told = {"outcome": "planned", "gid": 7, "warning": "", "columns": columns, "preview": PREVIEW}
    return NUMBERS | told | changes


@needs_browser
def test_a_plan_is_shown_cell_by_cell_and_hostile_values_stay_text(tab: Tab, airflow: Airflow) -> None:
    airflow.outcome = plan(warning=EVIL)
    click(tab)
    assert "3 rows would change. Nothing was written." in says(tab, "Nothing was written")
    facts = tab.run(f"[...{RESULT}.querySelectorAll('dd')].map(each => each.textContent)")
    assert facts == ["1", "1", "1", "5", "6", "1,234", "2 (3.3% of an account's minute)"]
    titles = tab.run(f"[...{RESULT}.querySelectorAll('th')].map(each => each.textContent)")
    assert titles == ["Row", "Change", "Code", EVIL, "Sold on"]
    rows = tab.run(f"[...{RESULT}.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    assert rows == [
        ["3", "changed", '7 → "7"', EVIL[:59] + "…", ""],
        ["4", "added", "A", "", "2025-12-09"],
        ["9", "deleted", "the whole row"],
    ]
    assert tab.run(f"[...{RESULT}.querySelectorAll('del')].map(each => each.textContent)")[-1] == "the whole row"
    assert tab.run(f"{RESULT}.querySelectorAll('script, img, a').length") == 0
    assert tab.complaints == []
    assert airflow.asked[0]["conf"] == {"syncs": ["leads"], "dry_run": True}
    assert airflow.asked[0]["logical_date"] is None


@needs_browser
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"refuses": 403}, "It takes the right to trigger the DAG sheets_sync_retail."),
        ({"refuses": 401}, "Your login has ended. Log in to Airflow, then reload this page."),
        ({"refuses": 400}, "Airflow refuses (400): no: <b>it does not"),
        ({"refuses": 503}, "Airflow does not answer. Press the button again"),
        ({"outcome": plan(outcome="unchanged", preview=[])}, "Nothing would change: the tab says what the query says."),
    ],
)
def test_each_end_is_said_in_words(tab: Tab, airflow: Airflow, script: dict[str, Any], said: str) -> None:
    vars(airflow).update(script)
    click(tab)
    says(tab, said)
    assert tab.wait("document.querySelector('[data-plan]').getAttribute('aria-disabled') === null")


@needs_browser
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"task": "failed", "outcome": {"outcome": "failed", "error": f"columns: {EVIL}"}}, f"columns: {EVIL}"),
        ({"task": "failed", "state": "failed"}, "The run ended without a plan. The log of its task says why."),
        ({"task": "skipped", "state": "failed", "broken": "leads.yaml: colour: unknown key"}, "colour: unknown key"),
        ({"task": None, "state": "failed", "broken": "leads.yaml: colour: unknown key"}, "colour: unknown key"),
    ],
)
def test_a_run_that_fails_shows_its_error(tab: Tab, airflow: Airflow, script: dict[str, Any], said: str) -> None:
    vars(airflow).update(script)
    click(tab)
    says(tab, "There is no plan")
    assert said in tab.run(f"{RESULT}.querySelector('pre').textContent")


@needs_browser
def test_each_step_of_the_run_is_said_and_a_paused_dag_is_named(tab: Tab, airflow: Airflow) -> None:
    airflow.outcome, airflow.state, airflow.paused = plan(), "queued", True
    click(tab)
    says(tab, "sheets_sync_retail is paused, so the run waits in Airflow")
    assert tab.run("document.querySelector('#plan [role=status] a').pathname") == "/dags/sheets_sync_retail"
    click(tab)
    airflow.paused = False
    says(tab, "go one after another")
    airflow.state, airflow.task = "running", "scheduled"
    says(tab, "for a worker")
    airflow.task = "running"
    says(tab, "Reads the query's result")
    airflow.outcome = {"outcome": "failed", "error": "quota: used up"}
    airflow.task = "up_for_retry"
    says(tab, "A try failed, and Airflow makes another one. quota: used up")
    airflow.outcome = plan()
    airflow.task = "success"
    says(tab, "3 rows would change")
    assert len(airflow.asked) == 1, "a click in the meantime asks for nothing"


@needs_browser
def test_a_lost_answer_is_made_good_by_another_click_and_a_third_click_is_a_new_run(tab: Tab, airflow: Airflow) -> None:
    airflow.outcome, airflow.loses = plan(), 1
    click(tab)
    says(tab, "Press the button again")
    click(tab)
    says(tab, "3 rows would change")
    assert len(airflow.asked) == 1
    click(tab)
    tab.wait(f"{STATUS}.includes('Nothing was written') && {RESULT}.childElementCount")
    assert len({each["dag_run_id"] for each in airflow.asked}) == 2


@needs_browser
def test_the_page_does_not_wait_for_ever(tab: Tab, airflow: Airflow) -> None:
    airflow.state = "queued"
    tab.run("document.getElementById('plan').dataset.patienceSeconds = '0'")
    click(tab)
    says(tab, "There is still no plan, and this page waits no longer. The run goes on in Airflow.")
