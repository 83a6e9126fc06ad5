"""The page of Google's quota: calls of the last quarter of an hour against their limits."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from boards.access import FLEET_DAG, Access, AccessDep
from boards.pages import page
from boards.quota import charts
from drivetrain.errors import DrivetrainError, UnavailableError
from drivetrain.quota.usage import HISTORY_SECONDS, SLOT_SECONDS, Usage
from hooks.sheets_quota_history import quota_history

router = APIRouter()

REFRESH_SECONDS = 5


def usages() -> list[Usage] | None:
    """What the pages show; None: nothing is counted."""
    return quota_history()


def _fleet(who: AccessDep) -> Access:
    """Whoever may see what all teams share.

    Raises:
        HTTPException: 403 they may not.
    """
    if not who.sees_fleet():
        raise HTTPException(403, f"It takes the right to read the DAG {FLEET_DAG}.")
    return who


Fleet = Depends(_fleet)


@router.get("/quota", dependencies=[Fleet])
def quota(request: Request) -> Response:
    """The page."""
    return page(request, "quota/quota.html", _values() | {"refresh_seconds": REFRESH_SECONDS})


@router.get("/quota/live", dependencies=[Fleet])
def live(request: Request) -> Response:
    """The part of the page that changes."""
    return page(request, "quota/live.html", _values())


@router.get("/quota/usage", dependencies=[Fleet])
def usage() -> Response:
    """The same for programs."""
    try:
        found = usages()
    except DrivetrainError as error:
        return JSONResponse({"detail": str(error)}, status_code=503)
    counted = None if found is None else [asdict(each) for each in found]
    return JSONResponse({"usages": counted, "slot_seconds": SLOT_SECONDS, "history_seconds": HISTORY_SECONDS})


def _values() -> dict[str, Any]:
    problem, found = "", None
    try:
        found = usages()
    except UnavailableError as error:
        problem = f"{error}. Calls go on, each process with its safe share."
    except DrivetrainError as error:
        problem = str(error)
    rows = [
        (project, account, list(kinds))
        for (project, account), kinds in groupby(found or (), key=lambda each: (each.project, each.account))
    ]
    return {"problem": problem, "is_counted": found is not None, "rows": rows, "charts": charts}
