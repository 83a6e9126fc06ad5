"""Airflow's own REST API (v2), for what a task may not ask the database: versions of DAGs, import errors.

https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from drivetrain.dags.versions import DagVersion
from drivetrain.errors import AccessDeniedError, CredentialsError, FatalError, RequestRejectedError, UnavailableError
from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

_PAGE = 100
_SERVER_ERROR = 500
_RETRY = RetryPolicy(attempts=3, max_wait_seconds=5.0)  # all of them reads, or a login


@dataclass(frozen=True)
class Login:
    """Where Airflow is, and who asks."""

    url: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def from_connection(cls, conn_id: str) -> Login:
        """Of a connection of type http: host, port, schema (http or https), login, password.

        Raises:
            FatalError: there is none, or it lacks something.
        """
        try:
            connection = BaseHook.get_connection(conn_id)
        except AirflowNotFoundException:
            raise FatalError(
                f"connection {conn_id}: there is none: add one of type http with Airflow's address, and a user who may "
                "see DAGs and import errors"
            ) from None
        if not (connection.host and connection.login and connection.password):
            raise FatalError(f"connection {conn_id}: host, login and password have to be there")
        host = connection.host if "://" in connection.host else f"{connection.schema or 'http'}://{connection.host}"
        return cls(f"{host}:{connection.port}" if connection.port else host, connection.login, connection.password)

    @classmethod
    def from_environment(cls) -> Login:
        """Of AIRFLOW_URL, AIRFLOW_USER and AIRFLOW_PASSWORD, as docs/REST.md has them.

        Raises:
            FatalError: one is not set.
        """
        names = ("AIRFLOW_URL", "AIRFLOW_USER", "AIRFLOW_PASSWORD")
        if missing := [name for name in names if not os.environ.get(name)]:
            raise FatalError(f"{', '.join(missing)}: not set; docs/REST.md says how to")
        return cls(*(os.environ[name] for name in names))


class AirflowApi:
    """A few reads.

    Args:
        login: see Login.
        timeout_seconds: of one call.
    """

    def __init__(self, login: Login, *, timeout_seconds: float = 30.0) -> None:
        self._login, self._token = login, ""
        self._client = httpx.Client(base_url=login.url.rstrip("/"), timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def versions_since(self, since: dt.datetime) -> Iterator[DagVersion]:
        """Versions of all DAGs that the user may see, the newest first, down to a time."""
        # Their ids are UUIDs of version 7, which begin with the time.
        for item in self._items("dags/~/dagVersions", "dag_versions", order_by="-id"):
            created = dt.datetime.fromisoformat(item["created_at"])
            if created < since:
                return
            yield DagVersion(item["dag_id"], item["version_number"], created, item["bundle_version"] or "")

    def import_errors(self) -> dict[str, str]:
        """Traceback by path in the bundle."""
        return {item["filename"]: item["stack_trace"] for item in self._items("importErrors", "import_errors")}

    def _items(self, path: str, key: str, **parameters: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._read(path, {**parameters, "limit": str(_PAGE), "offset": str(offset)})
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def _read(self, path: str, parameters: dict[str, str]) -> Any:
        if not self._token:
            body = {"username": self._login.user, "password": self._login.password}
            self._token = self._call("POST", "/auth/token", json=body)["access_token"]
        return self._call(
            "GET", f"/api/v2/{path}", params=parameters, headers={"Authorization": f"Bearer {self._token}"}
        )

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        def once() -> Any:
            try:
                response = self._client.request(method, path, **arguments)
            except httpx.HTTPError as error:
                raise UnavailableError(f"Airflow at {self._login.url}: {type(error).__name__}: {error}") from None
            if response.is_success:
                return response.json()
            said = f"Airflow answered {response.status_code} to {method} {path}"
            if response.status_code == httpx.codes.UNAUTHORIZED:
                raise CredentialsError(f"{said}: user {self._login.user} can't log in: correct login and password")
            if response.status_code == httpx.codes.FORBIDDEN:
                raise AccessDeniedError(f"{said}: user {self._login.user} may not: give its role the right")
            if response.status_code >= _SERVER_ERROR or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise UnavailableError(f"{said}: {response.text[:200]}")
            raise RequestRejectedError(f"{said}: {response.text[:200]}")

        return _RETRY.call(once)
