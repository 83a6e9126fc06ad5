"""The application that the API server mounts below /drivetrain."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.staticfiles import StaticFiles

from boards.features.pages import router as features
from boards.metrics import router as metrics
from boards.pages import HERE, page, root
from boards.plugin import PREFIX
from boards.quota.pages import router as quota
from boards.security import SecurityHeaders
from boards.sheets.pages import router as sheets
from boards.state import StateUnavailableError
from drivetrain.errors import UnavailableError

if TYPE_CHECKING:
    from starlette.types import Scope

_TITLES = {401: "You are not logged in.", 403: "You may not do this.", 404: "There is nothing here."}


class _Assets(StaticFiles):
    """Files of the distribution; a browser asks again after five minutes."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "max-age=300"
        return response


def create_app() -> FastAPI:
    """All boards."""
    app = FastAPI(title="Drivetrain boards", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    app.mount("/static", _Assets(directory=HERE / "static"), name="static")
    app.include_router(sheets)
    app.include_router(quota)
    app.include_router(features)
    app.include_router(metrics)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(StateUnavailableError, _no_state)
    app.add_exception_handler(UnavailableError, _no_state)

    @app.get("/", include_in_schema=False)
    def _first(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{root(request)}/sheets")

    return app


def _login(request: Request) -> str:
    """Airflow's own login, and then back here."""
    there = f"{root(request).removesuffix(PREFIX)}/api/v2/auth/login"
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{there}?{urlencode({'next': back})}"


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    if status == 401 and request.method == "GET" and request.headers.get("sec-fetch-dest") == "document":
        return RedirectResponse(_login(request), status_code=302)
    detail = str(getattr(error, "detail", ""))
    values = {"title": _TITLES.get(status, detail), "fix": detail, "detail": "", "login": ""}
    if status == 401:
        # Within Airflow's page the frame would show the login, and stay a frame.
        values |= {"fix": "Log in to Airflow, then reload.", "login": _login(request)}
    response = page(request, "problem.html", values, status=status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _malformed(request: Request, _: Exception) -> Response:
    values = {"title": "This request is not well-formed.", "fix": "Go back and try again.", "detail": "", "login": ""}
    return page(request, "problem.html", values, status=422)


async def _no_state(request: Request, error: Exception) -> Response:
    if isinstance(error, StateUnavailableError):
        values = {"title": error.title, "fix": error.fix, "detail": error.detail, "login": ""}
    else:
        fix = "Nothing was changed. Reload in a moment and try again."
        values = {"title": "The state database does not answer.", "fix": fix, "detail": str(error), "login": ""}
    return page(request, "problem.html", values, status=503)
