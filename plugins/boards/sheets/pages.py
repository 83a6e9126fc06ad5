"""The pages of all syncs and of one, and the requests that their buttons send."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from boards import spark
from boards.access import Access, AccessDep, dag_of
from boards.ages import BAR_WIDTH, AgeBar, age_bar
from boards.pages import page, root
from boards.security import same_origin
from boards.sheets import queries
from boards.sheets.actions import is_request_id, sync_now
from boards.sheets.detail import detail
from boards.sheets.filters import Filters, Standing
from boards.sheets.links import workbook_page
from boards.state import StateDep, reading, told_to_people
from drivetrain.sheets.catalog import Workbook

if TYPE_CHECKING:
    from boards.sheets.queries import Row
    from hooks.state import StateHook

router = APIRouter()

_DONE = {
    "run": "It waits in the queue. A worker is woken for it and takes it within seconds.",
    "pause": "Paused: it is not due until somebody resumes it.",
    "resume": "Resumed: it is due again from now on.",
}


def _bar(row: Row) -> AgeBar:
    facts = row.facts
    return age_bar(
        row.share, is_late=row.is_late, is_watched=bool(facts["cron"]), is_idle=facts["paused_at"] is not None
    )


_TOOLS = {"dag_of": dag_of, "workbook_page": workbook_page, "bar": _bar, "bar_width": BAR_WIDTH, "spark": spark}


@router.get("/sheets")
def all_syncs(request: Request, who: AccessDep, state: StateDep) -> Response:
    """The list."""
    filters = Filters.parse(request.query_params)
    now = state.now()
    with reading(state) as connection:
        readable = sorted(who.readable(queries.teams(connection)))
        found = queries.listing(connection, filters, readable, now)
    values: dict[str, Any] = {
        "filters": filters,
        "found": found,
        "teams": readable,
        "now": now,
        "standings": Standing,
        "sees_fleet": who.sees_fleet(),
    }
    return page(request, "sheets/list.html", values | _TOOLS)


@router.get("/sheets/{sync}")
def one_sync(request: Request, sync: str, who: AccessDep, state: StateDep) -> Response:
    """One sync with its history."""
    now = state.now()
    with reading(state) as connection:
        row = queries.one(connection, _name(sync), now)
        if row is None or not who.readable([row.facts["team"]]):
            raise _missing(sync)
        facts = row.facts
        kept = detail(connection, facts["sync"], facts["spreadsheet_id"], _moment(request), now)
    values: dict[str, Any] = {
        "row": row,
        "kept": kept,
        "now": now,
        "paged": "before" in request.query_params,
        "request_id": uuid.uuid4().hex,
        "task": Workbook(facts["spreadsheet_id"], ()).task_id,
        "may_run": who.may_run(facts["team"]),
        "may_pause": who.may_pause(facts["team"]),
        "done": _DONE.get(request.query_params.get("done", ""), ""),
    }
    return page(request, "sheets/sync.html", values | _TOOLS)


@router.post("/sheets/{sync}/run", dependencies=[Depends(same_origin)])
def run(request: Request, sync: str, who: AccessDep, state: StateDep, request_id: Annotated[str, Form()]) -> Response:
    """Let it run as soon as a worker has time."""
    row = _known(sync, who, state)
    _require(who.may_run(row.facts["team"]), "trigger", row)
    if not is_request_id(request_id):
        raise HTTPException(422, "This form is not ours: reload the page and try again.")
    sync_now(state, row.facts, request_id=request_id, requested_by=who.name, now=state.now())
    return _back(request, sync, "run")


@router.post("/sheets/{sync}/pause", dependencies=[Depends(same_origin)])
def pause(request: Request, sync: str, who: AccessDep, state: StateDep) -> Response:
    """Let it not be due any more."""
    row = _known(sync, who, state)
    _require(who.may_pause(row.facts["team"]), "edit", row)
    with told_to_people():
        state.registry.pause(row.facts["sync"], by=who.name, now=state.now())
    return _back(request, sync, "pause")


@router.post("/sheets/{sync}/resume", dependencies=[Depends(same_origin)])
def resume(request: Request, sync: str, who: AccessDep, state: StateDep) -> Response:
    """Let it be due again."""
    row = _known(sync, who, state)
    _require(who.may_pause(row.facts["team"]), "edit", row)
    with told_to_people():
        state.registry.resume(row.facts["sync"], state.now())
    return _back(request, sync, "resume")


def _known(sync: str, who: Access, state: StateHook) -> Row:
    """A sync that the user may see.

    Raises:
        HTTPException: 404, the same whether it is not there or not theirs to see.
    """
    with reading(state) as connection:
        row = queries.one(connection, _name(sync), state.now())
    if row is None or not who.readable([row.facts["team"]]):
        raise _missing(sync)
    return row


def _require(allowed: bool, what: str, row: Row) -> None:
    if not allowed:
        raise HTTPException(403, f"It takes the right to {what} the DAG {dag_of(row.facts['team'])}.")


def _missing(sync: str) -> HTTPException:
    return HTTPException(404, f"No sync that you may see is called {sync[:100]}.")


def _back(request: Request, sync: str, done: str) -> Response:
    return RedirectResponse(f"{root(request)}/sheets/{_name(sync)}?done={done}", status_code=303)


def _name(sync: str) -> str:
    return sync.replace("\x00", "")


def _moment(request: Request) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(request.query_params.get("before", ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
