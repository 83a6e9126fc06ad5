"""Airflow's REST API, with a token that renews itself."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import httpx

from standins.supervisor.errors import SupervisorError

PAGE = 100


class TokenAuth(httpx.Auth):
    """Logs in on the first request, and again when the token has run out."""

    requires_response_body = True

    def __init__(self, url: str, username: str, password: str) -> None:
        self._login = httpx.Request("POST", f"{url}/auth/token", json={"username": username, "password": password})
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth."""
        for _ in range(2):
            fresh = self._token is None
            if self._token is None:
                response = yield self._login
                if response.is_error:
                    raise SupervisorError(f"Airflow refused the login ({response.status_code}): {response.text[:200]}")
                self._token = response.json()["access_token"]
            request.headers["Authorization"] = f"Bearer {self._token}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED or fresh:
                return
            self._token = None


class AirflowApi(httpx.Client):
    """A client whose paths start below /api/v2, such as `api.get("dags")`.

    Args:
        url: of the API server, such as http://127.0.0.1:8080.
        username: see `password`.
        password: of a user who may do what is asked for.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        super().__init__(
            base_url=f"{url}/api/v2/",
            auth=TokenAuth(url, username, password),
            timeout=30.0,
            trust_env=False,  # no proxy for our own machine
        )

    def read(self, path: str, **parameters: Any) -> Any:
        """GET `path` as JSON.

        Raises:
            SupervisorError: any status but 2xx, in one line.
        """
        return self._checked(self.get(path, params=parameters))

    def write(self, method: str, path: str, body: object) -> Any:
        """Send JSON; see `read`."""
        return self._checked(self.request(method, path, json=body))

    def items(self, path: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every item of a listing, page by page."""
        offset = 0
        while True:
            page = self.read(path, limit=PAGE, offset=offset, **parameters)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def batch(self, path: str, key: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every item of a listing that is asked for by POST, page by page."""
        offset = 0
        while True:
            page = self.write("POST", path, {**body, "page_limit": PAGE, "page_offset": offset})
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    @staticmethod
    def _checked(response: httpx.Response) -> Any:
        if response.is_error:
            request = response.request
            raise SupervisorError(
                f"Airflow answered {response.status_code} to {request.method} {request.url.path}: {response.text[:300]}"
            )
        return response.json() if response.content else None
