"""The application; `python -m services.feature_server` runs it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivetrain.errors import UnavailableError
from drivetrain.features.hash_reads import RequestRefusedError
from services.feature_server.clients import Client, Clients
from services.feature_server.hot_path import PATH, HotPath
from services.feature_server.metrics import Metrics
from services.feature_server.online_store import OnlineStore
from services.feature_server.registry_file import RegistryFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.feature_server.hot_path import Answer
    from services.feature_server.request_span import RequestSpan
    from services.feature_server.settings import Settings
    from services.feature_server.traces import Traces

_MOST_FEATURES = 1_000
_KEY = "X-Api-Key"


class OnlineFeatures(BaseModel):
    """A request, in Feast's shape."""

    model_config = ConfigDict(extra="forbid")

    features: list[str] = Field(default=[], max_length=_MOST_FEATURES, examples=[["car_demand:views_7d"]])
    feature_service: str | None = Field(default=None, examples=["price_model"])
    entities: dict[str, list[Any]] = Field(examples=[{"car_id": [1001, 1002]}])
    full_feature_names: bool = False


class Server:
    """What one process of the server holds."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = RegistryFile(settings.registry, settings.project)
        self.clients = Clients(settings.clients) if settings.clients else None
        self.store = OnlineStore(settings)
        self.metrics = Metrics()
        self.traces = _traces(settings)
        self.is_ending = False

    async def answer(
        self, asked: OnlineFeatures, known: tuple[str, Client] | None, span: RequestSpan | None
    ) -> dict[str, Any]:
        """The answer; known: who asks, if that is known; span: of the request, if it is recorded.

        Raises:
            RequestRefusedError: with its status.
            UnavailableError: Redis is away.
        """
        if self.clients is not None:
            if known is None:
                raise RequestRefusedError(f"{_KEY}: is missing, or not known: ask for a key of your service", 401)
            if wait := self.clients.take(known[0]):
                raise TooManyError(f"{known[0]}: more than {known[1].requests_per_second:g} requests a second", wait)
        plan = self.registry.plan(tuple(asked.features), asked.feature_service, full_names=asked.full_feature_names)
        if known is not None and (refused := sorted(view for view in plan.views if not known[1].may_read(view))):
            raise RequestRefusedError(f"feature view {', '.join(refused)}: this key may not read it", 403)
        count = plan.check(asked.entities, most=self.settings.most_entities)
        self.metrics.entities.inc(count)
        if span is not None:
            span.asks_for(entities=count, features=len(plan.columns), service=asked.feature_service)
        with self.metrics.redis.time():
            rows = await self.store.read(plan, asked.entities, span)
        now = time.time_ns() // 1_000
        return plan.answer(asked.entities, rows, now, serve_stale=self.settings.serve_stale)


def _traces(settings: Settings) -> Traces | None:
    if not settings.traces:
        return None
    from services.feature_server.traces import Traces  # with the SDK, which takes time and memory

    return Traces(settings, PATH)


class TooManyError(RequestRefusedError):
    """Asked too often."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message, 429)
        self.wait_seconds = wait_seconds


def make(settings: Settings) -> FastAPI:
    """The application.

    Raises:
        FatalError: the registry or the file of clients can't be used, or traces can't be as they are asked for.
    """
    server = Server(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(server.registry.watch(server.settings.registry_seconds))
        gc.collect()
        gc.freeze()  # modules and routes stay: looking through them for garbage takes 0.15 s, and nobody is answered
        yield
        server.is_ending = True
        watching.cancel()
        await server.store.close()
        if server.traces is not None:
            await server.traces.close()

    app = FastAPI(
        title="Drivetrain features",
        description="Features of entities, as Feast's feature server gives them.",
        version="1",
        # Their pages load scripts from a CDN; /openapi.json has all that they would show.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.server = server
    app.add_middleware(HotPath, answer=partial(_answered, server), most_bytes=settings.most_bytes, traces=server.traces)

    @app.post(PATH, responses=_RESPONSES)
    async def get_online_features(
        request: Request, _asked: OnlineFeatures, x_api_key: Annotated[str | None, Header()] = None
    ) -> Response:
        """Features of up to some hundred entities."""
        # For /openapi.json: whoever asks is answered by HotPath, in the same way.
        status, content, headers = await _answered(server, await request.body(), x_api_key, None)
        return Response(content, status, {name.decode(): value.decode() for name, value in headers})

    @app.get("/health")
    async def health() -> PlainTextResponse:
        """Whether the process is alive."""
        return PlainTextResponse("ok")

    @app.get("/ready", responses={503: {"description": "Redis is away, or the server ends."}})
    async def ready() -> Response:
        """Whether requests can be answered."""
        if server.is_ending:
            return _failed(503, "the server ends")
        try:
            await server.store.ping()
        except UnavailableError as error:
            return _failed(503, str(error))
        return PlainTextResponse("ok")

    @app.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(generate_latest(server.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> Response:
        return _failed(500, "an error of ours: see the server's log")

    return app


_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"description": "No key, or an unknown one."},
    403: {"description": "The key may not read one of the views."},
    404: {"description": "There is no such view, feature or service."},
    413: {"description": "The body is too large."},
    422: {"description": "The request says something that can't be."},
    429: {"description": "Asked too often; Retry-After says for how long to wait."},
    503: {"description": "Redis does not answer."},
}


async def _answered(server: Server, body: bytes, key: str | None, span: RequestSpan | None) -> Answer:
    began = time.perf_counter()
    known = server.clients.of(key) if server.clients is not None and key else None
    name = known[0] if known else "unknown" if server.clients is not None else "anybody"
    if span is not None:
        span.comes_from(name)
    headers: list[tuple[bytes, bytes]] = []
    try:
        asked = OnlineFeatures.model_validate_json(body)
        status, content = 200, orjson.dumps(await server.answer(asked, known, span))
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
        status, content = 422, orjson.dumps({"detail": [one | {"loc": ("body", *one["loc"])} for one in mistakes]})
    except TooManyError as error:
        status, content = error.status, _problem(str(error))
        headers.append((b"retry-after", b"%d" % max(1, round(error.wait_seconds))))
    except RequestRefusedError as error:
        status, content = error.status, _problem(str(error))
    except UnavailableError as error:
        status, content = 503, _problem(str(error))
        headers.append((b"retry-after", b"1"))
    server.metrics.seconds.labels(status).observe(time.perf_counter() - began)
    server.metrics.requests.labels(name, status).inc()
    return status, content, headers


def _problem(detail: str) -> bytes:
    return orjson.dumps({"detail": detail})


def _failed(status: int, detail: str) -> Response:
    return Response(_problem(detail), status, media_type="application/json")
