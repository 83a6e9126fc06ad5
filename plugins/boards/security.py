"""What protects the pages in a browser: one policy for every answer, and no writes from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.configuration import conf
from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing inline and nothing from elsewhere: what a sync's error says can't become a script, whatever we forget.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)


class SecurityHeaders:
    """Middleware that says on every answer what a browser may do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                # Not no-referrer, under which a browser sends its own forms with "Origin: null".
                headers["Referrer-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def same_origin(request: Request) -> None:
    """Refuse what another site made the browser send along with the user's cookie.

    A browser tells where a request comes from, in Sec-Fetch-Site or, over plain http, in Origin. Neither can be set by
    a page. A program that calls without a browser says `Sec-Fetch-Site: same-origin` itself.

    Raises:
        HTTPException: 403 it comes from elsewhere, or does not tell.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        origin = request.headers.get("origin", "")
        ours = {
            f"{request.url.scheme}://{request.headers.get('host', '')}",
            _origin(conf.get("api", "base_url", fallback="") or ""),  # behind a proxy that renames the host
        }
        allowed = origin.startswith(("http://", "https://")) and origin in ours
    if not allowed:
        raise HTTPException(403, "This request does not come from a page of this Airflow.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
