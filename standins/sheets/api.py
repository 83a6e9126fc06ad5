"""The way of a client's call: fault, credentials, quota, the method itself, the answer, the log."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import orjson

from standins.sheets import discovery, drive, methods
from standins.sheets.accounts import TokenError
from standins.sheets.core import Core
from standins.sheets.errors import (
    ApiError,
    internal,
    invalid,
    quota_exceeded,
    scope_insufficient,
    unauthenticated,
    unavailable,
    unregistered,
)
from standins.sheets.faults import AFTER, Fault
from standins.sheets.fields import apply
from standins.sheets.http import (
    ClientGoneError,
    Receive,
    Scope,
    Send,
    TooLargeError,
    hold,
    read_body,
    reset,
    send_bytes,
)
from standins.sheets.limits import REQUESTS_PER_MINUTE_PER_USER
from standins.sheets.methods import METHODS, READ_SCOPES, WRITE_SCOPES, Request
from standins.sheets.workbook import now_text

Answer = tuple[int, bytes, str, dict[str, str]]
_JSON = "application/json; charset=UTF-8"


class Api:
    """Serves /token, /v4, /drive/v3 and /upload/drive."""

    def __init__(self, core: Core) -> None:
        self._core = core
        # Four threads: a read of a million cells does not keep the small calls waiting. Writers of one workbook queue
        # on its lock; readers take the committed state and need none.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="sheets")
        self.down_until = 0.0

    def close(self) -> None:
        """Let the running calls end, and take no more."""
        self._pool.shutdown(wait=True)

    def route(self, scope: Scope) -> Request | None:
        """The method that the path means; None if the path is not one of Google's."""
        path = scope["raw_path"].decode("ascii")
        verb = scope["method"]
        if path == "/token":
            return Request("token", "token")
        if path.startswith("/v4/"):
            path = path[3:]
        if path.startswith(("/drive/v3/", "/upload/drive/")):
            return drive.match(verb, path)
        if path.startswith("/spreadsheets") and not path.startswith("/spreadsheets/d/"):
            return methods.match(verb, path)
        return None

    async def handle(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call and log it, whatever becomes of it."""
        started = time.perf_counter()
        status, sent, size = 0, 0, 0
        fault: Fault | None = None
        try:
            if time.monotonic() < self.down_until:
                await reset(scope, receive)
                return
            too_large: ApiError | None = None
            body = b""
            try:
                body = await read_body(receive, self._core.limits.max_request_bytes)
                size = len(body)
            except TooLargeError as error:
                size = error.size
                most = self._core.limits.max_request_bytes
                too_large = invalid(f"Request payload size exceeds the limit: {most} bytes.")
            fault = self._core.faults.take(request.method, request.spreadsheet_id)
            if fault is not None and fault.kind not in AFTER and await self._strike(fault, scope, receive):
                return
            answer = self._refusal(fault, request) or await self._answer(request, scope, body, too_large)
            if fault is not None and await self._strike(fault, scope, receive):
                return
            status, content, kind, headers = answer
            sent = len(content)
            await send_bytes(send, status, content, kind, headers)
        except ClientGoneError:
            return
        finally:
            self._core.calls.add(
                at=now_text(),
                method=request.method,
                kind=request.kind,
                spreadsheet_id=request.spreadsheet_id,
                account=request.email or None,
                status=status,
                request_bytes=size,
                response_bytes=sent,
                fault=fault.kind if fault else None,
                ms=round((time.perf_counter() - started) * 1000, 3),
            )

    async def _strike(self, fault: Fault, scope: Scope, receive: Receive) -> bool:
        """Cut the connection as the fault says; False if the fault is an ordinary answer."""
        if fault.kind in ("reset", "reset_after"):
            await reset(scope, receive)
        elif fault.kind in ("timeout_before", "timeout_after"):
            await hold(scope, receive, fault.hold_seconds)
        else:
            return False
        return True

    def _refusal(self, fault: Fault | None, request: Request) -> Answer | None:
        """The error that a fault asks for, in Google's shape."""
        if fault is None or fault.kind in AFTER:
            return None
        if fault.kind == "429":
            kind = "write" if request.kind == "write" else "read"
            error = quota_exceeded(kind, True, self._core.project_number, REQUESTS_PER_MINUTE_PER_USER)
            if fault.retry_after is not None:
                error.headers["Retry-After"] = str(fault.retry_after)
        else:
            error = internal() if fault.kind == "500" else unavailable()
        return _refused(error)

    async def _answer(self, request: Request, scope: Scope, body: bytes, too_large: ApiError | None) -> Answer:
        loop = asyncio.get_running_loop()
        query = scope["query_string"].decode("ascii")
        try:
            if request.method == "token":
                return self._token(request, body)
            self._identify(request, scope)
            if too_large is not None:
                raise too_large
            if request.kind in ("read", "write"):
                self._core.quota.take(request.kind, request.email)
            return await loop.run_in_executor(self._pool, self._run, request, query, body)
        except ApiError as error:
            return _refused(error)

    def _token(self, request: Request, body: bytes) -> Answer:
        try:
            form = dict(parse_qsl(body.decode("utf-8", "replace")))
            request.email, answer = self._core.accounts.exchange(form)
        except TokenError as error:
            return 400, orjson.dumps(error.answer), _JSON, {}
        return 200, orjson.dumps(answer), _JSON, {"Cache-Control": "no-store"}

    def _identify(self, request: Request, scope: Scope) -> None:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode("latin-1")
        scheme, _, token = given.partition(" ")
        if not token:
            raise unregistered()
        known = self._core.accounts.identify(token.strip()) if scheme.lower() == "bearer" else None
        if known is None:
            raise unauthenticated()
        request.email, scopes = known
        service, need = "sheets.googleapis.com", READ_SCOPES if request.kind == "read" else WRITE_SCOPES
        if request.kind == "drive":
            service, need = "drive.googleapis.com", drive.scopes(request.method)
        if not scopes & need:
            raise scope_insufficient(service, f"google.{request.method}")

    def _run(self, request: Request, query: str, body: bytes) -> Answer:
        """In a worker thread: parse, run, cut to the field mask, check, serialize."""
        try:
            if request.kind == "drive":
                return drive.run(self._core, request, query, body)
            request.body = _parse(body)
            answer = methods.run(self._core, request, query)
            content = apply(request.mask, answer)
            if self._core.config.check_responses:
                _check(request.method, content)
            return 200, orjson.dumps(content), _JSON, {}
        except ApiError as error:
            return _refused(error)


def _refused(error: ApiError) -> Answer:
    return error.code, orjson.dumps(error.body()), _JSON, error.headers


def _parse(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from error


def _check(method: str, content: Any) -> None:
    """Refuse to send what Google's schema does not have: a fault of the stand-in, said loudly."""
    wrong = discovery.sheets().check_response(METHODS[method].response, content)
    if wrong:
        raise ApiError(500, "INTERNAL", f"The Sheets stand-in made a {method} answer off Google's schema: {wrong[:5]}")
