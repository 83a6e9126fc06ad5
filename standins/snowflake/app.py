"""The HTTP side: the endpoints that the official clients call, in Snowflake's envelope.

``{"data": ..., "code": ..., "message": ..., "success": ...}`` with status 200 for every answer, errors included: the
connector retries 5xx and reads nothing from them.
"""

from __future__ import annotations

import gzip
import hmac
import json
import re
from base64 import b64encode
from collections import Counter, OrderedDict, deque
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fakesnow.expr import normalise_ident
from fakesnow.transforms import SERVER_VERSION, stage
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from standins.snowflake import wire
from standins.snowflake.engine import Engine
from standins.snowflake.errors import SqlError, to_sql_error
from standins.snowflake.results import ResultStore
from standins.snowflake.session import Result, Session

_TOKEN = re.compile(r'Snowflake Token="([^"]+)"')
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*(\w*)", re.DOTALL)
_SESSION_SECONDS, _MASTER_SECONDS = 3600, 14400


class _Server:
    """State and handlers of one server."""

    def __init__(self, engine: Engine, user: str, password: str, chunk_rows: int) -> None:
        self._engine = engine
        self._user, self._password = user, password
        self._sessions: dict[str, Session] = {}
        self._running: OrderedDict[str, Session] = OrderedDict()
        self._results = ResultStore(chunk_rows)
        self._history: deque[dict[str, Any]] = deque(maxlen=1000)
        self._counts: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        get, post = ["GET"], ["POST"]
        return [
            Route("/healthz", self.health, methods=get),
            Route("/session/v1/login-request", self.login, methods=post),
            Route("/session/token-request", self.renew, methods=post),
            Route("/session/heartbeat", self.heartbeat, methods=post),
            Route("/session", self.end_session, methods=post),
            Route("/queries/v1/query-request", self.query, methods=post),
            Route("/queries/v1/abort-request", self.abort, methods=post),
            Route("/queries/{query_id}/result", self.query_result, methods=get),
            Route("/monitoring/queries/{query_id}", self.monitor, methods=get),
            Route("/results/{query_id}/{index:int}", self.chunk, methods=get),
            Route("/stages/{path:path}", self.upload, methods=["PUT"]),
            Route("/telemetry/send", self.telemetry, methods=post),
            Route("/telemetry/send/sessionless", self.telemetry, methods=post),
            Route("/history", self.history, methods=get),
            Route("/stats", self.stats, methods=get),
        ]

    # -- sessions -----------------------------------------------------------------------------------------------

    async def login(self, request: Request) -> JSONResponse:
        data = (await _body(request)).get("data", {})
        user, password = str(data.get("LOGIN_NAME") or ""), str(data.get("PASSWORD") or "")
        known = hmac.compare_digest(user.lower().encode(), self._user.lower().encode())
        if not (hmac.compare_digest(password.encode(), self._password.encode()) and known):
            return _failure(
                "390100", "Incorrect username or password was specified.", data={"nextAction": "RETRY_LOGIN"}
            )
        query = request.query_params
        database, schema = (query.get(key) and normalise_ident(query[key]) for key in ("databaseName", "schemaName"))
        session = await run_in_threadpool(Session, self._engine, user, database=database, schema=schema)
        session.role = (query.get("roleName") or session.role).upper()
        session.warehouse = query["warehouse"].upper() if query.get("warehouse") else None
        try:
            await run_in_threadpool(session.set_parameters, dict(data.get("SESSION_PARAMETERS") or {}))
        except SqlError as error:
            return _failure(error.code, error.message)
        self._sessions[session.token] = session
        return _success(
            {
                "token": session.token,
                "masterToken": session.master_token,
                "validityInSeconds": _SESSION_SECONDS,
                "masterValidityInSeconds": _MASTER_SECONDS,
                "displayUserName": session.user,
                "serverVersion": SERVER_VERSION,
                "sessionId": session.id,
                "parameters": _parameters(
                    {
                        "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
                        "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,  # array bindings come inline, without a stage
                        **session.parameters,
                    }
                ),
                "sessionInfo": {
                    "databaseName": session.database,
                    "schemaName": session.schema,
                    "warehouseName": session.warehouse,
                    "roleName": session.role,
                },
            }
        )

    async def renew(self, request: Request) -> JSONResponse:
        old = (await _body(request)).get("oldSessionToken")
        session = self._sessions.pop(old, None)
        if session is None:
            return _failure("390113", "Master token is not found or expired. Log in again.")
        session.renew()
        self._sessions[session.token] = session
        return _success(
            {
                "sessionToken": session.token,
                "masterToken": session.master_token,
                "validityInSecondsST": _SESSION_SECONDS,
                "validityInSecondsMT": _MASTER_SECONDS,
                "sessionId": session.id,
            }
        )

    async def heartbeat(self, request: Request) -> JSONResponse:
        return _success(None) if self._session(request) else _gone()

    async def end_session(self, request: Request) -> JSONResponse:
        session = self._session(request)
        if session is None:
            return _gone()
        if request.query_params.get("delete") == "true":
            self._sessions.pop(session.token, None)
            await run_in_threadpool(session.close)
        return _success(None)

    def _session(self, request: Request) -> Session | None:
        match = _TOKEN.match(request.headers.get("Authorization", ""))
        return self._sessions.get(match[1]) if match else None

    # -- queries ------------------------------------------------------------------------------------------------

    async def query(self, request: Request) -> JSONResponse:
        session = self._session(request)
        if session is None:
            return _gone()
        body = await _body(request)
        request_id = request.query_params.get("requestId", "")
        sql = str(body.get("sqlText") or "")
        self._running[request_id] = session
        entry = {"sql": sql, "tag": session.parameters.get("QUERY_TAG") or "", "rows": None, "error": None, "id": None}
        self._history.append(entry)
        self._counts[_kind(sql)] += 1
        try:
            result, payload = await run_in_threadpool(self._answer, request, session, sql, body)
        except Exception as caught:
            error = to_sql_error(caught)
            entry["error"] = f"{error.code} {error.message}"
            return _failure(
                error.code,
                error.message,
                data={"errorCode": error.code, "sqlState": error.sql_state, "queryId": session.last_query_id},
                sqlState=error.sql_state,
            )
        finally:
            self._running.pop(request_id, None)
        entry |= {"id": result.query_id, "rows": result.table.num_rows}
        self._results.remember(result.query_id, session.user, payload)
        return _success(payload)

    def _answer(
        self, request: Request, session: Session, sql: str, body: dict[str, Any]
    ) -> tuple[Result, dict[str, Any]]:
        result = session.execute(sql, body.get("bindings"), describe_only=bool(body.get("describeOnly")))
        return result, self._payload(request, session, result)

    def _payload(self, request: Request, session: Session, result: Result) -> dict[str, Any]:
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        if result.put is not None:
            return _put_payload(base_url, result)
        total = result.table.num_rows
        payload = {
            "parameters": _parameters(result.parameters or {"TIMEZONE": session.parameters["TIMEZONE"]}),
            "rowtype": [column.rowtype() for column in result.columns],
            "total": total,
            "returned": total,
            "queryId": result.query_id,
            "statementTypeId": result.type_id,
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
            "finalWarehouseName": session.warehouse,
            "finalRoleName": session.role,
            "version": 1,
        }
        if result.is_dml:
            return {**payload, "queryResultFormat": "json", "rowset": wire.to_json(result.table)}
        if not result.table.num_columns:
            return {**payload, "queryResultFormat": "arrow", "rowsetBase64": ""}
        first, chunks = self._results.keep(result.query_id, result.table, result.columns, base_url)
        payload |= {"queryResultFormat": "arrow", "rowsetBase64": b64encode(first).decode()}
        return {**payload, "chunks": chunks} if chunks else payload

    async def abort(self, request: Request) -> JSONResponse:
        running = self._running.get((await _body(request)).get("requestId", ""))
        if running is not None:
            running.cancel()
        return _success(None)

    async def query_result(self, request: Request) -> JSONResponse:
        session, query_id = self._session(request), request.path_params["query_id"]
        if session is None:
            return _gone()
        payload = self._results.recall(query_id, session.user)
        if payload is None:
            data = {"errorCode": "000709", "sqlState": "02000", "queryId": query_id}
            return _failure("000709", f"Statement {query_id} not found", data=data)
        return _success(payload)

    async def monitor(self, request: Request) -> JSONResponse:
        session, query_id = self._session(request), request.path_params["query_id"]
        if session is None:
            return _gone()
        found = self._results.recall(query_id, session.user) is not None
        return _success({"queries": [{"id": query_id, "status": "SUCCESS"}] if found else []})

    async def chunk(self, request: Request) -> Response:
        query_id, index = request.path_params["query_id"], request.path_params["index"]
        signature = request.query_params.get("signature", "")
        content = await run_in_threadpool(self._results.chunk, query_id, index, signature)
        if content is None:
            return Response(status_code=403)
        return Response(content, media_type="application/vnd.apache.arrow.stream")

    # -- the rest -----------------------------------------------------------------------------------------------

    async def upload(self, request: Request) -> Response:
        root = Path(stage.LOCAL_BUCKET_PATH)
        target = (root / request.path_params["path"]).resolve()
        if not target.is_relative_to(root):
            return Response(status_code=403)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".part")
        partial.write_bytes(await request.body())
        partial.rename(target)
        return Response()

    async def telemetry(self, request: Request) -> JSONResponse:
        await request.body()
        return _success("Log Received")

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "sessions": len(self._sessions)})

    async def history(self, _: Request) -> JSONResponse:
        """The last 1,000 statements, with the chunks that their readers asked for: for tests and demos."""
        return JSONResponse(
            [{**entry, "chunks": self._results.downloaded(entry["id"] or "")} for entry in list(self._history)]
        )

    async def stats(self, _: Request) -> JSONResponse:
        """How many statements there were since the start, those that failed included, by their first word."""
        return JSONResponse(dict(self._counts))


def create_app(engine: Engine, *, user: str, password: str, chunk_rows: int) -> Starlette:
    """The ASGI application for one account."""
    return Starlette(routes=_Server(engine, user, password, chunk_rows).routes())


def _kind(sql: str) -> str:
    """A statement's first word; CATALOG for a question to INFORMATION_SCHEMA."""
    word = _FIRST_WORD.match(sql)
    return "CATALOG" if "INFORMATION_SCHEMA" in sql.upper() else word[1].upper() if word else ""


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        raw = gzip.decompress(raw)
    return dict(json.loads(raw)) if raw else {}


def _parameters(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _success(data: Any) -> JSONResponse:
    return JSONResponse({"data": data, "code": None, "message": None, "success": True})


def _failure(code: str, message: str, *, data: Any = None, **more: Any) -> JSONResponse:
    return JSONResponse({"data": data, "code": code, "message": message, "success": False, "headers": None, **more})


def _gone() -> JSONResponse:
    return _failure("390111", "Session no longer exists. New login required to access the service.")


def _put_payload(base_url: str, result: Result) -> dict[str, Any]:
    """Where a PUT uploads to. The one place type that the connector reaches by plain HTTP is Google's presigned URL."""
    put = result.put
    data = put.args["put_stage_data"]
    file = Path(data["stageInfo"]["location"]) / Path(data["src_locations"][0]).name
    relative = quote(str(file.resolve().relative_to(stage.LOCAL_BUCKET_PATH)))
    data["stageInfo"] = {
        "locationType": "GCS",
        "location": f"{put.args['put_stage_name']}/",
        "creds": {},
        "presignedUrl": f"{base_url}/stages/{relative}",
    }
    return data
