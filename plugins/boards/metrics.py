"""/drivetrain/metrics: the platform's numbers for Prometheus, see docs/MONITORING.md.

In the API server, since that may read Airflow's database, and answers when the scheduler is the one that is down.
"""

from __future__ import annotations

import hmac
import threading
import time
from typing import TYPE_CHECKING, Annotated

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.settings import get_engine
from fastapi import APIRouter, Header
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from drivetrain.errors import UnavailableError
from drivetrain.metrics.platform import PREFIX, TEXTS, measures
from hooks.airflow_numbers import platform_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy.engine import Engine

    from drivetrain.metrics.measure import Measure

CONN_ID = "drivetrain_metrics"
KEEP_SECONDS = 10.0  # however often it is asked for, the database is not
router = APIRouter()


class _Once:
    """The last answer, or why there was none, until it is too old; one thread at a time asks for a new one."""

    def __init__(self, ask: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock, self._lock = ask, clock, threading.Lock()
        self._answer: bytes | Exception = b""
        self._asked_at = float("-inf")

    def __call__(self) -> bytes:
        with self._lock:
            if self._clock() - self._asked_at >= KEEP_SECONDS:
                try:
                    self._answer = self._ask()
                except Exception as error:  # a database that is away is not asked by every scrape that waits here
                    self._answer = error
                self._asked_at = self._clock()
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer


class _Gauges(Collector):
    def __init__(self, values: Iterable[Measure]) -> None:
        self._values = list(values)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for value in self._values:
            family = families.setdefault(
                value.name,
                GaugeMetricFamily(f"{PREFIX}_{value.name}", TEXTS[value.name], labels=tuple(value.tags)),
            )
            family.add_metric(tuple(value.tags.values()), value.value)
        yield from families.values()


def exposition(values: Iterable[Measure]) -> bytes:
    """Gauges in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Gauges(values))
    return generate_latest(registry)


def _ask() -> bytes:
    engine: Engine = get_engine()  # type: ignore[no-untyped-call]  # Airflow gives it no types
    return exposition(measures(platform_facts(engine)))


_look = _Once(_ask)


@router.get("/metrics", include_in_schema=False)
def metrics(authorization: Annotated[str, Header()] = "") -> Response:
    """Every gauge; 401 without the token, 503 where there is no token to compare with or no database."""
    try:
        token = BaseHook.get_connection(CONN_ID).password or ""
    except AirflowNotFoundException:
        token = ""
    if not token:
        fix = "there is none, or it has no password: add one of type http, the password is the token"
        return PlainTextResponse(f"connection {CONN_ID}: {fix}\n", 503)
    if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        return PlainTextResponse("the token is missing or wrong\n", 401, {"WWW-Authenticate": "Bearer"})
    try:
        return Response(_look(), media_type=CONTENT_TYPE_LATEST)
    except UnavailableError as error:
        return PlainTextResponse(f"{error}\n", 503)
